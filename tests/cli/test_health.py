"""`jingwei status`: beside the services, what waits and what is open."""

import asyncio
import uuid

import asyncpg
import pytest
from aiokafka import AIOKafkaProducer

from cli.unread import unread
from infra.settings import Endpoints
from schemas import topics
from schemas.topics import Topic
from tests.cli.conftest import Run, data, point_at
from tests.cli.scene import Scene, make_topic
from tests.streams.rig import begin_at_the_end, make_all_topics


def test_says_what_waits_and_what_is_open(scene: Scene, run: Run) -> None:
    city = data(run("status", "--json"))["city"]
    assert city["open_incidents"] == 3
    assert city["units"]["on_scene"] == 1
    assert city["outbox_waiting"] == 0
    assert city["dead_letters"] == 0
    assert city["policies"][scene.region] is not None
    shown = run("status").stdout
    assert "incidents 3 open" in shown
    assert "outbox    0 messages not sent" in shown


@pytest.fixture
def group(endpoints: Endpoints, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return a group that has read all there is."""
    point_at(endpoints, monkeypatch)
    name = f"test-{uuid.uuid4().hex[:8]}"
    monkeypatch.setenv("JINGWEI_WORKER_GROUP", name)
    asyncio.run(make_all_topics(endpoints.bootstrap))
    asyncio.run(begin_at_the_end(endpoints, name))
    return name


def test_says_nothing_of_what_it_has_looked_at(group: str, run: Run) -> None:
    assert "unread    nothing" in run("status").stdout
    assert data(run("status", "--json"))["city"]["unknown"] == {}


def test_a_partition_that_was_never_read_is_unread(
    group: str, run: Run, endpoints: Endpoints
) -> None:
    asyncio.run(send(endpoints, topics.STREETS.name, 3))
    query = f"DELETE FROM consumed WHERE topic = '{topics.STREETS.name}'"
    asyncio.run(execute(endpoints, query))
    lag = data(run("status", "--json"))["city"]["worker_lag"]
    assert lag[topics.STREETS.name] >= 3


@pytest.mark.apache_kafka
async def test_what_holds_no_message_is_not_unread_and_a_missing_topic_is_unknown(
    endpoints: Endpoints,
) -> None:
    name = f"t-{uuid.uuid4().hex[:8]}"
    await make_topic(endpoints.bootstrap, name, 1)
    await send(endpoints, name, 1, commit=True)
    await send(endpoints, name, 1, commit=False)
    for read, lag in ((0, {name: 1}), (1, {}), (4, {})):
        found = await unread(endpoints.bootstrap, [topic(name)], {(name, 0): read}, {})
        assert (found.lag, found.unknown) == (lag, {})
    beyond = await unread(endpoints.bootstrap, [topic(name)], {(name, 0): 9}, {})
    assert "ends at 4, before its read offset" in beyond.unknown[name]
    found = await unread(endpoints.bootstrap, [topic(f"{name}-none")], {}, {})
    assert found.unknown == {f"{name}-none": "the topic is missing"}


@pytest.mark.apache_kafka
def test_counts_what_waits_behind_an_open_transaction(
    group: str, run: Run, endpoints: Endpoints
) -> None:
    asyncio.run(_hold_and_look(endpoints, run))
    assert "held" not in run("status").stdout


async def _hold_and_look(endpoints: Endpoints, run: Run) -> None:
    """Look at the status while a transaction is open and messages of others wait behind it."""
    holding = AIOKafkaProducer(
        bootstrap_servers=endpoints.bootstrap, transactional_id=uuid.uuid4().hex
    )
    await holding.start()
    names = topics.REPORTS.name, topics.JOURNAL.name
    try:
        await holding.begin_transaction()
        for name in names:
            await holding.send_and_wait(name, b"v", partition=0)
            await send(endpoints, name, 2, partition=0)
        shown = (await asyncio.to_thread(run, "status")).stdout
        city = data(await asyncio.to_thread(run, "status", "--json"))["city"]
    finally:
        await holding.abort_transaction()
        await holding.stop()
    assert f"unread    3 of {topics.REPORTS.name}\n" in shown
    assert "journal   3 entries not applied" in shown
    assert f"held      3 of {topics.JOURNAL.name} are in or behind an open transaction" in shown
    assert city["held"] == dict.fromkeys(names, 3)


def test_shows_what_was_lost_and_what_was_made_anew(
    group: str, run: Run, endpoints: Endpoints
) -> None:
    lost = "INSERT INTO lost_range VALUES ('{}', 'city.citizen.reports', 3, 0, 5, 9)"
    asyncio.run(execute(endpoints, lost.format(group)))
    anew = "INSERT INTO topic_log VALUES ('city.unit.gone', {}, 'id-{}', 12)"
    for number in range(2):
        asyncio.run(execute(endpoints, anew.format(number, number)))
    shown = run("status").stdout
    assert "lost      city.citizen.reports/3: offsets 5 to 9 deleted by retention" in shown
    assert "recreated city.unit.gone was deleted and recreated (noticed" in shown


@pytest.mark.apache_kafka
def test_says_that_no_worker_starts_with_a_journal_made_anew(
    group: str, run: Run, endpoints: Endpoints
) -> None:
    before = "INSERT INTO topic_log VALUES ('city.journal', 0, 'the-old-one', 1)"
    asyncio.run(execute(endpoints, "DELETE FROM topic_log"))
    asyncio.run(execute(endpoints, before))
    shown = run("status").stdout
    assert "recreated city.journal was deleted and recreated: workers refuse it" in shown
    assert "`jingwei down --wipe`" in shown


def topic(name: str) -> Topic:
    return Topic(name=name, key="", about="", type="", message=None, role="input")


async def send(
    endpoints: Endpoints,
    name: str,
    many: int,
    *,
    commit: bool | None = None,
    partition: int | None = None,
) -> None:
    """Send some messages; in a transaction where it is said how it ends."""
    producer = AIOKafkaProducer(
        bootstrap_servers=endpoints.bootstrap,
        transactional_id=None if commit is None else uuid.uuid4().hex,
    )
    await producer.start()
    try:
        if commit is not None:
            await producer.begin_transaction()
        for _ in range(many):
            await producer.send_and_wait(name, b"v", key=b"k", partition=partition)
        if commit is not None:
            await (producer.commit_transaction() if commit else producer.abort_transaction())
    finally:
        await producer.stop()


async def execute(endpoints: Endpoints, statement: str) -> None:
    connection = await asyncpg.connect(endpoints.database_url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
