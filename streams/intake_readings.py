"""Sensor readings: watched for alarms, whose states the ledger keeps, and made evidence."""

from datetime import UTC, datetime, timedelta

import asyncpg

from atlas.city import CityData
from infra.ledger import intake
from infra.ledger.intake import AlarmRow, Source
from infra.ledger.outbox import Message
from intake import Datastream, Readings
from schemas import topics, wire
from schemas.records import Evidence
from streams.arrivals import Now, arrival, unknown
from streams.evidence import Found, write_evidence
from streams.handler import Handler
from streams.limits import IntakeSettings, limits_of
from streams.messages import Received
from streams.sources import Sources

_SWEEP_S = 60.0


class _Memory:
    """The datastreams of a partition.

    Attributes
    ----------
    streams
        What is remembered of each, by name.
    saved
        Up to which arrival the ledger has each.
    latest
        The newest arrival, None before any.
    swept
        The newest arrival when the calm ones were last forgotten.
    """

    def __init__(self, streams: dict[str, Datastream]) -> None:
        self.streams = streams
        self.saved = {name: stream.alarm.heard for name, stream in streams.items()}
        self.latest: datetime | None = None
        self.swept: datetime | None = None

    def hear(self, arrived: datetime) -> None:
        self.latest = arrived if self.latest is None else max(self.latest, arrived)

    def forget(self, name: str) -> None:
        del self.streams[name]
        self.saved.pop(name, None)


class ReadingsIntake(Handler):
    """Handler of ``city.sensor.readings``."""

    name = "intake_readings"
    topic = topics.READINGS
    bulk = True

    def __init__(self, city: CityData, settings: IntakeSettings, now: Now = unknown) -> None:
        self._region = city.manifest.region
        self._readings = Readings(city, limits_of(settings))
        self._settings = settings
        self._now = now
        self.sources = Sources(self.topic.name)
        self._memory: dict[int, _Memory] = {}
        self._changed: set[str] = set()
        self._found: dict[str, Found] = {}

    async def load(self, conn: asyncpg.Connection, partition: int) -> None:
        """Take over the alarm states that the ledger has of a partition."""
        rows = await intake.load_alarms(conn, partition)
        streams: dict[str, Datastream] = {
            name: wire.decode(row.state, Datastream) for name, row in rows.items()
        }
        self._memory[partition] = _Memory(streams)
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
        memory.streams[reading.datastream] = seen.datastream
        if self._is_worth_saving(known, seen.datastream, memory.saved.get(reading.datastream)):
            self._changed.add(reading.datastream)
        if seen.evidence:
            self._note(seen.evidence, message.partition, message.offset)

    async def write(self, conn: asyncpg.Connection, partition: int) -> list[Message]:
        """Write changed alarm states and new evidence."""
        await self.sources.write(conn, partition)
        changed, self._changed = self._changed, set()
        found, self._found = self._found, {}
        memory = self._memory.get(partition)
        if memory is not None:
            if changed:
                rows = [_row(name, memory.streams[name]) for name in sorted(changed)]
                await intake.save_alarms(conn, partition, rows)
                memory.saved.update({name: memory.streams[name].alarm.heard for name in changed})
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

    def _note(self, evidence: tuple[Evidence, ...], partition: int, offset: int) -> None:
        source = Source(self.topic.name, partition, offset)
        cause = f"{self.topic.name}/{partition}/{offset}"
        for item in evidence:
            self._found.setdefault(item.id, (item, source, cause))

    def _is_worth_saving(
        self, before: Datastream | None, now: Datastream, saved: datetime | None
    ) -> bool:
        """Whether the ledger must know: a phase changed, or its last time has grown old."""
        alarm = now.alarm
        if before is None or saved is None or alarm.phase != before.alarm.phase:
            return True
        if alarm.evidence != before.alarm.evidence or alarm.seen < before.alarm.seen:
            return True
        return (alarm.heard - saved).total_seconds() >= self._settings.save_alarm_s

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
        oldest = latest - timedelta(seconds=self._settings.past_s)
        calm = sorted(
            (max(stream.alarm.seen, stream.alarm.heard), name)
            for name, stream in memory.streams.items()
            if stream.is_calm
        )
        # A tenth more than need be, so that it is not done again for the next one.
        surplus = many - (most - most // 10) if many > most else 0
        forgotten = [
            name for number, (seen, name) in enumerate(calm) if number < surplus or seen < oldest
        ]
        for name in forgotten:
            memory.forget(name)
        return forgotten


def _row(name: str, stream: Datastream) -> AlarmRow:
    return AlarmRow(
        datastream=name,
        state=wire.encode(stream),
        open=not stream.is_calm,
        seen_at=stream.alarm.seen.astimezone(UTC),
    )
