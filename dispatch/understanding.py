"""What an incident is taken for, from the evidence that it is made of. Pure functions of records.

Evidence is taken in one after the other, in the order in which it was placed; taking it in again
gives the same again, so that evidence which an operator moves elsewhere leaves nothing behind. The
second reader's opinion of a piece of evidence is taken in with it.
"""

from collections.abc import Iterable

import msgspec

from dispatch.advice import advised
from dispatch.correlation import accuracy_m, is_unsure, names, surest
from dispatch.unread import has_nothing
from schemas import codes
from schemas.kinds import OTHER, UNKNOWN
from schemas.policy import Kinds, Places, Policy
from schemas.records import Incident, Note, PlanKey, Reading

FIELDS = ("category", "severity", "confidence", "point", "where", "readings")
"""What of an incident's record follows from its evidence, beside the lists of it."""


def begun(incident: Incident, note: Note, policy: Policy) -> Incident:
    """Return the incident as the first of its evidence alone tells of it.

    What an operator has corrected stays as it is.
    """
    said = {
        "category": note.category,
        "severity": note.severity,
        "confidence": note.confidence,
        "point": note.point,
        "where": note.where,
        "readings": surest(_readings(note)),
    }
    certain = {
        "category": ("category", "confidence"),
        "severity": ("severity",),
        "place": ("point", "where"),
    }
    for field in incident.certain:
        for name in certain[field]:
            del said[name]
    return advised(msgspec.structs.replace(incident, **said), note, policy)


def joined(incident: Incident, note: Note, policy: Policy) -> Incident:
    """Return the incident as it is understood with one more piece of evidence."""
    sure = 1.0 - (1.0 - incident.confidence) * (1.0 - note.confidence)
    known = msgspec.structs.replace(
        incident,
        confidence=round(sure, 6),
        readings=surest((*incident.readings, *_readings(note))),
    )
    if _is_graver(incident, note, policy.kinds):
        known = msgspec.structs.replace(known, severity=note.severity)
    if names(note, incident, policy.kinds):
        known = msgspec.structs.replace(known, category=note.category)
    if _places_better(incident, note, policy.places):
        known = msgspec.structs.replace(known, point=note.point, where=note.where)
    return advised(known, note, policy)


def understood(incident: Incident, notes: Iterable[Note], policy: Policy) -> Incident:
    """Return the incident as all this evidence, of which there is at least one, tells of it."""
    first, *others = notes
    known = begun(incident, first, policy)
    for note in others:
        known = joined(known, note, policy)
    return known


def together(into: Incident, incident: Incident, places: Places) -> Incident:
    """Return ``into`` as it is understood with another incident that is the same event.

    The graver one gives category and severity; where only one of them was read, that one names the
    event, and what nobody has read makes nothing graver.
    """
    graver = min((into, incident), key=_gravity)
    other = incident if graver is into else into
    named = min((graver, other), key=lambda one: not _is_named(one))
    placed = min((graver, other), key=lambda one: _vagueness(one, places))
    plans = dict.fromkeys((_plan(into), _plan(incident), *into.plans, *incident.plans))
    plans.pop(PlanKey(category=named.category, severity=graver.severity), None)
    sure = 1.0 - (1.0 - into.confidence) * (1.0 - incident.confidence)
    theirs = {"place"} if named is graver else {"place", "category"}
    certain = [field for field in graver.certain if field not in theirs]
    certain += [field for field in named.certain if field == "category" and named is not graver]
    certain += [field for field in placed.certain if field == "place"]
    return msgspec.structs.replace(
        into,
        category=named.category,
        severity=graver.severity,
        confidence=round(sure, 6),
        point=placed.point,
        where=placed.where,
        readings=surest((*into.readings, *incident.readings)),
        plans=tuple(plans),
        certain=tuple(certain),
        manual=graver.manual,
    )


def _plan(incident: Incident) -> PlanKey:
    return PlanKey(category=incident.category, severity=incident.severity)


def _is_named(incident: Incident) -> bool:
    """Tell whether somebody could say what kind of event it is, if only that it is none of ours."""
    return incident.category != OTHER or "category" in incident.certain


def _gravity(incident: Incident) -> tuple[bool, int, bool]:
    rank = codes.severity(incident.severity).rank
    return incident.severity == UNKNOWN, rank, incident.category == OTHER


def _vagueness(incident: Incident, places: Places) -> tuple[bool, bool, float]:
    """Return what sorts the better place first: known at all, by an operator's word, exactly."""
    point = incident.point
    metres = 0.0 if point is None else accuracy_m(point, places)
    return point is None, "place" not in incident.certain, metres


def _readings(note: Note) -> tuple[Reading, ...]:
    """Return all that evidence may mean."""
    return (Reading(category=note.category, confidence=note.confidence), *note.alternatives)


def _is_graver(incident: Incident, note: Note, kinds: Kinds) -> bool:
    if UNKNOWN in (note.severity, incident.severity):
        return not has_nothing(note, kinds) and note.severity != incident.severity
    if codes.severity(note.severity).rank >= codes.severity(incident.severity).rank:
        return False
    return note.category == incident.category or not is_unsure(note, kinds)


def _places_better(incident: Incident, note: Note, places: Places) -> bool:
    """Tell whether evidence knows the place so much better as counts, or as the only one."""
    if note.point is None or "place" in incident.certain:
        return False
    if incident.point is None:
        return True
    old, new = incident.point.accuracy_m, note.point.accuracy_m
    return old is not None and new is not None and new * places.refining_factor <= old
