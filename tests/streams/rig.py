"""Handling of a worker under test: its process, its input, its rest."""

import asyncio
import os
import signal
import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from infra.settings import Endpoints
from schemas import codes, topics, wire
from schemas.envelope import Envelope
from schemas.topics import Topic
from streams.topics import make_topics
from tests import nursery
from tests.patience import pace, patience

READ_TOPICS = (*topics.INPUTS, topics.JOURNAL)
Part = tuple[str, int]


@dataclass
class Sent:
    """A message to send; ``place`` is where it went."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]] = field(default_factory=list)
    timestamp_ms: int | None = None
    place: tuple[str, int, int] | None = None


def message(
    topic: Topic,
    payload: object,
    *,
    key: str = "k",
    event_id: str | None = None,
    source: str = "test",
    at: datetime | None = None,
) -> Sent:
    """Return a well-formed message; ``payload`` is a struct or anything JSON has."""
    envelope = Envelope(id=event_id or uuid.uuid4().hex, source=source, type=topic.type)
    return Sent(
        topic.name,
        key.encode(),
        wire.encode(payload),
        envelope.headers(),
        None if at is None else round(at.timestamp() * 1000),
    )


def now(seconds: float = 0.0) -> datetime:
    """Return the time in some seconds, to the millisecond."""
    time_ = datetime.now(UTC) + timedelta(seconds=seconds)
    return time_.replace(microsecond=time_.microsecond // 1000 * 1000)


class WorkerProcess:
    """The worker as its supervisor sees it."""

    def __init__(
        self,
        endpoints: Endpoints,
        city: Path | None,
        home: Path,
        group: str,
        *,
        instance: str = "w1",
        settings: dict[str, str] | None = None,
        program: str = nursery.COMMAND,
    ) -> None:
        self.log = home / f"{instance}.log"
        self._program = program
        self._process: nursery.Child | None = None
        self._arguments = [
            "worker",
            *(() if city is None else ("--city", str(city))),
            *("--home", str(home), "--group", group, "--instance", instance),
        ]
        self._environment = os.environ | {
            "JINGWEI_KAFKA_BOOTSTRAP": endpoints.bootstrap,
            "JINGWEI_KEY_FILE": str(endpoints.key_file),
            "JINGWEI_KAFKA_IDEMPOTENT": str(endpoints.broker_idempotent),
            "JINGWEI_DATABASE_URL": endpoints.database_url,
            "JINGWEI_DATABASE_WORKER_URL": endpoints.worker_url,
            "JINGWEI_INTAKE_SILENCE_CHECK_S": "0.5",
            "JINGWEI_WORKER_SESSION_TIMEOUT_S": f"{min(pace(6), 18):.0f}",
            **(settings or {}),
        }
        self._starts = 0

    def start(self) -> None:
        self.log.touch()
        self._process = nursery.start(self._program, self._arguments, self.log, self._environment)
        self._starts += 1

    def wait_ready(self, within_s: float = 40.0) -> None:
        deadline = time.monotonic() + patience(within_s)
        while self.log.read_text().count("worker is ready") < self._starts:
            assert self.alive, f"the worker has ended: {self.log.read_text()[-3000:]}"
            assert time.monotonic() < deadline, f"not ready: {self.log.read_text()[-3000:]}"
            time.sleep(0.05)

    def await_line(self, text: str, within_s: float = 40.0) -> None:
        """Wait until the log has a text."""
        deadline = time.monotonic() + patience(within_s)
        while text not in self.log.read_text():
            assert time.monotonic() < deadline, f"{text!r}: {self.log.read_text()[-3000:]}"
            time.sleep(0.05)

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)

    def pause(self) -> None:
        """Let the process stand still, as on a machine that is overloaded."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def stop(self, within_s: float = 30.0) -> int:
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(within_s)

    def wait(self, within_s: float = 40.0) -> int:
        assert self._process is not None
        return self._process.wait(within_s)


@dataclass
class Rig:
    """A worker with its broker, database and group; ``since`` is where the group began."""

    endpoints: Endpoints
    group: str
    worker: WorkerProcess
    since: dict[Part, int]

    def send(self, messages: Sequence[Sent]) -> None:
        asyncio.run(send(self.endpoints.bootstrap, messages))

    def settle(self, within_s: float = 60.0) -> None:
        """Wait until the worker has read all there is and owes nothing."""
        asyncio.run(_settle(self.endpoints, self.group, self.worker, within_s))

    def rows(self, query: str, *arguments: object) -> list[dict[str, Any]]:
        return asyncio.run(_rows(self.endpoints.database_url, query, arguments))

    def messages(self, topic: str) -> list[Any]:
        """Return what a topic holds; of one that workers read, since the group began."""
        return asyncio.run(read_all(self.endpoints.bootstrap, [topic], self.since))

    def published(self, topic: str, key: str) -> list[bytes]:
        """Return the values under a key, in order."""
        return [m.value for m in self.messages(topic) if m.key == key.encode()]

    def feeds(self, incident: str) -> dict[str, list[bytes]]:
        """Return what each department got of an incident."""
        names = [topics.department(code).name for code in codes.departments()]
        found: dict[str, list[bytes]] = {}
        for m in asyncio.run(read_all(self.endpoints.bootstrap, names)):
            if m.key == incident.encode():
                found.setdefault(m.topic, []).append(m.value)
        return found

    def await_rows(
        self, query: str, *arguments: object, count: int = 1, within_s: float = 30.0
    ) -> list[dict[str, Any]]:
        """Return the rows of a query as soon as there are enough."""
        deadline = time.monotonic() + patience(within_s)
        while len(rows := self.rows(query, *arguments)) < count:
            assert time.monotonic() < deadline, f"{rows} for {query} {arguments}"
            time.sleep(0.1)
        return rows


async def make_all_topics(bootstrap: str) -> None:
    """Make a broker's topics, once: whoever deletes one makes it again."""
    if bootstrap not in _MADE:
        await make_topics(bootstrap)
        _MADE.add(bootstrap)


_MADE: set[str] = set()


async def begin_at_the_end(endpoints: Endpoints, group: str) -> dict[Part, int]:
    """Set the group's fences to where the topics end now; return them."""
    ends = await true_ends(endpoints, [topic.name for topic in READ_TOPICS])
    connection = await asyncpg.connect(endpoints.database_url)
    try:
        await connection.executemany(
            "INSERT INTO consumed (consumer_group, topic, partition, next_offset) "
            "VALUES ($1, $2, $3, $4)",
            [(group, *part, offset) for part, offset in ends.items()],
        )
    finally:
        await connection.close()
    return ends


async def end_offsets(bootstrap: str, names: Iterable[str]) -> dict[Part, int]:
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap)
    await consumer.start()
    try:
        return await _ends_by(consumer, names)
    finally:
        await consumer.stop()


async def _ends_by(consumer: AIOKafkaConsumer, names: Iterable[str]) -> dict[Part, int]:
    """Ask a consumer that may be asked again: of each topic it looks for new partitions."""
    parts = []
    for name in names:
        await consumer._client.force_metadata_update()
        found = consumer.partitions_for_topic(name)
        if found is None:
            await consumer._client.add_topic(name)
            found = consumer.partitions_for_topic(name)
        parts += [TopicPartition(name, partition) for partition in sorted(found or ())]
    ends = await consumer.end_offsets(parts)
    return {(part.topic, part.partition): offset for part, offset in ends.items()}


async def true_ends(endpoints: Endpoints, names: Iterable[str]) -> dict[Part, int]:
    """Return where topics end, on the embedded broker too.

    It answers with the first offset of the last batch, plus one: reading from there tells more.
    """
    return await _true_ends(endpoints, await end_offsets(endpoints.bootstrap, names))


async def _true_ends(endpoints: Endpoints, ends: dict[Part, int]) -> dict[Part, int]:
    waiting = [TopicPartition(*part) for part, end in ends.items() if end]
    if endpoints.broker_idempotent or not waiting:
        return ends
    consumer = AIOKafkaConsumer(bootstrap_servers=endpoints.bootstrap)
    await consumer.start()
    try:
        consumer.assign(waiting)
        for part in waiting:
            consumer.seek(part, ends[part.topic, part.partition] - 1)
        deadline = time.monotonic() + patience(30.0)
        while waiting:
            assert time.monotonic() < deadline, f"nothing before the end of {waiting}"
            for part in await consumer.getmany(timeout_ms=200):
                ends[part.topic, part.partition] = await consumer.position(part)
            waiting = [
                p for p in waiting if await consumer.position(p) < ends[p.topic, p.partition]
            ]
    finally:
        await consumer.stop()
    return ends


async def read_all(
    bootstrap: str, names: Sequence[str], since: Mapping[Part, int] | None = None
) -> list[Any]:
    """Return all messages of some topics, from some offsets on, each partition's in order."""
    first = since or {}
    found_ends = await end_offsets(bootstrap, names)
    ends = {part: end for part, end in found_ends.items() if end > first.get(part, 0)}
    if not ends:
        return []
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    found: list[Any] = []
    try:
        parts = [TopicPartition(*part) for part in ends]
        consumer.assign(parts)
        for part in parts:
            if (part.topic, part.partition) in first:
                consumer.seek(part, first[part.topic, part.partition])
        while parts:
            batches = await consumer.getmany(timeout_ms=200)
            found += [record for batch in batches.values() for record in batch]
            parts = [p for p in parts if await consumer.position(p) < ends[p.topic, p.partition]]
    finally:
        await consumer.stop()
    return found


async def send(bootstrap: str, messages: Sequence[Sent]) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, max_request_size=2_000_000)
    await producer.start()
    try:
        pending = [
            await producer.send(
                m.topic, m.value, key=m.key, headers=m.headers, timestamp_ms=m.timestamp_ms
            )
            for m in messages
        ]
        for sent, record in zip(messages, await asyncio.gather(*pending), strict=True):
            sent.place = (record.topic, record.partition, record.offset)
    finally:
        await producer.stop()


async def _rows(url: str, query: str, arguments: Sequence[object]) -> list[dict[str, Any]]:
    connection = await asyncpg.connect(url)
    try:
        return [dict(row) for row in await connection.fetch(query, *arguments)]
    finally:
        await connection.close()


async def _settle(endpoints: Endpoints, group: str, worker: WorkerProcess, within_s: float) -> None:
    deadline = time.monotonic() + patience(within_s)
    quiet: dict[Part, int] | None = None
    names = [topic.name for topic in READ_TOPICS]
    connection = await asyncpg.connect(endpoints.database_url)
    consumer = AIOKafkaConsumer(bootstrap_servers=endpoints.bootstrap)
    await consumer.start()
    try:
        while True:
            ends = await _true_ends(endpoints, await _ends_by(consumer, names))
            rows = await connection.fetch(
                "SELECT topic, partition, next_offset FROM consumed WHERE consumer_group = $1",
                group,
            )
            fences = {(row["topic"], row["partition"]): row["next_offset"] for row in rows}
            behind = {part: end for part, end in ends.items() if fences.get(part, 0) < end}
            owed = await connection.fetchval("SELECT count(*) FROM outbox")
            # A message can be on its way from the outbox to Kafka between these two looks.
            if not behind and not owed and ends == quiet:
                return
            if behind or owed:
                quiet, pause_s = None, 0.1
            else:
                quiet, pause_s = ends, 0.02
            assert worker.alive, f"the worker has ended: {worker.log.read_text()[-3000:]}"
            assert time.monotonic() < deadline, (
                f"behind {behind}, fences {fences}, owes {owed}: {worker.log.read_text()[-3000:]}"
            )
            await asyncio.sleep(pause_s)
    finally:
        await consumer.stop()
        await connection.close()
