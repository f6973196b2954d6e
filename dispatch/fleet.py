"""A change of fleet, city or fence: who serves the region from here on, over which streets."""

import msgspec

from dispatch.incidents import follow_units
from dispatch.sending import Means, call_back
from dispatch.state import State
from dispatch.streets import is_possible
from schemas.effects import CityWritten, FenceWritten
from schemas.journal import FenceChanged, FleetChanged
from schemas.records import FenceChange, Unit
from schemas.words import because

LEFT = because("left_fleet")
"""Why a unit is out of service that the fleet does not name any more."""


def take_over_fleet(state: State, means: Means, entry: FleetChanged) -> None:
    """Take units and city over.

    A known unit keeps what it is doing and where it is; one that is missing goes out of
    service, and what it was sent to gets another; one that is back serves again. Conditions on
    streets that the new city does not have end.
    """
    if entry.city != state.city:
        _move_to_city(state, means, entry.city)
    units = sorted(entry.units, key=lambda unit: unit.id)
    for unit in units:
        _take_in(state, unit)
    named = {unit.id for unit in units}
    left = [unit for unit_id, unit in sorted(state.units.items()) if unit_id not in named]
    for unit in left:
        _let_go(state, unit)
    for incident in dict.fromkeys(unit.incident for unit in left if unit.incident is not None):
        follow_units(state, incident, "policy")
        state.touch(incident)
    state.marks.free(None)


def change_fence(state: State, entry: FenceChanged) -> None:
    """Take a changed fence over, unless city or fences are others than it was made from.

    The core decides by no fence: intake says where evidence lies, and follows what is written
    here. So nothing that is open changes, and no way is found again.
    """
    if entry.city != state.city or entry.instead_of != state.fences:
        return  # somebody else was first
    state.fences += 1
    change = FenceChange(number=state.fences, fence=entry.fence, shape=entry.shape)
    state.emit(
        FenceWritten(
            entry=entry.id,
            city=entry.city,
            change=change,
            operator=entry.operator,
            reason=entry.reason,
            at=state.now,
        )
    )


def _move_to_city(state: State, means: Means, city: str) -> None:
    state.set_city(city)
    state.emit(CityWritten(city=city, at=state.now))
    for _, condition in sorted(state.conditions.items()):
        if not is_possible(state, means, condition):
            state.end_condition(condition.id)
            state.end_timer("expire", condition.id)


def _take_in(state: State, unit: Unit) -> None:
    known = state.units.get(unit.id)
    if known is None:
        state.put_unit(unit)
        return
    is_back = known.state == "out_of_service" and known.reason == LEFT
    kept = msgspec.structs.replace(
        unit,
        state=unit.state if is_back else known.state,
        position=known.position,
        position_at=known.position_at,
        heading_deg=known.heading_deg,
        status_at=known.status_at,
        assignment=known.assignment,
        incident=known.incident,
        standby=known.standby,
        reason=unit.reason if is_back else known.reason,
    )
    if kept != known:
        state.put_unit(kept)


def _let_go(state: State, unit: Unit) -> None:
    if unit.assignment is not None:
        call_back(state, state.assignments[unit.assignment], "policy", (LEFT,))
    if unit.state != "out_of_service":
        state.change_unit(unit.id, state="out_of_service", reason=LEFT)
