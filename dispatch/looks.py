"""Which short incidents are looked at again because units became free.

Looking is bounded: so many incidents an entry, the worst first. Where that was not enough a timer
that is due at once goes on behind the last one, before the next entry or at the next tick.
"""

from collections.abc import Iterable
from itertools import islice
from typing import NamedTuple

from dispatch.assignment import Demand
from dispatch.state import State

LOOKS = 24
"""Incidents for which units are chosen at the end of one entry, or because of one timer."""


class Look(NamedTuple):
    """A look for work.

    Attributes
    ----------
    freed
        Capabilities of the units that became free; None for whoever is free.
    found
        Incidents that are short of what is free, the worst first.
    """

    freed: frozenset[str] | None
    found: tuple[str, ...]


def look(state: State, freed: Iterable[str] | None, behind: str | None) -> Look:
    """Look for incidents that are short of what is free.

    Parameters
    ----------
    freed
        Only incidents that are short of one of these capabilities; of any that is free if None.
    behind
        The incident after which to begin; with the worst one if None.
    """
    capabilities = None if freed is None else frozenset(freed)
    return Look(capabilities, tuple(islice(state.short_of_free(capabilities, behind), LOOKS)))


def is_turn_of(state: State, demand: Demand, looks: Iterable[Look]) -> bool:
    """Tell whether nobody worse, to whom a look has not come yet, lacks what a demand asks for.

    What waits for an operator takes no unit, so it is always its turn.
    """
    wanted = {requirement.capability for requirement in demand.requirements}
    return demand.waits is not None or not any(
        _is_before(state, demand.incident, done, wanted) for done in looks
    )


def _is_before(state: State, incident: str, done: Look, wanted: set[str]) -> bool:
    """Tell whether a look has still to come to somebody who is before an incident."""
    if len(done.found) < LOOKS or incident in done.found:
        return False
    lacked = wanted if done.freed is None else wanted & done.freed
    first = next(state.short_of_free(lacked, done.found[-1]), None)
    return first is not None and state.is_behind(incident, first)


def go_on_later(state: State, done: Look) -> None:
    """Set a timer where units are still free that somebody behind the look is short of.

    One look is under way at a time: of two the one that has the worse incidents before it, since
    it comes to the others, too.
    """
    if len(done.found) < LOOKS:
        return
    here = done.found[-1]
    if next(state.short_of_free(done.freed, here), None) is None:
        return
    for subject in state.looks():
        if state.is_behind(here, subject):
            return
        state.end_timer("look", subject)
    state.set_timer("look", here, state.now)
