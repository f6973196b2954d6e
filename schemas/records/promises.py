"""What is in force or to come, and what can be undone: conditions, timers, mergers."""

from datetime import datetime

from schemas.kinds import TimerKind
from schemas.records.alerts import Alert
from schemas.records.base import Record
from schemas.records.incidents import Incident


class Condition(Record, frozen=True, kw_only=True, omit_defaults=True):
    """A street condition in force or to come; fields as in ``inputs.StreetCondition``.

    ``lanes_closed`` and ``depth_m`` are written only where they say something, so that what
    was recorded before they were known stays the same, byte for byte.
    """

    id: str
    kind: str
    segments: tuple[str, ...]
    speed_factor: float | None
    valid_from: datetime
    valid_until: datetime | None
    reason: str
    lanes_closed: int | None = None
    depth_m: float | None = None


class Timer(Record, frozen=True, kw_only=True):
    """A promise to look again: what, about which subject, when.

    ``kind`` is one of ``acknowledge``, ``turnout``, ``late``, ``unresourced``, ``held``,
    ``expire``, ``look``; ``subject`` the id of the incident, assignment or condition. ``look``
    goes on looking for work for free units, behind the incident that is its subject.
    """

    kind: TimerKind
    subject: str
    due: datetime


class Handover(Record, frozen=True, kw_only=True):
    """A unit that went over with its incident: its assignment before and after."""

    before: str
    after: str


class Merger(Record, frozen=True, kw_only=True):
    """What a merge did, so that it can be undone.

    Attributes
    ----------
    id
        Derived from the command.
    incident, into
        Which incident was taken in by which.
    at, by
        When, by the journal's clock, and the operator.
    before, after
        The incident ``into`` without the other and with it.
    taken
        The incident that was taken in, before.
    handovers
        Its units, which went on to ``into``.
    sent
        Assignments that the policy made because of the merge, at once.
    alerts, timers
        Those that the merge ended; they stand again when it is undone.
    undone_at
        When that was; None while it stands.
    """

    id: str
    incident: str
    into: str
    at: datetime
    by: str
    before: Incident
    after: Incident
    taken: Incident
    handovers: tuple[Handover, ...]
    sent: tuple[str, ...]
    alerts: tuple[Alert, ...]
    timers: tuple[Timer, ...]
    undone_at: datetime | None = None
