"""Errors of the demo.

::

    DemoError
    ├── DemoRunning   another demo runs in the same home
    ├── MemberFailed  worker or archive exits repeatedly, or cannot be started
    └── NotReady      the city was not ready in time
"""

from city.simulate import SimulationError
from city.simulate.errors import BrokerSilent, TopicsMissing
from cli import exit_codes


class DemoError(RuntimeError):
    """Base of all errors of the demo."""


class DemoRunning(DemoError):
    """Another demo has the home's lock."""


class MemberFailed(DemoError):
    """A process of the demo keeps exiting; the text has the end of its log."""


class NotReady(DemoError):
    """The worker did not read to the end of the topics in time."""


exit_codes.BY_ERROR.update(
    {
        DemoError: exit_codes.FAILED,
        DemoRunning: exit_codes.REFUSED,
        SimulationError: exit_codes.FAILED,
        BrokerSilent: exit_codes.UNREACHABLE,
        TopicsMissing: exit_codes.UNREACHABLE,
    }
)
