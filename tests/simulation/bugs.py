"""Known bugs, each put into the real code while a test lasts: the simulation must find them.

None is a flag of the product. Each replaces one function by one that has forgotten something.
"""

import asyncio
import uuid
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import Any
from unittest.mock import _patch, patch

from infra.ledger import guard as ledger_guard
from infra.ledger import intake as ledger_intake
from infra.ledger import outbox, transaction
from infra.ledger.errors import LedgerUnavailable
from infra.ledger.guard import OffsetGuard
from streams import app, dispatcher, evidence, messages
from streams.lanes import Lanes
from streams.packing import Packed
from streams.relay import Relay
from streams.transactions import Transactions
from tests.simulation.world import run

Bug = Callable[[], list["_patch[Any]"]]


def acknowledged_before_commit() -> list[Any]:
    """A poll is acknowledged when it is taken, not when it is in the ledger."""
    deal = app._deal

    async def hasty(processor: Any, events: Any) -> None:
        for event in events:
            event.ack()
        await deal(processor, events)

    return [patch.object(app, "_deal", hasty)]


def guard_not_checked() -> list[Any]:
    """What the guard says is passed is handled all the same, as a zombie would."""
    lock = Transactions._lock

    async def blind(self: Any, conn: Any, partitions: Any) -> Any:
        found = await lock(self, conn, partitions)
        return {
            partition: OffsetGuard(self.reached.get(partition, one.next), one.incarnation)
            for partition, one in found.items()
        }

    return [patch.object(Transactions, "_lock", blind), *_advance_anyway()]


def _advance_anyway() -> list[Any]:
    async def quiet(conn: Any, group: str, reached: Any) -> None:
        parts = sorted(reached)
        columns = [topic for topic, _ in parts], [partition for _, partition in parts]
        ends = [reached[part] for part in parts]
        await conn.fetch(ledger_guard.statement("guard.advance"), group, *columns, ends)

    return [patch.object(ledger_guard, "advance", quiet)]


def guard_not_advanced() -> list[Any]:
    """A batch is written and its guard stays, now and then."""
    advance, count = ledger_guard.advance, [0]

    async def lazy(conn: Any, group: str, reached: Any) -> None:
        count[0] += 1
        if count[0] % 4:
            await advance(conn, group, reached)

    return [patch.object(ledger_guard, "advance", lazy)]


def guard_past_an_unfinished_message() -> list[Any]:
    """The guard goes to the end of what came, though the slice was cut before it."""
    take_in = Transactions._take_in

    async def far(self: Any, conn: Any, partition: int, *rest: Any) -> None:
        await take_in(self, conn, partition, *rest)
        _, arrived, taken = rest
        part = (self._topic, partition)
        if part in taken.ends:
            taken.ends[part] = max(taken.ends[part], arrived[-1].offset + 1)

    return [patch.object(Transactions, "_take_in", far)]


def marked_before_published() -> list[Any]:
    """The relay deletes rows, and sends them then."""
    send = Relay.send

    async def early(self: Any, rows: Any) -> None:
        with suppress(LedgerUnavailable):
            async with transaction(self._pool) as conn:
                await outbox.mark_sent(conn, [number for number, _ in rows])
        await send(self, rows)

    return [patch.object(Relay, "send", early)]


def lanes_not_drained() -> list[Any]:
    """What a predecessor left in the lanes is sent some time later, after newer rows."""

    async def late(self: Any, partition: int) -> None:
        asyncio.get_running_loop().call_later(
            8.0, lambda: self._first.drain(self.names(partition)[0])
        )

    return [patch.object(Lanes, "drain", late)]


def key_reordered() -> list[Any]:
    """The relay begins anew behind a row that was refused, and sends that one last."""
    send = Relay.send

    async def last(self: Any, rows: Any) -> None:
        rows = list(rows)
        await send(self, [*rows[1:], *rows[:1]] if len(rows) > 1 else rows)

    return [patch.object(Relay, "send", last)]


def guard_not_locked() -> list[Any]:
    """The guard is read and not locked: two workers write for a partition at once."""

    async def read(self: Any, conn: Any, partitions: Any) -> Any:
        found = await ledger_guard.of_topic(conn, self._group, self._topic)
        return {partition: OffsetGuard(found.get(partition, 0), 0) for partition in partitions}

    return [patch.object(Transactions, "_lock", read), *_advance_anyway()]


def random_ids() -> list[Any]:
    """An entry has a new id each time it is written, not one derived from what it says."""
    taken_in, count = messages.taken_in, [0]

    def anew(entry: Any, *about: Any, **more: Any) -> Any:
        import msgspec  # noqa: PLC0415

        count[0] += 1
        made = str(uuid.UUID(int=count[0]))
        return taken_in(msgspec.structs.replace(entry, id=made), *about, **more)

    return [patch.object(evidence, "taken_in", anew), *_evidence_always_new()]


def _evidence_always_new() -> list[Any]:
    insert = ledger_intake.insert_evidence

    async def all_new(conn: Any, region: str, found: Any) -> set[str]:
        await insert(conn, region, found)
        return {item.id for item, _ in found}

    return [patch.object(ledger_intake, "insert_evidence", all_new)]


def dead_letter_swallowed() -> list[Any]:
    """A message that cannot be used is passed over without a letter."""

    async def nothing(_conn: Any, _letters: Any) -> set[Any]:
        return set()

    return [patch.object(ledger_intake, "insert_dead_letters", nothing)]


def effect_outside_the_transaction() -> list[Any]:
    """What a sensor counts is written by a transaction of its own, before the batch's."""
    save = ledger_intake.save_alarms

    async def apart(conn: Any, partition: int, rows: Any) -> None:
        from tests.simulation.ledger import Connection, Session  # noqa: PLC0415

        other = Connection(Session(conn.session.server, conn.session.owner))
        async with other.transaction():
            await save(other, partition, rows)  # type: ignore[arg-type]
        other.terminate()

    return [patch.object(ledger_intake, "save_alarms", apart)]


def memory_kept_after_a_failure() -> list[Any]:
    """After a transaction that failed the handlers go on with what they remember."""

    def keep(self: Any, partitions: Any) -> None:
        for partition in partitions:
            self._hurried.pop(partition, None)

    return [patch.object(Transactions, "forget", keep)]


def core_kept_after_a_failure() -> list[Any]:
    """The core goes on from where it stood when its transaction failed."""
    forget, load = dispatcher.Dispatcher.forget, dispatcher.Dispatcher.load

    def keep(self: Any, partition: int) -> None:
        cores = self._cores.get(partition)
        forget(self, partition)
        self._kept = {**getattr(self, "_kept", {}), partition: cores}

    async def again(self: Any, conn: Any, partition: int) -> None:
        await load(self, conn, partition)
        if getattr(self, "_kept", {}).get(partition):
            self._cores[partition] = self._kept[partition]

    return [
        patch.object(dispatcher.Dispatcher, "forget", keep),
        patch.object(dispatcher.Dispatcher, "load", again),
    ]


def message_twice_in_a_batch() -> list[Any]:
    """A batch holds a message twice after a rebalance: what the simulation found first."""

    def all_of(polls: Any) -> list[Any]:
        return [record for poll in polls for record in poll.value]

    return [patch.object(app, "joined", all_of)]


def second_batch_not_held_back() -> list[Any]:
    """A broker that knows no repeats takes a second batch where it refused the first."""
    pack = Packed.__init__

    def flat(self: Any, *args: Any) -> None:
        pack(self, *args)
        self.round_of = [0] * len(self.round_of)

    return [patch.object(Packed, "__init__", flat)]


BUGS: dict[str, Bug] = {
    bug.__name__: bug
    for bug in (
        acknowledged_before_commit,
        guard_not_checked,
        guard_not_advanced,
        guard_past_an_unfinished_message,
        marked_before_published,
        lanes_not_drained,
        key_reordered,
        guard_not_locked,
        random_ids,
        dead_letter_swallowed,
        effect_outside_the_transaction,
        memory_kept_after_a_failure,
        core_kept_after_a_failure,
        message_twice_in_a_batch,
        second_batch_not_held_back,
    )
}


def found_by(name: str, most: int, first: int = 1) -> tuple[int | None, str]:
    """Return the first seed whose run shows a bug, and what is wrong; None where none does."""
    for seed in range(first, first + most):
        with ExitStack() as stack:
            for one in BUGS[name]():
                stack.enter_context(one)
            told = run(seed)
        if told.wrong:
            return seed, told.wrong[0]
    return None, ""
