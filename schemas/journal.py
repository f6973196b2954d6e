"""What stands in ``city.journal``: everything a region's decisions depend on, in order.

One tagged union (field ``entry``). An entry's time is Kafka's log-append time, not a field.
"""

from datetime import datetime

import msgspec

from schemas.policy import Policy
from schemas.records import Evidence, FenceShape, Opinion, Point, Reason, Unit, Where


class _Entry(msgspec.Struct, frozen=True, kw_only=True, tag_field="entry", gc=False):
    """Base: ``id`` names the entry for good; the same id twice is applied once."""

    id: str
    region: str


class EvidenceNoted(_Entry, tag="evidence", frozen=True, kw_only=True):
    """Intake found an event, or a sensor's alarm ended."""

    evidence: Evidence


class OpinionNoted(_Entry, tag="opinion", frozen=True, kw_only=True):
    """The second reader has read the text of evidence that stands in the journal before it."""

    opinion: Opinion


class UnitMoved(_Entry, tag="unit_moved", frozen=True, kw_only=True):
    """A unit's position, thinned by the intake."""

    unit: str
    point: Point
    time: datetime
    heading_deg: float | None = None


class UnitStamped(_Entry, tag="unit_stamped", frozen=True, kw_only=True):
    """A unit's status, from its crew or an operator.

    Attributes
    ----------
    doubt
        Why ``time`` is the stamp's arrival, where the producer's clock could not be used.
    """

    unit: str
    status: str
    time: datetime
    by: str
    incident: str | None = None
    reason: str | None = None
    doubt: Reason | None = None


class StreetChanged(_Entry, tag="street", frozen=True, kw_only=True):
    """A street condition starts, changes or ends; ``segments`` are resolved arc ids.

    ``kind`` and what belongs to it are as in ``inputs.StreetCondition``.
    """

    condition: str
    kind: str
    segments: tuple[str, ...]
    valid_from: datetime
    valid_until: datetime | None = None
    speed_factor: float | None = None
    reason: str = ""
    lanes_closed: int | None = None
    depth_m: float | None = None


class PolicyChanged(_Entry, tag="policy", frozen=True, kw_only=True):
    """The region decides by this policy from here on.

    Attributes
    ----------
    instead_of
        Version of the policy that it was made from. If another one is in force by now it changes
        nothing: of two that were made at a time, the first one in the journal holds. None replaces
        whichever is in force.
    operator, reason
        Who changed it and why; empty if a worker brought it.
    """

    policy: Policy
    instead_of: str | None = None
    operator: str = ""
    reason: str = ""


class FleetChanged(_Entry, tag="fleet", frozen=True, kw_only=True):
    """These units serve the region from here on, over the city with this content hash.

    A unit that is already known keeps its state; one that is missing goes out of service.
    """

    city: str
    units: tuple[Unit, ...]


class FenceChanged(_Entry, tag="fence", frozen=True, kw_only=True):
    """A fence of the city is drawn, moved, renamed or removed, from here on.

    Attributes
    ----------
    city
        Content hash of the city whose fence it is. Where another one is in force, it changes
        nothing.
    fence
        The fence's id.
    instead_of
        Number of the region's last change of a fence when this one was made. Where there was
        another one since, it changes nothing: of two that were made at a time, the first one in
        the journal holds.
    """

    city: str
    fence: str
    shape: FenceShape
    instead_of: int
    operator: str = ""
    reason: str = ""


class Tick(_Entry, tag="tick", frozen=True, kw_only=True):
    """A nudge: timers due by its log-append time act, as they do before every entry.

    ``due`` is from the time when a tick said itself how late it is; nothing reads it.
    """

    due: datetime | None = None


class _Action(msgspec.Struct, frozen=True, kw_only=True, tag_field="action", gc=False):
    """Base of what an operator can ask for."""


class Acknowledge(_Action, tag="acknowledge", frozen=True, kw_only=True):
    """I have seen this incident."""


class Assign(_Action, tag="assign", frozen=True, kw_only=True):
    """Send these units; empty means those recommended."""

    units: tuple[str, ...] = ()
    reason: str = ""


class Override(_Action, tag="override", frozen=True, kw_only=True):
    """Send these units in place of all active ones. Needs a reason."""

    units: tuple[str, ...]
    reason: str


class Unassign(_Action, tag="unassign", frozen=True, kw_only=True):
    """Call these units back. Needs a reason."""

    units: tuple[str, ...]
    reason: str


class SetState(_Action, tag="set_state", frozen=True, kw_only=True):
    """Bring the incident to this state, along the transition table."""

    state: str
    reason: str = ""


class Classify(_Action, tag="classify", frozen=True, kw_only=True):
    """Correct category, severity or place; None leaves it."""

    category: str | None = None
    severity: str | None = None
    point: Point | None = None
    where: Where | None = None
    reason: str = ""


class AddNote(_Action, tag="note", frozen=True, kw_only=True):
    """A remark for the timeline."""

    text: str


class Hold(_Action, tag="hold", frozen=True, kw_only=True):
    """Suspend automatic decisions until resumed."""

    reason: str


class Resume(_Action, tag="resume", frozen=True, kw_only=True):
    """End a hold."""


class Merge(_Action, tag="merge", frozen=True, kw_only=True):
    """The incident is the same event as ``into``, which takes it in.

    Two incidents that an operator has kept apart need a ``reason``.
    """

    into: str
    reason: str = ""


class Unmerge(_Action, tag="unmerge", frozen=True, kw_only=True):
    """The merged incident is an event of its own after all. Needs a reason."""

    reason: str


class Split(_Action, tag="split", frozen=True, kw_only=True):
    """Some evidence of the incident is of another event. Needs a reason.

    It goes to the incident ``into``, or opens a new one where that is None.
    """

    evidence: tuple[str, ...]
    reason: str
    into: str | None = None


class KeepApart(_Action, tag="keep_apart", frozen=True, kw_only=True):
    """The incident is no duplicate: answer to the question of the middle band."""


class Close(_Action, tag="close", frozen=True, kw_only=True):
    """Handling is over. ``disposition`` is a code of its table."""

    disposition: str
    reason: str = ""


class Reopen(_Action, tag="reopen", frozen=True, kw_only=True):
    """It is not over after all. Needs a reason."""

    reason: str


Action = (
    Acknowledge
    | Assign
    | Override
    | Unassign
    | SetState
    | Classify
    | AddNote
    | Hold
    | Resume
    | Merge
    | Unmerge
    | Split
    | KeepApart
    | Close
    | Reopen
)


class Command(_Entry, tag="command", frozen=True, kw_only=True):
    """What an operator asks of an incident.

    Attributes
    ----------
    operator
        Who asks.
    incident
        The incident's id.
    expected_version
        Refused if the incident has moved on since; None does not care.
    dry_run
        Nothing is done: the answer says what would change.
    """

    operator: str
    incident: str
    action: Action
    expected_version: int | None = None
    dry_run: bool = False


Entry = (
    EvidenceNoted
    | OpinionNoted
    | UnitMoved
    | UnitStamped
    | StreetChanged
    | PolicyChanged
    | FleetChanged
    | FenceChanged
    | Tick
    | Command
)


MAX_TEXT = 5_000
"""No text of a command may have more characters."""
MAX_LIST = 100
"""No list of a command, of units say, may be longer."""


def command_fault(command: Command) -> str | None:
    """Return what makes a command too large to be acted on, None if nothing does.

    What it says goes into the incident, and from there into messages, which have a limit.
    """
    said = {
        "operator": command.operator,
        "incident": command.incident,
        "action": msgspec.to_builtins(command.action),
    }
    return _too_large(said, "command")


def _too_large(value: object, name: str) -> str | None:
    if isinstance(value, str) and len(value) > MAX_TEXT:
        return f"{name} has {len(value)} characters, more than {MAX_TEXT}"
    if isinstance(value, list | tuple) and len(value) > MAX_LIST:
        return f"{name} has {len(value)} items, more than {MAX_LIST}"
    inside: list[tuple[str, object]] = []
    if isinstance(value, dict):
        inside = [(f"{name}.{key}", item) for key, item in value.items()]
    elif isinstance(value, list | tuple):
        inside = [(f"{name}[{number}]", item) for number, item in enumerate(value)]
    return next((fault for part, item in inside if (fault := _too_large(item, part))), None)
