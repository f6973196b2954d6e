"""A change of fleet or city: who serves the region from here on, over which streets."""

import msgspec

from dispatch.respond import Means, use_free_units
from dispatch.state import State
from dispatch.streets import is_possible
from schemas import codes
from schemas.effects import CityWritten
from schemas.journal import FleetChanged


def take_over_fleet(state: State, means: Means, entry: FleetChanged) -> None:
    """Take units and city over.

    A known unit keeps what it is doing and where it is; one that is missing goes out of
    service once it is free. Conditions on streets the new city does not have end.
    """
    if entry.city != state.city:
        state.city = entry.city
        state.emit(CityWritten(city=entry.city, at=state.now))
        for _, condition in sorted(state.conditions.items()):
            if not is_possible(state, means, condition):
                state.end_condition(condition.id)
                state.end_timer("expire", condition.id)
    named = set()
    for unit in sorted(entry.units, key=lambda unit: unit.id):
        named.add(unit.id)
        known = state.units.get(unit.id)
        if known is None:
            state.put_unit(unit)
        else:
            kept = msgspec.structs.replace(
                unit,
                state=known.state,
                position=known.position,
                position_at=known.position_at,
                heading_deg=known.heading_deg,
                status_at=known.status_at,
                assignment=known.assignment,
                incident=known.incident,
                reason=known.reason,
            )
            if kept != known:
                state.put_unit(kept)
    for unit_id, unit in sorted(state.units.items()):
        free = codes.unit_state(unit.state).availability == "available"
        if unit_id not in named and free:
            state.change_unit(unit_id, state="out_of_service", reason="left the fleet")
    use_free_units(state, means)
