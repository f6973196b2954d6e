"""The Faust app: one agent a topic, each handing whole batches to its processor.

An agent's event is a whole poll of a partition (`streams.polls`).

Faust joins the group, fetches, delivers and commits; it keeps no state and produces nothing.
Its offsets follow the ledger's guards and never lead them.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import asyncpg
import faust

from infra.ledger import logs, transaction
from infra.settings import Endpoints, WorkerSettings
from streams.batch import Processor
from streams.consumer import transport_with
from streams.exits import Exit, die
from streams.guards import next_offsets
from streams.inbox import Inbox
from streams.metrics import Metrics
from streams.polls import joined
from streams.quiet import QuietMonitor
from streams.taking import batches
from streams.untabled import NoTables

log = logging.getLogger(__name__)

POLL_RECORDS = 4_000
"""Unpacking them takes some 30 ms, for which what else has come waits."""
BUFFER = 24
"""Polls of a topic that wait; it is not fetched further when four fifths of them do."""
READ_AHEAD_BYTES = 16_777_216
"""So many bytes of reports are held to look for what is urgent among them."""
_BULK = 8
"""So many times the batch size is a batch of readings or positions: they are small."""
METADATA_S = 5.0
"""Partitions that are added to a topic are read so soon."""
POLL_S = 86_400.0
"""A worker with much to do asks late for more; whether it stands still the watchdog says."""
REQUEST_S = 90.0
"""Faust refuses sessions that are longer than requests may take."""
HEARTBEAT_S = 1.0
"""By its heartbeat's answer a member hears that the group rebalances."""
REBALANCE_S = 10
"""Members rejoin at once; the embedded broker waits half of this for the first one to join."""


def make_app(
    settings: WorkerSettings,
    endpoints: Endpoints,
    pool: asyncpg.Pool,
    processors: Sequence[Processor],
    metrics: Metrics,
    *,
    name: str,
) -> Any:  # noqa: ANN401 - Faust has no types
    """Return a Faust app with an agent for each processor; ``name`` is the worker's, in Kafka."""

    async def guards(parts: list[tuple[str, int]]) -> dict[tuple[str, int], int]:
        return await next_offsets(pool, settings.group, parts)

    async def lost(topic: str, partition: int, first: int, last: int) -> None:
        log.error(
            "%s/%d: messages %d to %d were deleted by retention before they were read; "
            "`jingwei status` lists them",
            *(topic, partition, first, last),
        )
        metrics.count("lost", last - first + 1)
        async with transaction(pool) as conn:
            await logs.note_lost(conn, settings.group, (topic, partition), first, last)

    hosts = [f"kafka://{host}" for host in endpoints.bootstrap.split(",")]
    app = faust.App(
        settings.group,
        broker=hosts,
        broker_client_id=name,
        datadir=endpoints.home / "faust",
        autodiscover=False,
        web_enabled=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
        table_standby_replicas=0,
        stream_recovery_delay=0,
        stream_wait_empty=False,
        stream_buffer_maxsize=BUFFER,
        broker_max_poll_records=POLL_RECORDS,
        broker_commit_interval=settings.commit_interval_s,
        broker_session_timeout=settings.session_timeout_s,
        broker_request_timeout=max(REQUEST_S, settings.session_timeout_s),
        broker_heartbeat_interval=HEARTBEAT_S,
        broker_rebalance_timeout=REBALANCE_S,
        broker_max_poll_interval=POLL_S,
        consumer_auto_offset_reset="earliest",
        consumer_metadata_max_age_ms=int(METADATA_S * 1000),
        consumer_group_instance_id=settings.instance_id,
        key_serializer="raw",
        value_serializer="raw",
        worker_redirect_stdouts=False,
        monitor=QuietMonitor(),
        TableManager=NoTables,
    )
    app.transport = transport_with(guards, lost)(app.conf.broker_consumer, app, loop=app.loop)
    for processor in processors:
        _add_agent(app, processor, settings)
    return app


def _add_agent(app: Any, processor: Processor, settings: WorkerSettings) -> None:  # noqa: ANN401
    topic = app.topic(
        processor.handler.topic.name,
        key_type=bytes,
        value_type=bytes,
        key_serializer="raw",
        value_serializer="raw",
        allow_empty=True,
    )

    company_s = settings.batch_within_s if processor.handler.bulk else 0.0

    async def agent(stream: Any) -> None:  # noqa: ANN401
        under_way: asyncio.Task[None] | None = None

        async def rest(full: bool) -> None:
            if under_way is not None:
                await under_way
            if company_s and not full:
                await asyncio.sleep(company_s)

        stream.enable_acks = False  # or Faust acknowledges messages that an exception interrupts
        coming, waiting = _coming(stream, processor)
        try:
            async for events in batches(
                coming,
                most=settings.batch_size * (_BULK if processor.handler.bulk else 1),
                size=lambda event: len(event.message.value),
                waiting=waiting,
                rest=rest,
            ):
                under_way = asyncio.create_task(_deal(processor, events))
            if under_way is not None:
                await under_way
        finally:
            if under_way is not None:
                under_way.cancel()
                await asyncio.wait([under_way])

    agent.__qualname__ = processor.handler.name  # what Faust logs
    app.agent(topic, name=processor.handler.name, concurrency=1)(agent)


def _coming(
    stream: Any,  # noqa: ANN401 - Faust has no types
    processor: Processor,
) -> tuple[AsyncIterator[Any], Callable[[], bool]]:
    """Return a stream's events, and what tells whether the next one is there."""
    if not processor.handler.hurries:
        return stream.events(), lambda: not stream.channel.queue.empty()
    inbox = Inbox[Any](
        stream.events(),
        size=lambda event: sum(len(record.value or b"") for record in event.message.value),
        most=READ_AHEAD_BYTES,
        look=lambda event: processor.expect(event.message.value),
    )
    return inbox.given(), lambda: not inbox.is_empty()


async def _deal(processor: Processor, events: Sequence[Any]) -> None:
    try:
        await processor.process(joined(event.message for event in events))
    except asyncio.CancelledError:
        raise  # the worker stops: the next one starts at the guard
    except BaseException as error:  # Faust would drop the batch and go on
        log.critical("%s has failed", processor.handler.name, exc_info=error)
        die(Exit.DEFECT, "%s: a batch could not be processed: %s", processor.handler.name, error)
    for event in events:
        event.ack()
