"""Errors of the local stack.

::

    LocalStackError
    ├── InvalidSettings      a ``JINGWEI_*`` variable has an invalid value
    ├── MissingPrerequisite  a required program or package is not on this machine
    │   └── JarsUnavailable  Apache Kafka's jars are neither cached nor can Maven fetch them
    ├── PortTaken            the port in the settings is in use
    ├── StartFailed          a service exited, or did not answer, while starting
    ├── StopFailed           a service still runs after its deadline
    ├── Unreachable          a service that the settings point to does not answer
    ├── UnreadableState      the stack's state file is damaged, or from a newer version
    └── StackNotRunning      nothing is running, and the settings name nothing else
"""

from pathlib import Path


class LocalStackError(RuntimeError):
    """Base of all errors of the local stack; the text says what to do."""


class InvalidSettings(LocalStackError):
    """A ``JINGWEI_*`` variable has a value that cannot be used; the text names it."""


class MissingPrerequisite(LocalStackError):
    """A program or package is missing; the text says how to install it."""


class JarsUnavailable(MissingPrerequisite):
    """Apache Kafka's jars are not cached and could not be fetched; the text says why."""


class PortTaken(LocalStackError):
    """A port that the settings ask for is in use."""


class StartFailed(LocalStackError):
    """A service did not start.

    Attributes
    ----------
    service
        Its name, for example ``Apache Kafka``.
    log
        Its log file; the last lines stand in the error's text.
    last_lines
        Those last lines.
    """

    def __init__(self, service: str, reason: str, log: Path, last_lines: str) -> None:
        self.service = service
        self.log = log
        self.last_lines = last_lines
        quoted = f":\n{last_lines}" if last_lines else ", which is empty"
        super().__init__(f"{service} did not start: {reason}. The end of its log {log}{quoted}")


class StopFailed(LocalStackError):
    """A service did not stop within its deadline, not even when killed."""


class Unreachable(LocalStackError):
    """A broker or database named by the settings does not answer."""


class UnreadableState(LocalStackError):
    """The state file cannot be read; the text names it."""


class StackNotRunning(LocalStackError):
    """Neither a local stack runs nor do the settings name a broker and a database."""

    def __init__(self, home: Path) -> None:
        super().__init__(
            f"Jingwei's local stack is not running (home {home}): start it with `jingwei up`, "
            "or set JINGWEI_KAFKA_BOOTSTRAP and JINGWEI_DATABASE_URL"
        )
