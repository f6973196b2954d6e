"""Errors of the room ``streams``.

::

    StreamsError
    ├── HandlerFailed      a handler failed at a message by an error that nobody expected
    ├── LoadFailed         what the ledger remembers of a partition cannot be loaded
    └── CannotStart        the worker cannot start; the text says what to do
        ├── BrokerMissing  no broker answers
        ├── TopicsUnfit    topics are missing and cannot be made, or lost what was read
        └── CityNotNamed   no city was named, and the ledger does not name one either
"""


class StreamsError(Exception):
    """Base of all errors of this room."""


class HandlerFailed(StreamsError):
    """Around a handler's error, which within a transaction would look like the ledger's."""


class LoadFailed(StreamsError):
    """A handler cannot load what the ledger has of its partition: no message is to blame."""


class CannotStart(StreamsError):
    """The worker cannot start; its text is fit for a user."""


class BrokerMissing(CannotStart):
    """No broker answers at the address."""


class TopicsUnfit(CannotStart):
    """A topic is missing and cannot be made, or ends before what the ledger has read of it."""


class CityNotNamed(CannotStart):
    """Which city to serve follows neither from the command line nor from the ledger."""
