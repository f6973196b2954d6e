"""What stands in the journal and cannot be decided by: the worker sets it aside, a replay too.

A policy, a fleet or a command that is admitted is one that every later entry can be decided with.
"""

from collections.abc import Iterator
from math import inf, isfinite

from schemas import codes
from schemas.envelope import Envelope
from schemas.errors import UnknownCode
from schemas.ids import id_fault
from schemas.journal import Command, Entry, FleetChanged, PolicyChanged, command_fault
from schemas.policy import Policy
from schemas.records import Point, Unit

_MOST_LON, _MOST_LAT = 180.0, 90.0
_MOST_UNITS_IN_PLAN = 100


def entry_fault(envelope: Envelope, entry: Entry) -> str | None:
    """Return why an entry cannot be decided by, in one sentence that names field and value.

    None where it can. The same for the worker that decides and for a replay.
    """
    for name, text in (("ce_id", envelope.id), ("ce_source", envelope.source), ("id", entry.id)):
        fault = id_fault(text)
        if fault is not None:
            return f"{name} {fault}"
    match entry:
        case Command():
            return command_fault(entry)
        case PolicyChanged():
            return policy_fault(entry.policy)
        case FleetChanged():
            return fleet_fault(entry)
    return None


def policy_fault(policy: Policy) -> str | None:
    """Return why no region could decide by a policy, None where it could."""
    return next(_policy_faults(policy), None)


def _policy_faults(policy: Policy) -> Iterator[str]:
    yield from _names(policy)
    yield from _numbers(policy)
    yield from _rules(policy)
    yield from _plans(policy)


def _names(policy: Policy) -> Iterator[str]:
    fault = id_fault(policy.version)
    if fault is not None:
        yield f"policy.version {fault}"
    for severity in policy.auto_assign:
        if severity not in codes.severities():
            yield f"policy.auto_assign names {severity!r}, which is no severity"


def _numbers(policy: Policy) -> Iterator[str]:
    for name, least, most in (
        ("auto_assign_confidence", 0.0, 1.0),
        ("attach_score", 0.0, 1.0),
        ("ask_score", 0.0, 1.0),
        ("ask_hold_s", 0.0, inf),
        ("stale_position_s", 0.0, inf),
        ("closed_memory_s", 0.0, inf),
        ("max_eta_s", 0.0, inf),
        ("utc_offset_minutes", -24.0 * 60, 24.0 * 60),
    ):
        yield from _out_of_range(f"policy.{name}", getattr(policy, name), least, most)
    if policy.ask_score > policy.attach_score:
        yield (
            f"policy.ask_score {policy.ask_score:g} is above attach_score "
            f"{policy.attach_score:g}: nothing would ever be asked"
        )


def _rules(policy: Policy) -> Iterator[str]:
    if "*" not in policy.correlation:
        yield "policy.correlation has no rule '*' for categories that it does not name"
    for category, rule in policy.correlation.items():
        if category != "*" and category not in codes.categories():
            yield f"policy.correlation names {category!r}, which is no category"
        place = f"policy.correlation[{category}]"
        for name in ("radius_m", "window_s"):
            yield from _out_of_range(f"{place}.{name}", getattr(rule, name), 1e-3, inf)
    for severity in codes.severities():
        if severity not in policy.timers:
            yield f"policy.timers has none for {severity}"
    for severity, timers in policy.timers.items():
        if severity not in codes.severities():
            yield f"policy.timers names {severity!r}, which is no severity"
        for name in timers.__struct_fields__:
            yield from _out_of_range(
                f"policy.timers[{severity}].{name}", getattr(timers, name), 0.0, inf
            )


def _plans(policy: Policy) -> Iterator[str]:
    for number, plan in enumerate(policy.plans):
        place = f"policy.plans[{number}]"
        if plan.category != "*" and plan.category not in codes.categories():
            yield f"{place}.category {plan.category!r} is no category"
        if plan.severity != "*" and plan.severity not in codes.severities():
            yield f"{place}.severity {plan.severity!r} is no severity"
        for requirement in plan.requirements:
            if requirement.capability not in codes.capabilities():
                yield f"{place} asks for {requirement.capability!r}, which no unit can have"
            yield from _out_of_range(
                f"{place}.count of {requirement.capability}",
                requirement.count,
                1,
                _MOST_UNITS_IN_PLAN,
            )


def _out_of_range(name: str, value: float, least: float, most: float) -> Iterator[str]:
    if not isfinite(value) or not least <= value <= most:
        bounds = f"at least {least:g}" if most == inf else f"{least:g} to {most:g}"
        yield f"{name} is {value:g}, not {bounds}"


def fleet_fault(entry: FleetChanged) -> str | None:
    """Return why no region could send units of a fleet, None where it could."""
    return next(_fleet_faults(entry), None)


def _fleet_faults(entry: FleetChanged) -> Iterator[str]:
    fault = id_fault(entry.city)
    if fault is not None:
        yield f"city {fault}"
    seen: set[str] = set()
    for number, unit in enumerate(entry.units):
        place = f"units[{number}]"
        if unit.id in seen:
            yield f"{place}.id {unit.id[:60]!r} stands there twice"
        seen.add(unit.id)
        yield from (f"{place}.{text}" for text in _unit(unit, entry.region))


def _unit(unit: Unit, region: str) -> Iterator[str]:
    fault = id_fault(unit.id)
    if fault is not None:
        yield f"id {fault}"
    if unit.region != region:
        yield f"region {unit.region[:60]!r} is not {region!r}"
    for table, lookup in (("kind", codes.unit_kind), ("state", codes.unit_state)):
        try:
            lookup(getattr(unit, table))
        except UnknownCode as error:
            yield f"{table}: {error}"
    if unit.assignment is not None or unit.incident is not None:
        yield "assignment: a fleet's units come without one"
    for name in ("home", "position"):
        point: Point = getattr(unit, name)
        lon, lat = abs(point.lon), abs(point.lat)
        if not (isfinite(lon) and isfinite(lat)) or lon > _MOST_LON or lat > _MOST_LAT:
            yield f"{name} {point.lon}, {point.lat} is no place on the globe"
