"""What an incident is taken for, from the evidence that it is made of. Pure functions of records.

Evidence is taken in one after the other, in the order in which it was placed; taking it in again
gives the same again, so that evidence which an operator moves elsewhere leaves nothing behind.
"""

from collections.abc import Iterable

import msgspec

from dispatch.correlation import is_unread, names, surest
from schemas import codes
from schemas.records import Incident, Note, PlanKey, Reading

_UNKNOWN_ACCURACY_M = 30.0
"""Of a place whose accuracy nobody told."""

FIELDS = ("category", "severity", "confidence", "point", "where", "readings")
"""What of an incident's record follows from its evidence, beside the lists of it."""


def begun(incident: Incident, note: Note) -> Incident:
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
    return msgspec.structs.replace(incident, **said)


def joined(incident: Incident, note: Note) -> Incident:
    """Return the incident as it is understood with one more piece of evidence."""
    sure = 1.0 - (1.0 - incident.confidence) * (1.0 - note.confidence)
    known = msgspec.structs.replace(
        incident,
        confidence=round(sure, 6),
        readings=surest((*incident.readings, *_readings(note))),
    )
    if _is_graver(incident, note):
        known = msgspec.structs.replace(known, severity=note.severity)
    if names(note, incident):
        known = msgspec.structs.replace(known, category=note.category)
    if _places_better(incident, note):
        known = msgspec.structs.replace(known, point=note.point, where=note.where)
    return known


def understood(incident: Incident, notes: Iterable[Note]) -> Incident:
    """Return the incident as all this evidence, of which there is at least one, tells of it."""
    first, *others = notes
    known = begun(incident, first)
    for note in others:
        known = joined(known, note)
    return known


def together(into: Incident, incident: Incident) -> Incident:
    """Return ``into`` as it is understood with another incident that is the same event."""
    graver = min((into, incident), key=_gravity)
    other = incident if graver is into else into
    placed = min((graver, other), key=_vagueness)
    plans = dict.fromkeys((_plan(into), _plan(incident), *into.plans, *incident.plans))
    plans.pop(_plan(graver))
    sure = 1.0 - (1.0 - into.confidence) * (1.0 - incident.confidence)
    certain = [field for field in graver.certain if field != "place"]
    certain += [field for field in placed.certain if field == "place"]
    return msgspec.structs.replace(
        into,
        category=graver.category,
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


def _gravity(incident: Incident) -> tuple[int, bool]:
    return codes.severity(incident.severity).rank, incident.category == "other"


def _vagueness(incident: Incident) -> tuple[bool, bool, float]:
    """Return what sorts the better place first: known at all, by an operator's word, exactly."""
    point = incident.point
    accuracy = None if point is None else point.accuracy_m
    metres = _UNKNOWN_ACCURACY_M if accuracy is None else accuracy
    return point is None, "place" not in incident.certain, metres


def _readings(note: Note) -> tuple[Reading, ...]:
    """Return all that evidence may mean."""
    return (Reading(category=note.category, confidence=note.confidence), *note.alternatives)


def _is_graver(incident: Incident, note: Note) -> bool:
    if codes.severity(note.severity).rank >= codes.severity(incident.severity).rank:
        return False
    return note.category == incident.category or not is_unread(note)


def _places_better(incident: Incident, note: Note) -> bool:
    """Tell whether evidence knows the place at least twice as well, or as the only one."""
    if note.point is None or "place" in incident.certain:
        return False
    if incident.point is None:
        return True
    old, new = incident.point.accuracy_m, note.point.accuracy_m
    return old is not None and new is not None and new * 2.0 <= old
