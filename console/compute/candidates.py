"""Who could go to an incident: the core's own judgement of each unit, with nothing decided."""

from collections.abc import Sequence
from datetime import datetime
from math import isfinite

from console.compute.cities import Cities
from console.compute.errors import Unanswerable
from console.compute.shapes import Candidates, UnitFor
from dispatch.commands import not_free
from dispatch.demand import lacking
from dispatch.plans import asked_for, wanted
from dispatch.sending import stale, too_far
from dispatch.state import State, is_free
from dispatch.travel import start_of
from schemas import codes
from schemas.records import Reason, Unit
from schemas.snapshot import Snapshot
from schemas.words import because

__all__ = ["who_could_go"]


def who_could_go(cities: Cities, incident: str, known: Snapshot, at: datetime) -> Candidates:
    """Return the units that could go to an incident, and why the others cannot.

    Parameters
    ----------
    known
        Of the region: the incident with its assignments, all units with the incidents that they
        are at, street conditions, policy and city.
    at
        For what depends on the time.
    """
    town = cities.of(known.region)
    state = State(known, codes.default_policy())
    state.begin("", at)
    record = state.incidents[incident]
    if record.point is None:
        raise Unanswerable(
            "invalid", f"the place of {record.number} is not known: correct it first"
        )
    asks = wanted(state.policy, record)
    capabilities = frozenset(requirement.capability for requirement in asks)
    units = [
        unit
        for unit in state.units.values()
        if not asks or not capabilities.isdisjoint(unit.capabilities)
    ]
    free = [unit for unit in units if is_free(unit)]
    starts = [start_of(unit) for unit in free]
    times = town.travel.seconds(state, starts, record.point, record.severity)
    seconds = dict(zip([unit.id for unit in free], times.seconds, strict=True))
    remarks = () if times.remark is None else (times.remark,)
    found = [_unit(state, unit, capabilities, seconds.get(unit.id), remarks) for unit in units]
    found.sort(key=lambda one: (not one.able, one.seconds is None, one.seconds or 0.0, one.unit))
    return Candidates(
        incident=incident,
        at=at,
        asks=asked_for(asks),
        lacks=asked_for(lacking(state, record)),
        units=tuple(found),
    )


def _unit(
    state: State,
    unit: Unit,
    capabilities: frozenset[str],
    seconds: float | None,
    remarks: Sequence[Reason],
) -> UnitFor:
    reasons = list(remarks) if seconds is not None else [not_free(state, unit)]
    able = seconds is not None and seconds <= state.policy.max_eta_s
    if seconds is not None and not able:
        reasons.append(too_far(state))
    if able:
        reasons.append(because("seconds_away", seconds=round(seconds or 0.0, 3)))
    old = stale(state, unit)
    if old is not None:
        reasons.append(old)
    age = None if unit.position_at is None else (state.now - unit.position_at).total_seconds()
    return UnitFor(
        unit=unit.id,
        name=unit.name,
        kind=unit.kind,
        state=unit.state,
        able=able,
        capabilities=tuple(one for one in unit.capabilities if one in capabilities),
        seconds=round(seconds, 1) if seconds is not None and isfinite(seconds) else None,
        position_age_s=None if age is None else round(max(age, 0.0), 1),
        reasons=tuple(reasons),
    )
