"""What became of a run: incidents with their times, units' work, and a score against the truth."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import NamedTuple

from city.score import EvidenceRow, IncidentRow, Score, Waits, score, waits
from city.simulate.truth import TruthLine
from schemas.effects import (
    AlertWritten,
    AssignmentWritten,
    Effect,
    EvidencePlaced,
    IncidentWritten,
)
from schemas.journal import Entry, EvidenceNoted
from schemas.records import Assignment, Evidence, Incident

__all__ = ["Applied", "Ledger", "Noted", "Outcome", "Served"]


class Noted(NamedTuple):
    """A piece of evidence and when it stood in the journal."""

    evidence: Evidence
    at: datetime


class Applied(NamedTuple):
    """A journal entry, its log-append time, and what followed from it."""

    entry: Entry
    at: datetime
    effects: tuple[Effect, ...]


class Served(NamedTuple):
    """An incident as it was left, and how long it waited, in seconds since it was opened.

    ``told`` has the kinds of alerts that an operator was given of it. What nobody was sent to, or
    nobody reached, has None.
    """

    incident: Incident
    dispatched_s: float | None
    on_scene_s: float | None
    told: tuple[str, ...]


@dataclass(frozen=True)
class Outcome:
    """What became of a run.

    Attributes
    ----------
    truth
        What really happened and what was said of it, as ``city.score`` reads it.
    noted, placed
        The evidence, and where it went.
    assignments
        As they were left, by id.
    busy_s
        By unit, seconds on assignments.
    journal
        Every entry with its effects, where the scenario keeps them.
    """

    truth: Sequence[TruthLine]
    noted: Sequence[Noted]
    placed: Sequence[EvidencePlaced]
    incidents: Sequence[Served]
    assignments: dict[str, Assignment]
    busy_s: dict[str, float]
    journal: Sequence[Applied]

    @cached_property
    def score(self) -> Score:
        """How many true events became exactly one incident, and more; see ``city.score``."""
        return score(self.truth, self._evidence(), self._rows())

    @cached_property
    def response(self) -> Waits:
        """From an incident's opening until its first unit is there; those reached by none left out.

        How many that are is ``len(incidents) - response.count``.
        """
        return waits(one.on_scene_s for one in self.incidents if one.on_scene_s is not None)

    def _evidence(self) -> list[EvidenceRow]:
        noted = {item.evidence.id: item.evidence for item in self.noted}
        return [
            EvidenceRow(
                source=noted[placed.evidence].source,
                source_id=noted[placed.evidence].source_id,
                incident_id=placed.incident,
                placed=placed.placed,
                observed_at=noted[placed.evidence].observed_at,
                received_at=noted[placed.evidence].received_at,
            )
            for placed in self.placed
        ]

    def _rows(self) -> list[IncidentRow]:
        sent: dict[str, list[datetime]] = defaultdict(list)
        for assignment in self.assignments.values():
            sent[assignment.incident].append(assignment.dispatched)
        return [
            IncidentRow(
                id=incident.id,
                category=incident.category,
                severity=incident.severity,
                state=incident.state,
                opened_at=incident.opened_at,
                merged_into=incident.merged_into,
                dispatched_at=min(sent[incident.id], default=None),
            )
            for incident, *_ in self.incidents
        ]


class Ledger:
    """What a ledger would hold of the effects, as far as an outcome needs it."""

    def __init__(self, *, keep: bool) -> None:
        self._keep = keep
        self._journal: list[Applied] = []
        self._noted: dict[str, Noted] = {}
        self._placed: list[EvidencePlaced] = []
        self._incidents: dict[str, Incident] = {}
        self._assignments: dict[str, Assignment] = {}
        self._told: dict[str, dict[str, None]] = defaultdict(dict)

    def write(self, applied: Applied) -> None:
        """Take an applied entry in."""
        if self._keep:
            self._journal.append(applied)
        if isinstance(applied.entry, EvidenceNoted):
            evidence = applied.entry.evidence
            self._noted.setdefault(evidence.id, Noted(evidence, applied.at))
        for effect in applied.effects:
            match effect:
                case IncidentWritten(incident=incident):
                    self._incidents[incident.id] = incident
                case AssignmentWritten(assignment=assignment):
                    self._assignments[assignment.id] = assignment
                case AlertWritten(alert=alert):
                    self._told[alert.incident][alert.kind] = None
                case EvidencePlaced():
                    self._placed.append(effect)

    def outcome(self, truth: Sequence[TruthLine], ended: datetime) -> Outcome:
        """Return what became of the run that has ended."""
        sent: dict[str, list[Assignment]] = defaultdict(list)
        busy_s: dict[str, float] = defaultdict(float)
        for assignment in self._assignments.values():
            sent[assignment.incident].append(assignment)
            until = assignment.clear or ended
            busy_s[assignment.unit] += (until - assignment.dispatched).total_seconds()
        return Outcome(
            truth=truth,
            noted=list(self._noted.values()),
            placed=self._placed,
            incidents=[
                _served(incident, sent[incident.id], tuple(self._told[incident.id]))
                for incident in self._incidents.values()
            ],
            assignments=dict(sorted(self._assignments.items())),
            busy_s=dict(sorted(busy_s.items())),
            journal=self._journal,
        )


def _served(incident: Incident, sent: Sequence[Assignment], told: tuple[str, ...]) -> Served:
    dispatched = min((a.dispatched for a in sent), default=None)
    arrived = min((a.on_scene for a in sent if a.on_scene is not None), default=None)
    return Served(incident, _since(incident, dispatched), _since(incident, arrived), told)


def _since(incident: Incident, at: datetime | None) -> float | None:
    return None if at is None else (at - incident.opened_at).total_seconds()
