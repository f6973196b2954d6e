"""The pure parts: publishing, dead letters, the watchdog's judgement, first entries."""

import asyncio
import subprocess
import sys
import time
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from aiokafka.structs import ConsumerRecord

from atlas.city import CityData
from geo.routing.reference import Router
from infra.ledger.intake import Source
from infra.settings import WorkerSettings
from infra.vault import Vault
from schemas import topics, wire
from schemas.effects import IncidentWritten, Recommended, TimelineAppended, UnitWritten
from schemas.envelope import read_envelope
from schemas.outputs import DispatchChanged, IncidentChanged, UnitChanged
from schemas.records import (
    Candidate,
    Incident,
    Point,
    Recommendation,
    Shortage,
    TimelineEntry,
    Unit,
    Where,
)
from schemas.words import because, said
from streams import app
from streams.arrivals import unknown
from streams.consumer import Looked
from streams.dead_letters import dead_letter, to_dead_letter_topic, without_notes
from streams.dispatcher import Dispatcher
from streams.handlers import make_handlers
from streams.limits import IntakeSettings
from streams.messages import EPOCH, Received
from streams.publish import publish
from streams.watchdog import Held, Vitals, Watchdog

AT = datetime(2026, 11, 24, 8, tzinfo=UTC)


def incident(version: int) -> Incident:
    return Incident(
        id="i1",
        region="r",
        number="r-20261124-1",
        version=version,
        category="fire",
        severity="P1",
        confidence=0.9,
        state="reported",
        point=None,
        where=Where(),
        title="Fire",
        opened_at=AT,
        updated_at=AT,
        noticed_at=AT,
        evidence=(),
        sources=(),
    )


def line(seq: int) -> TimelineEntry:
    return TimelineEntry(
        incident="i1",
        seq=seq,
        at=AT,
        kind="note",
        actor="a",
        said=said("t"),
        reasons=(),
        cause="e1",
    )


def test_each_topic_that_a_worker_reads_has_one_handler(city: CityData):
    handlers = make_handlers(
        city, IntakeSettings(), unknown, Dispatcher({}, _no_router), Vault(bytes(32))
    )
    read = sorted(handler.topic.name for handler in handlers)
    assert read == sorted(topic.name for topic in (*topics.INPUTS, topics.JOURNAL)), (
        "streams/handlers.py and INPUTS in schemas/topics.py differ"
    )
    assert len({handler.name for handler in handlers}) == len(handlers)


def _no_router(digest: str) -> Router:
    raise AssertionError(digest)


def test_each_line_of_a_timeline_is_published_with_the_incident_after_it():
    effects = (
        TimelineAppended(entry=line(1)),
        TimelineAppended(entry=line(2)),
        IncidentWritten(incident=incident(2)),
    )
    messages = publish("e1", AT, effects)
    assert messages == publish("e1", AT, effects)
    assert [m.topic for m in messages] == [topics.INCIDENTS.name] * 2
    changes = [wire.decode(m.value, IncidentChanged) for m in messages]
    assert [change.seq for change in changes] == [1, 2]
    envelopes = [read_envelope(m.headers, topics.INCIDENTS.type) for m in messages]
    assert len({envelope.id for envelope in envelopes}) == 2
    assert {envelope.causation for envelope in envelopes} == {"e1"}
    assert {envelope.correlation for envelope in envelopes} == {"i1"}


def test_a_line_shows_the_incident_as_it_left_it():
    effects = (
        TimelineAppended(entry=line(1)),
        IncidentWritten(incident=incident(1)),
        TimelineAppended(entry=line(2)),
        IncidentWritten(incident=incident(2)),
        IncidentWritten(incident=incident(2)),
    )
    changes = [wire.decode(m.value, IncidentChanged) for m in publish("e1", AT, effects)]
    assert [(change.seq, change.incident.version) for change in changes] == [(1, 1), (2, 2)]


def test_what_is_short_is_published_in_words_and_as_data():
    short = Shortage(capability="pump", count=2, why=because("none_free"))
    candidate = Candidate(
        unit="U1",
        capability="als",
        seconds=80.0,
        chosen=True,
        reasons=(because("seconds_away", seconds=80.0), because("position_unreliable")),
    )
    recommendation = Recommendation(
        policy="p",
        requirements=("pump×2", "als×1"),
        candidates=(candidate,),
        short=(short,),
        reasons=(because("fewest_seconds"),),
    )
    effects = (
        TimelineAppended(entry=line(1)),
        IncidentWritten(incident=msgspec.structs.replace(incident(1), short=(short,))),
        Recommended(incident="i1", at=AT, recommendation=recommendation),
    )
    one, other = publish("e1", AT, effects)
    told = wire.decode(one.value, IncidentChanged).incident
    assert told.short == ("pump×2: no free unit has it",)
    assert told.shortages == (short,)
    sent = wire.decode(other.value, DispatchChanged).recommendation
    assert sent.short == told.short
    assert sent.shortages == told.shortages
    assert sent.reasons == ("fewest seconds to the scene for each requirement in turn",)
    assert sent.because == recommendation.reasons
    (chosen,) = sent.candidates
    assert chosen.reason == "80 s away; position not to be relied on"
    assert chosen.reasons == candidate.reasons


def test_units_are_published_as_the_entry_left_them_with_its_place():
    unit = Unit(
        id="U1",
        region="r",
        kind="ambulance",
        name="U1",
        department="medical",
        capabilities=("als",),
        station="S",
        home=Point(lon=121.4, lat=31.2),
        state="dispatched",
        position=Point(lon=121.4, lat=31.2),
        incident="i1",
        reason=because("none_free"),
    )
    effects = (
        UnitWritten(unit=msgspec.structs.replace(unit, state="available")),
        UnitWritten(unit=unit),
        TimelineAppended(entry=line(1)),
        IncidentWritten(incident=incident(1)),
    )
    of_incident, of_unit = publish("e1", AT, effects, "r/7")
    assert of_incident == publish("e1", AT, effects[2:], "r/7")[0], "its id stays"
    assert (of_unit.topic, of_unit.key) == (topics.UNITS.name, b"U1")
    told = wire.decode(of_unit.value, UnitChanged)
    assert (told.unit.state, told.unit.reason, told.at) == ("dispatched", "no free unit has it", AT)
    envelope = read_envelope(of_unit.headers, topics.UNITS.type)
    assert (envelope.journal, envelope.correlation, envelope.causation) == ("r/7", "i1", "e1")


def test_a_dead_letter_keeps_what_came_and_says_where_and_why():
    came = Received("city.x", 3, 7, b"k", b"v", [("ce_id", b"1"), ("ce_id", b"2")], AT)
    letter = dead_letter(came, fault="text", reason="a\x00b\ud800", agent="a", at=AT)
    assert letter.source == Source("city.x", 3, 7)
    out = to_dead_letter_topic(letter)
    assert (out.topic, out.key, out.value) == ("dlq.city.x", b"k", b"v")
    assert without_notes(out.headers) == came.headers
    assert dict(out.headers)["dlq_offset"] == b"7"
    assert dict(out.headers)["dlq_reason"].decode().startswith("a b")


def test_a_letter_too_large_for_its_topic_says_where_it_is():
    came = Received("city.x", 3, 7, b"k", b"v" * 1_048_000, [], AT)
    letter = dead_letter(came, fault="text", reason="r", agent="a", at=AT)
    out = to_dead_letter_topic(letter)
    assert (letter.value, out.value) == (came.value, None)
    assert b"1048001 bytes" in dict(out.headers)["dlq_omitted"]


def test_a_letter_of_many_headers_says_where_it_is():
    came = Received("city.x", 3, 7, b"k", b"v", [("", b"")] * 120_000, AT)
    letter = dead_letter(came, fault="text", reason="r", agent="a", at=AT)
    assert b"1200002 bytes" in dict(to_dead_letter_topic(letter).headers)["dlq_omitted"]


@pytest.mark.parametrize("error", [ZeroDivisionError("nobody thought of that"), SystemExit(1)])
async def test_a_batch_that_fails_ends_the_worker(monkeypatch, error):
    """Faust would drop the batch, take the next one, and the guard would jump over it."""
    agents: list[Any] = []

    class App:
        def topic(self, *_: object, **__: object) -> None:
            return None

        def agent(self, *_: object, **__: object) -> Any:
            return agents.append

    class Event:
        message = SimpleNamespace(
            topic="t", partition=0, offset=0, value=[Received("t", 0, 0, None, None, [], AT)]
        )
        acked = False

        def ack(self) -> None:
            self.acked = True

    class Stream:
        channel = SimpleNamespace(queue=asyncio.Queue[object]())
        enable_acks = True

        async def events(self) -> Any:
            yield event

    class Poisoned:
        handler = SimpleNamespace(name="n", topic=topics.REPORTS, bulk=False, hurries=False)
        failure: BaseException

        async def process(self, _: object) -> None:
            raise self.failure

    class Left(BaseException):
        pass

    def leave(*_: object) -> None:
        raise Left

    monkeypatch.setattr(app, "die", leave)
    poisoned = Poisoned()
    app._add_agent(App(), poisoned, WorkerSettings())
    event = Event()
    for failure, leaves in ((error, Left), (asyncio.CancelledError(), asyncio.CancelledError)):
        poisoned.failure = failure
        with pytest.raises(leaves):
            await agents[0](stream := Stream())
        assert not stream.enable_acks, "Faust would acknowledge what an exception interrupts"
    assert not event.acked


def test_a_letter_that_dies_again_names_its_last_death():
    came = Received("city.x", 3, 7, b"k", b"v", [("dlq_offset", b"1")], AT)
    letter = dead_letter(came, fault="text", reason="r", agent="a", at=AT)
    headers = to_dead_letter_topic(letter).headers
    assert [value for name, value in headers if name == "dlq_offset"] == [b"7"]


@pytest.mark.parametrize("timestamp", [None, -1, 10**300, 253_402_300_800_000])
def test_what_is_no_timestamp_is_the_epoch(timestamp):
    record = ConsumerRecord("t", 0, 0, timestamp, 0, None, None, None, -1, -1, ())
    assert Received.of(record).at == EPOCH


def test_a_record_is_taken_over_whole_and_once():
    headers = (("ce_id", b"1"), ("ce_id", None))
    record = ConsumerRecord("t", 3, 7, 1_764_518_400_123, 1, b"k", b"v", None, 1, 1, headers)
    came = Received.of(record)
    at = datetime(2025, 11, 30, 16, 0, 0, 123_000, tzinfo=UTC)
    assert came == Received("t", 3, 7, b"k", b"v", [("ce_id", b"1"), ("ce_id", b"")], at, 1)
    assert came.timestamp == record.timestamp
    assert Received.of(came) is came


def test_the_watchdog_sees_an_event_loop_that_stands_still():
    vitals = Vitals()
    watchdog = Watchdog([], vitals, patience_s=10)
    assert watchdog.look(vitals.beat + 9) is None
    assert "event loop" in str(watchdog.look(vitals.beat + 11))


def test_the_watchdog_sees_commits_that_stand_still():
    vitals = Vitals()
    watchdog = Watchdog([], vitals, patience_s=10)
    begun = time.monotonic()
    # A late commit only costs reading again: it may take ten times as long.
    for seconds, committed, fault in (
        (0, 5, False),
        (99, 5, False),
        (101, 6, False),
        (202, 6, True),
    ):
        vitals.beat = begun + seconds
        vitals.behind = {("t", 0): committed}
        assert (watchdog.look(begun + seconds) is not None) is fault


def test_what_an_open_transaction_holds_is_told_once_a_minute(caplog):
    held, begun = Held(), time.monotonic()
    for seconds in range(120):
        held.look(("t", 0), 7, 9, begun + seconds)
        held.look(("moves", 0), seconds // 3, 99, begun + seconds)
        held.look(("ends", 0), 9, 9, begun + seconds)
    told = [record.getMessage() for record in caplog.records]
    assert [line[:22] for line in told] == ["t/0: offsets 7 to 8 ca"] * 2


def processor(topic: str, beat: float, *, busy: bool = False, handling: float | None = None) -> Any:
    handler = SimpleNamespace(topic=SimpleNamespace(name=topic))
    pulse = SimpleNamespace(beat=beat, busy=busy, handling=handling)
    return SimpleNamespace(handler=handler, pulse=pulse)


def watchdog_of(now: float, *processors: Any) -> Watchdog:
    vitals = Vitals()
    vitals.beat = now
    vitals.waiting = {p.handler.topic.name: 7 for p in processors}
    return Watchdog(processors, vitals, patience_s=10)


def test_the_watchdog_leaves_a_topic_that_waits_while_others_are_worked_on():
    now = time.monotonic()
    busy, waits = processor("a", now - 1, busy=True), processor("b", now - 60)
    assert watchdog_of(now, busy, waits).look(now) is None
    waits.pulse.beat = now - 101
    assert "b: 7 messages wait" in str(watchdog_of(now, busy, waits).look(now))


def test_a_batch_that_hangs_is_a_fault_only_when_nothing_else_moves_or_after_long():
    now = time.monotonic()
    moves, hangs = processor("a", now - 1, busy=True), processor("b", now - 60, busy=True)
    assert watchdog_of(now, moves, hangs).look(now) is None
    moves.pulse.beat = now - 15
    assert "b: 7 messages wait" in str(watchdog_of(now, moves, hangs).look(now))
    moves.pulse.beat, hangs.pulse.beat = now - 1, now - 101
    assert "b: 7 messages wait" in str(watchdog_of(now, moves, hangs).look(now))


def test_the_ledgers_time_limits_come_before_the_watchdog():
    now = time.monotonic()
    waits = processor("a", now - 19, busy=True)
    assert watchdog_of(now, waits).look(now) is None
    waits.pulse.beat = now - 21
    assert "a: 7 messages wait" in str(watchdog_of(now, waits).look(now))


def test_time_without_cpu_is_not_counted():
    begun = time.monotonic()
    idle = processor("a", begun)
    watchdog = watchdog_of(begun, idle)
    watchdog._starved.look(begun, 1.0)
    now = begun + 60  # the process was stopped: the next look comes a minute late
    watchdog._starved.look(now, 1.0)
    assert watchdog.look(now) is None
    for second in range(1, 11):
        watchdog._starved.look(now + second, 1.0)
        watchdog._vitals.beat = now + second
        assert watchdog.look(now + second) is None
    watchdog._vitals.beat = now + 11
    assert "a: 7 messages wait" in str(watchdog.look(now + 11))


def test_stops_in_a_row_are_not_added_up():
    begun = time.monotonic()
    watchdog = Watchdog([], Vitals(), patience_s=3)
    watchdog._vitals.beat = begun  # and the event loop gets no turn between the stops
    watchdog._starved.look(begun, 1.0)
    for now in (begun + 4.5, begun + 9.0, begun + 13.5):
        watchdog._starved.look(now, 1.0)
        assert watchdog.look(now) is None
    for second in range(1, 4):
        watchdog._starved.look(now + second, 1.0)
    assert "event loop" in str(watchdog.look(now + 3.1))


def test_the_watchdog_sees_that_nothing_is_given_to_anybody():
    now = time.monotonic()
    assert "messages wait" in str(watchdog_of(now, processor("a", now - 11)).look(now))


def test_the_watchdog_waits_longer_for_one_message_but_not_for_ever():
    now = time.monotonic()
    slow = processor("a", now - 50, busy=True, handling=now - 50)
    other = processor("b", now - 50)
    watchdog = watchdog_of(now - 50, slow, other)  # the event loop stands still with it
    assert watchdog.look(now) is None
    slow.pulse.handling = now - 101
    assert "a: one message has been handled for 101 s" in str(watchdog.look(now))


@pytest.mark.parametrize(
    ("looked", "reached", "clear_to"),
    [
        (Looked(position=10, handed=0), 8, 10),  # nothing was handed out: offsets without messages
        (Looked(position=10, handed=8), 8, 10),  # what was handed out is dealt with
        (Looked(position=10, handed=9), 8, 8),  # message 8 is on its way
        (Looked(position=8, handed=8), 12, 12),
    ],
)
def test_offsets_without_a_message_are_known_from_messages_on_their_way(looked, reached, clear_to):
    assert looked.clear_to(reached) == clear_to


def test_a_worker_loads_no_pyarrow():
    """Only archives and historic speeds need it, and it takes 40 MB of every worker."""
    code = "import sys, cli.worker, streams.worker; print({'pyarrow', 'osmium'} & set(sys.modules))"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout
    assert said.strip() == b"set()"
