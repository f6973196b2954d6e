"""What the core remembers of evidence: which incident is made of what, and who was heard where."""

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from dispatch.indexes import copied
from schemas.records import LATEST, Incident, Note, Opinion


class Notes:
    """Notes by incident, in the order in which the evidence was placed.

    An incident that was merged keeps its own; `of` an incident includes those of the incidents
    that it took in, so that neither a merge nor its undoing moves any.
    """

    def __init__(self, notes: Iterable[Note]) -> None:
        self._notes: dict[str, Note] = {}
        self._numbers: dict[str, int] = {}
        self._by_incident: dict[str, list[tuple[int, str]]] = {}
        self._sources: dict[str, dict[str, int]] = {}
        self._sensors: dict[str, dict[str, list[int]]] = {}
        self._taken_in: dict[str, dict[str, None]] = {}
        self._count = 0
        for note in notes:
            self.add(note)

    def copy(self) -> "Notes":
        """Return the same notes, to be changed by themselves."""
        twin = Notes(())
        twin._notes, twin._numbers = self._notes.copy(), self._numbers.copy()
        twin._by_incident, twin._sources = copied(self._by_incident), copied(self._sources)
        twin._sensors = {sensor: copied(numbers) for sensor, numbers in self._sensors.items()}
        twin._taken_in = copied(self._taken_in)
        twin._count = self._count
        return twin

    def add(self, note: Note) -> None:
        """Take a note in, as the latest."""
        self._count += 1
        self._numbers[note.id] = self._count
        self._put(note)

    def get(self, evidence: str) -> Note | None:
        """Return the note of a piece of evidence."""
        return self._notes.get(evidence)

    def advise(self, opinion: Opinion) -> Note:
        """Remember what the second reader says of evidence; its place in the order stays."""
        note = msgspec.structs.replace(self._notes[opinion.evidence], opinion=opinion)
        self._notes[note.id] = note
        return note

    def move(self, evidence: str, incident: str) -> Note:
        """Say that evidence belongs to another incident; its place in the order stays."""
        note = self._notes[evidence]
        self._drop(note)
        moved = msgspec.structs.replace(note, incident=incident)
        self._put(moved)
        return moved

    def merge(self, incident: str, into: str) -> None:
        """Count an incident's notes to the one that took it in, too."""
        self._taken_in.setdefault(into, {})[incident] = None

    def unmerge(self, incident: str, into: str) -> None:
        """Undo `merge`."""
        del self._taken_in[into][incident]
        if not self._taken_in[into]:
            del self._taken_in[into]

    def family(self, incident: str) -> list[str]:
        """Return the incident and all that it has taken in, and those in turn."""
        found = [incident]
        for member in found:
            found += sorted(self._taken_in.get(member, ()))
        return found

    def of(self, incident: str) -> list[Note]:
        """Return the notes of an incident and of those it took in, in order."""
        numbered = [
            pair for member in self.family(incident) for pair in self._by_incident.get(member, ())
        ]
        return [self._notes[evidence] for _, evidence in sorted(numbered)]

    def own(self, incident: str) -> list[Note]:
        """Return the notes that were placed in an incident itself, in order."""
        return [self._notes[evidence] for _, evidence in self._by_incident.get(incident, ())]

    def has_source(self, incident: str, source: str) -> bool:
        """Tell whether an incident, or one that it took in, has evidence of a source."""
        return any(source in self._sources.get(member, ()) for member in self.family(incident))

    def heard(self, sensor: str) -> list[str]:
        """Return the incidents that have evidence of a datastream, by the first of it in each."""
        numbers = self._sensors.get(sensor, {})
        return sorted(numbers, key=lambda incident: numbers[incident][0])

    def of_sensor(self, sensor: str, incident: str) -> Iterator[Note]:
        """Yield an incident's own notes of a datastream, the latest first."""
        numbered = self._by_incident.get(incident, [])
        for number in reversed(self._sensors.get(sensor, {}).get(incident, [])):
            yield self._notes[numbered[bisect_left(numbered, (number, ""))][1]]

    def forget(self, incident: str) -> None:
        """Drop an incident's own notes; those it took in have been dropped before."""
        for _, evidence in self._by_incident.get(incident, [])[:]:
            note = self._notes[evidence]
            self._drop(note)
            del self._notes[evidence], self._numbers[evidence]

    def all(self) -> tuple[Note, ...]:
        """Return every note, in order."""
        ordered = sorted(self._notes, key=self._numbers.__getitem__)
        return tuple(self._notes[evidence] for evidence in ordered)

    def _put(self, note: Note) -> None:
        self._notes[note.id] = note
        insort(self._by_incident.setdefault(note.incident, []), (self._numbers[note.id], note.id))
        _count(self._sources, note.incident, note.source_id)
        if note.source == "sensor":
            incidents = self._sensors.setdefault(note.source_id, {})
            insort(incidents.setdefault(note.incident, []), self._numbers[note.id])

    def _drop(self, note: Note) -> None:
        numbered = self._by_incident[note.incident]
        del numbered[bisect_left(numbered, (self._numbers[note.id], note.id))]
        if not self._by_incident[note.incident]:
            del self._by_incident[note.incident]
        _uncount(self._sources, note.incident, note.source_id)
        if note.source == "sensor":
            incidents = self._sensors[note.source_id]
            incidents[note.incident].remove(self._numbers[note.id])
            if not incidents[note.incident]:
                del incidents[note.incident]
            if not incidents:
                del self._sensors[note.source_id]


def _count(counts: dict[str, dict[str, int]], outer: str, inner: str) -> None:
    within = counts.setdefault(outer, {})
    within[inner] = within.get(inner, 0) + 1


def _uncount(counts: dict[str, dict[str, int]], outer: str, inner: str) -> None:
    counts[outer][inner] -= 1
    if not counts[outer][inner]:
        del counts[outer][inner]
    if not counts[outer]:
        del counts[outer]


def latest(notes: list[Note]) -> dict[str, Any]:
    """Return the fields of an incident that tell of its notes: the latest of them, and counts."""
    sources = list(dict.fromkeys(note.source_id for note in reversed(notes)))
    return {
        "evidence": tuple(note.id for note in notes[-LATEST:]),
        "evidence_count": len(notes),
        "sources": tuple(reversed(sources[:LATEST])),
        "source_count": len(sources),
    }


def one_more(incident: Incident, note: Note, *, is_new: bool) -> dict[str, Any]:
    """Return what `latest` does for an incident's notes and one more, from its record alone.

    ``is_new`` says that none of its notes has the same source.
    """
    before = tuple(source for source in incident.sources if source != note.source_id)
    # Records from before there were counts name all.
    evidence = max(incident.evidence_count, len(incident.evidence))
    sources = max(incident.source_count, len(incident.sources))
    return {
        "evidence": (*incident.evidence, note.id)[-LATEST:],
        "evidence_count": evidence + 1,
        "sources": (*before, note.source_id)[-LATEST:],
        "source_count": sources + is_new,
    }
