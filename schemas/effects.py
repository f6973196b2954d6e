"""What the core answers to a journal entry: one tagged union (field ``effect``).

Effects carry whole records, so that writing them is an upsert and a core can be started
from what was written. Their encoding is canonical: the same decision is the same bytes.
"""

from datetime import datetime

import msgspec

from schemas.journal import Action
from schemas.kinds import Advice, AssignmentChange, LinkKind, Outcome, Placed, TimerKind
from schemas.policy import Policy
from schemas.records import (
    Alert,
    AnyReason,
    Assignment,
    Condition,
    FenceChange,
    Incident,
    Merger,
    Opinion,
    Reason,
    Recommendation,
    TimelineEntry,
    Timer,
    Unit,
    read_prose,
)


class _Effect(msgspec.Struct, frozen=True, kw_only=True, tag_field="effect", gc=False):
    """Base of all effects."""


class IncidentWritten(_Effect, tag="incident", frozen=True, kw_only=True):
    """The incident as it now stands. One follows each line of its timeline."""

    incident: Incident


class TimelineAppended(_Effect, tag="timeline", frozen=True, kw_only=True):
    """The next line of an incident's history."""

    entry: TimelineEntry


class EvidencePlaced(_Effect, tag="evidence", frozen=True, kw_only=True):
    """Where evidence went, and why.

    Attributes
    ----------
    placed
        ``opened`` a new incident, ``attached`` to one, ``asked`` (opened, with a question
        to the operator), ``split`` (an operator moved it there), ``ended`` (a sensor's alarm is
        over) or ``ignored``.
    score
        Of the best match, 0 to 1.
    """

    evidence: str
    incident: str | None
    placed: Placed
    score: float
    reasons: tuple[AnyReason, ...]

    def __post_init__(self) -> None:
        """Read the reasons from prose, where the effect has that."""
        read_prose(self, "reasons")


class OpinionTaken(_Effect, tag="opinion", frozen=True, kw_only=True):
    """What became of the second reader's opinion of a piece of evidence.

    Attributes
    ----------
    incident
        The one that the evidence is part of; None if it is none's.
    did
        ``named`` an unread incident, ``raised`` its severity, ``asked`` an operator; ``noted`` if
        none of these; ``ignored`` if it is of no evidence that is known, or not the first of it.
    reasons
        Why it was ignored.
    """

    opinion: Opinion
    incident: str | None
    did: tuple[Advice, ...]
    reasons: tuple[Reason, ...] = ()


class Linked(_Effect, tag="link", frozen=True, kw_only=True):
    """Two incidents are related: ``merged``, ``possible_duplicate`` or ``kept_apart``."""

    incident: str
    other: str
    kind: LinkKind
    at: datetime


class MergeWritten(_Effect, tag="merge", frozen=True, kw_only=True):
    """What a merge did, or that it is undone."""

    merger: Merger


class Recommended(_Effect, tag="recommendation", frozen=True, kw_only=True):
    """Who should go to an incident, with alternatives and what is short."""

    incident: str
    at: datetime
    recommendation: Recommendation


class AssignmentWritten(_Effect, tag="assignment", frozen=True, kw_only=True):
    """The assignment as it now stands; ``change`` names what happened to it.

    ``change`` is ``assigned``, ``rerouted``, ``stamped``, ``completed`` or ``cancelled``.
    """

    assignment: Assignment
    change: AssignmentChange
    at: datetime


class UnitWritten(_Effect, tag="unit", frozen=True, kw_only=True):
    """The unit as it now stands."""

    unit: Unit


class StampRefused(_Effect, tag="stamp_refused", frozen=True, kw_only=True):
    """A unit's stamp was not applied; ``reason`` says why."""

    unit: str
    status: str
    at: datetime
    by: str
    reason: AnyReason

    def __post_init__(self) -> None:
        """Read the reason from prose, where the effect has that."""
        read_prose(self, "reason")


class AlertWritten(_Effect, tag="alert", frozen=True, kw_only=True):
    """An alert is raised, or ended."""

    alert: Alert


class ConditionWritten(_Effect, tag="condition", frozen=True, kw_only=True):
    """A street condition as it now stands."""

    condition: Condition


class ConditionEnded(_Effect, tag="condition_ended", frozen=True, kw_only=True):
    """A street condition is cleared or has expired."""

    condition: str
    at: datetime


class TimerSet(_Effect, tag="timer_set", frozen=True, kw_only=True):
    """Look again when it is due. One timer a kind and subject."""

    timer: Timer


class TimerEnded(_Effect, tag="timer_ended", frozen=True, kw_only=True):
    """No need to look again."""

    kind: TimerKind
    subject: str


class CommandAnswered(_Effect, tag="command", frozen=True, kw_only=True):
    """What became of an operator's command: ``accepted``, ``refused`` or ``tried``.

    ``reason`` is None where there is nothing to say. ``changes`` says what a command that was only
    tried would change. ``action`` and ``expected_version`` are the command's own; versions before
    0.3.0 did not repeat them.
    """

    command: str
    incident: str
    operator: str
    outcome: Outcome
    reason: AnyReason | None
    version: int | None
    at: datetime
    changes: tuple[AnyReason, ...] = ()
    action: Action | None = None
    expected_version: int | None = None

    def __post_init__(self) -> None:
        """Read the reason and the changes from prose, where the effect has that."""
        if not self.reason:
            msgspec.structs.force_setattr(self, "reason", None)
        read_prose(self, "reason", "changes")


class IncidentsForgotten(_Effect, tag="forgotten", frozen=True, kw_only=True):
    """These incidents have left the core's memory, with all that hangs on them.

    They were closed longer ago than the policy's ``closed_memory_s``; what was merged goes with
    the incident that took it in. The ledger keeps them, and starts no core with them again.
    """

    incidents: tuple[str, ...]
    at: datetime


class PolicyWritten(_Effect, tag="policy", frozen=True, kw_only=True):
    """The region decides by this policy now."""

    policy: Policy
    at: datetime


class CityWritten(_Effect, tag="city", frozen=True, kw_only=True):
    """The region's streets and fleet are those of the city with this content hash."""

    city: str
    at: datetime


class FenceWritten(_Effect, tag="fence", frozen=True, kw_only=True):
    """A fence of the city with this content hash is as it now stands, by this journal entry."""

    entry: str
    city: str
    change: FenceChange
    operator: str
    reason: str
    at: datetime


Effect = (
    IncidentWritten
    | TimelineAppended
    | EvidencePlaced
    | OpinionTaken
    | Linked
    | MergeWritten
    | Recommended
    | AssignmentWritten
    | UnitWritten
    | StampRefused
    | AlertWritten
    | ConditionWritten
    | ConditionEnded
    | TimerSet
    | TimerEnded
    | CommandAnswered
    | IncidentsForgotten
    | PolicyWritten
    | CityWritten
    | FenceWritten
)
