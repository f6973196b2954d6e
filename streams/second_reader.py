"""The second reader: a process of its own that reads reports beside the stream.

It reads the journal, as the core does, and writes its opinion of each report back to it. So no
first decision waits for a model, a worker needs none, and a replay finds what was said where the
core found it. It acknowledges what it has read after the broker has its opinion: after a crash it
reads the last reports again and says the same under the same ids, which the core takes once.

A report's text is read as it stands in the journal, without personal data; an opinion has no text.
"""

import asyncio
import logging
import signal
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import NamedTuple

from aiokafka import AIOKafkaConsumer, ConsumerRecord
from aiokafka.errors import KafkaError

from infra.settings import Endpoints
from intake import BadInput, open_message
from reader import SecondReader
from reader.second import noted
from schemas import journal, topics
from schemas.envelope import Envelope
from schemas.records import Evidence
from streams.errors import BrokerMissing
from streams.exits import Exit
from streams.messages import Received, to_journal
from streams.new_broker import quiet_new_broker
from streams.producer import Producer

log = logging.getLogger(__name__)

GROUP = "jingwei-reader"
READY = "second reader is ready"

_SOURCE = "jingwei/reader"
_AT_ONCE = 20
"""Reports that are read before their opinions are sent: half a second or so."""
_OLDEST_S = 3600.0
"""What was reported longer ago has been dealt with by people: a reader that was away skips it."""
_MARK = b'"entry":"evidence"'


class _Report(NamedTuple):
    """A report in the journal: its region, what it says, and its entry's ``traceparent``."""

    region: str
    evidence: Evidence
    traceparent: str | None


class _Reading:
    """Reports in, opinions out, until told to stop."""

    def __init__(self, endpoints: Endpoints, reader: SecondReader, group: str) -> None:
        self._reader = reader
        self._producer = Producer(endpoints.bootstrap, idempotent=endpoints.broker_idempotent)
        self._consumer = AIOKafkaConsumer(
            topics.JOURNAL.name,
            bootstrap_servers=endpoints.bootstrap,
            group_id=group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
        )
        self._given = 0

    async def run(self, stopping: asyncio.Event) -> None:
        await self._producer.start()
        try:
            await self._consumer.start()
            log.info("%s: %s, digest %s", READY, self._reader.model, self._reader.digest[:12])
            while not stopping.is_set():
                found = await self._consumer.getmany(timeout_ms=100, max_records=1_000)
                reports = list(_reports(record for part in found.values() for record in part))
                for start in range(0, len(reports), _AT_ONCE):
                    await self._give(reports[start : start + _AT_ONCE])
                    if stopping.is_set():
                        return  # what is not acknowledged is read again
                if found:
                    await self._consumer.commit()
        finally:
            await self._consumer.stop()
            await self._producer.stop()
            log.info("gave %d opinions", self._given)

    async def _give(self, reports: list[_Report]) -> None:
        """Read reports and write the opinions to the journal, each in its report's trace."""
        opinions = await asyncio.to_thread(self._read, reports)
        messages = [
            to_journal(
                entry,
                source=_SOURCE,
                correlation=entry.opinion.evidence,
                traceparent=report.traceparent,
            )
            for entry, report in zip(opinions, reports, strict=True)
        ]
        while messages:
            sent = await self._producer.send_all(messages)
            self._given += sent
            messages = messages[sent:]

    def _read(self, reports: list[_Report]) -> list[journal.OpinionNoted]:
        return [noted(self._reader.opinion_of(one.evidence), one.region) for one in reports]


def _reports(records: Iterable[ConsumerRecord]) -> Iterable[_Report]:
    """Yield the reports among journal entries that are new enough."""
    for record in records:
        # Most entries are positions: those are not worth decoding.
        if record.value is None or _MARK not in record.value:
            continue
        if time.time() - record.timestamp / 1000 > _OLDEST_S:
            continue
        try:
            envelope, entry = _entry(record)
        except BadInput:
            continue  # the dispatcher has it in the dead letters
        if isinstance(entry, journal.EvidenceNoted) and SecondReader.can_read(entry.evidence):
            yield _Report(entry.region, entry.evidence, envelope.traceparent)


def _entry(record: ConsumerRecord) -> tuple[Envelope, journal.Entry]:
    message = Received(
        record.topic,
        record.partition,
        record.offset,
        record.key,
        record.value,
        list(record.headers),
        datetime.fromtimestamp(record.timestamp / 1000, UTC),
    )
    entry: journal.Entry
    envelope, entry = open_message(message, topics.JOURNAL, journal.Entry)  # type: ignore[arg-type] # a union is no class
    return envelope, entry


def run_second_reader(endpoints: Endpoints, *, group: str = GROUP) -> Exit:
    """Read reports until SIGTERM or SIGINT; return why it ended.

    Raises
    ------
    ReaderError
        The model is not installed, or is another than the head's.
    """
    reader = SecondReader.load()
    quiet_new_broker()
    return asyncio.run(_run(endpoints, reader, group))


async def _run(endpoints: Endpoints, reader: SecondReader, group: str) -> Exit:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    try:
        await _Reading(endpoints, reader, group).run(stopping)
    except (BrokerMissing, KafkaError) as error:
        log.critical("the second reader ends: %s", error)
        return Exit.UNREACHABLE
    return Exit.STOPPED
