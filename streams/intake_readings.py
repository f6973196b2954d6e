"""Sensor readings: watched for alarms, whose states the ledger keeps, and made evidence."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

import asyncpg
import numpy as np
from numpy.typing import NDArray

from atlas.city import CityData
from infra.ledger import intake
from infra.ledger.intake import AlarmRow, Source
from infra.ledger.outbox import Message
from intake import Datastream, Datastreams, Readings, Skimmer
from intake.datastreams import in_ms
from schemas import codes, topics, wire
from schemas.envelope import Envelope
from schemas.records import Evidence
from streams.arrivals import Now, arrival, unknown
from streams.evidence import Found, write_evidence
from streams.handler import Handler
from streams.limits import IntakeSettings, limits_of
from streams.messages import EPOCH, Received, Record
from streams.sources import Sources

_SWEEP_S = 60.0


class _Memory:
    """The datastreams of a partition.

    Attributes
    ----------
    streams
        What is remembered of each, by name, and up to which arrival the ledger has it.
    latest
        The newest arrival, None before any.
    swept
        The newest arrival when the calm ones were last forgotten.
    """

    def __init__(self, streams: Datastreams) -> None:
        self.streams = streams
        self.latest: datetime | None = None
        self.swept: datetime | None = None
        self.save(streams)

    def hear(self, arrived: datetime) -> None:
        self.latest = arrived if self.latest is None else max(self.latest, arrived)

    def save(self, names: Iterable[str]) -> None:
        """Note that the ledger has datastreams as they are."""
        for name in names:
            slot = self.streams.slots[name]
            self.streams.saved[slot] = self.streams.heard[slot]


class ReadingsIntake(Handler):
    """Handler of ``city.sensor.readings``."""

    name = "intake_readings"
    topic = topics.READINGS
    bulk = True
    skims = True

    def __init__(self, city: CityData, settings: IntakeSettings, now: Now = unknown) -> None:
        self._region = city.manifest.region
        self._readings = Readings(city, limits_of(settings))
        self._skimmer = Skimmer(codes.observed_properties().values(), limits_of(settings))
        self._settings = settings
        self._now = now
        self.sources = Sources(self.topic.name)
        self._memory: dict[int, _Memory] = {}
        self._changed: set[str] = set()
        self._found: dict[str, Found] = {}

    def move_to(self, city: CityData) -> None:
        """Say by the changed fences where sensors lie."""
        self._readings = Readings(city, limits_of(self._settings))

    async def load(self, conn: asyncpg.Connection, partition: int) -> None:
        """Take over the alarm states that the ledger has of a partition."""
        rows = await intake.load_alarms(conn, partition)
        streams: dict[str, Datastream] = {
            name: wire.decode(row.state, Datastream) for name, row in rows.items()
        }
        self._memory[partition] = _Memory(Datastreams(streams))
        await self.sources.load(conn, partition)

    def forget(self, partition: int) -> None:
        """Throw away a partition's alarm states."""
        self._memory.pop(partition, None)
        self.sources.forget(partition)
        self._changed.clear()
        self._found.clear()

    def handle(self, message: Received) -> None:
        """Take in one reading."""
        opened = self._readings.open(message)
        envelope, reading = opened
        memory = self._memory[message.partition]
        with self.sources.hearing(message, envelope, reading.phenomenon_time) as clock:
            arrived = arrival(message, self._now)
            known = memory.streams.get(reading.datastream)
            seen = self._readings.take(opened, arrived, known)
            clock.not_newer += seen.is_late
        memory.hear(arrived)
        memory.streams.take(reading, seen.datastream)
        if self._has_changed(known, seen.datastream):
            self._changed.add(reading.datastream)
        else:
            self._look_whether_old(memory, np.array([memory.streams.slots[reading.datastream]]))
        if seen.evidence:
            self._note(seen.evidence, message.partition, message.offset, envelope)

    def skim(self, records: Sequence[Record]) -> Sequence[Record]:
        """Take in the readings that change nothing."""
        partition = records[0].partition
        memory = self._memory[partition]
        skimmed = self._skimmer.skim(records, memory.streams)
        self.sources.hear(partition, skimmed.heard)
        if skimmed.latest_ms is not None:
            memory.hear(EPOCH + timedelta(milliseconds=skimmed.latest_ms))
        self._look_whether_old(memory, skimmed.slots)
        return [records[place] for place in skimmed.others]

    async def write(self, conn: asyncpg.Connection, partition: int) -> list[Message]:
        """Write changed alarm states and new evidence."""
        await self.sources.write(conn, partition)
        changed, self._changed = self._changed, set()
        found, self._found = self._found, {}
        memory = self._memory.get(partition)
        if memory is not None:
            if changed:
                rows = [_row(name, memory.streams[name]) for name in sorted(changed)]
                memory.save(changed)
                await intake.save_alarms(conn, partition, rows)
            forgotten = self._forget_calm(memory)
            if forgotten:
                await intake.forget_alarms(conn, partition, forgotten)
        return await write_evidence(conn, self._region, list(found.values()))

    def is_due(self, partition: int, now: datetime | None) -> bool:
        """Whether a sensor has fallen silent, or a source's clock is to be written."""
        if self.sources.is_due(partition):
            return True
        memory = self._memory.get(partition)
        if now is None or memory is None:
            return False
        return next(self._readings.look_for_silence(memory.streams, now), None) is not None

    def tend(self, partition: int, offset: int, now: datetime | None) -> None:
        """End the alarms whose sensors have not been heard for too long."""
        memory = self._memory.get(partition)
        if now is None or memory is None:
            return
        for silent in list(self._readings.look_for_silence(memory.streams, now)):
            memory.streams[silent.name] = silent.datastream
            self._changed.add(silent.name)
            self._note(silent.evidence, partition, offset)

    def _note(
        self,
        evidence: tuple[Evidence, ...],
        partition: int,
        offset: int,
        event: Envelope | None = None,
    ) -> None:
        source = Source(self.topic.name, partition, offset)
        cause = f"{self.topic.name}/{partition}/{offset}"
        for item in evidence:
            self._found.setdefault(item.id, Found(item, source, cause, event))

    @staticmethod
    def _has_changed(before: Datastream | None, now: Datastream) -> bool:
        """Whether the ledger must know at once: a phase changed, or a clock was set back."""
        if before is None:
            return True
        alarm, old = now.alarm, before.alarm
        return alarm.phase != old.phase or alarm.evidence != old.evidence or alarm.seen < old.seen

    def _look_whether_old(self, memory: _Memory, slots: NDArray[np.intp]) -> None:
        """Let the ledger know when a datastream was last heard, if what it has has grown old."""
        streams = memory.streams
        age_ms = streams.heard[slots] - streams.saved[slots]
        old = slots[age_ms >= self._settings.save_alarm_s * 1_000]
        if len(old):
            self._changed.update(streams.names(old))

    def _forget_calm(self, memory: _Memory) -> list[str]:
        """Forget calm datastreams of old or, beyond a number, the oldest; return which.

        By the messages' own time, not ours, so that catching up forgets nothing early. What is
        older than the intake takes cannot be followed by an earlier reading either.
        """
        latest, most = memory.latest, self._settings.datastreams
        if latest is None:
            return []
        if memory.swept is None:
            memory.swept = latest
        many = len(memory.streams)
        if many <= most and (latest - memory.swept).total_seconds() < _SWEEP_S:
            return []
        memory.swept = latest
        oldest = in_ms(latest - timedelta(seconds=self._settings.past_s))
        # A tenth more than need be, so that it is not done again for the next one.
        surplus = many - (most - most // 10) if many > most else 0
        forgotten = [
            name
            for number, (last, name) in enumerate(memory.streams.calm())
            if number < surplus or last < oldest
        ]
        for name in forgotten:
            del memory.streams[name]
        return forgotten


def _row(name: str, stream: Datastream) -> AlarmRow:
    return AlarmRow(
        datastream=name,
        state=wire.encode(stream),
        open=not stream.is_calm,
        seen_at=stream.alarm.seen.astimezone(UTC),
    )
