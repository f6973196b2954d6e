"""From evidence to an incident: attach it, open one, or open one and ask."""

from datetime import timedelta

import msgspec

from dispatch.correlation import Correlator, Match
from dispatch.incidents import set_state, title
from dispatch.nearby import known_to
from dispatch.notes import one_more
from dispatch.respond import Means, reroute, respond
from dispatch.state import State
from dispatch.transitions import FINAL
from dispatch.understanding import FIELDS, begun, joined
from schemas import codes
from schemas.effects import EvidencePlaced, Linked
from schemas.errors import UnknownCode
from schemas.ids import derive
from schemas.records import Evidence, Incident, Note

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
    if state.notes.get(evidence.id) is not None:
        return  # noted before, under another entry's id
    match = correlator.match(evidence, known_to(state, evidence), state.policy, state.now)
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
    note = note_of(evidence, derive(evidence.id, "incident"))
    hold = timedelta(seconds=state.policy.ask_hold_s)
    actor = _ACTORS.get(evidence.source, evidence.source)
    incident = open_incident(state, note, actor, evidence.reasons)
    if doubt is not None:
        incident = state.change_incident(
            incident.id,
            possible_duplicate_of=doubt,
            held_until=None if match.urgent else state.now + hold,
        )
    _place(state, evidence, incident.id, "opened" if doubt is None else "asked", match)
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


def note_of(evidence: Evidence, incident: str) -> Note:
    """Return what the core remembers of evidence that belongs to an incident."""
    return Note(
        id=evidence.id,
        incident=incident,
        source=evidence.source,
        source_id=evidence.source_id,
        category=evidence.category,
        severity=evidence.severity,
        confidence=evidence.confidence,
        point=evidence.point,
        where=evidence.where,
        alternatives=evidence.alternatives,
    )


def open_incident(state: State, note: Note, actor: str, reasons: tuple[str, ...]) -> Incident:
    """Open the incident that a note names, of that note alone, and ask for an acknowledgement."""
    blank = Incident(
        id=note.incident,
        region=state.region,
        number=state.next_number(),
        version=0,
        category=note.category,
        severity=note.severity,
        confidence=note.confidence,
        state="reported",
        point=note.point,
        where=note.where,
        title=title(note.category, note.where),
        opened_at=state.now,
        updated_at=state.now,
        noticed_at=state.now,
        evidence=(),
        sources=(),
    )
    incident = msgspec.structs.replace(begun(blank, note), **one_more(blank, note, is_new=True))
    state.add_incident(incident)
    if state.notes.get(note.id) is None:
        state.notes.add(note)
    state.append(incident.id, "reported", actor, incident.title, reasons)
    state.raise_alert(
        incident.id,
        "new_incident",
        f"{incident.number} {incident.severity} {incident.title}",
        priority=min(3, codes.severity(note.severity).rank),
    )
    acknowledge_s = state.timing(note.severity).acknowledge_s
    state.set_timer("acknowledge", incident.id, state.now + timedelta(seconds=acknowledge_s))
    return state.incidents[incident.id]


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
    owner = _owner(state, incident_id, evidence)
    note = note_of(evidence, owner)
    is_new = not state.notes.has_source(incident_id, note.source_id)
    for member in _between(state, owner, incident_id):
        news = not state.notes.has_source(member, note.source_id)
        state.change_incident(member, **one_more(state.incidents[member], note, is_new=news))
    state.notes.add(note)
    before = state.incidents[incident_id]
    state.change_incident(
        incident_id, **one_more(before, note, is_new=is_new), noticed_at=state.now
    )
    said = f"{evidence.source} {evidence.source_id}: {evidence.category} {evidence.severity}"
    reasons = (*match.reasons, *evidence.reasons)
    actor = _ACTORS.get(evidence.source, evidence.source)
    take_in(state, means, incident_id, note, said, actor, reasons)
    _place(state, evidence, owner, "attached", match)


def _owner(state: State, root: str, evidence: Evidence) -> str:
    """Return the incident that evidence is of: one that was merged, where that heard it before."""
    if evidence.source != "sensor":
        return root
    heard = state.notes.heard(evidence.source_id)
    return next((i for i in reversed(heard) if state.root(i).id == root), root)


def _between(state: State, member: str, root: str) -> list[str]:
    """Return a merged incident and what took it in, up to the root, which is left out."""
    found = []
    while member != root:
        found.append(member)
        member = str(state.incidents[member].merged_into)
    return found


def take_in(  # noqa: PLR0917 - one act, said in full
    state: State,
    means: Means,
    incident: str,
    note: Note,
    said: str,
    actor: str,
    reasons: tuple[str, ...],
) -> None:
    """Understand an incident with one more note, say what that changes, and respond to it."""
    before = state.incidents[incident]
    known = joined(before, note)
    state.change_incident(incident, confidence=known.confidence, readings=known.readings)
    state.append(incident, "evidence", actor, said, reasons)
    if before.state in FINAL:
        return
    tell_changes(state, incident, known, "policy", f"{note.source} {note.source_id} says so")
    if known.point != before.point:
        reroute(state, means, incident, "the place is known better now")
    respond(state, means, incident)


def tell_changes(state: State, incident: str, known: Incident, actor: str, why: str) -> None:
    """Let an incident be understood as ``known`` from here on, with a line for each change."""
    before = state.incidents[incident]
    if known.severity != before.severity:
        state.change_incident(incident, severity=known.severity)
        state.append(incident, "severity", actor, f"{before.severity} → {known.severity}", (why,))
    if known.category != before.category:
        changed = {"category": known.category, "title": title(known.category, before.where)}
        state.change_incident(incident, **changed)
        text = f"{before.category} → {known.category}"
        state.append(incident, "classified", actor, text, (why,))
    if known.point != before.point:
        state.change_incident(incident, point=known.point, where=known.where)
        text, accuracy = "place unknown", "nobody has said where"
        if known.point is not None:
            state.end_alerts(incident, "located", "unlocated")
            metres = known.point.accuracy_m
            accuracy = f"accuracy now {'unknown' if metres is None else f'{metres:.0f} m'}"
            text = "place refined"
        state.append(incident, "classified", actor, text, (accuracy,))
    rest = {name: getattr(known, name) for name in FIELDS}
    if any(getattr(state.incidents[incident], name) != value for name, value in rest.items()):
        state.change_incident(incident, **rest)


def _end_of_alarm(state: State, evidence: Evidence) -> None:
    """Note that a sensor is back to normal, or silent, in the incident it belongs to."""
    heard = dict.fromkeys(state.root(i).id for i in state.notes.heard(evidence.source_id))
    mine = [state.incidents[i] for i in heard if state.incidents[i].state not in FINAL]
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
