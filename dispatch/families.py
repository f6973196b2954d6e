"""What an incident is taken for with all that was merged into it.

Each member is understood by its own evidence, then all of them together: so evidence that is moved,
and a merge that is undone, leave nothing behind.
"""

from dispatch.state import State
from dispatch.understanding import together, understood
from schemas.records import Incident


def as_a_whole(state: State, incident: Incident) -> Incident:
    """Return an incident as its own evidence and the incidents that it took in tell of it.

    What its ``certain`` names stays; its plans are those of the others.
    """
    return taken_in(state, understood(incident, state.notes.own(incident.id), state.policy))


def taken_in(state: State, known: Incident) -> Incident:
    """Return an incident, understood by itself, with those that it took in, in their order."""
    mergers = [merger for merger in state.mergers.values() if merger.into == known.id]
    for merger in sorted(mergers, key=lambda merger: (merger.at, merger.id)):
        known = together(known, state.incidents[merger.incident], state.policy.places)
    return known
