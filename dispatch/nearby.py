"""Which incidents evidence may belong to: those near it, so that the others cost nothing."""

from collections.abc import Iterable

from dispatch.correlation import Known, is_vague, reach_m
from dispatch.state import State
from schemas.records import Evidence


def known_to(state: State, evidence: Evidence) -> Known:
    """Return the incidents that evidence may belong to, with what else decides between them."""
    where = None if is_vague(evidence.point) else evidence.point
    near = {incident.id: incident for incident in state.around(where, reach_m(state.policy))}
    heard: list[str] = []
    if evidence.source == "sensor":
        heard = [state.root(incident).id for incident in state.notes.heard(evidence.source_id)]
    near |= {incident: state.incidents[incident] for incident in heard}
    return Known(tuple(near.values()), frozenset(heard), _apart(state, near))


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
