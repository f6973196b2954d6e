"""Compares what Jingwei made of a simulated play with what was true. Pure.

Terms
-----
event
    A true event of which at least one right message was acknowledged by the broker before the
    play ended; what nobody said cannot be heard.
right
    Said of an event with its category and at its place. Reports that are wrong (``place``,
    ``category``) or pranks are not; a repeat counts like the first.
its incidents
    Those that right evidence of the event stands in, after following merges. Evidence is
    matched by the report's id, or by the datastream and a time within its alarm; what was
    ignored, or only says that an alarm is over, does not count.
found_once
    It has exactly one incident, and no other event's right evidence is in that.
split
    It has more than one incident.
merged
    One of its incidents holds right evidence of another event.
missed
    It has none.
false_alarms
    Incidents opened since the play began, not merged into another, that hold no right evidence of
    any event: opened by wrong reports, pranks or by nothing that was sent.

An event may be both split and merged, so ``found_once + missed + split + merged >= events``.
Wrong evidence never makes a split or a merge: in an incident of another event than its own it
is a ``stray``, in one of its own (a wrong category at the right place) it is welcome, elsewhere
it makes a false alarm.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

import msgspec

from city.simulate.truth import Happened, Sent, Started, TruthLine, Undelivered
from schemas.topics import REPORTS

__all__ = ["EvidenceRow", "IncidentRow", "Score", "Waits", "score"]

_SLACK = timedelta(seconds=1)
_PLACED = ("opened", "attached", "asked")


class EvidenceRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the ledger's evidence.

    Attributes
    ----------
    source, source_id
        ``sensor`` and the datastream, or ``report`` and its ``service_request_id``.
    incident_id
        Where it was placed; None for nowhere.
    placed
        As in ``effects.EvidencePlaced``.
    observed_at, received_at
        When it was so, and when the journal got it.
    """

    source: str
    source_id: str
    incident_id: str | None
    placed: str
    observed_at: datetime
    received_at: datetime


class IncidentRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the ledger's incidents; ``dispatched_at`` is that of its first assignment."""

    id: str
    category: str
    state: str
    opened_at: datetime
    merged_into: str | None = None
    dispatched_at: datetime | None = None


class Waits(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds that events waited: how many are counted, median, 99th percentile, longest."""

    count: int
    p50_s: float | None
    p99_s: float | None
    longest_s: float | None


class Score(msgspec.Struct, frozen=True, kw_only=True):
    """How many of what; terms are in the module's docstring, ids beside the numbers.

    Attributes
    ----------
    right_category
        Of those found once, how many carry the event's category.
    strays
        Pieces of wrong evidence in other events' incidents.
    pranks, wrong
        Reports of nothing, and wrong reports of events, that were sent.
    report_to_dispatch
        From the first right message of an event (for a sensor, when its alarm had lasted for its
        minimum duration) until the first unit was assigned to one of
        its incidents; events without one are not counted.
    event_to_dispatch
        The same from when it happened.
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
    false_incidents: tuple[str, ...] = ()


def score(
    truth: Sequence[TruthLine],
    evidence: Iterable[EvidenceRow],
    incidents: Iterable[IncidentRow],
) -> Score:
    """Score a play; see the module's docstring for every term.

    Parameters
    ----------
    truth
        The lines of one play's truth file.
    evidence, incidents
        The region's rows; those of other plays do no harm, as ids and times differ.
    """
    by_id = {incident.id: incident for incident in incidents}
    heard = _Heard(truth)
    found: dict[str, set[str]] = {event: set() for event in heard.events}
    holds: dict[str, set[str]] = defaultdict(set)
    wrong: list[tuple[str, str | None]] = []
    for row in evidence:
        home = _home(row, by_id)
        if home is None:
            continue
        event = heard.event_of(row)
        if event is not None:
            found[event].add(home)
            holds[home].add(event)
        elif heard.is_wrong(row):
            wrong.append((home, heard.meant(row)))
    split = [event for event, homes in found.items() if len(homes) > 1]
    merged = [event for event, homes in found.items() if any(len(holds[h]) > 1 for h in homes)]
    missed = [event for event, homes in found.items() if not homes]
    once = [event for event in found if event not in {*split, *merged, *missed}]
    false = [
        incident.id
        for incident in by_id.values()
        if incident.merged_into is None
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
        false_alarms=len(false),
        right_category=sum(
            by_id[next(iter(found[event]))].category == heard.events[event].category
            for event in once
        ),
        strays=sum(bool(holds.get(home)) and meant not in holds[home] for home, meant in wrong),
        pranks=heard.pranks,
        wrong=heard.wrong,
        dispatched=len(dispatched),
        report_to_dispatch=_waits(
            (at - heard.first[event]).total_seconds() for event, at in dispatched.items()
        ),
        event_to_dispatch=_waits(
            (at - heard.events[event].at).total_seconds() for event, at in dispatched.items()
        ),
        split_events=tuple(sorted(split)),
        merged_events=tuple(sorted(merged)),
        missed_events=tuple(sorted(missed)),
        false_incidents=tuple(sorted(false)),
    )


class _Heard:
    """The truth, indexed: events that were spoken of, and what was said of them."""

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
        """Return the event that a piece of evidence rightly speaks of."""
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
        """Whether it comes of a report that was wrong."""
        return row.source == "report" and row.source_id in self._wrong

    def meant(self, row: EvidenceRow) -> str | None:
        """Return the event that a wrong report was meant for; None for a prank."""
        return self._wrong[row.source_id].event

    def during(self, at: datetime) -> bool:
        """Whether a time lies in the play, or after it: what it left behind opens late."""
        return not self._starts or at >= min(self._starts) - _SLACK


def _home(row: EvidenceRow, incidents: Mapping[str, IncidentRow]) -> str | None:
    """Return the incident a piece of evidence stands in, after merges."""
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
    """Return when units were first assigned to these incidents, or to those merged into them."""
    return [
        incident.dispatched_at
        for incident in incidents.values()
        if incident.dispatched_at is not None
        and (incident.id in homes or incident.merged_into in homes)
    ]


def _waits(seconds: Iterable[float]) -> Waits:
    ordered = sorted(max(wait, 0.0) for wait in seconds)
    return Waits(
        count=len(ordered),
        p50_s=_percentile(ordered, 0.50),
        p99_s=_percentile(ordered, 0.99),
        longest_s=ordered[-1] if ordered else None,
    )


def _percentile(ordered: Sequence[float], share: float) -> float | None:
    """Return the nearest-rank percentile: the least value that a share does not exceed."""
    if not ordered:
        return None
    return ordered[max(math.ceil(share * len(ordered)) - 1, 0)]
