"""What an entry leaves behind is settled once, at its end: work for units that became free.

Looking is bounded: so many incidents an entry, the worst first. Where that was not enough a timer
that is due at once goes on behind the last one, before the next entry or at the next tick.
"""

from dispatch.plans import describe
from dispatch.respond import NO_RESPONSE, Means, lacking, note_short, respond
from dispatch.state import State
from schemas.records import Timer

LOOKS = 24
"""Incidents for which units are chosen at the end of one entry, or by one timer."""
_GLANCES = 2_000
"""Incidents of which it is looked up what they lack."""


def settle(state: State, means: Means) -> None:
    """Find work for the units that became free in this entry, if there are any."""
    freed = state.take_freed()
    if freed is None:
        _look(state, means, None, None)
    elif any(state.is_free(capability) for capability in freed):
        _look(state, means, set(freed), None)
    state.take_freed()  # whoever was called back meanwhile waits for the next look


def plans_changed(state: State) -> None:
    """Note what open incidents lack by plans that are new, so that it is looked for."""
    for incident_id in state.open_incidents():
        incident = state.incidents[incident_id]
        lacks = describe(lacking(state, incident))
        if lacks and not incident.short and incident.state not in NO_RESPONSE:
            note_short(state, incident_id, tuple(f"{name}: the plan has changed" for name in lacks))
    state.note_freed(None)


def go_on_looking(state: State, means: Means, timer: Timer) -> None:
    """Go on where an earlier look had to stop, for whoever is free now."""
    _look(state, means, None, timer.subject)


def _look(state: State, means: Means, freed: set[str] | None, behind: str | None) -> None:
    """Choose units for incidents that are short and lack what is free.

    Parameters
    ----------
    freed
        Only incidents that lack one of these capabilities; any that is free if None.
    behind
        The incident after which to begin; with the worst one if None.
    """
    looks = 0
    last = behind
    for glances, incident in enumerate(state.waiting(behind)):
        needed = {r.capability for r in lacking(state, state.incidents[incident])}
        if freed is not None:
            needed &= freed
        if not any(state.is_free(capability) for capability in needed):
            if glances < _GLANCES:
                last = incident
                continue
        elif looks < LOOKS:
            looks += 1
            last = incident
            respond(state, means, incident)
            continue
        _leave_off(state, last)
        return


def _leave_off(state: State, last: str | None) -> None:
    """Remember behind which incident to go on; one look is under way at a time.

    Of two the one that has the worse incidents before it: those behind are looked at by it, too.
    """
    here = last or state.region
    for subject in [subject for kind, subject in state.timers if kind == "look"]:
        if state.is_behind(here, subject):
            return
        state.end_timer("look", subject)
    state.set_timer("look", here, state.now)
