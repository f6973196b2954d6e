"""Faust's consumer with its habits changed where they lose, stall or mislead.

- It starts where the ledger's guard stands, not where Kafka's committed offset does: the guard
  was written together with all that a message caused, the committed offset some time later, and
  Faust can commit past a message that was never acknowledged (faust issue 606).
- It does not wait 1.5 s for an idle broker: aiokafka has one fetch under way per broker, and a
  partition whose last messages were just taken is not part of it, so its next message would wait
  until that fetch returns.
- It reads what is committed: a transaction that was aborted never happened.
- It says how far it has looked. Markers of transactions, aborted messages and compaction leave
  offsets without a message; only the consumer knows them from messages that wait.
- It hands out whole polls (`streams.polls`), and a topic whose polls wait is not fetched further.
- It tells what retention has deleted before it was read, before it goes on behind it.
- It says which partitions the group leaves unread (`streams.unassigned`).
- It commits up to the last message acknowledged. Batches are acknowledged whole and in order, so
  everything below was dealt with; Faust looks for the offsets in between one by one, and stands
  still where they hold no message.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any, ClassVar, NamedTuple

from aiokafka.coordinator.protocol import ConsumerProtocol
from aiokafka.errors import NoOffsetForPartitionError, OffsetOutOfRangeError, for_code
from aiokafka.protocol.admin import DescribeGroupsRequest
from aiokafka.protocol.group import LeaveGroupRequest
from aiokafka.structs import TopicPartition
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from streams.absent import Member
from streams.exits import Exit, die
from streams.polls import Poll, fold

log = logging.getLogger(__name__)

FETCH_WAIT_MS = 20

Guards = Callable[[list[tuple[str, int]]], Awaitable[dict[tuple[str, int], int]]]
"""Looks up next offsets by (topic, partition) in the ledger."""
Loss = Callable[[str, int, int, int], Coroutine[Any, Any, None]]
"""Writes down that a topic's partition has lost the offsets from the one to the other."""


class Looked(NamedTuple):
    """How far a partition was looked through, at one moment.

    Attributes
    ----------
    position
        All below was handed out, or holds no message.
    handed
        The offset after the last message handed out; 0 before any.
    """

    position: int
    handed: int

    def clear_to(self, reached: int) -> int:
        """Return up to where nothing waits, when everything below ``reached`` is dealt with."""
        return max(reached, self.position) if self.handed <= reached else reached


class GuardedThread(driver.AIOKafkaConsumerThread):
    """The thread in which aiokafka lives.

    Attributes
    ----------
    looked : dict of TP to Looked
        Written by this thread only, a new value each time, so that others may read it.
    """

    consumer: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - Faust has no types
        super().__init__(*args, **kwargs)
        self.looked: dict[TP, Looked] = {}

    def _create_worker_consumer(self, transport: Any) -> Any:  # noqa: ANN401 - Faust has no types
        consumer = super()._create_worker_consumer(transport)
        consumer._fetch_max_wait_ms = FETCH_WAIT_MS  # noqa: SLF001 - Faust fixes 1,500
        consumer._isolation_level = "read_committed"  # noqa: SLF001 - Faust fixes uncommitted
        # An offset that is not there any more must be told, not passed over.
        consumer._auto_offset_reset = "none"  # noqa: SLF001 - Faust knows no such setting
        return consumer

    async def log_starts(self, partitions: list[TP]) -> Mapping[TP, int]:
        """Return the first offsets that the broker still has."""
        found = await self.call_thread(
            self._ensure_consumer().beginning_offsets,
            [TopicPartition(tp.topic, tp.partition) for tp in partitions],
        )
        return {TP(tp.topic, tp.partition): offset for tp, offset in found.items()}

    async def unassigned(self) -> set[TP]:
        """Return partitions of subscribed topics that the broker has assigned to nobody.

        Empty while the group rebalances.

        Raises
        ------
        KafkaError
            The broker does not say.
        """
        found: set[TP] = await self.call_thread(self._unassigned)
        return found

    async def members(self) -> list[Member]:
        """Return the group's members; none while the group rebalances.

        Raises
        ------
        KafkaError
            The broker does not say.
        """
        found: list[dict[str, Any]] = await self.call_thread(self._members)
        return [Member(one["member_id"], one["client_id"]) for one in found]

    async def remove(self, member: Member) -> None:
        """Take a member out of the group; nothing where it is not in it any more.

        Raises
        ------
        KafkaError
            The broker cannot be reached.
        """
        await self.call_thread(self._remove, member.id)

    async def _remove(self, member_id: str) -> None:
        consumer = self._ensure_consumer()
        coordinator, client = consumer._coordinator, consumer._client  # noqa: SLF001 - no view of them
        if coordinator.coordinator_id is not None:
            request = LeaveGroupRequest(coordinator.group_id, member_id)
            await client.send(coordinator.coordinator_id, request)

    async def _members(self) -> list[dict[str, Any]]:
        consumer = self._ensure_consumer()
        coordinator, client = consumer._coordinator, consumer._client  # noqa: SLF001 - no view of them
        if coordinator.coordinator_id is None:
            return []
        request = DescribeGroupsRequest([coordinator.group_id])
        # Over another connection than joins and heartbeats use: a join waits for all members.
        answer = await client.send(coordinator.coordinator_id, request)
        [group] = answer.to_object()["groups"]
        if group["error_code"]:
            raise for_code(group["error_code"])
        return list(group["members"]) if group["state"] == "Stable" else []

    async def _unassigned(self) -> set[TP]:
        consumer = self._ensure_consumer()
        client = consumer._client  # noqa: SLF001 - no view of it
        subscription = consumer._subscription.subscription  # noqa: SLF001 - as above
        members = await self._members()
        if subscription is None or not members:
            return set()
        assigned = {
            TP(*part)
            for member in members
            for part in ConsumerProtocol.ASSIGNMENT.decode(member["member_assignment"]).partitions()
        }
        there = {
            TP(topic, partition)
            for topic in subscription.topics
            for partition in client.cluster.partitions_for_topic(topic) or ()
        }
        return there - assigned

    async def join_again(self) -> None:
        """Leave nothing as it is assigned now: join the group again."""
        await self.call_thread(self._join_again)

    async def _join_again(self) -> None:
        self._ensure_consumer()._coordinator.request_rejoin()  # noqa: SLF001 - as above

    async def _seek_wait(self, consumer: Any, partitions: Mapping[TP, int]) -> None:  # noqa: ANN401
        for tp, offset in partitions.items():
            self.looked[tp] = Looked(offset, 0)
        await super()._seek_wait(consumer, partitions)

    async def _fetch_records(self, consumer: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        try:
            fetched = await super()._fetch_records(consumer, *args, **kwargs)
        except OffsetOutOfRangeError as error:
            await self._go_on_behind(consumer, error.args[0])
            return {}
        except NoOffsetForPartitionError:
            return {}  # it was assigned a moment ago: its guard is looked up now
        # No await between: what was handed out and the position belong together.
        self._note(consumer, fetched)
        return fetched

    def _note(self, consumer: Any, fetched: Mapping[TopicPartition, Any]) -> None:  # noqa: ANN401
        """Write down how far each partition was looked through."""
        subscription = consumer._subscription.subscription  # noqa: SLF001 - aiokafka has no view
        assignment = None if subscription is None else subscription.assignment
        if assignment is None:
            return
        for part in assignment.tps:
            state, tp = assignment.state_value(part), TP(part.topic, part.partition)
            if tp not in self.looked or not state.has_valid_position:
                continue  # it was not sought yet
            records = fetched.get(part)
            handed = records[-1].offset + 1 if records else self.looked[tp].handed
            self.looked[tp] = Looked(state.position, handed)

    async def _go_on_behind(self, consumer: Any, sought: Mapping[TopicPartition, int]) -> None:  # noqa: ANN401
        """Go on where the broker's log begins, and tell what it had deleted before."""
        begins = await consumer.beginning_offsets(list(sought))
        ends = await consumer.end_offsets(list(sought))
        for part, offset in sought.items():
            if offset > ends[part]:
                die(
                    Exit.STALLED,
                    "%s/%d was read up to offset %d and ends at %d now: it was deleted and "
                    "recreated, or truncated; the next start finds out which",
                    *(part.topic, part.partition, offset, ends[part]),
                )
            if offset < begins[part]:
                told = self.consumer.lost(part.topic, part.partition, offset, begins[part] - 1)
                await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(told, self.app.loop))
                consumer.seek(part, begins[part])
                tp = TP(part.topic, part.partition)
                self.looked[tp] = Looked(begins[part], self.looked[tp].handed)


class GuardedConsumer(driver.Consumer):
    """Starts each partition at its guard."""

    guards: ClassVar[Guards]
    lost: ClassVar[Loss]
    _thread: GuardedThread

    def _new_consumer_thread(self) -> GuardedThread:
        return GuardedThread(self, loop=self.loop, beacon=self.beacon)

    def looked(self, tp: TP) -> Looked | None:
        """Return how far a partition was looked through; None before it was begun."""
        return self._thread.looked.get(tp)

    def is_assigned(self, tp: TP) -> bool:
        """Tell whether this worker has a partition now; cheaper than asking for all it has."""
        return bool(self._thread._ensure_consumer()._subscription.is_assigned(tp))  # noqa: SLF001 - as above

    async def unassigned(self) -> set[TP]:
        """Return partitions of subscribed topics that the broker has assigned to nobody."""
        return await self._thread.unassigned()

    async def members(self) -> list[Member]:
        """Return the group's members; none while the group rebalances."""
        return await self._thread.members()

    async def remove(self, member: Member) -> None:
        """Take a member out of the group."""
        await self._thread.remove(member)

    async def join_again(self) -> None:
        """Join the group again."""
        await self._thread.join_again()

    def stable_end(self, tp: TP) -> int | None:
        """Return where what can be read ends: an open transaction's messages cannot."""
        stable = self._thread._ensure_consumer().last_stable_offset(tp)  # noqa: SLF001 - our own
        return self.highwater(tp) if stable is None or stable < 0 else int(stable)

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Seek to the ledger's offsets; return what was sought."""
        parts = sorted((tp.topic, tp.partition) for tp in self.assignment())
        if not parts:
            return {}
        guards = await type(self).guards(parts)
        starts = await self._thread.log_starts([TP(*part) for part in parts])
        positions = {}
        for part in parts:
            tp = TP(*part)
            positions[tp] = max(guards[part], starts[tp])
            if starts[tp] > guards[part]:
                await type(self).lost(*part, guards[part], starts[tp] - 1)
        await self.seek_wait(positions)
        return positions

    async def _getmany(self, *args: Any, **kwargs: Any) -> dict[TP, list[Poll]]:  # noqa: ANN401 - Faust has no types
        return fold(await super()._getmany(*args, **kwargs))

    def on_buffer_full(self, tp: TP) -> None:
        """Fetch no more of a topic when its queue is full, whichever partition filled it.

        Faust stops that partition only, and then waits for room with the messages of another one
        in its hand, and all other topics behind it.
        """
        for part in self._of_topic(tp):
            super().on_buffer_full(part)

    def on_buffer_drop(self, tp: TP) -> None:
        """Fetch a topic again."""
        for part in self._of_topic(tp):
            super().on_buffer_drop(part)

    def _of_topic(self, tp: TP) -> list[TP]:
        return [part for part in self.assignment() if part.topic == tp.topic]

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Note nothing: a gap of millions of offsets would be counted out one by one."""

    def _new_offset(self, tp: TP) -> int | None:
        """Return the offset to commit: all below the last one acknowledged was dealt with."""
        acked = self._acked[tp]
        if not acked:
            return None
        last = max(acked)
        acked.clear()
        self._acked_index[tp].clear()
        return int(last) + 1


class GuardedTransport(driver.Transport):
    """A Kafka transport with such a consumer."""

    Consumer: ClassVar[type[Any]] = GuardedConsumer


def transport_with(guards: Guards, lost: Loss) -> type[GuardedTransport]:
    """Return a transport whose consumers ask ``guards`` where to start, and tell ``lost``."""
    consumer = type(
        "LedgerConsumer",
        (GuardedConsumer,),
        {"guards": staticmethod(guards), "lost": staticmethod(lost)},
    )
    return type("LedgerTransport", (GuardedTransport,), {"Consumer": consumer})
