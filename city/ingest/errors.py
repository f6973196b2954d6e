"""Errors of a file, or of the options to read it.

::

    IngestError
    ├── UnreadableFile   missing, empty, in another format or encoding
    ├── BadMapping       a required field has no column
    ├── BadOption        an invalid reference system, time zone, speed or default
    ├── HistoricTimes    the file is older than intake accepts
    └── NotSent          the broker does not answer, or has no such topic
    RowFault             one row cannot be used; it is reported, and the next one is read
"""


class IngestError(RuntimeError):
    """Base of the errors that stop an ingest."""


class UnreadableFile(IngestError):
    """The file cannot be read, or not beyond some line."""


class BadMapping(IngestError):
    """A required field has no column; the text names the existing columns."""


class BadOption(IngestError):
    """An option has an invalid value."""


class HistoricTimes(IngestError):
    """The file's times are older than intake accepts, and --shift-to-now is not given."""


class NotSent(IngestError):
    """Messages could not be delivered."""


class RowFault(ValueError):
    """One row cannot be used; the text says why."""
