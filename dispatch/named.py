"""An incident of no kind is named, and is compared with what is open once more.

When it was opened it could be compared with hardly anything. A second reader's opinion or an
operator names it later: it may be an event that is known already. It is joined to nothing by
itself: where it is likely the same event an operator is asked. Help waits for no answer, and what
an operator has kept apart is not asked about again.

The times that count are those of the events: when something is named says nothing about it.
"""

from datetime import timedelta

import msgspec

from dispatch.correlation import Correlator, Known, Match
from dispatch.lifecycle import FINAL
from dispatch.state import State
from schemas.effects import Linked
from schemas.kinds import OTHER
from schemas.records import Evidence, Incident
from schemas.words import because

__all__ = ["ask_about_named"]


def ask_about_named(state: State, correlator: Correlator) -> None:
    """Ask an operator about each incident that this entry has named and that may be another one.

    Not after a merge: who merges has looked, and an unmerge must leave no question behind.
    """
    if not state.policy.kinds.compares_named or state.marks.mergings:
        return
    for named in state.marks.named:
        incident = state.root(named)
        # One question at a time: the one that stands is about this incident, too.
        asked = state.has_alert(incident.id, "possible_duplicate")
        if incident.state in FINAL or incident.category == OTHER or asked:
            continue
        match = correlator.match(
            _as_evidence(incident), _known_to(state, incident), state.policy, incident.noticed_at
        )
        if match.incident is not None and match.score >= state.policy.ask_score:
            _ask(state, incident, match.incident, match)


def _known_to(state: State, incident: Incident) -> Known:
    """Return the open incidents that it may be, but its own family and those kept apart from it."""
    family = state.notes.family(incident.id)
    apart = {state.root(other).id for member in family for other in state.apart.get(member, ())}
    near = state.candidates(_as_evidence(incident), incident.opened_at)
    others = (state.incidents[other] for other in near - apart - {*family, incident.id})
    known = sorted(
        (_seen_from(other, incident) for other in others if other.state not in FINAL),
        key=lambda other: (other.opened_at, other.id),
    )
    return Known(known)


def _seen_from(other: Incident, incident: Incident) -> Incident:
    """Return an incident as noticed so long before this one as lies between the two.

    Nothing lies between two that went on at the same time.
    """
    nothing = timedelta()
    between = max(
        incident.opened_at - other.noticed_at, other.opened_at - incident.noticed_at, nothing
    )
    return msgspec.structs.replace(other, noticed_at=incident.noticed_at - between)


def _as_evidence(incident: Incident) -> Evidence:
    """Return an incident as if somebody reported it as it is understood now."""
    category = incident.category
    return Evidence(
        id=incident.id,
        source="report",
        source_id=incident.id,
        phase="opened",
        category=category,
        severity=incident.severity,
        confidence=incident.confidence,
        point=incident.point,
        where=incident.where,
        observed_at=incident.opened_at,
        received_at=incident.opened_at,
        text="",
        alternatives=tuple(
            one for one in incident.readings if one.category not in (category, OTHER)
        ),
    )


def _ask(state: State, incident: Incident, doubt: str, match: Match) -> None:
    other = state.incidents[doubt]
    state.change_incident(incident.id, possible_duplicate_of=doubt)
    state.emit(Linked(incident=incident.id, other=doubt, kind="possible_duplicate", at=state.now))
    question = because(
        "named_may_be",
        number=incident.number,
        category=incident.category,
        other=other.number,
        title=other.title,
        why=match.reasons,
    )
    state.raise_alert(incident.id, "possible_duplicate", question)
