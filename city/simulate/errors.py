"""Errors of the simulator.

::

    SimulationError
    ├── BrokerSilent   no broker answers at the address given
    └── TopicsMissing  the broker has no topics of Jingwei's yet
"""


class SimulationError(Exception):
    """Base of all errors of the simulator; its text is one sentence fit for a user."""


class BrokerSilent(SimulationError):
    """No broker answers at the address given."""


class TopicsMissing(SimulationError):
    """The broker does not have the topics to play into."""
