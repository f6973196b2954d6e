"""What must hold after every entry, checked on what the entry touched.

The cost grows with what an entry changed, not with what is open. Whatever is wrong is a defect of
the core: the entry is not answered at all, so that nothing of it is written.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from typing import Protocol

from dispatch.errors import InvariantBroken
from dispatch.lifecycle import FINAL, INCIDENT, STAMPS, UNIT
from dispatch.unread import is_unread
from schemas import codes
from schemas.effects import AlertWritten, Effect, TimelineAppended, TimerSet
from schemas.kinds import TimerKind, is_incident_state
from schemas.records import Alert, Assignment, Condition, Incident, TimelineEntry, Timer, Unit

_MOST = 5
"""So many broken invariants are named."""
MOST_DISPLACEMENTS = 2
"""Units that an incident may lose on their way, whatever the policy; see ``docs/dispatch.md``."""
_OF_INCIDENTS: tuple[TimerKind, ...] = ("acknowledge", "unresourced", "held")
_OF_ASSIGNMENTS: tuple[TimerKind, ...] = ("turnout", "late")


class Known(Protocol):
    """What a region's memory shows of itself: `dispatch.state.State`."""

    cause: str
    region: str
    incidents: dict[str, Incident]
    units: dict[str, Unit]
    assignments: dict[str, Assignment]
    alerts: dict[str, Alert]
    conditions: dict[str, Condition]
    timers: dict[tuple[str, str], Timer]

    def assignments_of(self, incident: str, *, active: bool = True) -> list[Assignment]:
        """Return an incident's assignments; by default the active ones."""

    def alerts_of(self, incident: str) -> list[Alert]:
        """Return an incident's alerts."""


class Touched:
    """What an entry has changed so far.

    Attributes
    ----------
    incidents
        As they were before the entry, None for new ones.
    units, assignments
        Each change, from what to what, None for new ones.
    """

    def __init__(self) -> None:
        self.incidents: dict[str, Incident | None] = {}
        self.units: list[tuple[Unit | None, Unit]] = []
        self.assignments: list[tuple[Assignment | None, Assignment]] = []


def check(state: Known, touched: Touched, effects: Iterable[Effect]) -> None:
    """Raise `InvariantBroken` where what an entry has done cannot be."""
    found = [*_effects(state, touched, effects), *_units(state, touched)]
    found += _assignments(state, touched)
    if found:
        raise InvariantBroken(f"entry {state.cause}: {'; '.join(found[:_MOST])}")


def _effects(state: Known, touched: Touched, effects: Iterable[Effect]) -> Iterator[str]:
    lines: dict[str, list[TimelineEntry]] = {}
    for effect in effects:
        if isinstance(effect, TimelineAppended):
            lines.setdefault(effect.entry.incident, []).append(effect.entry)
        elif isinstance(effect, TimerSet):
            yield from _timer(state, effect.timer)
        elif isinstance(effect, AlertWritten):
            yield from _alert(state, effect.alert)
    for incident, was in touched.incidents.items():
        if incident in state.incidents:
            yield from _incident(state, was, state.incidents[incident], lines.get(incident, ()))


def _units(state: Known, touched: Touched) -> Iterator[str]:
    for before, after in touched.units:
        yield from _unit_step(state, before, after)
    for unit in {after.id: None for _, after in touched.units}:
        yield from _unit(state, state.units[unit])


def _assignments(state: Known, touched: Touched) -> Iterator[str]:
    for before, after in touched.assignments:
        yield from _assignment_step(state, before, after)
    for assignment in {after.id: None for _, after in touched.assignments}:
        if assignment in state.assignments:
            yield from _assignment(state, state.assignments[assignment])


def _incident(
    state: Known, was: Incident | None, now: Incident, lines: Iterable[TimelineEntry]
) -> Iterator[str]:
    name = f"incident {now.number}"
    yield from _timeline(name, was, now, lines)
    final = now.state in FINAL
    if final != (now.closed_at is not None):
        yield f"{name} is {now.state} and its closed_at is {now.closed_at}"
    if (now.state == "merged") != (now.merged_into is not None):
        yield f"{name} is {now.state} and merged into {now.merged_into}"
    if now.state == "on_hold" and now.state_before_hold is None:
        yield f"{name} is on hold and has no state to go back to"
    if not final:
        yield from _unread(state, name, now)
        return
    # What was closed before this was a rule may say so still.
    known = was is not None and was.state in FINAL and was.short == now.short
    if now.short and not known:
        yield f"{name} is {now.state} and still short of units"
    for assignment in state.assignments_of(now.id):
        yield f"{name} is {now.state} and still has unit {assignment.unit}"
    for alert in state.alerts_of(now.id):
        yield f"{name} is {now.state} and still has the alert {alert.kind}"
    for kind in _OF_INCIDENTS:
        if (kind, now.id) in state.timers:
            yield f"{name} is {now.state} and still has the timer {kind}"


def _unread(state: Known, name: str, now: Incident) -> Iterator[str]:
    """Yield what is wrong with the alert that asks for an incident to be read."""
    asked = any(alert.kind == "unread" for alert in state.alerts_of(now.id))
    if asked != is_unread(now):
        stands = "stands" if asked else "is not there"
        yield f"{name} is of severity {now.severity}, and its alert unread {stands}"


def _timeline(
    name: str, was: Incident | None, now: Incident, lines: Iterable[TimelineEntry]
) -> Iterator[str]:
    """Yield what is wrong with the lines by which an incident came from one state to another."""
    version, at = 0, "reported"
    if was is not None:
        version, at = was.version, was.state
    for line in lines:
        version += 1
        if line.seq != version:
            yield f"{name}: line {line.seq} of its timeline comes where {version} is next"
            version = line.seq
        if line.kind != "state":
            continue
        if line.before != at:
            yield f"{name} is {at} and goes on from {line.before}"
        if not is_incident_state(line.before) or line.after not in INCIDENT[line.before]:
            yield f"{name} cannot go from {line.before} to {line.after}"
        at = line.after
    if version != now.version:
        yield f"{name} is at version {now.version}, its timeline at {version}"
    if at != now.state:
        yield f"{name} is {now.state}, its timeline ends with {at}"


def _unit_step(state: Known, before: Unit | None, after: Unit) -> Iterator[str]:
    if before is None:
        return
    sent = after.state == "dispatched" and _availability(before) == "available"
    if after.state != before.state and not sent and after.state not in UNIT[before.state]:
        yield f"unit {after.id} cannot go from {before.state} to {after.state}"
    left = state.assignments.get(before.assignment or "")
    if before.assignment != after.assignment and left is not None and left.ended is None:
        yield f"unit {after.id} has left assignment {left.id}, which has not ended"


def _unit(state: Known, unit: Unit) -> Iterator[str]:
    name = f"unit {unit.id}"
    if unit.assignment is None:
        if unit.incident is not None:
            yield f"{name} is at incident {unit.incident} without an assignment"
        if _availability(unit) == "committed":
            yield f"{name} is {unit.state} without an assignment"
        return
    assignment = state.assignments.get(unit.assignment)
    if assignment is None:
        yield f"{name} has assignment {unit.assignment}, which is not there"
        return
    if (assignment.unit, assignment.incident) != (unit.id, unit.incident):
        yield (
            f"{name} at incident {unit.incident} has the assignment of unit {assignment.unit} to "
            f"{assignment.incident}"
        )
    if assignment.ended is not None:
        yield f"{name} has assignment {assignment.id}, which is {assignment.ended}"
    if _availability(unit) not in ("committed", "delayed"):
        yield f"{name} is {unit.state} and has assignment {assignment.id}"


def _assignment_step(state: Known, before: Assignment | None, after: Assignment) -> Iterator[str]:
    name = f"assignment {after.id} of unit {after.unit}"
    times = [time for stamp in STAMPS if (time := getattr(after, stamp)) is not None]
    if any(later < earlier for earlier, later in pairwise(times)):
        yield f"{name}: its stamps are not in order"
    if before is None:
        to = state.incidents.get(after.incident)
        if after.by == "policy" and after.origin is None and to is not None and is_unread(to):
            yield f"{name}: nobody has read yet what incident {to.number} is about"
        return
    if before.ended is not None:
        yield f"{name} is {before.ended} and changes"
    for field in ("unit", "incident", "origin"):
        if getattr(before, field) != getattr(after, field):
            yield f"{name}: its {field} changes"
    for stamp in STAMPS:
        written = getattr(before, stamp)
        if written is not None and getattr(after, stamp) != written:
            yield f"{name}: the stamp {stamp} is written again"


def _assignment(state: Known, assignment: Assignment) -> Iterator[str]:
    name = f"assignment {assignment.id}"
    if (assignment.ended is None) != (assignment.clear is None):
        yield f"{name} is {assignment.ended or 'active'} and its stamp clear is {assignment.clear}"
    if assignment.incident not in state.incidents:
        yield f"{name} is of incident {assignment.incident}, which is not there"
    yield from _diverted(state, name, assignment)
    unit = state.units.get(assignment.unit)
    at = None if unit is None else unit.assignment
    if (assignment.ended is None) != (at == assignment.id):
        is_ = assignment.ended or "active"
        yield f"{name} is {is_} and its unit {assignment.unit} is at assignment {at}"
    if assignment.ended is None:
        return
    for kind in _OF_ASSIGNMENTS:
        if (kind, assignment.id) in state.timers:
            yield f"{name} is {assignment.ended} and still has the timer {kind}"


def _diverted(state: Known, name: str, assignment: Assignment) -> Iterator[str]:
    """Yield what is wrong with sending a unit elsewhere: whose it was, where, or once too often."""
    if not assignment.diversion:
        return
    if assignment.by != "policy":
        yield f"{name} is {assignment.diversion}, and {assignment.by} had sent it"
    if assignment.on_scene is not None:
        yield f"{name} is {assignment.diversion}, and its unit had arrived"
    known = state.assignments_of(assignment.incident, active=False)
    lost = sum(bool(one.diversion) for one in known)
    if lost > MOST_DISPLACEMENTS:
        before = f"incident {assignment.incident} had lost {lost - 1} units"
        yield f"{name} is {assignment.diversion}, and {before}"


def _timer(state: Known, timer: Timer) -> Iterator[str]:
    """Yield what is wrong with a timer that was set and stands; its subject may not be there."""
    stands = (timer.kind, timer.subject) in state.timers
    if stands and not _SUBJECTS[timer.kind](state, timer.subject):
        yield f"timer {timer.kind} is about {timer.subject}, which is not there or is over"


def _alert(state: Known, alert: Alert) -> Iterator[str]:
    if alert.id in state.alerts and not _is_open(state, alert.incident):
        yield f"alert {alert.kind} is about {alert.incident}, which is not there or is over"


def _is_open(state: Known, incident: str) -> bool:
    return incident in state.incidents and state.incidents[incident].state not in FINAL


def _is_active(state: Known, assignment: str) -> bool:
    return assignment in state.assignments and state.assignments[assignment].ended is None


def _is_condition(state: Known, condition: str) -> bool:
    return condition in state.conditions


def _is_known(state: Known, subject: str) -> bool:
    return subject == state.region or subject in state.incidents


_SUBJECTS: dict[TimerKind, Callable[[Known, str], bool]] = {
    "acknowledge": _is_open,
    "unresourced": _is_open,
    "held": _is_open,
    "turnout": _is_active,
    "late": _is_active,
    "expire": _is_condition,
    "look": _is_known,
}
"""By kind of timer, whether what it is about is there."""


def _availability(unit: Unit) -> str:
    return codes.unit_state(unit.state).availability
