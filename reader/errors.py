"""What keeps a second reader from reading.

::

    ReaderError
    ├── ReaderMissing      the package with the model is not installed
    └── HeadOfOtherModel   the head was trained on the vectors of another model
"""


class ReaderError(Exception):
    """Base: there is no second reader; the lexicon reads alone."""


class ReaderMissing(ReaderError):
    """The package with the model is not installed, or cannot be loaded on this machine."""


class HeadOfOtherModel(ReaderError):
    """The head was trained on the vectors of another model: its answers would mean nothing."""
