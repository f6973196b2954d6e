"""Errors of the room ``streams``.

::

    StreamsError
    ├── BadInput           one message cannot be used; it goes to the dead letters
    ├── LoadFailed         what the ledger remembers of a partition cannot be loaded
    └── CannotStart        the worker cannot start; the text says what to do
        ├── BrokerMissing  no broker answers
        ├── TopicsUnfit    topics are missing and cannot be made, or lost what was read
        ├── CityUnfit      the city cannot be served
        └── CityNotNamed   no city was named, and the ledger does not name one either
"""


class StreamsError(Exception):
    """Base of all errors of this room."""


class BadInput(StreamsError):
    """A message that cannot be used.

    Parameters
    ----------
    fault
        A code of `streams.dead_letters.Fault`, by which dead letters are counted.
    text
        One sentence: what is wrong with which field.
    """

    def __init__(self, fault: str, text: str) -> None:
        super().__init__(text)
        self.fault = fault


class LoadFailed(StreamsError):
    """A handler cannot load what the ledger has of its partition: no message is to blame."""


class CannotStart(StreamsError):
    """The worker cannot start; its text is fit for a user."""


class BrokerMissing(CannotStart):
    """No broker answers at the address."""


class TopicsUnfit(CannotStart):
    """A topic is missing and cannot be made, or ends before what the ledger has read of it."""


class CityUnfit(CannotStart):
    """The city lacks what a worker needs."""


class CityNotNamed(CannotStart):
    """Which city to serve follows neither from the command line nor from the ledger."""
