"""The second reader's opinion of a report, taken in beside the evidence that it is of.

It comes after the first decision, which waits for nobody. It may name what was unread, raise a
severity, or ask an operator where reader and evidence disagree (`dispatch.advice`); whatever it
changes is settled like any other change. The first opinion of a piece of evidence stands.
"""

import msgspec

from dispatch.advice import (
    advised,
    is_grave,
    is_graver,
    is_sure_of_category,
    is_sure_of_danger,
)
from dispatch.incidents import title
from dispatch.lifecycle import FINAL
from dispatch.notice import tell_changes
from dispatch.state import State
from schemas import codes
from schemas.effects import OpinionTaken
from schemas.errors import UnknownCode
from schemas.kinds import Advice
from schemas.records import Incident, Note, Opinion, Reason
from schemas.words import because

_ACTOR = "second_reader"


def take_opinion(state: State, opinion: Opinion) -> None:
    """Take an opinion in, or say why not; what it touches is marked."""
    refusal = _refusal(state, opinion)
    if refusal is not None:
        ignored = OpinionTaken(opinion=opinion, incident=None, did=("ignored",), reasons=(refusal,))
        state.emit(ignored)
        return
    note = state.notes.advise(opinion)
    root = state.root(note.incident)
    did: tuple[Advice, ...] = ()
    if root.state not in FINAL:
        did = _heed(state, root, note, opinion)
    _tell_members(state, note, root.id)
    state.emit(OpinionTaken(opinion=opinion, incident=note.incident, did=did or ("noted",)))


def told(opinion: Opinion) -> Reason:
    """Return what to say of an opinion."""
    return because(
        "second_reader_says",
        category=opinion.category,
        confidence=opinion.confidence,
        danger=opinion.danger,
    )


def _refusal(state: State, opinion: Opinion) -> Reason | None:
    try:
        codes.category(opinion.category)
        codes.severity(opinion.severity)
    except UnknownCode as error:
        return because("not_valid", error=str(error))
    note = state.notes.get(opinion.evidence)
    if note is None:
        return because("opinion_of_unknown", evidence=opinion.evidence)
    if note.opinion is not None:
        return because("opinion_known", evidence=opinion.evidence)
    return None


def _heed(state: State, before: Incident, note: Note, opinion: Opinion) -> tuple[Advice, ...]:
    """Change what the opinion changes, or ask; return what was done."""
    did: list[Advice] = []
    known = advised(before, note, state.policy)
    why = told(opinion)
    if known != before:
        tell_changes(state, before.id, known, _ACTOR, why)
        state.touch(before.id)
        did += ["named"] if known.category != before.category else []
        did += ["raised"] if known.severity != before.severity else []
    question = _question(state, known, note, opinion)
    if question is not None:
        _ask(state, known.id, *question, why)
        did.append("asked")
    return tuple(did)


def _question(
    state: State, incident: Incident, note: Note, opinion: Opinion
) -> tuple[int, Reason] | None:
    """Return what to ask an operator and how urgently, where the two disagree; the worst first."""
    policy, least = state.policy, state.policy.opinions.ask
    danger = is_sure_of_danger(opinion, least, policy)
    if danger and is_graver(opinion.severity, incident.severity):
        return 1, because(
            "opinion_danger",
            number=incident.number,
            category=incident.category,
            severity=incident.severity,
            severity_other=opinion.severity,
            category_other=opinion.category,
        )
    said = opinion.category
    differs = said not in (incident.category, note.category)
    if differs and "category" not in incident.certain and is_sure_of_category(opinion, least):
        # Two words for one event, "fire" and "explosion" say, are no disagreement.
        known = incident.category, note.category
        if all(policy.kinds.relation(said, category) == 0.0 for category in known):
            return 1 if danger else 2, because(
                "opinion_category",
                number=incident.number,
                category=incident.category,
                category_other=said,
            )
    grave = is_grave(note.severity, policy) and is_grave(incident.severity, policy)
    if grave and incident.evidence_count == 1 and opinion.harmless >= least:
        severity = incident.severity
        return 3, because("opinion_harmless", number=incident.number, severity=severity)
    return None


def _ask(state: State, incident: str, priority: int, question: Reason, why: Reason) -> None:
    """Ask an operator, unless something more urgent is being asked."""
    state.append(incident, "opinion", _ACTOR, question, (why,))
    asked = [a.priority for a in state.alerts_of(incident) if a.kind == "second_opinion"]
    if not asked or priority <= min(asked):
        state.raise_alert(incident, "second_opinion", question, priority=priority)


def _tell_members(state: State, note: Note, root: str) -> None:
    """Let merged incidents between the evidence's own and the root be understood by it, too."""
    member = note.incident
    while member != root:
        before = state.incidents[member]
        known = advised(before, note, state.policy)
        fields = ("category", "severity", "readings")
        changes = {name: getattr(known, name) for name in fields}
        changes["title"] = title(known.category, known.where)
        if msgspec.structs.replace(before, **changes) != before:
            state.change_incident(member, **changes)
        member = str(before.merged_into)
