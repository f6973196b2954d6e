"""Messages in record batches: none lost, in order by partition, where Kafka's clients put them."""

from itertools import groupby

from aiokafka.partitioner import DefaultPartitioner
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.structs import TopicPartition
from hypothesis import given
from hypothesis import strategies as st

from infra.ledger.outbox import Message
from streams.packing import Packed

PARTITIONS = {"a": [0, 1, 2], "b": [0]}
BATCH_BYTES = 400

messages = st.builds(
    Message,
    topic=st.sampled_from(sorted(PARTITIONS)),
    key=st.one_of(st.none(), st.binary(max_size=8)),
    value=st.one_of(st.none(), st.binary(max_size=500)),
    headers=st.lists(st.tuples(st.sampled_from(["ce_id", "x"]), st.binary(max_size=9)), max_size=2),
)


def new_batch() -> BatchBuilder:
    return BatchBuilder(
        BATCH_BYTES, 0, is_transactional=False, key_serializer=None, value_serializer=None
    )


def records_of(batch: BatchBuilder) -> list[tuple[bytes | None, bytes | None, list]]:
    """Return what a consumer would read of it."""
    found = MemoryRecords(bytes(batch._build())).next_batch()
    assert found is not None
    return [(record.key, record.value, list(record.headers)) for record in found]


@given(st.lists(messages, max_size=30))
def test_packed_messages_are_all_there_in_order_where_they_belong(sent: list[Message]) -> None:
    packed = Packed(sent, PARTITIONS, new_batch)
    wanted: dict[TopicPartition, list] = {}
    for message, at in zip(sent, packed.batch_of, strict=True):
        part = packed.batches[at][0]
        numbers = PARTITIONS[part.topic]
        assert part.topic == message.topic
        if message.key is not None:
            assert part.partition == DefaultPartitioner()(message.key, numbers, numbers)
        value = b"" if message.key is None and message.value is None else message.value
        wanted.setdefault(part, []).append((message.key, value, message.headers))
    got: dict[TopicPartition, list] = {}
    for part, batch in packed.batches:
        got.setdefault(part, []).extend(records_of(batch))
    assert got == wanted


@given(st.lists(messages, max_size=30))
def test_no_partition_waits_for_the_second_batch_of_another(sent: list[Message]) -> None:
    packed = Packed(sent, PARTITIONS, new_batch)
    seen: dict[TopicPartition, int] = {}
    rounds = []
    for part, _ in packed.batches:
        rounds.append(seen.get(part, 0))
        seen[part] = rounds[-1] + 1
    assert rounds == sorted(rounds)
    assert len(list(groupby(rounds))) == len(set(rounds))
