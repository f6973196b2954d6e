"""`jingwei dlq`: what could not be used, shown safely and sent again."""

import asyncio
import dataclasses
import json
from datetime import UTC, datetime

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from cli.exit_codes import UNREACHABLE, USAGE
from infra.ledger import intake, transaction
from infra.ledger.pool import connect
from infra.settings import Endpoints
from tests.cli.conftest import Run, data, point_at
from tests.following import make_topic
from tests.patience import patience

BYTES = b'{"a":"\x1b[2J\xff"}\n'
HEADERS = [("ce_id", b"1"), ("odd", b"\x00\xfe")]


@pytest.fixture
def letters(endpoints: Endpoints, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the topic of three dead letters."""
    point_at(endpoints, monkeypatch)
    topic = f"t-{endpoints.database_url[-12:]}"

    async def insert() -> None:
        conn = await connect(endpoints.worker_url)
        async with transaction(conn) as tx:
            rows = [
                intake.DeadLetter(
                    source=intake.Source(topic, 0, offset),
                    key=b"k",
                    value=BYTES,
                    headers=HEADERS,
                    reason=f"not a report: {offset}",
                    error="payload" if offset else "envelope",
                    agent="intake_reports",
                    at=datetime.now(UTC),
                )
                for offset in range(3)
            ]
            await intake.insert_dead_letters(tx, rows)
        await conn.close()

    asyncio.run(insert())
    return topic


def test_lists_by_reason_and_topic(letters: str, run: Run) -> None:
    assert len(data(run("dlq", "list", "--json"))) == 3
    assert len(data(run("dlq", "list", "--reason", "payload", "--json"))) == 2
    assert len(data(run("dlq", "list", "--limit", "1", "--json"))) == 1
    assert data(run("dlq", "list", "--topic", "other", "--json")) == []
    plain = run("dlq", "list").stdout
    assert "\x1b" not in plain
    assert "\\x1b[2J\\xff" in plain


def test_shows_one_safely_and_raw(letters: str, run: Run) -> None:
    letter = data(run("dlq", "list", "--json"))[0]["id"]
    shown = run("dlq", "show", letter)
    assert "\x1b" not in shown.stdout
    assert "intake_reports" in shown.stdout
    assert run("dlq", "show", letter, "--raw").stdout_bytes == BYTES
    as_json = json.loads(run("dlq", "show", letter, "--json").stdout)
    assert as_json["headers"]["odd"] == "\x00\\xfe"


def test_an_unknown_letter_is_one_sentence(letters: str, run: Run) -> None:
    result = run("dlq", "show", "999999")
    assert result.exit_code == USAGE
    assert "jingwei dlq list" in str(result.exception)


@pytest.mark.kafka
def test_redriven_ones_are_the_original_bytes(letters: str, run: Run, endpoints: Endpoints) -> None:
    asyncio.run(make_topic(endpoints.bootstrap, letters, 1))
    assert run("dlq", "redrive").exit_code == USAGE
    done = data(run("dlq", "redrive", "--reason", "payload", "--json"))["redriven"]
    assert len(done) == 2
    assert len(data(run("dlq", "list", "--json"))) == 1
    assert len(data(run("dlq", "list", "--redriven", "--json"))) == 3
    records = asyncio.run(_read(endpoints.bootstrap, letters, 2))
    assert [record.value for record in records] == [BYTES, BYTES]
    assert [(name, bytes(value)) for name, value in records[0].headers] == HEADERS


async def _read(bootstrap: str, topic: str, count: int) -> list:
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)
    await consumer.start()
    try:
        found: list = []
        parts = [TopicPartition(topic, 0)]
        consumer.assign(parts)
        await consumer.seek_to_beginning(*parts)
        async with asyncio.timeout(patience(20)):
            while len(found) < count:
                for records in (await consumer.getmany(timeout_ms=200)).values():
                    found += records
        return found
    finally:
        await consumer.stop()


def test_no_broker(letters: str, run: Run, endpoints: Endpoints, monkeypatch) -> None:
    point_at(dataclasses.replace(endpoints, bootstrap="127.0.0.1:1"), monkeypatch)
    result = run("dlq", "redrive", "--all")
    assert result.exit_code == UNREACHABLE
    assert len(data(run("dlq", "list", "--json"))) == 3
