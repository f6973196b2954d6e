"""What version 0.2 left: lines on ``city.incidents`` that departments were not told of yet.

It told departments by reading its own output. A worker that takes over from it tells them the
rest, once; whoever was told of a line is not told again.
"""

import logging
from collections.abc import Mapping, Sequence

import asyncpg
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

from infra.ledger import guard, outbox, reading, transaction
from infra.ledger.outbox import Message
from schemas import topics, wire
from schemas.errors import PayloadError
from schemas.outputs import IncidentChanged
from streams.departments import Change, tell_departments
from streams.errors import BrokerMissing
from streams.relay import Relay

log = logging.getLogger(__name__)

_TOPIC = topics.INCIDENTS.name
_POLL_MS = 500


async def hand_on(pool: asyncpg.Pool, bootstrap: str, group: str, relay: Relay) -> int:
    """Tell departments what was left, and that topic is not read any more; return how many lines.

    Raises
    ------
    BrokerMissing
        The broker does not answer.
    LedgerError
        As the ledger's functions do.
    """
    async with reading(pool) as conn:
        guards = await guard.of_topic(conn, group, _TOPIC)
    if not guards:
        return 0
    try:
        count = await _read_on(pool, bootstrap, group, guards)
    except KafkaError as error:
        raise BrokerMissing(f"{_TOPIC} cannot be read from {bootstrap}: {error}") from error
    await relay.drain(*(f"{_TOPIC}/{partition}" for partition in guards))  # of that version, too
    async with transaction(pool) as conn:
        await guard.retire(conn, group, _TOPIC)
    log.info("told departments of %d lines that an earlier version had left", count)
    return count


async def _read_on(
    pool: asyncpg.Pool, bootstrap: str, group: str, guards: Mapping[int, int]
) -> int:
    count = 0
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap, enable_auto_commit=False, isolation_level="read_committed"
    )
    await consumer.start()
    try:
        parts = {TopicPartition(_TOPIC, number): offset for number, offset in guards.items()}
        starts = await consumer.beginning_offsets(list(parts))
        ends = await consumer.end_offsets(list(parts))
        consumer.assign(list(parts))
        for part, offset in parts.items():
            consumer.seek(part, max(offset, starts[part]))
        while [part for part in parts if await consumer.position(part) < ends[part]]:
            for part, records in (await consumer.getmany(timeout_ms=_POLL_MS)).items():
                count += len(records)
                await _tell(pool, group, (_TOPIC, part.partition), records)
    finally:
        await consumer.stop()
    return count


async def _tell(
    pool: asyncpg.Pool, group: str, part: guard.Part, records: Sequence[ConsumerRecord]
) -> None:
    async with transaction(pool) as conn:
        reached = (await guard.lock_offsets(conn, group, [part]))[part]
        fresh = [record for record in records if record.offset >= reached]
        if not fresh:
            return
        changes = [change for record in fresh if (change := _change(record)) is not None]
        messages = await tell_departments(conn, changes)
        await outbox.put(conn, f"{part[0]}/{part[1]}", messages)
        await guard.advance(conn, group, {part: fresh[-1].offset + 1})


def _change(record: ConsumerRecord) -> Change | None:
    """Return the change that a record tells of; None if it is none of ours."""
    try:
        changed: IncidentChanged = wire.decode(record.value or b"", IncidentChanged)
    except PayloadError as error:
        log.warning("%s/%d/%d: %s", record.topic, record.partition, record.offset, error)
        return None
    headers = list(record.headers)
    return changed, Message(_TOPIC, record.key, wire.encode(changed), headers)
