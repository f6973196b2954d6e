"""Closures, slow-downs and water: what the next route will know."""

from dispatch.sending import Means
from dispatch.state import State
from dispatch.travel import told
from geo.errors import BadConditions, UnknownArc
from schemas.journal import StreetChanged
from schemas.records import Condition
from schemas.words import because


def change_street(state: State, means: Means, entry: StreetChanged) -> None:
    """Take a street condition in, replace it, or end it; ways under way are found again.

    A condition the street map cannot follow (an unknown arc, a figure out of range) changes
    nothing: intake has checked it against the same map, so it is of another city's.
    """
    if entry.kind == "cleared":
        if state.end_condition(entry.condition):
            state.end_timer("expire", entry.condition)
            state.marks.street(because("condition_cleared", condition=entry.condition))
        return
    condition = Condition(
        id=entry.condition,
        kind=entry.kind,
        segments=entry.segments,
        speed_factor=entry.speed_factor if entry.kind == "speed_factor" else None,
        lanes_closed=entry.lanes_closed if entry.kind == "lane_closure" else None,
        depth_m=entry.depth_m if entry.kind == "flood_depth" else None,
        valid_from=entry.valid_from,
        valid_until=entry.valid_until,
        reason=entry.reason,
    )
    over = entry.valid_until is not None and entry.valid_until <= state.now
    if over:
        # It replaces what was known under its id, if only by its end.
        if state.end_condition(condition.id):
            state.end_timer("expire", condition.id)
            state.marks.street(because("condition_over", condition=entry.condition))
        return
    if not is_possible(state, means, condition):
        return
    replaced = state.conditions.get(condition.id)
    state.put_condition(condition)
    begins = entry.valid_from > state.now
    next_change = entry.valid_from if begins else entry.valid_until
    if next_change is None:
        state.end_timer("expire", condition.id)
    else:
        state.set_timer("expire", condition.id, next_change)
    if not begins:
        state.marks.street(
            because("condition_because", condition=told(condition), why=entry.reason)
        )
    elif replaced is not None and replaced.valid_from <= state.now:
        state.marks.street(because("condition_over", condition=entry.condition))


def is_possible(state: State, means: Means, condition: Condition) -> bool:
    """Tell whether the street map of the city in force can follow a condition."""
    try:
        means.travel.check(state, condition)
    except (UnknownArc, BadConditions):
        return False
    return True
