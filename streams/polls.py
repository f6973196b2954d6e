"""Whole polls through Faust: what a partition gave in one poll is one event of its agent.

Faust spends some 100 µs of processor time on an event, whatever is in it. So the consumer folds
the records of a poll into one record per partition before Faust sees them; its agents, flow
control, acknowledgements, commits and rebalances are Faust's as before. An event's offset is that
of its last record, so to acknowledge it is to acknowledge all of them.
"""

from collections.abc import Mapping, Sequence
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
