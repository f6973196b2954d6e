"""`jingwei outbox`: what the broker refused, and what an administrator did about it."""

import asyncio

import pytest

from cli.exit_codes import USAGE
from infra.ledger import outbox, transaction
from infra.ledger.outbox import Message
from infra.ledger.pool import connect
from infra.settings import Endpoints
from tests.cli.conftest import Run, data, point_at

MESSAGE = Message("dept.fire", b"k", b"0123456789", [("ce_id", b"1")])


@pytest.fixture
def refused(endpoints: Endpoints, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return the ids of two messages that the broker refused."""
    point_at(endpoints, monkeypatch)

    async def refuse() -> list[int]:
        conn = await connect(endpoints.worker_url)
        async with transaction(conn) as tx:
            ids = await outbox.put(tx, "lane", [MESSAGE, MESSAGE])
            for row_id in ids:
                await outbox.refuse(tx, row_id, "MessageSizeTooLargeError: \x1b[2J")
        await conn.close()
        return ids

    return asyncio.run(refuse())


def waiting(endpoints: Endpoints) -> list[Message]:
    async def unsent() -> list[Message]:
        conn = await connect(endpoints.worker_url)
        rows = await outbox.unsent(conn, "lane", 9)
        await conn.close()
        return [message for _, message in rows]

    return asyncio.run(unsent())


def test_refused_messages_are_listed_until_dealt_with(refused: list[int], run: Run) -> None:
    listed = data(run("outbox", "list", "--json"))
    assert [one["id"] for one in listed] == sorted(refused, reverse=True)
    assert listed[0]["value_bytes"] == 10
    assert "\x1b" not in run("outbox", "list").stdout
    assert run("outbox", "discard", str(refused[0]), "--why", "a test", "--by", "w").exit_code == 0
    assert [one["id"] for one in data(run("outbox", "list", "--json"))] == refused[1:]
    kept = data(run("outbox", "list", "--settled", "--json"))[1]
    assert (kept["settlement"], kept["settled_by"], kept["settled_why"]) == (
        "discarded",
        "w",
        "a test",
    )


def test_a_message_is_sent_again_once(refused: list[int], run: Run, endpoints: Endpoints) -> None:
    assert run("outbox", "resend", str(refused[0])).exit_code == 0
    assert waiting(endpoints) == [MESSAGE]
    again = run("outbox", "resend", str(refused[0]))
    assert again.exit_code == USAGE
    assert "was already resent or discarded" in str(again.exception)
    assert waiting(endpoints) == [MESSAGE]


def test_giving_up_needs_a_reason(refused: list[int], run: Run) -> None:
    assert run("outbox", "discard", str(refused[0])).exit_code == USAGE
    assert run("outbox", "discard", str(refused[0]), "--why", " ").exit_code == USAGE
    assert len(data(run("outbox", "list", "--json"))) == len(refused)
