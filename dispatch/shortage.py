"""What an incident is short of: remembered, told where it is news, and looked at again."""

from datetime import timedelta

from dispatch.incidents import set_state
from dispatch.state import State
from schemas.records import Incident, Reason, Shortage
from schemas.words import because, lacks


def needs(short: tuple[Shortage, ...]) -> tuple[tuple[str, int], ...]:
    """Return what is short without the why: a change of it is news, a change of the why is not."""
    return tuple((one.capability, one.count) for one in short)


def note_short(state: State, incident_id: str, short: tuple[Shortage, ...]) -> None:
    """Remember what an incident is short of, tell it if it is news, and promise to look again."""
    incident = state.incidents[incident_id]
    is_news = needs(short) != needs(incident.short)
    if short != incident.short:
        state.change_incident(incident_id, short=short)
    if is_news and short:
        told = because("now_short", short=lacks(short))
        state.append(incident_id, "short", "policy", told)
    elif is_news:
        state.end_alerts(incident_id, because("units_found"), "unresourced")
    at_once = incident.severity in state.policy.unresourced.alert_at_once
    if short and (at_once or state.has_alert(incident_id, "unresourced")):
        tell_short(state, incident_id, again=is_news)
    if short and ("unresourced", incident_id) not in state.timers:
        wait = state.timing(incident.severity).unresourced_s
        if state.has_alert(incident_id, "unresourced"):
            wait = max(wait, state.policy.unresourced.look_again_s)
        state.set_timer("unresourced", incident_id, state.now + timedelta(seconds=wait))
    pend(state, incident_id)


def tell_short(state: State, incident_id: str, *, again: bool = False) -> bool:
    """Tell an operator what an incident is short of; False if he was told before.

    Told ``again``, the alert that stands is replaced.
    """
    incident = state.incidents[incident_id]
    known = state.has_alert(incident_id, "unresourced")
    if again or not known:
        state.raise_alert(incident_id, "unresourced", is_short(incident))
    return not known


def is_short(incident: Incident) -> Reason:
    """Return what to say of an incident that is short of something."""
    return because("is_short", number=incident.number, short=lacks(incident.short))


def note_resourced(state: State, incident_id: str) -> None:
    """Say that an incident has all that its plans ask for."""
    incident = state.incidents[incident_id]
    if incident.short or incident.resourced_at is None:
        state.change_incident(
            incident_id, short=(), resourced_at=incident.resourced_at or state.now
        )
    state.end_timer("unresourced", incident_id)
    why = because("has_all", number=incident.number)
    state.end_alerts(incident_id, why, "unresourced", "confirm_dispatch", "unlocated")


def pend(state: State, incident_id: str) -> None:
    """Say that an incident waits for units, if none is on its way."""
    if state.incidents[incident_id].state == "triaged":
        set_state(state, incident_id, "pending", "policy")
