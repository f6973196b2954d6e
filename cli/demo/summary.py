"""Summary of a run: counts, waiting times, score against the truth, invariants.

``report_to_assignment_ms`` is the time from Kafka's timestamp of the report or reading that
opened an incident until an outside subscriber of ``city.dispatches`` received its first
assignment. If the subscriber missed it, the time ends when the ledger wrote the assignment; the
summary says for how many. Only incidents to which the policy sent a unit in the journal entry
that opened them are measured; the others waited for a unit or an operator, and are counted
separately.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

import asyncpg
import msgspec
from aiokafka.partitioner import DefaultPartitioner

from city.score import EvidenceRow, IncidentRow, Score, score
from city.simulate.truth import TruthLine
from cli.demo.log import Log, behind
from infra.ledger import invariants, run
from infra.ledger.pool import reading
from infra.ledger.run import Opening, Part
from infra.ledger.snapshot import applied_offset
from schemas import topics, wire
from schemas.errors import PayloadError
from schemas.inputs import CitizenReport

_SETTLED_S = 5.0
_SHOWN = 3


class Waited(msgspec.Struct, frozen=True):
    """Milliseconds at the median and the 99th percentile; None without any."""

    p50: float | None
    p99: float | None


class First(msgspec.Struct, frozen=True):
    """How the run's incidents got their first unit.

    Attributes
    ----------
    at_once
        From the policy, in the entry that opened the incident.
    later
        Later, because of a shortage or because an operator had to confirm.
    never
        Not within the run.
    seen_outside
        How many of ``at_once`` the outside subscriber saw.
    """

    at_once: int
    later: int
    never: int
    seen_outside: int


class Truth(msgspec.Struct, frozen=True):
    """The score against the true events; terms as in ``city.score``."""

    events: int
    found_once: int
    split: int
    merged: int
    missed: int
    held_apart: int
    unread: int
    false_alarms: int


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """One run; ``invariants`` by name, ``broken`` ones with one sentence each."""

    startup_s: float
    seconds: float
    readings: int
    reports: int
    evidence: int
    incidents: int
    dispatched: int
    report_to_assignment_ms: Waited
    first_assignment: First
    dead_letters: dict[str, int]
    truth: Truth
    invariants: dict[str, bool]
    broken: dict[str, list[str]]
    restarts: dict[str, int]


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """A run: region, consumer group, start time, and the ends of the topics at that time."""

    region: str
    group: str
    since: datetime
    first: Mapping[Part, int]
    startup_s: float
    seconds: float
    restarts: dict[str, int]


async def summarise(
    ledger: asyncpg.Connection,
    log: Log,
    span: Span,
    truth: Sequence[TruthLine],
    seen: Mapping[str, datetime],
    ends: Mapping[Part, int],
) -> Summary:
    """Return the summary of a run after all its messages were processed.

    Parameters
    ----------
    seen
        When an outside subscriber saw the first assignment, by incident.
    ends
        The ends of the topics when the run was over.
    """
    async with reading(ledger) as conn:
        evidence = await run.evidence(conn, span.region, span.since)
        incidents = await run.incidents(conn, span.region, span.since)
        openings = await run.openings(conn, span.region, span.since)
        letters = await run.dead_letters(conn, span.first)
        broken = await invariants.violations(conn, _SETTLED_S)
        broken |= await _outside(conn, log, span, ends)
    found = score(
        truth,
        [EvidenceRow(**row._asdict()) for row in evidence],
        [IncidentRow(**row._asdict()) for row in incidents],
    )
    waits, first = waited(openings, seen)
    return Summary(
        startup_s=round(span.startup_s, 1),
        seconds=round(span.seconds, 1),
        readings=_count(topics.READINGS.name, span.first, ends),
        reports=_count(topics.REPORTS.name, span.first, ends),
        evidence=len(evidence),
        incidents=len(incidents),
        dispatched=sum(row.dispatched_at is not None for row in incidents),
        report_to_assignment_ms=waits,
        first_assignment=first,
        dead_letters=letters,
        truth=_truth(found),
        invariants={name: not faults for name, faults in broken.items()},
        broken={name: faults for name, faults in broken.items() if faults},
        restarts=span.restarts,
    )


def waited(openings: Sequence[Opening], seen: Mapping[str, datetime]) -> tuple[Waited, First]:
    """Return the waits for the first unit, and how many incidents are in them."""
    at_once = [opening for opening in openings if opening.at_once]
    waits = []
    for opening in at_once:
        until = seen.get(opening.incident, opening.recorded_at)
        assert until is not None, "an assignment has a time"
        waits.append((until - opening.received_at).total_seconds() * 1000)
    waits.sort()
    first = First(
        at_once=len(at_once),
        later=sum(not opening.at_once and opening.assignments > 0 for opening in openings),
        never=sum(opening.assignments == 0 for opening in openings),
        seen_outside=sum(opening.incident in seen for opening in at_once),
    )
    return Waited(percentile(waits, 0.50), percentile(waits, 0.99)), first


def percentile(ordered: Sequence[float], share: float) -> float | None:
    """Return the nearest-rank percentile: the least value that this share does not exceed."""
    if not ordered:
        return None
    return round(ordered[max(math.ceil(share * len(ordered)) - 1, 0)], 1)


def lines(summary: Summary) -> Iterator[str]:
    """Yield the summary as lines of text."""
    waits, first, truth = summary.report_to_assignment_ms, summary.first_assignment, summary.truth
    yield f"city running after   {summary.startup_s:.1f} s, for {summary.seconds:.0f} s"
    yield f"messages in          {summary.readings} readings, {summary.reports} citizens' reports"
    yield f"evidence             {summary.evidence}"
    yield f"incidents            {summary.incidents}, {summary.dispatched} with units sent"
    if waits.p50 is not None:
        yield (
            f"report to dispatch   {waits.p50:.0f} ms median, {waits.p99:.0f} ms 99th percentile"
            f" ({first.at_once} incidents dispatched at once, from Kafka's timestamp until an"
            f" outside subscriber of city.dispatches had it"
            + (
                f"; for {first.at_once - first.seen_outside} until the ledger had it)"
                if first.seen_outside < first.at_once
                else ")"
            )
        )
    yield (
        f"  others             {first.later} waited for a unit or an operator,"
        f" {first.never} had none yet"
    )
    letters = ", ".join(f"{count} {reason}" for reason, count in summary.dead_letters.items())
    yield f"dead letters         {letters or 'none'}"
    yield (
        f"against the truth    {truth.found_once} of {truth.events} events are one incident each;"
        f" {truth.split} split, {truth.merged} merged, {truth.missed} missed,"
        f" {truth.unread} only in reports that nobody has read ({truth.held_apart} such reports);"
        f" {truth.false_alarms} false alarms"
    )
    for name, count in summary.restarts.items():
        if count:
            yield f"restarts             {name}: {count}"
    good = sum(summary.invariants.values())
    yield f"invariants           {good} of {len(summary.invariants)} hold"
    for name, faults in summary.broken.items():
        yield f"  BROKEN {name}: {len(faults)}"
        for fault in faults[:_SHOWN]:
            yield f"    {fault}"


async def _outside(
    conn: asyncpg.Connection, log: Log, span: Span, ends: Mapping[Part, int]
) -> dict[str, list[str]]:
    """Check the invariants that need both the topics and the ledger."""
    done = await run.consumed(conn, span.group)
    names = {topic.name for topic in topics.INPUTS}
    lag = behind({part: end for part, end in ends.items() if part[0] in names}, done)
    return {
        "inputs_read_to_the_end": [f"{n} messages of {name} not read" for name, n in lag.items()],
        "journal_applied": await _not_applied(conn, log, span.region, ends),
        "reports_accounted_for": await _lost_reports(conn, log, span, ends),
    }


async def _not_applied(
    conn: asyncpg.Connection, log: Log, region: str, ends: Mapping[Part, int]
) -> list[str]:
    """Return the region's journal entries after the last applied one."""
    numbers = list(range(topics.JOURNAL.partitions))
    home = (topics.JOURNAL.name, int(DefaultPartitioner()(region.encode(), numbers, numbers)))
    applied = await applied_offset(conn, region)
    left = await log.read({home: applied + 1}, {home: ends[home]})
    return [
        f"entry at offset {record.offset} of the journal is not applied"
        for record in left
        if record.key == region.encode()
    ]


async def _lost_reports(
    conn: asyncpg.Connection, log: Log, span: Span, ends: Mapping[Part, int]
) -> list[str]:
    """Return the run's reports that are neither evidence nor a dead letter nor a repeat."""
    topic = topics.REPORTS.name
    reach = {part: end for part, end in ends.items() if part[0] == topic}
    stored = await run.stored_reports(conn, topic)
    known = await run.known_reports(conn, span.region)
    return [
        f"report at offset {record.offset} of partition {record.partition} left no trace"
        for record in await log.read(span.first, reach)
        if (topic, record.partition, record.offset) not in stored
        and _report_id(record.value) not in known
    ]


def _report_id(value: bytes | None) -> str | None:
    try:
        report: CitizenReport = wire.decode(value or b"", CitizenReport)
    except PayloadError:
        return None
    return report.service_request_id


def _count(topic: str, first: Mapping[Part, int], ends: Mapping[Part, int]) -> int:
    return sum(end - first[part] for part, end in ends.items() if part[0] == topic)


def _truth(found: Score) -> Truth:
    return Truth(**{name: getattr(found, name) for name in Truth.__struct_fields__})
