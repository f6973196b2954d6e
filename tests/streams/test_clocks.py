"""Steps and skew of the worker's, the broker's and the database's clock alone, and what is right.

The database's clock is really set, around a real worker. The broker's cannot be, so its times are
made up where they enter a worker: with the answer to what it sends. The worker's own has no part in
anything, which its source says. Producers' clocks are in ``test_clocks_of_producers``.
"""

import ast
import asyncio
import time
import uuid
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atlas.city import CityData
from infra.ledger import intake, transaction
from infra.ledger.outbox import Message
from infra.ledger.pool import connect
from infra.settings import Endpoints
from intake.detection import ACTIVE, Alarm
from intake.readings import Datastream, Site
from schemas import codes, topics, wire
from schemas.inputs import CitizenReport, Location
from schemas.journal import Tick
from streams.clock import RELEARN_S, BrokerClock
from streams.producer import Producer
from streams.ticks import AGAIN_AFTER_S, EVERY_S, Ticks
from tests.city.toy import lonlat
from tests.conftest import ROOT
from tests.patience import patience
from tests.streams.rig import Rig, Sent, make_all_topics, message, now

MINUTES = 60.0
SMOKE = codes.observed_property("smoke")


def skew(seconds: float) -> timedelta:
    return timedelta(seconds=seconds)


@pytest.mark.kafka
@pytest.mark.postgis
def test_a_sensor_that_is_not_heard_falls_silent_by_the_brokers_clock(rig: Rig, city: CityData):
    """One was heard long ago, by its arrival; the other was not, whatever its own clock says."""
    gone, late = [s for s in city.sensors if s.observed_property == "smoke"][:2]
    timeout = SMOKE.silence_timeout_s
    seed_alarm(rig.endpoints, gone.datastream, seen=now(3600), heard=now(-timeout + 2))
    seed_alarm(rig.endpoints, late.datastream, seen=now(-3600), heard=now())
    rig.worker.start()
    rig.worker.wait_ready()
    rows = rig.await_rows("SELECT source_id, phase FROM evidence")
    assert [(row["source_id"], row["phase"]) for row in rows] == [(gone.datastream, "silent")]


def seed_alarm(endpoints: Endpoints, datastream: str, seen: datetime, heard: datetime) -> None:
    """Let an alarm stand in the ledger."""
    alarm = Alarm(
        phase=ACTIVE, since=seen, seen=seen, heard=heard, result=40.0, evidence=uuid.uuid4().hex
    )
    lon, lat = lonlat(5, 5)
    site = Site("smoke", "测试", {"lon": lon, "lat": lat}, {})  # type: ignore[arg-type]
    row = intake.AlarmRow(datastream, wire.encode(Datastream(alarm, site)), open=True, seen_at=seen)

    async def save() -> None:
        connection = await connect(endpoints.worker_url)
        try:
            async with transaction(connection) as conn:
                await intake.save_alarms(conn, 0, [row])
        finally:
            await connection.close()

    asyncio.run(save())


# -- the worker's own clock --------------------------------------------------------------

_WALL = {"now", "utcnow", "today", "time", "time_ns"}
_ALLOWED = {
    "second_reader._reports": "a process of its own: which reports are too old to be read again",
    "transactions.letter": "when a dead letter was made, for people",
    "warmup.warm_up": "which hour's streets are weighed ahead of the first question",
}


def test_no_part_of_a_worker_reads_the_clock_on_its_wall():
    """Fast, slow or set by hours: nothing of it can be decided by what is not read."""
    found = set()
    for file in sorted([*(ROOT / "streams").glob("*.py"), *(ROOT / "intake").rglob("*.py")]):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        for outer in ast.walk(tree):
            if isinstance(outer, ast.FunctionDef | ast.AsyncFunctionDef):
                found |= {
                    f"{file.stem}.{outer.name}" for node in ast.walk(outer) if _reads_wall(node)
                }
    assert found == set(_ALLOWED)


def _reads_wall(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in _WALL
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id in ("datetime", "date", "time")
    )


@pytest.mark.kafka
@pytest.mark.apache_kafka
@pytest.mark.parametrize("step_s", [-60 * MINUTES, -5 * MINUTES, 5 * MINUTES, 60 * MINUTES])
async def test_a_step_of_the_workers_clock_moves_nothing(
    stack: Endpoints, monkeypatch: pytest.MonkeyPatch, step_s: float
):
    """aiokafka stamps what it sends by the wall's clock; the broker's stamp is what counts."""
    await make_all_topics(stack.bootstrap)
    clock = BrokerClock()
    producer = Producer(stack.bootstrap, idempotent=stack.broker_idempotent, clock=clock)
    await producer.start()
    timers = Timers()
    ticks = Ticks(timers, producer, clock, f"r{uuid.uuid4().hex}")
    real = time.time
    try:
        await ticks.ask()
        monkeypatch.setattr(time, "time", lambda: real() + step_s)
        due = now(1.0)
        timers.standing = [(f"r{uuid.uuid4().hex}", due)]
        stamped = clock.stamped
        deadline = time.monotonic() + patience(10.0)
        while clock.stamped == stamped:
            assert time.monotonic() < deadline
            await ticks.send_due()
            await asyncio.sleep(0.02)
        # The broker is on this machine, and its clock is the real one.
        assert due <= clock.stamped <= due + skew(patience(1.0))
        assert abs((clock.now() - datetime.fromtimestamp(real(), UTC)).total_seconds()) < patience(
            1.0
        )
    finally:
        monkeypatch.undo()
        await producer.stop()


class Timers:
    """What is due, as a dispatcher tells it."""

    def __init__(self) -> None:
        self.standing: list[tuple[str, datetime]] = []

    def due(self) -> Iterator[tuple[str, datetime]]:
        return iter(self.standing)


# -- the broker's clock ------------------------------------------------------------------

START = datetime(2026, 11, 24, 8, tzinfo=UTC)


class Broker:
    """A broker whose clock can be set, and a worker's producer that learns it."""

    def __init__(self) -> None:
        self.monotonic_s = 1000.0
        self.ahead_s = 0.0
        self.clock = BrokerClock(lambda: self.monotonic_s)
        self.log: list[tuple[datetime, Tick]] = []

    @property
    def time(self) -> datetime:
        return START + skew(self.monotonic_s - 1000.0 + self.ahead_s)

    async def send_all(self, messages: Sequence[Message]) -> int:
        for one in messages:
            sent = self.monotonic_s
            self.monotonic_s += 0.004
            stamped = self.time
            self.monotonic_s += 0.003
            self.log.append((stamped, wire.decode(one.value, Tick)))
            self.clock.learn(round(stamped.timestamp() * 1000), 1, sent)
        return len(messages)


async def acts(broker: Broker, due: datetime, within_s: float) -> float | None:
    """Run a worker's ticks; return after how many seconds a timer acts, by the log alone."""
    timers = Timers()
    timers.standing = [("r", due)]
    ticks = Ticks(timers, broker, broker.clock, "r")
    begun = broker.monotonic_s
    while broker.monotonic_s - begun < within_s:
        await ticks.send_due()
        if broker.log and broker.log[-1][0] >= due:
            return broker.monotonic_s - begun
        broker.monotonic_s += EVERY_S
    return None


@pytest.mark.parametrize(
    ("step_s", "least_s", "most_s"),
    [
        # The timer is due 60 s from now, by the broker's clock before the step.
        (0.0, 60.0, 61.0),
        (-2 * MINUTES, 180.0, 181.0),  # it is due when the broker's clock says so …
        (-10 * MINUTES, 660.0, 661.0),
        (30.0, 30.0, 30.0 + RELEARN_S + 1.0),  # … and a step is seen within the 20 s
        (2 * MINUTES, 0.0, RELEARN_S + 1.0),
        (10 * MINUTES, 0.0, RELEARN_S + 1.0),
    ],
)
async def test_a_step_of_the_brokers_clock(step_s: float, least_s: float, most_s: float):
    broker = Broker()
    await Ticks(Timers(), broker, broker.clock, "r").ask()
    broker.ahead_s = step_s
    took = await acts(broker, START + skew(60), 1000)
    assert took is not None
    assert least_s - 0.1 <= took <= most_s


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.floats(0, 40), st.floats(-900, 900)), max_size=4), st.floats(0, 120))
def test_whatever_the_brokers_clock_does_a_tick_acts_soon_and_none_is_repeated(steps, due_s):
    broker = Broker()
    asyncio.run(among_steps(broker, steps, START + skew(due_s)))
    assert len({tick.id for _, tick in broker.log}) == len(broker.log)
    assert all(tick.due is None for _, tick in broker.log), "a nudge has no time of its own"


async def among_steps(broker: Broker, steps: list[tuple[float, float]], due: datetime) -> None:
    """Let a timer stand while the broker's clock is set after so many seconds, by so many."""
    timers = Timers()
    timers.standing = [("r", due)]
    ticks = Ticks(timers, broker, broker.clock, "r")
    changes = []
    at = broker.monotonic_s
    for wait, step in steps:
        at += wait
        changes.append((at, step))
    came: float | None = None  # since when the broker's clock says that it is due
    while broker.monotonic_s < at + 1000.0:
        while changes and changes[0][0] <= broker.monotonic_s:
            broker.ahead_s += changes.pop(0)[1]
        came = None if broker.time < due else came or broker.monotonic_s
        await ticks.send_due()
        if any(stamped >= due for stamped, _ in broker.log):
            return
        assert came is None or broker.monotonic_s - came <= RELEARN_S + AGAIN_AFTER_S + 1
        broker.monotonic_s += EVERY_S


def test_the_time_is_not_known_before_the_broker_has_said_it():
    clock = BrokerClock(lambda: 5.0)
    assert (clock.now(), clock.recent(), clock.wanted) == (None, None, True)
    clock.learn(1_000_000, 1, sent=4.0)
    assert clock.now() == datetime.fromtimestamp(1_000, UTC)
    assert not clock.wanted


def test_an_answer_that_took_long_spoils_nothing():
    at = [0.0]
    clock = BrokerClock(lambda: at[0])
    at[0] = 0.01
    clock.learn(100_000, 1, sent=0.0)
    known = clock.now()
    at[0] = 31.0  # sent at 1, stamped at 2, and the event loop stood still until 31
    clock.learn(102_000, 1, sent=1.0)
    assert clock.now() - known == skew(30.99)


def test_silence_waits_for_a_time_that_was_learnt_lately():
    at = [0.0]
    clock = BrokerClock(lambda: at[0])
    clock.learn(100_000, 1, sent=0.0)
    at[0] = RELEARN_S + 1
    assert clock.recent() is not None
    assert clock.wanted, "and asks for it"
    at[0] = 2 * RELEARN_S + 1
    assert clock.recent() is None


def test_a_broker_that_stamps_nothing_is_told_of_once(caplog: pytest.LogCaptureFixture):
    clock = BrokerClock(lambda: 5.0)
    clock.learn(1_000_000, 0, sent=5.0)
    clock.learn(1_000_000, 0, sent=5.0)
    assert len([r for r in caplog.records if "stamps no time of its own" in r.message]) == 1
    assert clock.now() == datetime.fromtimestamp(1_000, UTC)


# -- the database's clock ----------------------------------------------------------------

_SHIFT = """
CREATE SCHEMA shifted;
CREATE FUNCTION shifted.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE AS
    'SELECT pg_catalog.clock_timestamp() + interval ''{step_s} seconds''';
CREATE FUNCTION shifted.now() RETURNS timestamptz LANGUAGE sql STABLE AS
    'SELECT pg_catalog.now() + interval ''{step_s} seconds''';
GRANT USAGE ON SCHEMA shifted TO PUBLIC;
DO $$
DECLARE col record;
BEGIN
    FOR col IN
        SELECT c.relname, a.attname FROM pg_attrdef d
        JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
        JOIN pg_class c ON c.oid = d.adrelid
        WHERE c.relnamespace = 'public'::regnamespace
          AND pg_get_expr(d.adbin, d.adrelid) IN ('now()', 'clock_timestamp()')
    LOOP
        EXECUTE format('ALTER TABLE public.%I ALTER COLUMN %I SET DEFAULT '
            'shifted.clock_timestamp()', col.relname, col.attname);
    END LOOP;
    EXECUTE format('ALTER DATABASE %I SET search_path = shifted, pg_catalog, public',
        current_database());
END $$;
"""


@pytest.mark.kafka
@pytest.mark.postgis
@pytest.mark.parametrize("step_s", [-10 * MINUTES, 10 * MINUTES])
def test_a_step_of_the_databases_clock_moves_nothing(rig: Rig, step_s: float):
    asyncio.run(execute(rig.endpoints, _SHIFT.format(step_s=step_s)))
    shifted = rig.rows("SELECT clock_timestamp() AS theirs")[0]["theirs"]
    assert (shifted - now()).total_seconds() == pytest.approx(step_s, abs=MINUTES)
    rig.worker.start()
    rig.worker.wait_ready()
    lon, lat = lonlat(5, 5)
    payload = CitizenReport(
        service_request_id=uuid.uuid4().hex,
        description="井盖不见了",
        requested_datetime=now(),
        location=Location(lon=lon, lat=lat),
    )
    sent = message(topics.REPORTS, payload)
    rig.send([sent])
    rig.settle()
    incident = opened_by(rig, sent)
    row = rig.rows("SELECT * FROM incident WHERE id = $1", incident)[0]
    assert abs((row["opened_at"] - now()).total_seconds()) < MINUTES
    # No timer is early: the alert that nobody has acknowledged it comes in its time.
    assert rig.rows("SELECT 1 FROM alert WHERE kind = 'unacknowledged'") == []
    due = rig.rows("SELECT min(due) AS due FROM timer")[0]["due"]
    assert due > now()
    for query in ("SELECT at FROM incident_entry", "SELECT raised_at AS at FROM alert"):
        for found in rig.rows(query):
            assert abs((found["at"] - now()).total_seconds()) < MINUTES


async def execute(endpoints: Endpoints, statement: str) -> None:
    connection = await connect(endpoints.database_url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def opened_by(rig: Rig, sent: Sent) -> str:
    """Return the incident that a report has opened."""
    rows = rig.await_rows(
        "SELECT placed, incident_id FROM evidence WHERE topic = $1 AND partition = $2"
        " AND record_offset = $3 AND placed IS NOT NULL",
        *sent.place,
    )
    assert rows[0]["placed"] == "opened"
    return rows[0]["incident_id"]
