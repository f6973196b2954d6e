"""Evidence is of another event: it goes to another incident, or opens one."""

import msgspec

from dispatch.errors import Refused
from dispatch.families import as_a_whole
from dispatch.incidents import set_state
from dispatch.lifecycle import FINAL
from dispatch.notes import latest
from dispatch.notice import open_incident, take_in, tell_changes
from dispatch.state import State
from schemas import journal
from schemas.effects import EvidencePlaced, Linked
from schemas.ids import derive
from schemas.records import Incident, Note
from schemas.words import because, by_word


def split(state: State, incident: Incident, action: journal.Split, operator: str) -> None:
    """Move evidence out of an incident, which is then understood by what is left.

    Units stay where they were sent; the incident that the evidence goes to gets its own.
    """
    if not action.reason.strip():
        raise Refused(because("say_why"))
    if incident.state in FINAL:
        raise Refused(because("is_over", number=incident.number, state=incident.state))
    into = None if action.into is None else _goal(state, incident, action.into)
    moving = _moving(state, incident, action.evidence)
    goal = derive(moving[0].id, f"incident/{state.cause}") if into is None else into.id
    moved = [state.notes.move(note.id, goal) for note in moving]
    _leave(state, incident, moving, operator, action.reason)
    why = (because("moved_from", number=incident.number, why=action.reason),)
    if into is None:
        opened = open_incident(state, moved[0], operator, why)
        set_state(state, opened.id, "triaged", operator, by_word(action.reason))
    for note in moved if into is not None else moved[1:]:
        take_in(state, goal, note, operator, why)
    state.change_incident(goal, **latest(state.notes.of(goal)))
    number = state.incidents[goal].number
    sources = ", ".join(note.source_id for note in moved)
    told = because("moved_to", sources=sources, number=number)
    state.append(incident.id, "split", operator, told, by_word(action.reason))
    for note in moved:
        state.emit(
            EvidencePlaced(evidence=note.id, incident=goal, placed="split", score=0.0, reasons=why)
        )
    state.emit(Linked(incident=incident.id, other=goal, kind="kept_apart", at=state.now))
    state.keep_apart(incident.id, goal)
    state.touch(goal)
    state.touch(incident.id)


def _goal(state: State, incident: Incident, into: str) -> Incident:
    """Return the incident that evidence is to go to, or refuse."""
    if into not in state.incidents:
        raise Refused(because("no_incident_to_move_to", incident=into))
    goal = state.root(into)
    if goal.id == incident.id:
        raise Refused(because("has_it", number=goal.number))
    if goal.state in FINAL:
        raise Refused(because("is_over", number=goal.number, state=goal.state))
    return goal


def _moving(state: State, incident: Incident, evidence: tuple[str, ...]) -> list[Note]:
    """Return the notes that are named, in the order in which they were placed, or refuse."""
    if not evidence:
        raise Refused(because("split_names_evidence"))
    for name in evidence:
        note = state.notes.get(name)
        if note is None or note.incident not in state.notes.family(incident.id):
            raise Refused(because("no_such_evidence", number=incident.number, evidence=name))
        if note.incident != incident.id:
            other = state.incidents[note.incident].number
            raise Refused(because("came_with", evidence=name, number=other))
    wanted = set(evidence)
    # Of what came with a merged incident nothing is left to it when that merge is undone.
    notes = [note for note in state.notes.of(incident.id) if note.incident == incident.id]
    if not [note for note in notes if note.id not in wanted]:
        raise Refused(because("nothing_left", number=incident.number))
    return [note for note in notes if note.id in wanted]


def _leave(state: State, incident: Incident, moving: list[Note], operator: str, why: str) -> None:
    """Let an incident be understood by the evidence that is left to it."""
    known = as_a_whole(state, msgspec.structs.replace(incident, plans=()))
    state.change_incident(
        incident.id, **latest(state.notes.of(incident.id)), plans=known.plans, certain=known.certain
    )
    sources = ", ".join(note.source_id for note in moving)
    tell_changes(state, incident.id, known, operator, because("without", sources=sources, why=why))
    if known.point != incident.point:
        state.touch_way(incident.id, because("place_other"))
