"""The local stack with the real services: up, again, down, killed, wiped."""

import asyncio
import os
import signal
import socket
import time

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from infra.local import doctor, stack
from infra.local.errors import PortTaken, StackNotRunning, Unreachable
from infra.local.state import BrokerKind, Home, read_state
from infra.settings import load_settings, resolve_endpoints
from tests.conftest import lacking
from tests.patience import patience

UNUSED = "127.0.0.1:1"


@pytest.fixture
def own(home, monkeypatch):
    """Return settings of a stack of the test's own, wiped afterwards."""
    settings = load_settings(home)
    yield settings
    monkeypatch.undo()
    stack.down(settings, print, wipe=True)
    assert not home.exists()


@pytest.fixture
def embedded(own, monkeypatch):
    monkeypatch.setenv("JINGWEI_MAVEN", "off")
    return load_settings(own.local.home)


async def _write(endpoints):
    admin = AIOKafkaAdminClient(bootstrap_servers=endpoints.bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic("kept", 1, 1)])
    await admin.close()
    producer = AIOKafkaProducer(
        bootstrap_servers=endpoints.bootstrap, acks="all", enable_idempotence=True
    )
    await producer.start()
    await producer.send_and_wait("kept", b"before")
    await producer.stop()
    connection = await asyncpg.connect(endpoints.database_url)
    await connection.execute("CREATE TABLE kept AS SELECT 'before' AS word")
    await connection.close()


async def _read(endpoints):
    consumer = AIOKafkaConsumer(bootstrap_servers=endpoints.bootstrap, enable_auto_commit=False)
    await consumer.start()
    part = TopicPartition("kept", 0)
    consumer.assign([part])
    await consumer.seek_to_beginning(part)
    message = await asyncio.wait_for(consumer.getone(), patience(10))
    await consumer.stop()
    connection = await asyncpg.connect(endpoints.database_url)
    word = await connection.fetchval("SELECT word FROM kept")
    await connection.close()
    return message.value, word


async def _fetch(url, query):
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


@pytest.mark.slow
def test_data_outlives_down_and_sigkill(own):
    lines = []
    first = stack.up(own, lines.append, bound=True)
    if first.broker_kind is not BrokerKind.APACHE_KAFKA:
        lacking("Apache Kafka (Java 17 and Maven)")
    asyncio.run(_write(first))
    before = read_state(Home.at(own.local.home))

    again = stack.up(own, lines.append, bound=True)
    assert again == first
    assert read_state(Home.at(own.local.home)).broker == before.broker
    assert sum("already running" in line for line in lines) == 2

    stack.down(own, lines.append)
    with pytest.raises(StackNotRunning):
        resolve_endpoints(own)
    assert stack.status(own).endpoints is None
    begin = time.monotonic()
    back = stack.up(own, lines.append, bound=True)
    assert time.monotonic() - begin < patience(30)
    assert back == first
    assert asyncio.run(_read(back)) == (b"before", "before")

    state = read_state(Home.at(own.local.home))
    for running in (state.broker, state.postgres):
        os.kill(running.process.pid, signal.SIGKILL)
    mended = stack.up(own, lines.append, bound=True)
    assert asyncio.run(_read(mended)) == (b"before", "before")
    found = stack.status(own)
    assert (found.broker.state, found.postgres.state) == ("running", "running")
    assert {check.verdict for check in doctor.examine(own)} <= {"ok", "optional"}


def test_without_kafka_the_embedded_broker_stands_in_and_says_what_it_costs(embedded):
    lines = []
    first = stack.up(embedded, lines.append, bound=True)
    assert first.broker_kind is BrokerKind.EMBEDDED
    assert not first.broker_idempotent
    assert any("nothing in it survives a restart" in line for line in lines)
    assert first.database_url.endswith("/jingwei_embedded_1")

    # It forgot everything, so the ledger that remembers it is put aside.
    state = read_state(Home.at(embedded.local.home))
    os.kill(state.broker.process.pid, signal.SIGKILL)
    second = stack.up(embedded, lines.append, bound=True)
    assert second.database_url.endswith("/jingwei_embedded_2")
    databases = asyncio.run(
        _fetch(
            second.database_url,
            "SELECT count(*) FROM pg_database WHERE datname LIKE 'jingwei\\_embedded\\_%'",
        )
    )
    assert databases == 2
    brokers = [check for check in doctor.examine(embedded) if check.name == "broker"]
    assert brokers[0].verdict == "optional"


@pytest.mark.slow
def test_a_start_with_an_outside_broker_leaves_the_embedded_ones_ledger(embedded, monkeypatch):
    first = stack.up(embedded, print, bound=True)
    monkeypatch.setenv("JINGWEI_KAFKA_BOOTSTRAP", first.bootstrap)
    outside = stack.up(load_settings(embedded.local.home), print, bound=True)
    assert outside.database_url != first.database_url
    monkeypatch.delenv("JINGWEI_KAFKA_BOOTSTRAP")
    assert stack.up(embedded, print, bound=True).database_url == first.database_url


def test_a_missing_java_leads_to_the_embedded_broker_too(own, monkeypatch, tmp_path):
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    monkeypatch.setenv("JINGWEI_MAVEN", "auto")
    monkeypatch.setenv("JINGWEI_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    lines = []
    with pytest.raises(Unreachable, match="JINGWEI_DATABASE_URL does not answer"):
        stack.up(load_settings(own.local.home), lines.append, bound=True)
    assert "has no bin/java" in lines[0]
    assert "using the embedded broker" in lines[0]
    found = stack.status(load_settings(own.local.home))
    assert (found.broker.state, found.postgres.state) == ("running", "silent")


def test_a_taken_port_is_named_and_nothing_started(own, monkeypatch):
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        monkeypatch.setenv("JINGWEI_KAFKA_PORT", str(holder.getsockname()[1]))
        monkeypatch.setenv("JINGWEI_MAVEN", "off")
        with pytest.raises(PortTaken, match="JINGWEI_KAFKA_PORT"):
            stack.up(load_settings(own.local.home), print, bound=True)
    state = read_state(Home.at(own.local.home))
    assert state.broker is None
    assert state.postgres is None


def test_a_named_broker_that_is_not_there_is_an_error(own, monkeypatch):
    monkeypatch.setenv("JINGWEI_KAFKA_BOOTSTRAP", UNUSED)
    with pytest.raises(Unreachable, match=UNUSED):
        stack.up(load_settings(own.local.home), print, bound=True)


def test_down_without_a_home_is_no_error(home):
    lines = []
    stack.down(load_settings(home), lines.append, wipe=True)
    assert "nothing to stop" in lines[0]
    assert not home.exists()


def test_doctor_names_what_does_not_run(home):
    verdicts = {check.name: check for check in doctor.examine(load_settings(home))}
    assert verdicts["services"].verdict == "silent"
    assert verdicts["services"].mend == "`jingwei up`"
    assert verdicts["PostgreSQL + PostGIS"].verdict == "ok"


async def test_roles_have_no_more_rights_than_they_need(endpoints):
    for role in ("worker", "gateway", "planner"):
        url = getattr(endpoints, f"{role}_url")
        assert await _fetch(url, "SELECT current_user") == f"jingwei_{role}"
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await _fetch(url, "CREATE TABLE public.mine (id int)")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("fsync", "on"),
        ("full_page_writes", "on"),
        ("synchronous_commit", "on"),
        ("data_checksums", "on"),
        ("server_encoding", "UTF8"),
        ("TimeZone", "UTC"),
        ("listen_addresses", "127.0.0.1"),
    ],
)
def test_the_cluster_keeps_what_it_acknowledges(database_url, name, value):
    assert asyncio.run(_fetch(database_url, f"SELECT current_setting('{name}')")) == value


def test_every_test_has_a_database_of_its_own(stack, database_url):
    assert database_url != stack.database_url
    assert asyncio.run(_fetch(database_url, "SELECT count(*) FROM incident")) == 0
