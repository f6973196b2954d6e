"""Errors of the simulator.

::

    SimulationError
    ├── BrokerSilent   no broker answers at the given address
    └── TopicsMissing  the broker does not have Jingwei's topics yet
"""


class SimulationError(Exception):
    """Base of all errors of the simulator; the text is one sentence for users."""


class BrokerSilent(SimulationError):
    """No broker answers at the given address."""


class TopicsMissing(SimulationError):
    """The broker does not have the input topics."""
