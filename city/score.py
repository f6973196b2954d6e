"""Compare the incidents of a simulated play with the true events. Pure.

Terms
-----
event
    A true event with at least one right message that the broker acknowledged before the play
    ended; Jingwei cannot know an unreported event.
right
    A message about an event with its category and at its place. Wrong reports (``place``,
    ``category``) and pranks are not right; a repeat counts like the first.
its incidents
    Incidents with right evidence of the event, after following merges. Evidence is matched by
    the report's id, or by the datastream and a time within its alarm. Ignored evidence, and
    evidence that only ends an alarm, does not count.
found_once
    The event has exactly one incident, without right evidence of another event.
split
    The event has more than one incident.
merged
    One of its incidents has right evidence of another event.
missed
    The event has no incident.
held_apart
    Incidents whose severity is ``unknown``: nobody has read them, so they wait for an operator and
    are nobody's incident yet. One that an operator reads or merges is like any other.
unread
    The event has no incident but those that are held apart.
false_alarms
    Incidents opened since the play began, not merged into another, without right evidence of
    any event: opened by wrong reports, by pranks, or without any message of the play.

An event may be both split and merged, so
``found_once + missed + unread + split + merged >= events``.
Wrong evidence never makes a split or a merge. In an incident of another event it is a ``stray``;
in an incident of its own event (a wrong category at the right place) it is fine; elsewhere it
makes a false alarm.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

import msgspec

from city.simulate.truth import Happened, Sent, Started, TruthLine, Undelivered
from schemas.kinds import UNKNOWN
from schemas.topics import REPORTS

__all__ = ["EvidenceRow", "IncidentRow", "Score", "Waits", "score", "waits"]

_SLACK = timedelta(seconds=1)
_PLACED = ("opened", "attached", "asked")


class EvidenceRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the ledger's evidence.

    Attributes
    ----------
    source, source_id
        ``sensor`` and the datastream, or ``report`` and its ``service_request_id``.
    incident_id
        Its incident; None if it has none.
    placed
        As in ``effects.EvidencePlaced``.
    observed_at, received_at
        Time of the observation, and time of arrival in the journal.
    """

    source: str
    source_id: str
    incident_id: str | None
    placed: str
    observed_at: datetime
    received_at: datetime


class IncidentRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the ledger's incidents; ``dispatched_at`` is the time of its first assignment."""

    id: str
    category: str
    state: str
    opened_at: datetime
    merged_into: str | None = None
    dispatched_at: datetime | None = None
    severity: str = ""


class Waits(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds that events waited: count, mean, median, 99th percentile, longest."""

    count: int
    mean_s: float | None
    p50_s: float | None
    p99_s: float | None
    longest_s: float | None


class Score(msgspec.Struct, frozen=True, kw_only=True):
    """Counts, with ids; the module's docstring defines the terms.

    Attributes
    ----------
    right_category
        How many of the events found once have the right category.
    strays
        Pieces of wrong evidence in other events' incidents.
    pranks, wrong
        Number of pranks, and of wrong reports of events, that were sent.
    report_to_dispatch
        From the first right message of an event (for a sensor, when its alarm had lasted for its
        minimum duration) until the first assignment of a unit to one of its incidents. Events
        without an assignment are not counted.
    event_to_dispatch
        The same, from the time of the event.
    """

    events: int
    found_once: int
    split: int
    merged: int
    missed: int
    false_alarms: int
    right_category: int
    strays: int
    pranks: int
    wrong: int
    dispatched: int
    report_to_dispatch: Waits
    event_to_dispatch: Waits
    split_events: tuple[str, ...] = ()
    merged_events: tuple[str, ...] = ()
    missed_events: tuple[str, ...] = ()
    held_apart: int = 0
    unread: int = 0
    false_incidents: tuple[str, ...] = ()


def score(
    truth: Sequence[TruthLine],
    evidence: Iterable[EvidenceRow],
    incidents: Iterable[IncidentRow],
) -> Score:
    """Score a play; the module's docstring defines the terms.

    Parameters
    ----------
    truth
        The lines of one play's truth file.
    evidence, incidents
        The region's rows; rows of other plays do no harm, because ids and times differ.
    """
    by_id = {incident.id: incident for incident in incidents}
    heard = _Heard(truth)
    found: dict[str, set[str]] = {event: set() for event in heard.events}
    apart = {incident.id for incident in by_id.values() if incident.severity == UNKNOWN}
    only_apart: set[str] = set()
    holds: dict[str, set[str]] = defaultdict(set)
    wrong: list[tuple[str, str | None]] = []
    for row in evidence:
        home = _home(row, by_id)
        if home is None:
            continue
        event = heard.event_of(row)
        if home in apart:
            only_apart.update(() if event is None else (event,))
        elif event is not None:
            found[event].add(home)
            holds[home].add(event)
        elif heard.is_wrong(row):
            wrong.append((home, heard.meant(row)))
    split = [event for event, homes in found.items() if len(homes) > 1]
    merged = [event for event, homes in found.items() if any(len(holds[h]) > 1 for h in homes)]
    missed = [event for event, homes in found.items() if not homes and event not in only_apart]
    unread = [event for event, homes in found.items() if not homes and event in only_apart]
    once = [event for event in found if event not in {*split, *merged, *missed, *unread}]
    false = [
        incident.id
        for incident in by_id.values()
        if incident.merged_into is None
        and incident.id not in apart
        and not holds.get(incident.id)
        and heard.during(incident.opened_at)
    ]
    dispatched = {
        event: min(times) for event, homes in found.items() if (times := _dispatched(homes, by_id))
    }
    return Score(
        events=len(found),
        found_once=len(once),
        split=len(split),
        merged=len(merged),
        missed=len(missed),
        held_apart=sum(
            by_id[incident].merged_into is None and heard.during(by_id[incident].opened_at)
            for incident in apart
        ),
        unread=len(unread),
        false_alarms=len(false),
        right_category=sum(
            by_id[next(iter(found[event]))].category == heard.events[event].category
            for event in once
        ),
        strays=sum(bool(holds.get(home)) and meant not in holds[home] for home, meant in wrong),
        pranks=heard.pranks,
        wrong=heard.wrong,
        dispatched=len(dispatched),
        report_to_dispatch=waits(
            (at - heard.first[event]).total_seconds() for event, at in dispatched.items()
        ),
        event_to_dispatch=waits(
            (at - heard.events[event].at).total_seconds() for event, at in dispatched.items()
        ),
        split_events=tuple(sorted(split)),
        merged_events=tuple(sorted(merged)),
        missed_events=tuple(sorted(missed)),
        false_incidents=tuple(sorted(false)),
    )


class _Heard:
    """The truth, indexed: reported events, and the messages about them."""

    def __init__(self, truth: Sequence[TruthLine]) -> None:
        lost = {
            line.key
            for line in truth
            if isinstance(line, Undelivered) and line.topic == REPORTS.name
        }
        sent = [line for line in truth if isinstance(line, Sent) and line.id not in lost]
        right = [line for line in sent if line.wrong is None and line.event is not None]
        happened = {line.id: line for line in truth if isinstance(line, Happened)}
        self.first: dict[str, datetime] = {}
        for line in right:
            event = line.event or ""
            when = line.ripe or line.at
            self.first[event] = min(when, self.first.get(event, when))
        self.events = {event: happened[event] for event in self.first if event in happened}
        self._reports = {line.id: line.event for line in right if line.source == "report"}
        self._wrong = {line.id: line for line in sent if line.wrong is not None}
        self._alarms: dict[str, list[Sent]] = defaultdict(list)
        for line in right:
            if line.source == "sensor":
                self._alarms[line.id].append(line)
        self.pranks = sum(line.wrong == "prank" for line in self._wrong.values())
        self.wrong = len(self._wrong) - self.pranks
        self._starts = [line.at for line in truth if isinstance(line, Started)]

    def event_of(self, row: EvidenceRow) -> str | None:
        """Return the event for which a piece of evidence is right."""
        event = None
        if row.source == "report":
            event = self._reports.get(row.source_id)
        else:
            for alarm in self._alarms.get(row.source_id, ()):
                ends = alarm.until or alarm.at
                if alarm.at - _SLACK <= row.observed_at <= ends + _SLACK:
                    event = alarm.event
        return event if event in self.events else None

    def is_wrong(self, row: EvidenceRow) -> bool:
        """Whether the evidence comes from a wrong report."""
        return row.source == "report" and row.source_id in self._wrong

    def meant(self, row: EvidenceRow) -> str | None:
        """Return the event that a wrong report is about; None for a prank."""
        return self._wrong[row.source_id].event

    def during(self, at: datetime) -> bool:
        """Whether a time lies in or after the play, whose last messages may open incidents late."""
        return not self._starts or at >= min(self._starts) - _SLACK


def _home(row: EvidenceRow, incidents: Mapping[str, IncidentRow]) -> str | None:
    """Return the incident of a piece of evidence, after merges."""
    if row.incident_id is None or row.placed not in _PLACED:
        return None
    home, seen = row.incident_id, {row.incident_id}
    while home in incidents and (into := incidents[home].merged_into) is not None:
        if into in seen:
            break
        seen.add(into)
        home = into
    return home if home in incidents else None


def _dispatched(homes: set[str], incidents: Mapping[str, IncidentRow]) -> list[datetime]:
    """Return the first assignments of these incidents and of incidents merged into them."""
    return [
        incident.dispatched_at
        for incident in incidents.values()
        if incident.dispatched_at is not None
        and (incident.id in homes or incident.merged_into in homes)
    ]


def waits(seconds: Iterable[float]) -> Waits:
    """Return the figures of waits in seconds; one below zero counts as none."""
    ordered = sorted(max(wait, 0.0) for wait in seconds)
    return Waits(
        count=len(ordered),
        mean_s=sum(ordered) / len(ordered) if ordered else None,
        p50_s=_percentile(ordered, 0.50),
        p99_s=_percentile(ordered, 0.99),
        longest_s=ordered[-1] if ordered else None,
    )


def _percentile(ordered: Sequence[float], share: float) -> float | None:
    """Return the nearest-rank percentile: the least value that this share does not exceed."""
    if not ordered:
        return None
    return ordered[max(math.ceil(share * len(ordered)) - 1, 0)]
