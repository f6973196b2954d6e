"""Whole polls through Faust: what a partition gave in one poll is one event of its agent.

Faust spends some 100 µs of processor time on an event, whatever is in it. So the consumer folds
the records of a poll into one record per partition before Faust sees them; its agents, flow
control, acknowledgements, commits and rebalances are Faust's as before. An event's offset is that
of its last record, so to acknowledge it is to acknowledge all of them.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

import msgspec

TP = TypeVar("TP")


class Poll(msgspec.Struct, frozen=True):
    """The records of one partition in one poll, in the form of a record of aiokafka's.

    ``value`` has them, in the order of their offsets, never none. The timestamp is not theirs:
    each has its own.
    """

    topic: str
    partition: int
    offset: int
    value: Sequence[Any]
    timestamp: int = 0
    timestamp_type: int = 0
    headers: tuple[()] = ()
    key: None = None
    checksum: None = None
    serialized_key_size: int = 0
    serialized_value_size: int = 0


def fold(found: Mapping[TP, Sequence[Any]]) -> dict[TP, list[Poll]]:
    """Return each partition's records as one."""
    return {
        part: [Poll(records[-1].topic, records[-1].partition, records[-1].offset, records)]
        for part, records in found.items()
        if records
    }


def joined(polls: Iterable[Poll]) -> list[Any]:
    """Return the records of polls in their order, each once.

    After a rebalance a partition is read from its guard again, while polls of it that came before
    are still in its agent's hand: one batch may then hold a message twice.
    """
    records: list[Any] = []
    last: dict[tuple[str, int], int] = {}
    for poll in polls:
        part = poll.topic, poll.partition
        before = last.get(part, -1)
        if poll.value[0].offset > before:
            records += poll.value
        else:
            records += [record for record in poll.value if record.offset > before]
        last[part] = max(before, poll.offset)
    return records
