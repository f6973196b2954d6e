"""What stands in the journal and cannot be decided by: the worker sets it aside, a replay too.

A policy, a fleet or a command that is admitted is one that every later entry can be decided with.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import pairwise
from math import isfinite

import msgspec

from schemas import codes
from schemas.envelope import Envelope
from schemas.errors import UnknownCode
from schemas.ids import id_fault
from schemas.journal import (
    Command,
    Entry,
    EvidenceNoted,
    FenceChanged,
    FleetChanged,
    OpinionNoted,
    PolicyChanged,
    StreetChanged,
    UnitMoved,
    UnitStamped,
    command_fault,
)
from schemas.kinds import UNKNOWN
from schemas.policy import Coverage, Kinds, Life, Policy
from schemas.records import FenceShape, Opinion, Point, Unit

_MOST_LON, _MOST_LAT = 180.0, 90.0
_MOST_UNITS_IN_PLAN = 100
_MOST_S = 10 * 366 * 86_400.0
"""Ten years: more seconds than anybody can mean, and few enough to be added to any time."""
_MOST_M = 100_000.0
_MOST_FACTOR = 1_000.0
_MOST_NAME = 200
_LEAST_RING = 4
_HALF_ROUND = 180.0
MOST_POINTS = 10_000
"""A fence of more points would not fit into a message."""
FENCE_KINDS = ("district", "subdistrict", "beat", "hazard_zone")
"""As in ``geo.fences.index``."""

_Range = tuple[str, float, float]
"""A field with the least and the most that it may be."""

_NUMBERS: tuple[_Range, ...] = (
    ("auto_assign_confidence", 0.0, 1.0),
    ("attach_score", 0.0, 1.0),
    ("ask_score", 0.0, 1.0),
    ("ask_hold_s", 0.0, _MOST_S),
    ("stale_position_s", 0.0, _MOST_S),
    ("closed_memory_s", 0.0, _MOST_S),
    ("max_eta_s", 0.0, _MOST_S),
    ("utc_offset_minutes", -24.0 * 60, 24.0 * 60),
)
_PLACES: tuple[_Range, ...] = (
    ("unknown_accuracy_m", 0.0, _MOST_M),
    ("most_benefit_m", 0.0, _MOST_M),
    ("vague_m", 0.0, _MOST_M),
    ("vague_factor", 0.0, 1.0),
    ("nowhere_m", 1.0, _MOST_M),
    ("unplaced_factor", 0.0, 1.0),
    ("refining_factor", 1.0, _MOST_FACTOR),
)
EVIDENCE_SOURCES = ("report", "sensor")
"""Who notices events: people, or machines."""
_STRAIGHT_LINE: tuple[_Range, ...] = (("detour", 1.0, 100.0), ("speed_mps", 0.1, 100.0))


_JOINT: tuple[_Range, ...] = (
    ("slope_s", 1.0, _MOST_S),
    ("response_weight", 0.0, _MOST_FACTOR),
    ("excess_weight", 0.0, _MOST_FACTOR),
    ("grown_at", 1.1, _MOST_FACTOR),
    ("switch_cost", 0.0, _MOST_FACTOR),
    ("stale_cost", 0.0, _MOST_FACTOR),
    ("turnout_s", 0.0, _MOST_S),
    ("queue_cost", 0.0, _MOST_FACTOR),
    ("queue_wait_s", 1.0, _MOST_S),
    ("emptied_factor", 1.0, _MOST_FACTOR),
    ("most_displacements", 0.0, 2.0),
    ("lock_s", 0.0, _MOST_S),
    ("calm_s", 0.0, _MOST_S),
    ("least_gain", 0.0, _MOST_FACTOR),
)
_COVERAGE: tuple[_Range, ...] = (
    ("busy_share", 0.05, 0.95),
    ("unserved_cost", 0.0, _MOST_FACTOR),
    ("horizon_s", 0.0, _MOST_S),
    ("drive_cost", 0.0, _MOST_FACTOR),
    ("drive_s", 1.0, _MOST_S),
)
_MOST_CELLS = 10_000


def entry_fault(envelope: Envelope, entry: Entry) -> str | None:
    """Return why an entry cannot be decided by, in one sentence that names field and value.

    None where it can. The same for the worker that decides and for a replay.
    """
    for name, text in (("ce_id", envelope.id), ("ce_source", envelope.source), ("id", entry.id)):
        fault = id_fault(text)
        if fault is not None:
            return f"{name} {fault}"
    return next(_faults(entry), None)


def _faults(entry: Entry) -> Iterator[str]:  # noqa: C901 - a case a kind
    match entry:
        case Command():
            fault = command_fault(entry)
            if fault is not None:
                yield fault
        case PolicyChanged():
            yield from _policy_faults(entry.policy)
        case FleetChanged():
            yield from _fleet_faults(entry)
        case FenceChanged():
            yield from _fence_faults(entry)
        case UnitMoved() | UnitStamped():
            yield from _naive("time", entry.time)
        case StreetChanged():
            yield from _naive("valid_from", entry.valid_from)
            yield from _naive("valid_until", entry.valid_until)
        case EvidenceNoted():
            if entry.evidence.source not in EVIDENCE_SOURCES:
                yield (
                    f"evidence.source is {entry.evidence.source[:60]!r}: it is one of "
                    f"{', '.join(EVIDENCE_SOURCES)}"
                )
            yield from _naive("evidence.observed_at", entry.evidence.observed_at)
            yield from _naive("evidence.received_at", entry.evidence.received_at)
        case OpinionNoted():
            yield from _opinion_faults(entry.opinion)


def _opinion_faults(opinion: Opinion) -> Iterator[str]:
    for name in ("evidence", "model", "digest"):
        fault = id_fault(getattr(opinion, name))
        if fault is not None:
            yield f"opinion.{name} {fault}"
    for name in ("confidence", "danger", "harmless"):
        yield from _out_of_range(f"opinion.{name}", getattr(opinion, name), 0.0, 1.0)


def _naive(name: str, time: datetime | None) -> Iterator[str]:
    if time is not None and time.tzinfo is None:
        yield f"{name} {time.isoformat()} has no offset from UTC"


def policy_fault(policy: Policy) -> str | None:
    """Return why no region could decide by a policy, None where it could."""
    return next(_policy_faults(policy), None)


def _policy_faults(policy: Policy) -> Iterator[str]:
    yield from _names(policy)
    yield from _numbers(policy)
    yield from _rules(policy)
    yield from _timers(policy)
    yield from _plans(policy)
    yield from _kinds(policy.kinds)
    yield from _ranges("places", policy.places, _PLACES)
    yield from _life(policy.life)
    yield from _severities("unresourced.alert_at_once", policy.unresourced.alert_at_once)
    yield from _ranges("unresourced", policy.unresourced, (("look_again_s", 1.0, _MOST_S),))
    yield from _ranges("straight_line", policy.straight_line, _STRAIGHT_LINE)
    thresholds = [(name, 0.5, 1.0) for name in policy.opinions.__struct_fields__]
    yield from _ranges("opinions", policy.opinions, thresholds)
    yield from _severities("travel_factors", policy.travel_factors)
    for severity, factor in policy.travel_factors.items():
        yield from _out_of_range(f"policy.travel_factors[{severity}]", factor, 0.1, _MOST_FACTOR)
    yield from _joint(policy)
    for kind, coverage in policy.coverage.items():
        yield from _coverage(kind, coverage)


def _names(policy: Policy) -> Iterator[str]:
    fault = id_fault(policy.version)
    if fault is not None:
        yield f"policy.version {fault}"
    yield from _severities("auto_assign", policy.auto_assign)
    if UNKNOWN in policy.auto_assign:
        yield f"policy.auto_assign names {UNKNOWN!r}: nobody is sent for what nobody has read"


def _numbers(policy: Policy) -> Iterator[str]:
    for name, least, most in _NUMBERS:
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
        yield from _out_of_range(f"{place}.radius_m", rule.radius_m, 1e-3, _MOST_M)
        yield from _out_of_range(f"{place}.window_s", rule.window_s, 1e-3, _MOST_S)


def _timers(policy: Policy) -> Iterator[str]:
    for severity in codes.severities():
        # Policies of before 0.4.0 know nothing of what nobody has read.
        if severity not in policy.timers and severity != UNKNOWN:
            yield f"policy.timers has none for {severity}"
    for severity, timers in policy.timers.items():
        if severity not in codes.severities():
            yield f"policy.timers names {severity!r}, which is no severity"
        for name in timers.__struct_fields__:
            most = _MOST_FACTOR if name == "late_factor" else _MOST_S
            yield from _out_of_range(
                f"policy.timers[{severity}].{name}", getattr(timers, name), 0.0, most
            )


def _kinds(kinds: Kinds) -> Iterator[str]:
    for one, others in kinds.related.items():
        yield from _categories("kinds.related", (one, *others))
        for other, score in others.items():
            place = f"policy.kinds.related[{one}][{other}]"
            yield from _out_of_range(place, score, 0.0, 1.0)
            if one == other:
                yield f"{place}: one category goes together with itself at 1"
            elif kinds.related.get(other, {}).get(one, score) != score:
                yield f"{place} is {score:g}, and {kinds.related[other][one]:g} the other way round"
    names = [name for name in kinds.__struct_fields__ if name not in ("related", "compares_named")]
    yield from _ranges("kinds", kinds, [(name, 0.0, 1.0) for name in names])


def _life(life: Life) -> Iterator[str]:
    yield from _categories("life.dangers", life.dangers)
    for category, covered in life.covers.items():
        yield from _categories("life.covers", (category, *covered))
    yield from _categories("life.mild_categories", life.mild_categories)
    yield from _severities("life.mild_severities", life.mild_severities)
    yield from _severities("life.kindless_severities", life.kindless_severities)
    yield from _ranges("life", life, (("mild_below", 0.0, 1.0),))


def _joint(policy: Policy) -> Iterator[str]:
    joint = policy.joint
    yield from _ranges("joint", joint, _JOINT)
    ranked = sorted(codes.severities().values(), key=lambda severity: severity.rank)
    known = [severity.code for severity in ranked if severity.code != UNKNOWN]
    for name, table in (("targets_s", joint.targets_s), ("weights", joint.weights)):
        yield from _severities(f"joint.{name}", table)
        yield from (f"policy.joint.{name} has none for {one}" for one in known if one not in table)
        least, most = (1.0, _MOST_S) if name == "targets_s" else (0.001, _MOST_FACTOR)
        for severity, value in table.items():
            yield from _out_of_range(f"policy.joint.{name}[{severity}]", value, least, most)
    for severity, others in joint.may_take.items():
        yield from _severities("joint.may_take", (severity, *others))
    for worse, milder in pairwise(known):
        if joint.weights.get(milder, 0.0) > joint.weights.get(worse, _MOST_FACTOR):
            yield f"policy.joint.weights: {milder} weighs more than {worse}"
    if policy.assigner == "joint":
        yield from _queue(policy, known)


def _queue(policy: Policy, severities: list[str]) -> Iterator[str]:
    """Yield where nobody at all would be cheaper than somebody late."""
    joint = policy.joint
    terms = joint.response_weight + joint.excess_weight
    for worse, severity in pairwise((severities[0], *severities)):
        target = joint.targets_s.get(severity, _MOST_S)
        weight = max(joint.weights.get(severity, _MOST_FACTOR), 0.001)
        grown = max(joint.weights.get(worse, weight) / weight, 1.0)
        late = grown * (1.0 + terms * policy.max_eta_s / max(target, 1.0))
        late += (joint.switch_cost + joint.stale_cost) / weight
        if joint.queue_cost < late:
            yield f"policy.joint.queue_cost is {joint.queue_cost:g}: {severity} would be left alone"
        if target < grown * terms * joint.queue_wait_s:
            yield (
                f"policy.joint.queue_wait_s is {joint.queue_wait_s:g}: {severity} that has "
                "waited long would be left alone"
            )


def _coverage(kind: str, coverage: Coverage) -> Iterator[str]:
    place = f"coverage[{kind}]"
    if kind not in codes.unit_kinds():
        yield f"policy.coverage names {kind!r}, which is no kind of unit"
    yield from _ranges(place, coverage, _COVERAGE)
    if not 1 <= len(coverage.cells) <= _MOST_CELLS:
        yield f"policy.{place}.cells are {len(coverage.cells)}, not 1 to {_MOST_CELLS}"
    for number, cell in enumerate(coverage.cells):
        yield from _on_globe(f"policy.{place}.cells[{number}]", cell.lon, cell.lat)
        calls = f"policy.{place}.cells[{number}].calls_a_day"
        yield from _out_of_range(calls, cell.calls_a_day, 1e-6, 1e6)
    for number, base in enumerate(coverage.bases):
        yield from _on_globe(f"policy.{place}.bases[{number}]", base.lon, base.lat)
        fault = id_fault(base.station)
        if fault is not None:
            yield f"policy.{place}.bases[{number}].station {fault}"


def _on_globe(place: str, lon: float, lat: float) -> Iterator[str]:
    yield from _out_of_range(f"{place}.lon", lon, -_MOST_LON, _MOST_LON)
    yield from _out_of_range(f"{place}.lat", lat, -_MOST_LAT, _MOST_LAT)


def _categories(place: str, categories: Iterable[str]) -> Iterator[str]:
    for category in categories:
        if category not in codes.categories():
            yield f"policy.{place} names {category!r}, which is no category"


def _severities(place: str, severities: Iterable[str]) -> Iterator[str]:
    for severity in severities:
        if severity not in codes.severities():
            yield f"policy.{place} names {severity!r}, which is no severity"


def _ranges(place: str, part: msgspec.Struct, ranges: Iterable[_Range]) -> Iterator[str]:
    for name, least, most in ranges:
        yield from _out_of_range(f"policy.{place}.{name}", getattr(part, name), least, most)


def _plans(policy: Policy) -> Iterator[str]:
    for number, plan in enumerate(policy.plans):
        place = f"policy.plans[{number}]"
        if plan.category != "*" and plan.category not in codes.categories():
            yield f"{place}.category {plan.category!r} is no category"
        if plan.severity != "*" and plan.severity not in codes.severities():
            yield f"{place}.severity {plan.severity!r} is no severity"
        if plan.severity == UNKNOWN:
            yield f"{place}.severity is {UNKNOWN!r}: nobody is sent for what nobody has read"
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
        yield f"{name} is {value:g}, not {least:g} to {most:g}"


def shape_fault(shape: FenceShape) -> str | None:
    """Return why a fence cannot be used, None where it can; whether its rings cross is not seen."""
    return next(_shape_faults(shape), None)


def _fence_faults(entry: FenceChanged) -> Iterator[str]:
    for name, text in (("city", entry.city), ("fence", entry.fence)):
        fault = id_fault(text)
        if fault is not None:
            yield f"{name} {fault}"
    yield from _shape_faults(entry.shape)


def _shape_faults(shape: FenceShape) -> Iterator[str]:
    if shape.kind not in FENCE_KINDS:
        yield f"shape.kind is {shape.kind[:60]!r}: it is one of {', '.join(FENCE_KINDS)}"
    if not 0 < len(shape.name.strip()) <= _MOST_NAME:
        yield f"shape.name has {len(shape.name)} characters, not 1 to {_MOST_NAME}"
    points = 0
    for number, polygon in enumerate(shape.polygons):
        if not polygon:
            yield f"shape.polygons[{number}] has no ring"
        for place, ring in enumerate(polygon):
            points += len(ring)
            yield from _ring_faults(f"shape.polygons[{number}][{place}]", ring)
    if points > MOST_POINTS:
        yield f"shape.polygons have {points} points, more than {MOST_POINTS}"


def _ring_faults(name: str, ring: Sequence[tuple[float, float]]) -> Iterator[str]:
    if len(ring) < _LEAST_RING or ring[0] != ring[-1]:
        yield f"{name} is no ring: it has at least three points, and ends where it begins"
    for lon, lat in ring:
        if not (isfinite(lon) and isfinite(lat)) or abs(lon) > _MOST_LON or abs(lat) > _MOST_LAT:
            yield f"{name} has {lon}, {lat}, which is no place on the globe"
            return
    if any(abs(a[0] - b[0]) > _HALF_ROUND for a, b in pairwise(ring)):
        yield f"{name} has an edge across the 180th meridian: cut the fence into two there"


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
    committed = codes.unit_states().get(unit.state)
    if committed is not None and committed.availability == "committed":
        yield f"state {unit.state!r}: only the core sends a unit, a fleet's are free or away"
    for time in ("position_at", "status_at"):
        yield from _naive(time, getattr(unit, time))
    if unit.assignment is not None or unit.incident is not None:
        yield "assignment: a fleet's units come without one"
    for name in ("home", "position"):
        point: Point = getattr(unit, name)
        lon, lat = abs(point.lon), abs(point.lat)
        if not (isfinite(lon) and isfinite(lat)) or lon > _MOST_LON or lat > _MOST_LAT:
            yield f"{name} {point.lon}, {point.lat} is no place on the globe"
