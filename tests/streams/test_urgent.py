"""In a backlog danger to life goes first, and nothing is lost or done twice for it."""

from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest

from bench import _labelled
from intake.triage import is_urgent
from schemas import topics, wire
from schemas.inputs import CitizenReport, Location
from schemas.journal import Entry, EvidenceNoted
from streams import batch
from streams.backlog import FEW
from streams.batch import Processor
from streams.messages import Record
from streams.metrics import Metrics
from streams.relay import Relay
from tests.streams.rig import Rig, Sent, message, now
from tests.streams.test_batch import Bench, Echo, bench

pytestmark = [pytest.mark.postgis, pytest.mark.kafka]

__all__ = ["bench"]  # the fixture

OTHERS = 600
ON = datetime(2026, 11, 24, tzinfo=UTC).date()


class Hurrying(Echo):
    """Brings forward what says so; handles two messages a transaction."""

    hurries = True
    portion = 2

    def is_urgent(self, record: Record) -> bool:
        return b"urgent" in (record.value or b"")


class Full:
    """A journal that always has more than a little that waits."""

    asked = 0

    async def waiting(self) -> int:
        self.asked += 1
        return FEW + 1


def hurrying(on: Bench, backlog: Any = None) -> Processor:
    made = Processor(
        Hurrying(),
        group=on.group,
        pool=on.pool,
        relay=Relay(on.pool, on.producer),
        metrics=Metrics(),
        backlog=backlog,
    )
    on.processors.append(made)
    return made


@pytest.mark.parametrize("after", ["", "i", "ij", "ijk"])
async def test_what_is_urgent_goes_before_those_ahead_of_it_and_once(
    bench: Bench, after: str
) -> None:
    """And the guard passes it, wherever the portions end."""
    processor = hurrying(bench)
    came = bench.messages(0, *"abcdefg", "urgent h", *after)
    await processor.expect(came)
    await processor.process(came)
    assert await bench.sent() == ["urgent h", *"abcdefg", *after]
    mine = [m for m in await bench.read() if bench.group.encode() in m.value]
    assert sum(b"urgent" in m.value for m in mine) == 1
    assert await bench.next_offset() == len(came)


async def test_what_comes_while_others_are_dealt_with_goes_before_the_rest(bench: Bench) -> None:
    processor = hurrying(bench)
    await processor.adopt(0)
    first, later = bench.messages(0, *"abcdef"), bench.messages(6, "g", "urgent h")
    handler: Any = processor.handler
    write, come = handler.write, [later]

    async def while_it_writes(conn: asyncpg.Connection, partition: int) -> Any:
        if come:
            await processor.expect(come.pop())
        return await write(conn, partition)

    handler.write = while_it_writes
    await processor.expect(first)
    await processor.process(first)
    await processor.process(later)
    assert await bench.sent() == ["a", "b", "urgent h", "c", "d", "e", "f", "g"]
    assert await bench.next_offset() == 8


@pytest.mark.parametrize(("value", "error"), [("bad urgent", "payload")])
async def test_what_cannot_be_used_is_told_in_its_turn(
    bench: Bench, value: str, error: str
) -> None:
    processor = hurrying(bench)
    came = bench.messages(0, *"abcd", value, "e")
    await processor.expect(came)
    await processor.process(came)
    assert await bench.sent() == [*"abcde"]
    assert await bench.dead() == [(4, error)]


async def test_what_fails_when_it_is_hurried_is_dealt_with_in_its_turn(bench: Bench) -> None:
    processor = hurrying(bench)
    handler: Any = processor.handler
    handler.lost_connections = 1
    came = bench.messages(0, *"abcd", "lost urgent", "e")
    await processor.expect(came)
    await processor.process(came)
    assert await bench.sent() == [*"abcd", "lost urgent", "e"]
    assert await bench.dead() == []
    assert await bench.next_offset() == 6


async def test_a_core_that_stands_still_holds_no_report_up_for_good(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch, "_GIVE_WAY_S", 0.1)
    journal = Full()
    processor = hurrying(bench, journal)
    await processor.adopt(0)
    await processor.process(bench.messages(0, *"abcdef"))
    assert await bench.sent() == [*"abcdef"]
    assert journal.asked > 3


def test_nearly_all_who_speak_of_danger_to_life_are_urgent() -> None:
    """Of the lines for tuning; a quick look may err, but then mostly on the side of urgency."""
    lines = _labelled.read("tuning")
    urgent = {line.text: is_urgent(report(line.text), ON) for line in lines}
    danger = [urgent[line.text] for line in lines if line.danger]
    others = [urgent[line.text] for line in lines if not line.danger]
    assert sum(danger) > 0.97 * len(danger)
    assert sum(others) < 0.2 * len(others)


def test_a_code_that_says_danger_is_urgent_whatever_the_text_says() -> None:
    assert is_urgent(report("", service_code="FIRE"), ON)
    assert not is_urgent(report(""), ON)
    assert not is_urgent(report("路灯不亮了", service_code="?"), ON)


def report(text: str, name: str = "r", **more: Any) -> CitizenReport:
    return CitizenReport(
        service_request_id=name, description=text, requested_datetime=now(-1), **more
    )


def backlog(rig: Rig, city: Any) -> list[Sent]:
    """Burst pipes all over the city, and after them a man without breath."""
    west, south, east, north = city.manifest.bounds
    made = []
    for number in range(OTHERS + 1):
        name = f"{rig.group}-{number}"
        place = Location(
            lon=west + (east - west) * (number % 30) / 30,
            lat=south + (north - south) * (number // 30) / 30,
            accuracy_m=5.0,
        )
        text = "水管漏水，地上都是水" if number < OTHERS else "有人晕倒，没有呼吸"
        payload = report(text, name, location=place)
        made.append(message(topics.REPORTS, payload, key=name, event_id=name))
    return made


@pytest.mark.slow
def test_danger_to_life_is_journaled_first_and_once_whoever_dies_meanwhile(
    rig: Rig, city: Any
) -> None:
    rig.send(backlog(rig, city))
    rig.worker.start()
    rig.worker.wait_ready()
    grave = f"{rig.group}-{OTHERS}"
    rig.await_rows("SELECT 1 FROM evidence WHERE category = 'medical'", within_s=60)
    before = rig.rows("SELECT count(*) AS n FROM evidence")[0]["n"]
    rig.worker.kill()
    assert before < OTHERS, f"{before} were before {grave}: nothing was hurried"
    rig.worker.start()
    rig.settle(within_s=120)
    noted = [
        entry.evidence.category
        for m in rig.messages(topics.JOURNAL.name)
        if isinstance(entry := wire.decode(m.value, Entry), EvidenceNoted)
        and entry.evidence.source == "report"
    ]
    place = noted.index("medical")
    assert place < OTHERS / 2
    (row,) = rig.rows(
        "SELECT count(*) AS n, count(DISTINCT id) AS ids,"
        " count(*) FILTER (WHERE category = 'medical') AS grave FROM evidence"
    )
    assert (row["n"], row["ids"], row["grave"]) == (OTHERS + 1, OTHERS + 1, 1)
    (sent,) = rig.rows(
        "SELECT count(*) AS n FROM incident WHERE category = 'medical' AND merged_into IS NULL"
    )
    assert sent["n"] == 1
