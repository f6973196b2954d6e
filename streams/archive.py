"""The archiver: a process of its own that keeps every message of the city as it came.

It is a Faust app without agents: Faust supervises (signals, ordered stop, exit on a crash) and
one `mode.Service` reads by an ``AIOKafkaConsumer`` of its own, for three reasons. A Faust agent
takes each message through queues at some 60 microseconds, so that the archive would fall behind
a busy city. Faust goes on from the group's committed offset, which can pass a message that was
never written. And a group takes its session timeout to notice that a member was killed.

So the archiver takes all partitions by itself; a lock on the archive's folder, which the kernel
drops with the process, keeps a second one out. The files say where to go on: a message is on
disk under its file's final name, then its offset is committed, which only shows the lag.

Topics may come to be later, grow, or be made anew under their name: they are looked for every few
seconds. The files of a topic that was made anew are of another log: their folder gets the old
topic's id as a suffix, and stays.
"""

import asyncio
import fcntl
import logging
import os
import signal
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import faust
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import (
    KafkaError,
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
)
from faust.app.base import BootStrategy
from mode import Service

from infra.archive import (
    ArchiveBusy,
    ArchiveError,
    ArchiveOfOtherLog,
    Erased,
    Kept,
    compact,
    listed,
    make_folder,
    next_offset,
    partition_folder,
    rewriting,
    set_aside_other_log,
    write_segment,
)
from schemas import topics
from streams.errors import BrokerMissing
from streams.exits import Exit, die
from streams.new_broker import quiet_new_broker
from streams.topic_ids import known_topics

log = logging.getLogger(__name__)

GROUP = "jingwei-archive"

_LOOK_S = 10.0
_LOOK_INCOMPLETE_S = 2.0
"""How often new partitions are looked for: all topics found, or some still missing."""

KEPT_TOPICS = tuple(topic.name for topic in (*topics.INPUTS, topics.JOURNAL))


@dataclass(frozen=True)
class Rolling:
    """When what has come is written out as a file.

    Attributes
    ----------
    journal_s, input_s
        Seconds after the first message that is waiting. The journal's is short because a
        replay waits for it; the inputs' is longer because every file costs a sync.
    rows, bytes
        Or when so much is waiting in all partitions together, which bounds the memory.
    drain_s
        How long a stop may go on reading to the end of the log.
    """

    journal_s: float = 1.0
    input_s: float = 5.0
    rows: int = 100_000
    bytes: int = 64 * 1024 * 1024
    drain_s: float = 5.0


@dataclass
class _Waiting:
    """Messages of one partition that are not on disk yet.

    ``next`` is the offset wanted next, all below are on disk or waiting; all from ``first`` on
    are to be covered by the next file.
    """

    next: int
    first: int
    messages: list[Kept] = field(default_factory=list)
    bytes: int = 0
    since: float = 0.0


class Archiver(Service):
    """Reads the topics and writes the archive's files.

    Parameters
    ----------
    bootstrap
        The broker.
    root
        See ``infra.archive.archive_root``.
    names
        Topics to keep.
    rolling
        When a file is written.
    group
        Consumer group under which the offsets are committed.
    """

    def __init__(
        self,
        bootstrap: str,
        root: Path,
        names: Sequence[str] = KEPT_TOPICS,
        *,
        rolling: Rolling | None = None,
        group: str = GROUP,
    ) -> None:
        super().__init__()
        self._root = root
        self._names = names
        self._rolling = rolling or Rolling()
        self._parts: dict[TopicPartition, _Waiting] = {}
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=bootstrap,
            group_id=group,
            enable_auto_commit=False,
            # What retention has passed is found missing, and told, not jumped over.
            auto_offset_reset="none",
            isolation_level="read_committed",
        )
        self._ids: dict[str, str] = {}
        self._bootstrap = bootstrap
        self._looked = -float("inf")
        self._idle = asyncio.Event()
        self._idle.set()

    async def on_start(self) -> None:
        """Take all partitions that are there."""
        await self._consumer.start()
        await self._look_again()
        log.info("keeping %s in %s", ", ".join(self._names), self._root)

    async def on_stop(self) -> None:
        """Read to the end of the log as it stands now, and write it."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._idle.wait(), self._rolling.drain_s)
        if not self.crashed and self._parts:
            try:
                await asyncio.wait_for(self._drain(), self._rolling.drain_s)
            except TimeoutError:
                log.warning("stopped before the end of the log: the rest comes at the next start")
            await self._write(list(self._parts))
        await self._consumer.stop()

    @Service.task
    async def _keep(self) -> None:
        self._idle.clear()
        told = False
        try:
            while not self.should_stop:
                await self._look_again()
                if not self._parts:  # aiokafka would wait for an assignment, and for nothing else
                    if not told:
                        log.warning("the topics are not there yet: waiting; a worker makes them")
                        told = True
                    await self.sleep(_LOOK_INCOMPLETE_S)
                    continue
                await self._fetch()
                await self._write(self._due())
        finally:
            self._idle.set()

    async def _look_again(self) -> None:
        complete = len({part.topic for part in self._parts}) == len(self._names)
        if time.monotonic() - self._looked < (_LOOK_S if complete else _LOOK_INCOMPLETE_S):
            return
        try:
            await self._look_for_partitions()
        except (KafkaError, BrokerMissing) as error:
            log.warning("could not look for new partitions: %s", error)
        except ArchiveError as error:
            die(Exit.REFUSED, "%s", error)

    async def _look_for_partitions(self) -> None:
        """Take partitions that have come to be: topics may be made later, or grow."""
        self._looked = time.monotonic()
        await self._look_for_other_logs()
        found = await _partitions(self._bootstrap, self._names)
        new = [part for part in found if part not in self._parts]
        if not new:
            return
        self._consumer.assign([*self._parts, *new])
        begins = await self._consumer.beginning_offsets(new)
        ends = await self._consumer.end_offsets(new)
        for part in new:
            start = self._start(part, begins[part], ends[part])
            self._parts[part] = _Waiting(start, start)
        for part, waiting in self._parts.items():
            self._consumer.seek(part, waiting.next)

    async def _look_for_other_logs(self) -> None:
        """Set the files of topics aside that were made anew since they were written."""
        for name, topic in (await known_topics(self._bootstrap, self._names)).items():
            if self._ids.get(name, topic.id) != topic.id:
                die(
                    Exit.STALLED,
                    "topic %s was deleted and recreated: the next start keeps it from its first "
                    "offset",
                    name,
                )
            if name not in self._ids:
                aside = set_aside_other_log(self._root, name, topic.id)
                if aside is not None:
                    log.error(
                        "topic %s was deleted and recreated: the files of the old topic are in %s",
                        *(name, aside),
                    )
            self._ids[name] = topic.id

    def _start(self, part: TopicPartition, begin: int, end: int) -> int:
        folder = partition_folder(self._root, part.topic, part.partition)
        wanted = next_offset(folder)
        if wanted is None:
            return begin
        if wanted > end:
            raise ArchiveOfOtherLog(
                f"{folder} holds offsets up to {wanted - 1}, but {part.topic} partition "
                f"{part.partition} ends at {end}: the topic was deleted and recreated. Move the "
                "folder away and start again"
            )
        if wanted < begin:
            _tell_lost(part, wanted, begin)
        return max(wanted, begin)

    async def _drain(self) -> None:
        ends = await self._consumer.end_offsets(list(self._parts))
        while any([await self._consumer.position(part) < end for part, end in ends.items()]):
            await self._fetch()

    async def _fetch(self) -> None:
        try:
            fetched = await self._consumer.getmany(timeout_ms=100, max_records=20_000)
        except NoOffsetForPartitionError:
            return  # of a moment between the taking of a partition and the seeking in it
        except OffsetOutOfRangeError as error:
            await self._go_on_after_loss(list(error.args[0]))
            return
        for part, records in fetched.items():
            self._take(part, records)

    async def _go_on_after_loss(self, parts: list[TopicPartition]) -> None:
        """Go on where the log begins now: retention has passed what was to be read next."""
        await self._look_for_other_logs()
        await self._write(parts)  # a file never covers what was lost
        begins = await self._consumer.beginning_offsets(parts)
        ends = await self._consumer.end_offsets(parts)
        for part in parts:
            waiting = self._parts[part]
            if waiting.next < begins[part]:
                _tell_lost(part, waiting.next, begins[part])
                waiting.next = waiting.first = begins[part]
            elif waiting.next > ends[part]:
                die(
                    Exit.STALLED,
                    "%s partition %d was kept up to offset %d and ends at %d now: it was deleted "
                    "and recreated, or truncated; the next start finds out which",
                    *(part.topic, part.partition, waiting.next - 1, ends[part]),
                )
            self._consumer.seek(part, waiting.next)

    def _take(self, part: TopicPartition, records: list[ConsumerRecord]) -> None:
        waiting = self._parts[part]
        if not waiting.messages:
            waiting.since = time.monotonic()
        for record in records:
            if record.offset < waiting.next:
                continue
            waiting.messages.append(_kept(record))
            waiting.bytes += len(record.value or b"")
            waiting.next = record.offset + 1

    def _due(self) -> list[TopicPartition]:
        waiting = {part: state for part, state in self._parts.items() if state.messages}
        if (
            sum(len(state.messages) for state in waiting.values()) >= self._rolling.rows
            or sum(state.bytes for state in waiting.values()) >= self._rolling.bytes
        ):
            return list(waiting)
        now = time.monotonic()
        return [
            part
            for part, state in waiting.items()
            if now - state.since >= self._seconds(part.topic)
        ]

    def _seconds(self, topic: str) -> float:
        return self._rolling.journal_s if topic == topics.JOURNAL.name else self._rolling.input_s

    async def _write(self, parts: Iterable[TopicPartition]) -> None:
        """Write what these partitions have waiting, then commit."""
        work = {part: self._parts[part] for part in parts if self._parts[part].messages}
        if not work:
            return
        await asyncio.to_thread(_write_files, self._root, work)
        for waiting in work.values():
            waiting.messages, waiting.bytes, waiting.first = [], 0, waiting.next
        try:
            await self._consumer.commit({part: waiting.next for part, waiting in work.items()})
        except KafkaError as error:
            log.warning("offsets were not committed, so the lag looks too long: %s", error)


async def _partitions(bootstrap: str, names: Sequence[str]) -> list[TopicPartition]:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        described = await admin.describe_topics(list(names))
    finally:
        await admin.close()
    return [
        TopicPartition(topic["topic"], partition["partition"])
        for topic in described
        if not topic["error_code"]
        for partition in topic["partitions"]
    ]


def _stopped(*_: object) -> None:
    """Stop while the archiver starts: nothing waits yet to be written."""
    raise SystemExit(Exit.STOPPED)


def _lock(root: Path) -> None:
    """Lock the archive until the process ends."""
    descriptor = os.open(root / "archiver.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise ArchiveBusy(f"another archiver writes to {root}: one is enough") from None


def _tell_lost(part: TopicPartition, first: int, begin: int) -> None:
    log.error(
        "%s partition %d: offsets %d to %d are lost, the topic's retention has passed before "
        "they were archived",
        *(part.topic, part.partition, first, begin - 1),
    )


def _write_files(root: Path, work: dict[TopicPartition, _Waiting]) -> None:
    with rewriting(root):
        erased = Erased(listed(root))
        for part, waiting in work.items():
            folder = partition_folder(root, part.topic, part.partition)
            messages = erased.without(part.topic, part.partition, waiting.messages)
            write_segment(folder, messages, (waiting.first, waiting.next - 1))
            compact(folder)


def _kept(record: ConsumerRecord) -> Kept:
    return Kept(
        record.offset,
        record.timestamp,
        record.timestamp_type,
        record.key,
        record.value,
        tuple(record.headers),
    )


class _WithoutFaustsKafka(BootStrategy):
    enable_kafka = False
    enable_web = False


class PromptWorker(faust.Worker):
    """Ends when all is closed, and not a second later, as mode's worker does for no reason.

    Who stops a city waits for it, and a supervisor that starts it again.
    """

    async def _sentinel_task(self) -> None:
        """Let the loop run once more."""


def archive_app(archiver: Callable[[], Archiver], bootstrap: str, datadir: Path) -> faust.App:
    """Return the Faust app whose only service is the archiver.

    Parameters
    ----------
    archiver
        Makes it; called in the running event loop.
    bootstrap
        The broker.
    datadir
        Where Faust makes the folder of its tables, of which there are none.
    """

    class App(faust.App):
        BootStrategy = _WithoutFaustsKafka

        async def on_started(self) -> None:
            # In place of Faust's own steps, which wait for tables that were never started.
            await self.add_runtime_dependency(archiver())
            if self.on_startup_finished:
                await self.on_startup_finished()

    return App(
        GROUP,
        broker=f"kafka://{bootstrap}",
        datadir=datadir,
        web_enabled=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
    )


def run_archive(
    bootstrap: str,
    root: Path,
    names: Sequence[str] = KEPT_TOPICS,
    *,
    datadir: Path,
    group: str = GROUP,
    rolling: Rolling | None = None,
    loglevel: str = "INFO",
) -> None:
    """Run the archiver in this process until SIGINT or SIGTERM; does not return.

    What is waiting is written before the process ends. It ends with code 1 when it cannot go
    on (disk full), 75 when a topic was made anew, 5 when the files are of another log; a
    supervisor starts it again after 1 and 75. Parameters as for `Archiver` and `archive_app`.

    Raises
    ------
    ArchiveBusy
        Another archiver writes to ``root``.
    """
    signal.signal(signal.SIGTERM, _stopped)  # until Faust has its own
    make_folder(root)
    _lock(root)
    quiet_new_broker()

    def archiver() -> Archiver:
        return Archiver(bootstrap, root, names, rolling=rolling, group=group)

    app = archive_app(archiver, bootstrap, datadir)
    worker = PromptWorker(app, loglevel=loglevel, redirect_stdouts=False)
    worker.spinner = None  # it draws on stdout, log file or not
    worker.execute_from_commandline()
