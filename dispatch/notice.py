"""From evidence to an incident: attach it, open one, or open one and ask."""

from datetime import timedelta

import msgspec

from dispatch.correlation import Correlator, Match
from dispatch.incidents import category_changed, set_state, severity_changed, title
from dispatch.lifecycle import FINAL
from dispatch.nearby import known_to, same_alarm
from dispatch.notes import one_more
from dispatch.state import State
from dispatch.understanding import FIELDS, begun, joined
from schemas import codes
from schemas.effects import EvidencePlaced, Linked
from schemas.errors import UnknownCode
from schemas.ids import derive
from schemas.kinds import OTHER, Placed, TimelineKind
from schemas.records import Evidence, Incident, Note, Reason
from schemas.words import because, said

_ACTORS = {"sensor": "sensor", "report": "citizen"}


def notice(state: State, correlator: Correlator, evidence: Evidence) -> None:
    """Take evidence in; what it touches is marked."""
    try:
        codes.category(evidence.category)
        codes.severity(evidence.severity)
    except UnknownCode as error:
        _place(state, evidence, None, "ignored", Match(None, 0.0, (_unknown(error),)))
        return
    if evidence.phase != "opened":
        _end_of_alarm(state, evidence)
        return
    if state.notes.get(evidence.id) is not None:
        return  # noted before, under another entry's id
    match = correlator.match(evidence, known_to(state, evidence), state.policy, state.now)
    if match.incident is not None and match.score >= state.policy.attach_score:
        _attach(state, match.incident, evidence, match)
    elif (
        match.incident is not None
        and match.score >= state.policy.ask_score
        and state.incidents[match.incident].state not in FINAL
    ):
        _open(state, evidence, match, doubt=match.incident)
    else:
        _open(state, evidence, match, doubt=None)


def _open(state: State, evidence: Evidence, match: Match, doubt: str | None) -> None:
    note = Note.of(evidence, derive(evidence.id, "incident"))
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
        (
            because(
                "understood_as",
                category=evidence.category,
                severity=evidence.severity,
                confidence=evidence.confidence,
            ),
        ),
    )
    state.touch(incident.id)


def open_incident(state: State, note: Note, actor: str, reasons: tuple[Reason, ...]) -> Incident:
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
    incident = msgspec.structs.replace(
        begun(blank, note, state.policy), **one_more(blank, note, is_new=True)
    )
    state.add_incident(incident)
    if state.notes.get(note.id) is None:
        state.notes.add(note)
    state.append(incident.id, "reported", actor, said(incident.title), reasons)
    state.raise_alert(
        incident.id,
        "new_incident",
        because(
            "incident_titled",
            number=incident.number,
            severity=incident.severity,
            title=incident.title,
        ),
        priority=max(1, min(3, codes.severity(note.severity).rank)),
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
        because(
            "may_be",
            number=incident.number,
            other=other.number,
            title=other.title,
            why=match.reasons,
        ),
    )
    if not match.urgent:
        state.set_timer("held", incident.id, state.now + hold)


def _attach(state: State, incident_id: str, evidence: Evidence, match: Match) -> None:
    owner = _owner(state, incident_id, evidence)
    note = Note.of(evidence, owner)
    is_new = not state.notes.has_source(incident_id, note.source_id)
    for member in _between(state, owner, incident_id):
        news = not state.notes.has_source(member, note.source_id)
        state.change_incident(member, **one_more(state.incidents[member], note, is_new=news))
    state.notes.add(note)
    before = state.incidents[incident_id]
    state.change_incident(
        incident_id, **one_more(before, note, is_new=is_new), noticed_at=state.now
    )
    reasons = (*match.reasons, *evidence.reasons)
    actor = _ACTORS.get(evidence.source, evidence.source)
    take_in(state, incident_id, note, actor, reasons)
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


def take_in(
    state: State, incident: str, note: Note, actor: str, reasons: tuple[Reason, ...]
) -> None:
    """Understand an incident with one more note, and say what that changes."""
    before = state.incidents[incident]
    known = joined(before, note, state.policy)
    state.change_incident(incident, confidence=known.confidence, readings=known.readings)
    told = because(
        "evidence_tells",
        source=note.source,
        source_id=note.source_id,
        category=note.category,
        severity=note.severity,
    )
    state.append(incident, "evidence", actor, told, reasons)
    if before.state in FINAL:
        return
    why = because("source_says_so", source=note.source, source_id=note.source_id)
    tell_changes(state, incident, known, "policy", why)
    if known.point != before.point:
        state.touch_way(incident, because("place_better"))
    state.touch(incident)


def tell_changes(state: State, incident: str, known: Incident, actor: str, why: Reason) -> None:
    """Let an incident be understood as ``known`` from here on, with a line for each change."""
    before = state.incidents[incident]
    if known.severity != before.severity:
        state.change_incident(incident, severity=known.severity)
        change = before.severity, known.severity
        state.append(incident, "severity", actor, severity_changed(*change), (why,), change=change)
    if known.category != before.category:
        changed = {"category": known.category, "title": title(known.category, before.where)}
        state.change_incident(incident, **changed)
        change = before.category, known.category
        if before.category == OTHER:
            state.marks.named[incident] = None
        state.append(
            incident, "classified", actor, category_changed(*change), (why,), change=change
        )
    if known.point != before.point:
        state.change_incident(incident, point=known.point, where=known.where)
        told, accuracy = because("place_unknown"), because("nobody_said_where")
        if known.point is not None:
            state.end_alerts(incident, because("located"), "unlocated")
            metres = known.point.accuracy_m
            told = because("place_refined")
            accuracy = (
                because("accuracy_unknown")
                if metres is None
                else because("accuracy", metres=metres)
            )
        state.append(incident, "classified", actor, told, (accuracy,))
    rest = {name: getattr(known, name) for name in FIELDS}
    if any(getattr(state.incidents[incident], name) != value for name, value in rest.items()):
        state.change_incident(incident, **rest)


def _end_of_alarm(state: State, evidence: Evidence) -> None:
    """Note that a sensor is back to normal, or silent, in the incident it belongs to."""
    heard = dict.fromkeys(state.root(i).id for i in state.notes.heard(evidence.source_id))
    mine = [state.incidents[i] for i in heard if state.incidents[i].state not in FINAL]
    if not mine:
        reason = because("no_open_incident_has", source_id=evidence.source_id)
        _place(state, evidence, None, "ignored", Match(None, 0.0, (reason,)))
        return
    same = frozenset(same_alarm(state, evidence))
    incident = max(mine, key=lambda i: (i.id in same, i.opened_at, i.id))
    kind: TimelineKind = "sensor_silent" if evidence.phase == "silent" else "sensor_cleared"
    state.append(incident.id, kind, "sensor", said(evidence.text), evidence.reasons)
    why = because("same_source")
    _place(state, evidence, incident.id, "ended", Match(incident.id, 1.0, (why,)))


def _unknown(error: UnknownCode) -> Reason:
    return because("not_valid", error=str(error))


def _place(
    state: State, evidence: Evidence, incident: str | None, placed: Placed, match: Match
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
