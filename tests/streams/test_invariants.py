"""A defect of the core that would break its records stops the worker before anything is written."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from dispatch import region as core
from dispatch.state import State
from infra.ledger import open_pool
from infra.settings import Endpoints
from schemas import topics
from schemas.journal import Entry, Tick, UnitMoved
from schemas.records import Point
from streams import batch
from streams.batch import Processor
from streams.dispatcher import Dispatcher
from streams.exits import Exit
from streams.messages import Received
from streams.metrics import Metrics
from streams.producer import Producer
from streams.relay import Relay
from tests.infra.ledger.scenario import fleet, router
from tests.streams.rig import make_all_topics, message

pytestmark = [pytest.mark.kafka, pytest.mark.postgis]

REGION = "310106"
NOW = datetime.now(UTC).replace(microsecond=0)
AWAY = Point(lon=121.45, lat=31.23)


class Left(BaseException):
    """The worker would have ended, by this code and sentence."""


def leave(code: Exit, text: str, *args: object) -> None:
    raise Left(code, text % args)


def moves_wrongly(state: State, entry: UnitMoved) -> None:
    """As a defect would: a unit that nobody has sent is on scene."""
    state.change_unit(entry.unit, position=entry.point, state="on_scene")


def journal() -> list[Received]:
    entries: list[Entry] = [fleet(REGION)]
    for n in range(30):
        entries.append(Tick(id=f"tick {n}", region=REGION))
        if n == 20:
            moved = UnitMoved(id="a move", region=REGION, unit=f"{REGION}/E1", point=AWAY, time=NOW)
            entries.append(moved)
    found = []
    for offset, entry in enumerate(entries):
        sent = message(topics.JOURNAL, entry)
        at = NOW + timedelta(seconds=offset)
        found.append(Received(topics.JOURNAL.name, 0, offset, b"r", sent.value, sent.headers, at))
    return found


@pytest.fixture
async def pool(endpoints: Endpoints) -> AsyncIterator[asyncpg.Pool]:
    await make_all_topics(endpoints.bootstrap)
    pool = await open_pool(endpoints.worker_url)
    yield pool
    await pool.close()


@pytest.fixture
async def producer(endpoints: Endpoints) -> AsyncIterator[Producer]:
    producer = Producer(endpoints.bootstrap, idempotent=endpoints.broker_idempotent)
    await producer.start()
    yield producer
    await producer.stop()


@pytest.fixture
def worker(pool: asyncpg.Pool, producer: Producer) -> Callable[[], Processor]:
    """Return what makes a worker that begins anew."""

    def begin() -> Processor:
        dispatcher, relay = Dispatcher({REGION: 0}, router), Relay(pool, producer)
        return Processor(dispatcher, group="g", pool=pool, relay=relay, metrics=Metrics())

    return begin


async def test_the_worker_stops_twice_and_then_sets_the_entry_aside(pool, worker, monkeypatch):
    """Nothing that breaks an invariant is written, and a region does not stand still for ever.

    The entry may be what a restart heals; where it is not, it is set aside by name, and all that
    comes after it is decided.
    """
    monkeypatch.setattr(batch, "die", leave)
    monkeypatch.setattr(core, "move", moves_wrongly)
    entries = journal()

    with pytest.raises(Left) as left:
        await worker().process(entries)
    assert left.value.args[0] is Exit.DEFECT
    assert "InvariantBroken: entry a move: unit 310106/E1 cannot go from" in left.value.args[1]
    assert "is on_scene without an assignment" in left.value.args[1]
    assert await pool.fetchval("SELECT count(*) FROM dead_letter") == 0
    before = [row[0] for row in await pool.fetch("SELECT entry_id FROM applied ORDER BY 1")]
    assert "a move" not in before, "nothing of it is written"
    assert await pool.fetchval("SELECT state FROM unit WHERE id = $1", f"{REGION}/E1") in (
        "available",
        None,
    )
    await worker().process(entries)
    letter = await pool.fetchrow("SELECT error, reason FROM dead_letter")
    assert letter["error"] == "InvariantBroken"
    assert letter["reason"].startswith("entry a move: unit 310106/E1")
    assert await pool.fetchval("SELECT count(*) FROM applied") == len(entries) - 1
    assert await pool.fetchval("SELECT state FROM unit WHERE id = $1", f"{REGION}/E1") == (
        "available"
    )


async def test_where_every_entry_breaks_one_the_worker_ends_and_sets_nothing_aside(
    pool, worker, monkeypatch
):
    monkeypatch.setattr(batch, "die", leave)

    def acts_wrongly(state: State, _means: core.Means) -> None:
        for unit in state.units:
            state.change_unit(unit, state="on_scene")

    entries = journal()

    await worker().process(entries[:1])
    monkeypatch.setattr(core, "act_on_due", acts_wrongly)
    for _ in range(3):
        with pytest.raises(Left, match="it is the worker that is broken") as left:
            await worker().process(entries)
        assert left.value.args[0] is Exit.DEFECT
    assert await pool.fetchval("SELECT count(*) FROM dead_letter") == 0
    assert await pool.fetchval("SELECT count(*) FROM applied") == 1
