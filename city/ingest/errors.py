"""What can be wrong with a file, or with how it is to be read.

::

    IngestError
    ├── UnreadableFile   missing, empty, in another format or encoding
    ├── BadMapping       a field that is needed comes from no column
    ├── BadOption        a reference system, time zone, speed or default that means nothing
    ├── HistoricTimes    the file is older than the intake accepts
    └── NotSent          the broker or its topic is not there
    RowFault             one row cannot be used; it is reported and the next one read
"""


class IngestError(RuntimeError):
    """Base of the errors that end an ingest."""


class UnreadableFile(IngestError):
    """The file cannot be read at all, or not beyond some line."""


class BadMapping(IngestError):
    """A field that is needed comes from no column; the text names those there are."""


class BadOption(IngestError):
    """An option has a value that means nothing."""


class HistoricTimes(IngestError):
    """The file's times are older than the intake accepts, and are not to be shifted."""


class NotSent(IngestError):
    """Messages could not be delivered."""


class RowFault(ValueError):
    """One row cannot be used; the text says why."""
