"""What a command would change, tried on a copy of the region's memory."""

from collections.abc import Iterator
from copy import deepcopy
from typing import TypeVar

from dispatch.lifecycle import FINAL
from dispatch.plans import asked_for, wanted
from dispatch.state import State
from schemas.effects import TimelineAppended
from schemas.records import Incident, Reason, Unit
from schemas.words import because

T = TypeVar("T")


def trial(state: State) -> State:
    """Return a copy of a region's memory within the entry; what happens to it is forgotten."""
    copy = state.copy()
    copy.marks = deepcopy(state.marks)
    return copy


def differences(before: State, after: State) -> tuple[Reason, ...]:
    """Return how two states of one region differ, for an operator to say yes to."""
    told: list[Reason] = []
    policy_changed = before.policy != after.policy
    all_of_them = after.incidents.values()
    changed = all_of_them if policy_changed else _others(before.incidents, after.incidents)
    for incident in sorted(changed, key=lambda incident: incident.number):
        known = before.incidents.get(incident.id)
        if known is None:
            told.append(
                because(
                    "would_open",
                    number=incident.number,
                    severity=incident.severity,
                    title=incident.title,
                )
            )
        elif incident != known or (policy_changed and incident.state not in FINAL):
            told += _incident(before, after, known, incident)
    for unit in sorted(_others(before.units, after.units), key=lambda unit: unit.id):
        was = before.units.get(unit.id)
        if was is None or was.incident == unit.incident:
            continue
        origin = None if was.incident is None else before.incidents[was.incident].number
        goal = None if unit.incident is None else after.incidents[unit.incident].number
        told.append(_unit(unit, origin, goal))
    for alert in sorted(_others(before.alerts, after.alerts), key=lambda alert: alert.id):
        if alert.said not in [known.said for known in before.alerts_of(alert.incident)]:
            told.append(because("would_alert", alert_kind=alert.kind, alert=alert.said))
    return tuple(told) or tuple(_lines(after)) or (because("would_change_nothing"),)


def _others(before: dict[str, T], after: dict[str, T]) -> list[T]:
    """Return the records of ``after`` that are not the very ones of ``before``."""
    return [record for key, record in after.items() if before.get(key) is not record]


def _unit(unit: Unit, origin: str | None, goal: str | None) -> Reason:
    """Return where a unit would go: the numbers of the incident that it leaves and its next one."""
    name, known = unit.name, unit.id
    if goal is None:
        return because("would_call_back", name=name, unit=known, number=str(origin))
    if origin is None:
        return because("would_send", name=name, unit=known, number=goal)
    return because("would_go_on", name=name, unit=known, number=origin, other=goal)


def _lines(after: State) -> Iterator[Reason]:
    """Yield what the timelines would say, where nothing else tells a change."""
    for effect in after.effects:
        if isinstance(effect, TimelineAppended):
            number = after.incidents[effect.entry.incident].number
            yield because("would_say", number=number, line=effect.entry.said)


def _incident(before: State, after: State, known: Incident, now: Incident) -> Iterator[Reason]:
    number = now.number
    if known.state != now.state:
        yield because("would_be_state", number=number, state_before=known.state, state=now.state)
    if known.category != now.category:
        category = now.category
        yield because(
            "would_be_category", number=number, category_before=known.category, category=category
        )
    if known.severity != now.severity:
        severity = now.severity
        yield because(
            "would_be_severity", number=number, severity_before=known.severity, severity=severity
        )
    if known.title != now.title:
        yield because("would_be_title", number=number, title_before=known.title, title=now.title)
    if known.point != now.point:
        yield _place(now)
    old_plan, new_plan = _plan(before, known), _plan(after, now)
    if old_plan != new_plan:
        yield because("would_ask_for", number=number, plan=new_plan, plan_before=old_plan)
    if known.evidence_count != now.evidence_count:
        count = now.evidence_count
        yield because(
            "would_have_evidence", number=number, count=count, count_before=known.evidence_count
        )


def _place(now: Incident) -> Reason:
    if now.point is None and not now.where.address:
        return because("would_be_nowhere", number=now.number)
    here = "" if now.point is None else f"{now.point.lon:.5f}, {now.point.lat:.5f}"
    return because("would_be_at", number=now.number, place=now.where.address or here)


def _plan(state: State, incident: Incident) -> tuple[Reason, ...]:
    return asked_for(wanted(state.policy, incident)) or (because("nobody"),)
