"""From evidence to an incident: attach it, open one, or open one and ask."""

from datetime import timedelta

from dispatch.correlation import Correlator, Match, is_unread, names, surest
from dispatch.incidents import set_state
from dispatch.respond import Means, reroute, respond
from dispatch.state import State
from dispatch.transitions import FINAL
from schemas import codes
from schemas.effects import EvidencePlaced, Linked
from schemas.errors import UnknownCode
from schemas.ids import derive
from schemas.records import Evidence, Incident, Reading

_ACTORS = {"sensor": "sensor", "report": "citizen"}


def notice(state: State, means: Means, correlator: Correlator, evidence: Evidence) -> None:
    """Take evidence in and respond to what it says."""
    try:
        codes.category(evidence.category)
        codes.severity(evidence.severity)
    except UnknownCode as error:
        _place(state, evidence, None, "ignored", Match(None, 0.0, (str(error),)))
        return
    if evidence.phase != "opened":
        _end_of_alarm(state, evidence)
        return
    match = correlator.match(evidence, list(state.incidents.values()), state.policy, state.now)
    if match.incident is not None and match.score >= state.policy.attach_score:
        _attach(state, means, match.incident, evidence, match)
    elif (
        match.incident is not None
        and match.score >= state.policy.ask_score
        and state.incidents[match.incident].state not in FINAL
    ):
        _open(state, means, evidence, match, doubt=match.incident)
    else:
        _open(state, means, evidence, match, doubt=None)


def _open(state: State, means: Means, evidence: Evidence, match: Match, doubt: str | None) -> None:
    category = codes.category(evidence.category)
    place = evidence.where.address or evidence.where.subdistrict or "地点不明"
    hold = timedelta(seconds=state.policy.ask_hold_s)
    incident = Incident(
        id=derive(evidence.id, "incident"),
        region=state.region,
        number=state.next_number(),
        version=0,
        category=evidence.category,
        severity=evidence.severity,
        confidence=evidence.confidence,
        state="reported",
        point=evidence.point,
        where=evidence.where,
        title=f"{category.zh} {category.en}: {place}",
        opened_at=state.now,
        updated_at=state.now,
        noticed_at=state.now,
        evidence=(evidence.id,),
        sources=(evidence.source_id,),
        readings=surest(_readings(evidence)),
        possible_duplicate_of=doubt,
        held_until=None if doubt is None or match.urgent else state.now + hold,
    )
    state.add_incident(incident)
    actor = _ACTORS.get(evidence.source, evidence.source)
    state.append(incident.id, "reported", actor, incident.title, evidence.reasons)
    _place(state, evidence, incident.id, "opened" if doubt is None else "asked", match)
    state.raise_alert(
        incident.id,
        "new_incident",
        f"{incident.number} {incident.severity} {incident.title}",
        priority=min(3, codes.severity(evidence.severity).rank),
    )
    acknowledge_s = state.timing(evidence.severity).acknowledge_s
    state.set_timer("acknowledge", incident.id, state.now + timedelta(seconds=acknowledge_s))
    if doubt is not None:
        _ask(state, incident, doubt, match, hold)
    set_state(
        state,
        incident.id,
        "triaged",
        "policy",
        f"{evidence.category} {evidence.severity}, confidence {evidence.confidence:.2f}",
    )
    respond(state, means, incident.id)


def _ask(state: State, incident: Incident, doubt: str, match: Match, hold: timedelta) -> None:
    other = state.incidents[doubt]
    state.emit(Linked(incident=incident.id, other=doubt, kind="possible_duplicate", at=state.now))
    state.raise_alert(
        incident.id,
        "possible_duplicate",
        f"{incident.number} may be {other.number} {other.title}: {'; '.join(match.reasons)}",
    )
    if not match.urgent:
        state.set_timer("held", incident.id, state.now + hold)


def _attach(state: State, means: Means, incident_id: str, evidence: Evidence, match: Match) -> None:
    before = state.incidents[incident_id]
    actor = _ACTORS.get(evidence.source, evidence.source)
    sources = before.sources
    if evidence.source_id not in sources:
        sources = (*sources, evidence.source_id)
    sure = 1.0 - (1.0 - before.confidence) * (1.0 - evidence.confidence)
    state.change_incident(
        incident_id,
        evidence=(*before.evidence, evidence.id),
        sources=sources,
        noticed_at=state.now,
        confidence=round(sure, 6),
        readings=surest((*before.readings, *_readings(evidence))),
    )
    state.append(
        incident_id,
        "evidence",
        actor,
        f"{evidence.source} {evidence.source_id}: {evidence.category} {evidence.severity}",
        (*match.reasons, *evidence.reasons),
    )
    _place(state, evidence, incident_id, "attached", match)
    if before.state in FINAL:
        return
    _raise_severity(state, incident_id, evidence)
    _name(state, before, evidence)
    moved = _refine_place(state, incident_id, evidence)
    if moved:
        reroute(state, means, incident_id, "the place is known better now")
    respond(state, means, incident_id)


def _raise_severity(state: State, incident_id: str, evidence: Evidence) -> None:
    incident = state.incidents[incident_id]
    if codes.severity(evidence.severity).rank >= codes.severity(incident.severity).rank:
        return
    if evidence.category != incident.category and is_unread(evidence):
        return
    state.change_incident(incident_id, severity=evidence.severity)
    state.append(
        incident_id,
        "severity",
        "policy",
        f"{incident.severity} → {evidence.severity}",
        (f"{evidence.source} {evidence.source_id} says so",),
    )


def _readings(evidence: Evidence) -> tuple[Reading, ...]:
    """Return all that evidence may mean."""
    said = Reading(category=evidence.category, confidence=evidence.confidence)
    return (said, *evidence.alternatives)


def _name(state: State, incident: Incident, evidence: Evidence) -> None:
    """Let an incident, as it was before, take the category of who understands it better."""
    if not names(evidence, incident):
        return
    category = codes.category(evidence.category)
    place = incident.where.address or incident.where.subdistrict or "地点不明"
    state.change_incident(
        incident.id, category=category.code, title=f"{category.zh} {category.en}: {place}"
    )
    state.append(
        incident.id,
        "classified",
        "policy",
        f"{incident.category} → {category.code}",
        (f"{evidence.source} {evidence.source_id} says so",),
    )


def _refine_place(state: State, incident_id: str, evidence: Evidence) -> bool:
    """Take the new place if it is known at least twice as well; True if it was taken."""
    incident = state.incidents[incident_id]
    old, new = incident.point, evidence.point
    if new is None or (old is not None and not _much_better(old.accuracy_m, new.accuracy_m)):
        return False
    state.change_incident(incident_id, point=new, where=evidence.where)
    state.end_alerts(incident_id, "located", "unlocated")
    accuracy = "unknown" if new.accuracy_m is None else f"{new.accuracy_m:.0f} m"
    state.append(
        incident_id, "classified", "policy", "place refined", (f"accuracy now {accuracy}",)
    )
    return True


def _much_better(old: float | None, new: float | None) -> bool:
    return old is not None and new is not None and new * 2.0 <= old


def _end_of_alarm(state: State, evidence: Evidence) -> None:
    """Note that a sensor is back to normal, or silent, in the incident it belongs to."""
    mine = [i for i in state.open_incidents() if evidence.source_id in i.sources]
    if not mine:
        reason = f"no open incident has {evidence.source_id}"
        _place(state, evidence, None, "ignored", Match(None, 0.0, (reason,)))
        return
    incident = max(mine, key=lambda i: (i.opened_at, i.id))
    kind = "sensor_silent" if evidence.phase == "silent" else "sensor_cleared"
    state.append(incident.id, kind, "sensor", evidence.text, evidence.reasons)
    _place(state, evidence, incident.id, "ended", Match(incident.id, 1.0, ("the same source",)))


def _place(
    state: State, evidence: Evidence, incident: str | None, placed: str, match: Match
) -> None:
    state.emit(
        EvidencePlaced(
            evidence=evidence.id,
            incident=incident,
            placed=placed,
            score=match.score,
            reasons=match.reasons,
        )
    )
