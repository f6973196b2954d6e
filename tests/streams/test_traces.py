"""One report's trace, from its producer through the journal to everybody who is told of it."""

from collections.abc import Iterable
from typing import Any

import pytest

from schemas import codes, topics, traces
from schemas.inputs import Location
from schemas.topics import Topic
from tests.streams.rig import Rig, Sent, message
from tests.streams.test_intake import LAT, LON, report

pytestmark = [pytest.mark.kafka, pytest.mark.postgis]

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.mark.parametrize(
    ("location", "topic"),
    [(Location(lon=LON, lat=LAT), topics.DISPATCHES), (None, topics.ALERTS)],
    ids=["someone is sent", "nobody knows where"],
)
def test_all_that_a_report_causes_is_of_its_trace(
    running: Rig, location: Location | None, topic: Topic
) -> None:
    sent = _report(f"traced-{topic.name}", traceparent=PARENT, location=location)
    entry, told = _caused_by(running, sent)
    context = traces.read(PARENT)
    assert context is not None
    assert _trace(entry) == context.trace
    assert _topics(told) >= {topics.INCIDENTS.name, topic.name}
    assert any(one.topic.startswith("dept.") for one in told)
    assert {_trace(one) for one in told} == {context.trace}
    # Each event names the span of its own sending; on a department's topic it is the same event.
    spans = {_header(one, "ce_id"): _span(one) for one in told}
    assert all(span == traces.span_of(name, traces.PUBLISH) for name, span in spans.items())
    assert len(set(spans.values())) == len(spans)


@pytest.mark.parametrize("given", [None, "Li Lei 13800000000"])
def test_without_a_usable_parent_a_trace_begins_that_does_not_say_what_came(
    running: Rig, given: str | None
) -> None:
    name = f"untraced-{'bad' if given else 'none'}"
    entry, told = _caused_by(running, _report(name, traceparent=given))
    derived = traces.within(None, _header(entry, "ce_id"), traces.PUBLISH)
    assert _header(entry, "ce_traceparent") == derived.header()
    assert told
    assert {_trace(one) for one in told} == {derived.trace}


def _report(name: str, *, traceparent: str | None, location: Location | None = None) -> Sent:
    payload = report(service_request_id=name, location=location)
    sent = message(topics.REPORTS, payload, key=name, event_id=name)
    if traceparent is not None:
        sent.headers.append(("ce_traceparent", traceparent.encode()))
    return sent


def _caused_by(running: Rig, sent: Sent) -> tuple[Any, list[Any]]:
    """Send a report; return its journal entry and all messages that this entry caused."""
    running.send([sent])
    running.settle()
    assert sent.place is not None
    evidence = running.rows(
        "SELECT id::text FROM evidence WHERE topic = $1 AND partition = $2 AND record_offset = $3",
        *sent.place,
    )[0]["id"]
    journaled = running.messages(topics.JOURNAL.name)
    (entry,) = (one for one in journaled if _header(one, "ce_correlationid") == evidence)
    feeds: Iterable[Topic] = map(topics.department, codes.departments())
    names = [topics.INCIDENTS, topics.DISPATCHES, topics.ALERTS, topics.UNITS, *feeds]
    told = [one for topic in names for one in running.messages(topic.name)]
    cause = _header(entry, "ce_id")
    return entry, [one for one in told if _header(one, "ce_causationid") == cause]


def _header(record: Any, name: str) -> str:
    return dict(record.headers).get(name, b"").decode()


def _context(record: Any) -> traces.Context:
    context = traces.read(_header(record, "ce_traceparent"))
    assert context is not None, record
    return context


def _trace(record: Any) -> str:
    return _context(record).trace


def _span(record: Any) -> str:
    return _context(record).span


def _topics(records: list[Any]) -> set[str]:
    return {record.topic for record in records}
