"""What a command would change, tried on a copy of the region's memory."""

from collections.abc import Iterator

from dispatch.plans import describe, wanted
from dispatch.state import State
from schemas import codes
from schemas.effects import TimelineAppended
from schemas.records import Incident

_TOLD = ("state", "category", "severity", "title")


def trial(state: State) -> State:
    """Return a copy of a region's memory, at the same entry; what happens to it is forgotten."""
    copy = State(state.snapshot(), codes.default_policy())
    copy.cause = state.cause
    return copy


def differences(before: State, after: State) -> tuple[str, ...]:
    """Return in sentences how two states of one region differ, for an operator to say yes to."""
    told: list[str] = []
    for incident_id, incident in sorted(after.incidents.items(), key=lambda item: item[1].number):
        known = before.incidents.get(incident_id)
        if known is None:
            told.append(f"{incident.number} is opened: {incident.severity} {incident.title}")
        elif incident != known:
            told += _incident(before, after, known, incident)
    for unit_id, unit in sorted(after.units.items()):
        was = before.units.get(unit_id)
        if was is None or was.incident == unit.incident:
            continue
        name = f"{unit.name} ({unit_id})"
        if unit.incident is None:
            told.append(f"{name} is called back from {before.incidents[str(was.incident)].number}")
        elif was.incident is None:
            told.append(f"{name} is sent to {after.incidents[unit.incident].number}")
        else:
            origin = before.incidents[was.incident].number
            told.append(f"{name} goes on from {origin} to {after.incidents[unit.incident].number}")
    for alert_id, alert in sorted(after.alerts.items()):
        if alert_id not in before.alerts:
            told.append(f"alert {alert.kind}: {alert.text}")
    return tuple(told) or tuple(_lines(after)) or ("nothing would change",)


def _lines(after: State) -> Iterator[str]:
    """Yield what the timelines would say, where nothing else tells a change."""
    for effect in after.effects:
        if isinstance(effect, TimelineAppended):
            yield f"{after.incidents[effect.entry.incident].number}: {effect.entry.text}"


def _incident(before: State, after: State, known: Incident, now: Incident) -> Iterator[str]:
    for field in _TOLD:
        old, new = getattr(known, field), getattr(now, field)
        if old != new:
            yield f"{now.number}: {field} {old} → {new}"
    if known.point != now.point:
        where = "unknown" if now.point is None else f"{now.point.lon:.5f}, {now.point.lat:.5f}"
        yield f"{now.number}: place is {now.where.address or where} now"
    old_plan = ", ".join(describe(wanted(before.policy, known))) or "nobody"
    new_plan = ", ".join(describe(wanted(after.policy, now))) or "nobody"
    if old_plan != new_plan:
        yield f"{now.number}: its plan asks for {new_plan} (was {old_plan})"
    if known.evidence_count != now.evidence_count:
        yield f"{now.number}: {now.evidence_count} pieces of evidence (was {known.evidence_count})"
