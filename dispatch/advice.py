"""What the second reader's opinion of evidence changes in an incident. Pure functions of records.

It only ever adds: it names what nobody could read and raises a severity. It lowers none, and leaves
the confidence as it is, by which the policy sends or asks: a machine's opinion alone sends nobody
whom the evidence would not.
"""

from typing import Any

import msgspec

from dispatch.correlation import surest
from schemas import codes
from schemas.kinds import UNKNOWN
from schemas.policy import Policy
from schemas.records import Incident, Note, Opinion, Reading


def advised(incident: Incident, note: Note, policy: Policy) -> Incident:
    """Return the incident as it is understood with the opinion of its evidence, if there is one."""
    opinion = note.opinion
    if opinion is None:
        return incident
    named = may_name(incident, note, opinion, policy)
    changes: dict[str, Any] = {}
    if named:
        read = Reading(category=opinion.category, confidence=opinion.confidence)
        changes["category"] = opinion.category
        changes["readings"] = surest((*incident.readings, read))
    severity = _severity(opinion, policy, named=named)
    if severity is not None and is_graver(severity, incident.severity):
        known = changes.get("category", incident.category)
        if "severity" not in incident.certain and known in (note.category, opinion.category):
            changes["severity"] = severity
    return msgspec.structs.replace(incident, **changes)


def may_name(incident: Incident, note: Note, opinion: Opinion, policy: Policy) -> bool:
    """Tell whether an opinion names an incident that nobody could read, operators included."""
    return (
        is_sure_of_category(opinion, policy.opinions.category)
        and note.category == "other"
        and incident.category == "other"
        and "category" not in incident.certain
    )


def is_sure_of_category(opinion: Opinion, least: float) -> bool:
    """Tell whether an opinion is so sure of a category that says anything."""
    return opinion.category != "other" and opinion.confidence >= least


def is_sure_of_danger(opinion: Opinion, least: float, policy: Policy) -> bool:
    """Tell whether an opinion is so sure that life is in danger."""
    return opinion.danger >= least and is_grave(opinion.severity, policy)


def is_grave(severity: str, policy: Policy) -> bool:
    """Tell whether a severity is one of a danger to life."""
    return severity not in (UNKNOWN, *policy.life.mild_severities)


def is_graver(severity: str, than: str) -> bool:
    """Tell whether a severity is worse than another one; any is, than that of what is unread."""
    if UNKNOWN in (severity, than):
        return severity != than == UNKNOWN
    return codes.severity(severity).rank < codes.severity(than).rank


def _severity(opinion: Opinion, policy: Policy, *, named: bool) -> str | None:
    """Return up to which severity an opinion raises; None if it is not sure enough to raise any.

    What it names has at least the usual severity of its kind, as what the lexicon reads has.
    """
    said = [codes.category(opinion.category).default_severity] if named else []
    if is_sure_of_danger(opinion, policy.opinions.danger, policy):
        said.append(opinion.severity)
    return min(said, key=lambda code: codes.severity(code).rank, default=None)
