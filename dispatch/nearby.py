"""Which incidents evidence may belong to: those that are alike, near and recent."""

from collections.abc import Iterable

from dispatch.correlation import Known, is_same_alarm
from dispatch.state import State
from schemas.kinds import OTHER
from schemas.records import Evidence


def known_to(state: State, evidence: Evidence) -> Known:
    """Return the incidents that evidence may belong to, with what else decides between them."""
    near = set(state.candidates(evidence))
    heard = same_alarm(state, evidence) if evidence.source == "sensor" else []
    near.update(heard)
    known = sorted((state.incidents[i] for i in near), key=lambda i: (i.opened_at, i.id))
    return Known(known, frozenset(heard), _apart(state, near), _told(state, evidence, near))


def _told(state: State, evidence: Evidence, near: Iterable[str]) -> frozenset[str]:
    """Return which of the incidents the reporter of evidence of no kind told of before."""
    reporter = evidence.reporter
    if reporter is None or evidence.category != OTHER:
        return frozenset()
    return frozenset(
        incident
        for incident in near
        if any(note.reporter == reporter for note in state.notes.of(incident))
    )


def same_alarm(state: State, evidence: Evidence) -> list[str]:
    """Return the incidents in which a datastream told of the same alarm, after merges."""
    name = evidence.source_id
    return [
        state.root(incident).id
        for incident in state.notes.heard(name)
        if any(
            is_same_alarm(evidence, note, state.policy)
            for note in state.notes.of_sensor(name, incident)
        )
    ]


def _apart(state: State, near: Iterable[str]) -> dict[str, list[str]]:
    """Return which of the incidents an operator keeps apart, with all that they took in."""
    if not state.apart:
        return {}
    return {
        incident: [
            state.root(other).id
            for member in state.notes.family(incident)
            for other in state.apart.get(member, ())
        ]
        for incident in near
    }
