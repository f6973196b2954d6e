"""Alerts: what an operator must act on."""

from datetime import datetime

import msgspec

from schemas.kinds import AlertKind
from schemas.records.base import Record
from schemas.records.said import AnyReason, Reason, read_prose, reason_of


class AlertFields(Record, frozen=True, kw_only=True):
    """What an `Alert` and the form that is published of it (`outputs.Alert`) share.

    Attributes
    ----------
    kind
        A code of ``alert_kinds``: ``new_incident``, ``unacknowledged``, ``unresourced`` …
    priority
        1 (act now) to 3.
    ended_at
        When it no longer called for action.
    subject
        The assignment it is about, when it is about one.
    """

    id: str
    incident: str
    kind: AlertKind
    priority: int
    raised_at: datetime
    ended_at: datetime | None = None
    ended_by: str | None = None
    subject: str | None = None


class Alert(AlertFields, frozen=True, kw_only=True):
    """What an operator must act on; ``said`` in one sentence.

    Attributes
    ----------
    ended
        Why it no longer calls for action, or who ended it. Not written while it stands.
    ended_by
        Where prose of before 0.4.0 is read from; None otherwise.
    """

    said: AnyReason = msgspec.field(name="text")
    ended: Reason | msgspec.UnsetType = msgspec.UNSET

    def __post_init__(self) -> None:
        """Read what is said from prose, where the record has that."""
        read_prose(self, "said")
        if self.ended_by is not None:
            msgspec.structs.force_setattr(self, "ended", reason_of(self.ended_by))
            msgspec.structs.force_setattr(self, "ended_by", None)
