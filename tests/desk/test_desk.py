"""Commands given at a desk: a real broker, a real ledger, and a real core that answers."""

import asyncio
import dataclasses
import os
import signal
from collections import Counter

import asyncpg
import pytest

from desk import (
    Accepted,
    Desk,
    InvalidCommand,
    JournalUnreachable,
    Refused,
    TimedOut,
    Tried,
    open_desk,
)
from infra.ledger.errors import Ambiguous, LedgerUnavailable, NotFound
from infra.ledger.pool import connect
from infra.ledger.queries import show_incident
from infra.local.state import Home, read_state
from schemas import journal
from schemas.words import render
from tests.cli.scene import Scene
from tests.patience import pace, patience

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

NOTE = journal.AddNote(text="seen")


async def timeline(scene: Scene, incident: str) -> list:
    conn = await connect(scene.endpoints.worker_url)
    try:
        return list((await show_incident(conn, incident)).timeline)
    finally:
        await conn.close()


async def notes(scene: Scene, incident: str) -> Counter:
    return Counter(render(e.said) for e in await timeline(scene, incident) if e.kind == "note")


async def test_a_command_is_accepted(answered: Scene, desk: Desk) -> None:
    command = await desk.command(answered.numbers[0], journal.Acknowledge())
    outcome = await desk.give(command)
    assert isinstance(outcome, Accepted)
    assert (outcome.command, outcome.incident) == (command.id, answered.ids[0])
    assert (outcome.number, outcome.operator) == (answered.numbers[0], "li")
    assert outcome.action == journal.Acknowledge()
    assert await desk.outcome(command.id) == outcome
    assert (await timeline(answered, answered.ids[0]))[-1].actor == "li"


async def test_a_refusal_says_why(answered: Scene, desk: Desk) -> None:
    command = await desk.command(
        answered.ids[0], journal.Close(disposition="resolved"), operator="wang"
    )
    outcome = await desk.give(command)
    assert isinstance(outcome, Refused)
    assert "still has units" in outcome.reason
    assert await desk.history(operator="wang") == [outcome]
    assert await desk.history(incident=answered.numbers[1]) == []


async def test_an_incident_that_has_moved_on(answered: Scene, desk: Desk) -> None:
    command = await desk.command(answered.ids[0], NOTE, expected_version=1)
    outcome = await desk.give(command)
    assert isinstance(outcome, Refused)
    assert outcome.expected_version == 1
    assert "not 1" in outcome.reason


async def test_a_dry_run_says_what_would_change(answered: Scene, desk: Desk) -> None:
    merge = journal.Merge(into=answered.numbers[0])
    outcome = await desk.give(await desk.command(answered.ids[1], merge, dry_run=True))
    assert isinstance(outcome, Tried)
    assert outcome.changes
    assert outcome.action == journal.Merge(into=answered.ids[0])
    kinds = [entry.kind for entry in await timeline(answered, answered.ids[1])]
    assert "merged" not in kinds


async def test_what_is_named_wrongly_is_no_command(scene: Scene, desk: Desk) -> None:
    with pytest.raises(NotFound):
        await desk.command("nothing", NOTE)
    with pytest.raises(Ambiguous):
        await desk.command(scene.region, NOTE)
    with pytest.raises(NotFound, match="no unit"):
        await desk.command(scene.ids[0], journal.Unassign(units=("U",), reason="x"))


async def test_units_are_named_by_name(answered: Scene, desk: Desk) -> None:
    unit = next(u for u in answered.core.snapshot().units if u.id == answered.unit)
    action = journal.Unassign(units=(unit.name,), reason="wrong kind")
    command = await desk.command(answered.ids[0], action)
    assert command.action == journal.Unassign(units=(unit.id,), reason="wrong kind")


async def test_many_operators_at_once_on_few_connections(answered: Scene, desk: Desk) -> None:
    async def operator(n: int) -> None:
        name = f"operator {n}"
        for number in range(2):
            note = journal.AddNote(text=f"{name}/{number}")
            command = await desk.command(answered.ids[(n + number) % 3], note, operator=name)
            outcome = await desk.give(command, timeout_s=patience(60))
            assert isinstance(outcome, Accepted), outcome
            assert (outcome.command, outcome.operator) == (command.id, name)

    await asyncio.gather(*(operator(n) for n in range(50)))
    said = Counter()
    for incident in answered.ids:
        entries = await timeline(answered, incident)
        assert [entry.seq for entry in entries] == list(range(1, len(entries) + 1))
        said += await notes(answered, incident)
    assert said == Counter(f"operator {n}/{k}" for n in range(50) for k in range(2))
    assert await _connections(answered) <= 5


async def test_no_answer_is_not_no(scene: Scene, desk: Desk) -> None:
    command = await desk.command(scene.ids[0], NOTE)
    late = await desk.give(command, timeout_s=pace(1))
    assert isinstance(late, TimedOut)
    assert late.written
    assert (late.command, late.action) == (command.id, NOTE)
    assert "no worker has answered" in late.reason
    assert await desk.outcome(command.id) is None
    await scene.apply(command)
    found = await desk.outcome(command.id)
    assert isinstance(found, Accepted)


async def test_the_same_command_given_again_is_carried_out_once(
    answered: Scene, desk: Desk
) -> None:
    command = await desk.command(answered.ids[0], NOTE)
    first, second = await asyncio.gather(desk.give(command), desk.give(command))
    third = await desk.give(command)
    assert first == second == third
    assert isinstance(first, Accepted)
    assert await notes(answered, answered.ids[0]) == {"seen": 1}


async def test_a_ledger_that_cuts_its_connections_is_connected_to_again(
    answered: Scene, desk: Desk
) -> None:
    assert isinstance(await desk.give(await desk.command(answered.ids[0], NOTE)), Accepted)
    for _ in range(3):
        giving = asyncio.create_task(
            desk.give(await desk.command(answered.ids[0], NOTE), timeout_s=patience(30))
        )
        await _cut(answered)
        assert isinstance(await giving, Accepted)
    assert await notes(answered, answered.ids[0]) == {"seen": 4}


async def test_answers_are_found_without_notifications(answered: Scene, desk: Desk) -> None:
    owner = await asyncpg.connect(answered.endpoints.database_url)
    await owner.execute("ALTER TABLE command DISABLE TRIGGER command_answered")
    await owner.close()
    assert isinstance(await desk.give(await desk.command(answered.ids[0], NOTE)), Accepted)


async def test_a_broker_that_stands_still_gets_the_command_once(
    answered: Scene, desk: Desk
) -> None:
    """Longer than a request may take, so that the desk writes the command again."""
    assert isinstance(await desk.give(await desk.command(answered.ids[0], NOTE)), Accepted)
    state = read_state(Home.at(answered.endpoints.home))
    assert state is not None
    assert state.broker is not None
    pid = state.broker.process.pid
    command = await desk.command(answered.ids[0], journal.AddNote(text="paused"))
    os.kill(pid, signal.SIGSTOP)
    try:
        giving = asyncio.create_task(desk.give(command, timeout_s=patience(60)))
        done, _ = await asyncio.wait({giving}, timeout=7)
        assert not done
    finally:
        os.kill(pid, signal.SIGCONT)
    assert isinstance(await giving, Accepted)
    assert (await notes(answered, answered.ids[0]))["paused"] == 1


async def test_without_a_broker_nothing_has_happened(scene: Scene) -> None:
    nowhere = dataclasses.replace(scene.endpoints, bootstrap="127.0.0.1:1")
    async with open_desk(nowhere, "li") as desk:
        command = await desk.command(scene.ids[0], NOTE)
        with pytest.raises(JournalUnreachable, match=r"nothing has happened.*jingwei status"):
            await desk.give(command, timeout_s=patience(5))
        with pytest.raises(JournalUnreachable):
            await desk.write([command], timeout_s=patience(5))


async def test_without_a_ledger_no_desk_opens(scene: Scene) -> None:
    url = "postgresql://nobody:hidden@127.0.0.1:1/none"
    with pytest.raises(LedgerUnavailable) as error:
        async with open_desk(dataclasses.replace(scene.endpoints, gateway_url=url)):
            pass
    assert "hidden" not in str(error.value)


async def test_what_is_too_large_is_not_sent(scene: Scene, desk: Desk) -> None:
    command = await desk.command(scene.ids[0], journal.AddNote(text="x" * 5_001))
    with pytest.raises(InvalidCommand, match="5001 characters"):
        await desk.give(command)


async def test_commands_are_written_in_order(answered: Scene, desk: Desk) -> None:
    actions = (journal.Hold(reason="a"), journal.Resume(), journal.Hold(reason="b"))
    commands = [await desk.command(answered.ids[2], action) for action in actions]
    await desk.write(commands)
    outcome = await desk.give(await desk.command(answered.ids[2], journal.Resume()))
    assert isinstance(outcome, Accepted)
    assert [found.action for found in (await desk.history(incident=answered.ids[2]))[::-1]] == [
        *actions,
        journal.Resume(),
    ]


async def _connections(scene: Scene) -> int:
    owner = await asyncpg.connect(scene.endpoints.database_url)
    try:
        return await owner.fetchval(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE application_name = 'jingwei-test' AND datname = current_database()"
        )
    finally:
        await owner.close()


async def _cut(scene: Scene) -> None:
    """Cut the desk's connections; a role may end its own."""
    gateway = await asyncpg.connect(scene.endpoints.gateway_url)
    try:
        await gateway.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'jingwei-test' AND datname = current_database()"
        )
    finally:
        await gateway.close()
