"""Messages packed for the broker: one record batch a partition, not one call a message.

aiokafka's ``send`` costs 70 µs a message, most of it a partitioner in Python, a future and its
callbacks. A batch that is packed here costs that once.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

from aiokafka.partitioner import murmur2
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.structs import TopicPartition

from infra.ledger.outbox import Message

_KEYS = 10_000
"""So many keys' hashes are remembered: an incident's messages have the same."""


class Packed:
    """Messages in record batches, by partition and in order.

    Attributes
    ----------
    batches : list of (TopicPartition, BatchBuilder)
        In the order in which they are to be sent: each partition's first one before any second.
    round_of : list of int
        By batch, how many of its partition are before it.
    batch_of : list of int
        By message, the place of its batch.
    stamped : dict of TopicPartition to int
        The timestamp of its last message, milliseconds since 1970 by this machine's clock. The
        broker overrides it where it stamps messages itself.
    """

    def __init__(
        self,
        messages: Sequence[Message],
        partitions: Mapping[str, Sequence[int]],
        new_batch: Callable[[], BatchBuilder],
    ) -> None:
        self.batches: list[tuple[TopicPartition, BatchBuilder]] = []
        self.stamped: dict[TopicPartition, int] = {}
        self._rounds: list[int] = []
        self._latest: dict[TopicPartition, int] = {}
        self._new_batch = new_batch
        placed = [self._put(message, partitions[message.topic]) for message in messages]
        order = sorted(range(len(self.batches)), key=self._rounds.__getitem__)
        place = {number: at for at, number in enumerate(order)}
        self.batches = [self.batches[number] for number in order]
        self.round_of = [self._rounds[number] for number in order]
        self.batch_of = [place[number] for number in placed]

    def _put(self, message: Message, partitions: Sequence[int]) -> int:
        """Append a message to the open batch of its partition, or begin a new one."""
        part = TopicPartition(message.topic, _partition(message.key, partitions))
        number = self._latest.get(part)
        if number is not None and self._append(part, self.batches[number][1], message):
            return number
        batch = self._new_batch()
        self._append(part, batch, message)  # it takes its first message, whatever its size
        self.batches.append((part, batch))
        self._rounds.append(0 if number is None else self._rounds[number] + 1)
        self._latest[part] = len(self.batches) - 1
        return self._latest[part]

    def _append(self, part: TopicPartition, batch: BatchBuilder, message: Message) -> bool:
        """Append a message; False where the batch is full."""
        value = message.value
        if message.key is None and value is None:
            value = b""  # other clients send such messages, and they become dead letters
        appended = batch.append(
            timestamp=None, key=message.key, value=value, headers=message.headers
        )
        if appended is None:
            return False
        self.stamped[part] = appended.timestamp
        return True


def _partition(key: bytes | None, partitions: Sequence[int]) -> int:
    """Return the partition of a key as Kafka's default partitioner does; any for none."""
    return partitions[0 if key is None else _hash(key) % len(partitions)]


@lru_cache(_KEYS)
def _hash(key: bytes) -> int:
    return int(murmur2(key)) & 0x7FFFFFFF
