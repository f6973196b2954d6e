"""The score, on plays small enough to count by hand."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from city.score import EvidenceRow, IncidentRow, Score, score
from city.simulate.truth import (
    Ended,
    Happened,
    Sent,
    Started,
    TruthLine,
    TruthLog,
    Undelivered,
    read_truth,
)

START = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def started() -> Started:
    return Started(run="r", at=START, seed=1, city="c", region="test", speed=1, rate=1, readings=1)


def happened(key: str, seconds: float = 1.0, category: str = "fire") -> Happened:
    return Happened(
        id=key, category=category, severity="P1", lon=121.4, lat=31.2, street="", at=at(seconds)
    )


def told(key: str, event: str | None, seconds: float = 2.0, wrong: str | None = None) -> Sent:
    return Sent(source="report", id=key, event=event, at=at(seconds), wrong=wrong)


def sensed(stream: str, event: str, first: float, last: float) -> Sent:
    return Sent(source="sensor", id=stream, event=event, at=at(first), until=at(last))


def row(
    key: str, incident: str | None, *, seconds: float = 2.0, placed: str = "attached"
) -> EvidenceRow:
    return EvidenceRow(
        source="sensor" if "/" in key else "report",
        source_id=key,
        incident_id=incident,
        placed=placed,
        observed_at=at(seconds),
        received_at=at(seconds + 0.1),
    )


def incident(
    key: str,
    seconds: float = 2.0,
    *,
    into: str | None = None,
    dispatched: float | None = None,
    category: str = "fire",
) -> IncidentRow:
    return IncidentRow(
        id=key,
        category=category,
        state="closed" if into is None else "merged",
        opened_at=at(seconds),
        merged_into=into,
        dispatched_at=None if dispatched is None else at(dispatched),
    )


def scored(
    truth: list[TruthLine], evidence: list[EvidenceRow], incidents: list[IncidentRow]
) -> Score:
    return score([started(), *truth], evidence, incidents)


def counts(found: Score) -> tuple[int, ...]:
    return (
        found.events,
        found.found_once,
        found.split,
        found.merged,
        found.missed,
        found.false_alarms,
    )


def test_nothing_is_nothing():
    assert counts(score([], [], [])) == (0, 0, 0, 0, 0, 0)


def test_found_once_by_reports_and_a_sensor():
    truth = [
        happened("E1"),
        told("R1", "E1", 3.0),
        told("R2", "E1", 9.0),
        sensed("smoke/1", "E1", 2.0, 60.0),
    ]
    evidence = [row("R1", "i1"), row("R2", "i1"), row("smoke/1", "i1", seconds=2.0)]
    found = scored(truth, evidence, [incident("i1", dispatched=2.5)])
    assert counts(found) == (1, 1, 0, 0, 0, 0)
    assert found.right_category == found.dispatched == 1
    assert found.report_to_dispatch.p50_s == pytest.approx(0.5)
    assert found.event_to_dispatch.longest_s == pytest.approx(1.5)


def test_split():
    truth = [happened("E1"), told("R1", "E1"), told("R2", "E1")]
    found = scored(
        truth, [row("R1", "i1"), row("R2", "i2", placed="opened")], [incident("i1"), incident("i2")]
    )
    assert counts(found) == (1, 0, 1, 0, 0, 0)
    assert found.split_events == ("E1",)


def test_a_split_that_the_operator_merged_is_found_once():
    truth = [happened("E1"), told("R1", "E1"), told("R2", "E1")]
    incidents = [incident("i1"), incident("i2", into="i1", dispatched=4.0)]
    found = scored(truth, [row("R1", "i1"), row("R2", "i2", placed="asked")], incidents)
    assert counts(found) == (1, 1, 0, 0, 0, 0)
    assert found.dispatched == 1


def test_merges_are_followed_to_the_end_and_a_circle_ends():
    truth = [happened("E1"), told("R1", "E1"), told("R2", "E1")]
    chain = [incident("i1", into="i2"), incident("i2", into="i3"), incident("i3")]
    assert scored(truth, [row("R1", "i1"), row("R2", "i3")], chain).found_once == 1
    circle = [incident("i1", into="i2"), incident("i2", into="i1")]
    assert scored(truth, [row("R1", "i1")], circle).events == 1


def test_merged_events_are_two_mistakes():
    truth = [happened("E1"), told("R1", "E1"), happened("E2"), told("R2", "E2")]
    found = scored(truth, [row("R1", "i1"), row("R2", "i1")], [incident("i1")])
    assert counts(found) == (2, 0, 0, 2, 0, 0)
    assert found.merged_events == ("E1", "E2")


def test_missed():
    truth = [
        happened("E1"),
        told("R1", "E1"),
        happened("E2"),
        told("R2", "E2"),
        happened("E3"),
        told("R3", "E3"),
    ]
    evidence = [
        row("R1", None, placed="ignored"),
        row("R2", "i1", placed="ignored"),
        row("R3", "gone"),
    ]
    found = scored(truth, evidence, [incident("i1")])
    assert counts(found) == (3, 0, 0, 0, 3, 1)


def test_events_that_nobody_spoke_of_do_not_count():
    truth = [
        happened("E1"),
        happened("E2"),
        told("R2", "E2", wrong="place"),
        happened("E3"),
        told("R3", "E3"),
        Undelivered(topic="city.citizen.reports", key="R3", reason="broker away"),
    ]
    assert counts(scored(truth, [], [])) == (0, 0, 0, 0, 0, 0)


def test_wrong_reports_make_false_alarms_never_splits():
    truth = [
        happened("E1"),
        told("R1", "E1"),
        told("R2", "E1", wrong="place"),
        told("R3", "E1", wrong="category"),
        told("P1", None, wrong="prank"),
    ]
    evidence = [
        row("R1", "i1", placed="opened"),
        row("R2", "i2", placed="opened"),
        row("R3", "i3", placed="opened"),
        row("P1", "i4", placed="opened"),
    ]
    found = scored(truth, evidence, [incident(f"i{n}") for n in range(1, 5)])
    assert counts(found) == (1, 1, 0, 0, 0, 3)
    assert (found.pranks, found.wrong, found.strays) == (1, 2, 0)
    assert found.false_incidents == ("i2", "i3", "i4")


def test_wrong_evidence_in_another_event_is_a_stray_in_its_own_it_is_welcome():
    truth = [
        happened("E1"),
        told("R1", "E1"),
        told("R2", "E1", wrong="category"),
        happened("E2"),
        told("R3", "E2"),
        told("R4", "E1", wrong="place"),
        told("P1", None, wrong="prank"),
    ]
    evidence = [
        row("R1", "i1"),
        row("R2", "i1"),
        row("R3", "i2"),
        row("R4", "i2"),
        row("P1", "i2"),
    ]
    found = scored(truth, evidence, [incident("i1"), incident("i2")])
    assert counts(found) == (2, 2, 0, 0, 0, 0)
    assert found.strays == 2


def test_a_sensor_is_matched_within_its_alarm_only():
    truth = [
        happened("E1"),
        sensed("smoke/1", "E1", 2.0, 30.0),
        happened("E2", 100.0),
        sensed("smoke/1", "E2", 102.0, 130.0),
    ]
    evidence = [
        row("smoke/1", "i1", seconds=2.5, placed="opened"),
        row("smoke/1", "i1", seconds=31.0, placed="ended"),
        row("smoke/1", "i2", seconds=102.0, placed="opened"),
        row("smoke/1", "i3", seconds=60.0, placed="opened"),
    ]
    incidents = [incident("i1"), incident("i2"), incident("i3")]
    assert counts(scored(truth, evidence, incidents)) == (2, 2, 0, 0, 0, 1)


def test_incidents_of_earlier_plays_are_not_this_plays_false_alarms():
    assert scored([], [], [incident("old", -60.0)]).false_alarms == 0
    assert scored([], [], [incident("new", 60.0)]).false_alarms == 1


def test_wrong_category_of_the_incident_is_found_but_not_right():
    truth = [happened("E1"), told("R1", "E1")]
    found = scored(truth, [row("R1", "i1")], [incident("i1", category="flood")])
    assert (found.found_once, found.right_category) == (1, 0)


def test_percentiles_are_nearest_ranks():
    truth: list[TruthLine] = []
    evidence, incidents = [], []
    for n in range(100):
        truth += [happened(f"E{n}"), told(f"R{n}", f"E{n}", 2.0)]
        evidence.append(row(f"R{n}", f"i{n}"))
        incidents.append(incident(f"i{n}", dispatched=2.0 + (n + 1) / 10))
    waits = scored(truth, evidence, incidents).report_to_dispatch
    assert waits.count == 100
    assert (waits.p50_s, waits.p99_s, waits.longest_s) == pytest.approx((5.0, 9.9, 10.0))


def test_truth_is_read_as_it_was_written_but_for_a_cut_line(tmp_path):
    lines = [
        started(),
        happened("E1"),
        told("R1", "E1", wrong="place"),
        Ended(at=at(9), events=1, sent={"t": 3}, malformed={}),
    ]
    path = tmp_path / "truth.jsonl"
    with TruthLog(path) as log:
        for line in lines:
            log.write(line)
    data = path.read_bytes()
    assert read_truth(data.splitlines(keepends=True)) == lines
    assert read_truth(data[:-5].splitlines(keepends=True)) == lines[:-1]


def test_what_nobody_has_read_is_counted_apart():
    """It is no incident of its event, no split, and no false alarm; nor is it found."""
    truth = [happened("E1"), told("R1", "E1", 3.0), told("R2", "E1", 5.0), happened("E2")]
    truth += [told("R3", "E2", 6.0)]
    unread = [msgspec.structs.replace(incident(key), severity="unknown") for key in ("u1", "u2")]
    evidence = [row("R1", "i1"), row("R2", "u1"), row("R3", "u2")]
    found = scored(truth, evidence, [incident("i1"), *unread])
    assert counts(found) == (2, 1, 0, 0, 0, 0)
    assert (found.held_apart, found.unread) == (2, 1)
    read = msgspec.structs.replace(unread[0], merged_into="i1", state="merged")
    found = scored(truth, evidence, [incident("i1"), read, unread[1]])
    assert counts(found) == (2, 1, 0, 0, 0, 0)
    assert (found.held_apart, found.unread) == (1, 1)
