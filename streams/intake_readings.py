"""Sensor readings: validated, watched for alarms, which become evidence."""

from datetime import UTC, datetime, timedelta

import asyncpg
import msgspec

from dispatch import detection
from dispatch.detection import Alarm, Detector, Transition
from geo.city import CityData, Sensor
from infra.ledger import intake
from infra.ledger.intake import Source
from infra.ledger.outbox import Message
from infra.ledger.sources import SourceClock
from schemas import codes, topics, wire
from schemas.codes import ObservedProperty
from schemas.envelope import Envelope
from schemas.ids import derive
from schemas.inputs import SensorReading
from schemas.records import Evidence, Point, Where
from streams.dead_letters import Fault
from streams.errors import BadInput
from streams.evidence import Found, write_evidence
from streams.limits import IntakeSettings
from streams.messages import Received
from streams.places import locate
from streams.sources import Sources
from streams.validate import Checker, Now, check_id, open_message, unknown

_QUALITIES = ("good", "suspect", "bad")
_SWEEP_S = 60.0
_SUSPECT = 0.6
"""A suspect result speaks with this share of the property's confidence."""


class _Site(msgspec.Struct, frozen=True):
    """Where a datastream's sensor stands, as last known."""

    property: str
    name: str
    point: Point
    where: Where


class _Stream(msgspec.Struct):
    """What is remembered of a datastream; ``saved`` is up to which arrival the ledger has it."""

    alarm: Alarm
    site: _Site
    saved: datetime | None = None


class _Saved(msgspec.Struct, frozen=True):
    """A datastream's memory as the ledger keeps it."""

    alarm: Alarm
    site: _Site


class ReadingsIntake:
    """Handler of ``city.sensor.readings``."""

    name = "intake_readings"
    topic = topics.READINGS
    bulk = True

    def __init__(self, city: CityData, limits: IntakeSettings, now: Now = unknown) -> None:
        self._region = city.manifest.region
        self._city = city
        self._limits = limits
        self._checker = Checker(city, limits, now)
        self._detectors = {
            code: Detector(prop) for code, prop in codes.observed_properties().items()
        }
        self.sources = Sources(self.topic.name)
        self._sites = {sensor.id: self._site(sensor) for sensor in city.sensors}
        self._streams: dict[int, dict[str, _Stream]] = {}
        self._latest: dict[int, datetime] = {}
        self._swept: dict[int, datetime] = {}
        self._changed: dict[str, _Stream] = {}
        self._found: dict[str, Found] = {}

    async def load(self, conn: asyncpg.Connection, partition: int) -> None:
        """Take over the alarm states that the ledger has of a partition."""
        streams: dict[str, _Stream] = {}
        for datastream, row in (await intake.load_alarms(conn, partition)).items():
            saved: _Saved = wire.decode(row.state, _Saved)
            streams[datastream] = _Stream(saved.alarm, saved.site, saved.alarm.heard)
        self._streams[partition] = streams
        await self.sources.load(conn, partition)

    def forget(self, partition: int) -> None:
        """Throw away a partition's alarm states."""
        self._streams.pop(partition, None)
        self.sources.forget(partition)
        self._latest.pop(partition, None)
        self._swept.pop(partition, None)
        self._changed.clear()
        self._found.clear()

    def handle(self, message: Received) -> None:
        """Take in one reading."""
        envelope, reading = open_message(message, self.topic, SensorReading)
        with self.sources.hearing(message, envelope, reading.phenomenon_time) as clock:
            self._take(message, envelope, reading, clock)

    def _take(
        self, message: Received, envelope: Envelope, reading: SensorReading, clock: SourceClock
    ) -> None:
        received, source = self._checker.received(message), envelope.source
        detector = self._detector(reading)
        _check_result(reading, detector.prop)
        check_id(reading.datastream, "datastream")
        check_id(reading.sensor, "sensor")
        at = self._checker.time(reading.phenomenon_time, "phenomenon_time", received, source)
        if reading.result_time is not None:
            self._checker.time(reading.result_time, "result_time", received, source)
        site = self._place(reading)
        self._latest[message.partition] = max(
            received, self._latest.get(message.partition, received)
        )
        streams = self._streams[message.partition]
        known = streams.get(reading.datastream)
        before = None if known is None else known.alarm
        alarm, transitions = detector.observe(
            before, at, received, reading.result, reading.result_quality
        )
        clock.not_newer += alarm.behind is not None
        for transition in transitions:
            evidence = self._evidence(
                transition,
                detector.prop,
                site,
                reading.datastream,
                received,
                confidence=_SUSPECT if reading.result_quality == "suspect" else 1.0,
                opener=_event_id(envelope),
            )
            self._note(evidence, message)
            if transition.kind == detection.OPENED:
                alarm = msgspec.structs.replace(alarm, evidence=evidence.id)
        stream = _Stream(alarm, site, None if known is None else known.saved)
        streams[reading.datastream] = stream
        if self._worth_saving(before, stream):
            self._changed[reading.datastream] = stream

    async def write(self, conn: asyncpg.Connection, partition: int) -> list[Message]:
        """Write changed alarm states and new evidence."""
        await self.sources.write(conn, partition)
        changed, self._changed = self._changed, {}
        found, self._found = self._found, {}
        if changed:
            rows = [_row(datastream, stream) for datastream, stream in sorted(changed.items())]
            await intake.save_alarms(conn, partition, rows)
            for stream in changed.values():
                stream.saved = stream.alarm.heard
        forgotten = self._forget_calm(partition)
        if forgotten:
            await intake.forget_alarms(conn, partition, forgotten)
        return await write_evidence(conn, self._region, list(found.values()))

    def _forget_calm(self, partition: int) -> list[str]:
        """Forget calm datastreams of old or, beyond a number, the oldest; return which.

        By the messages' own time, not ours, so that catching up forgets nothing early. What is
        older than the intake takes cannot be followed by an earlier reading either.
        """
        streams, latest = self._streams.get(partition, {}), self._latest.get(partition)
        if latest is None:
            return []
        most = self._limits.datastreams
        swept = self._swept.setdefault(partition, latest)
        if len(streams) <= most and (latest - swept).total_seconds() < _SWEEP_S:
            return []
        self._swept[partition] = latest
        oldest = latest - timedelta(seconds=self._limits.past_s)
        calm = sorted(
            (max(stream.alarm.seen, stream.alarm.heard), name)
            for name, stream in streams.items()
            if stream.alarm.phase == detection.NORMAL
        )
        # A tenth more than need be, so that it is not done again for the next one.
        surplus = len(streams) - (most - most // 10) if len(streams) > most else 0
        forgotten = [
            name for number, (seen, name) in enumerate(calm) if number < surplus or seen < oldest
        ]
        for name in forgotten:
            del streams[name]
        return forgotten

    def has_alarms(self, partition: int) -> bool:
        """Whether a partition has a datastream that is not normal."""
        return any(
            stream.alarm.phase != detection.NORMAL
            for stream in self._streams.get(partition, {}).values()
        )

    def look_for_silence(self, partition: int, offset: int, now: datetime) -> None:
        """End the alarms of a partition whose sensors have not been heard for too long.

        ``offset`` is the partition's next one; what is found counts as caused there.
        """
        place = Received(self.topic.name, partition, offset, None, None, [], now)
        for datastream, stream in sorted(self._streams.get(partition, {}).items()):
            detector = self._detectors.get(stream.site.property)
            if detector is None or stream.alarm.phase == detection.NORMAL:
                continue
            alarm, transitions = detector.silent(stream.alarm, now)
            if alarm is stream.alarm:
                continue
            for transition in transitions:
                evidence = self._evidence(
                    transition,
                    detector.prop,
                    stream.site,
                    datastream,
                    transition.at,
                    confidence=1.0,
                    opener="",
                )
                self._note(evidence, place)
            stream.alarm = alarm
            self._changed[datastream] = stream

    def _note(self, evidence: Evidence, message: Received) -> None:
        source = Source(message.topic, message.partition, message.offset)
        cause = f"{message.topic}/{message.partition}/{message.offset}"
        self._found.setdefault(evidence.id, (evidence, source, cause))

    def _detector(self, reading: SensorReading) -> Detector:
        try:
            return self._detectors[reading.observed_property]
        except KeyError:
            raise BadInput(
                Fault.UNKNOWN_CODE,
                f"observed_property {reading.observed_property[:60]!r} is not in the table",
            ) from None

    def _place(self, reading: SensorReading) -> _Site:
        """Return where the sensor is: by its own word, else by the city's."""
        known = self._sites.get(reading.sensor)
        if reading.location is not None:
            point = self._checker.point(reading.location)
            name = reading.sensor if known is None else known.name
            if known is not None and known.point == point:
                return known
            where = locate(self._city, point)
            return _Site(reading.observed_property, name, point, where)
        if known is None:
            raise BadInput(
                Fault.UNKNOWN_SENSOR,
                f"the city has no sensor {reading.sensor[:60]!r} and the reading no location",
            )
        if known.property != reading.observed_property:
            raise BadInput(
                Fault.UNKNOWN_SENSOR,
                f"sensor {reading.sensor} observes {known.property}, not "
                f"{reading.observed_property}",
            )
        return known

    def _site(self, sensor: Sensor) -> _Site:
        where = locate(self._city, sensor.point)
        return _Site(sensor.observed_property, sensor.name, sensor.point, where)

    def _worth_saving(self, before: Alarm | None, stream: _Stream) -> bool:
        """Whether the ledger must know: a phase changed, or its last time has grown old."""
        alarm = stream.alarm
        if before is None or stream.saved is None or alarm.phase != before.phase:
            return True
        if alarm.evidence != before.evidence:
            return True
        if alarm.seen < before.seen:
            return True
        return (alarm.heard - stream.saved).total_seconds() >= self._limits.save_alarm_s

    def _evidence(
        self,
        transition: Transition,
        prop: ObservedProperty,
        site: _Site,
        datastream: str,
        received: datetime,
        *,
        confidence: float,
        opener: str,
    ) -> Evidence:
        if transition.kind == detection.SILENT:
            # Found by the timer or by the next reading, whichever is first: the same evidence.
            evidence_id = derive(f"{datastream}\x1f{transition.evidence}", "silent")
        elif transition.kind == detection.OPENED:
            evidence_id = derive(opener, "evidence")
        else:
            evidence_id = derive(opener, "cleared")
        return Evidence(
            id=evidence_id,
            source="sensor",
            source_id=datastream,
            phase=transition.kind,
            category=prop.category,
            severity=prop.severity,
            confidence=round(prop.confidence * confidence, 3),
            point=site.point,
            where=site.where,
            observed_at=transition.at,
            received_at=received,
            text=_text(transition, prop, site),
            reasons=_reasons(transition, prop),
        )


def _event_id(envelope: Envelope) -> str:
    return f"{envelope.source}\x1f{envelope.id}"


def _check_result(reading: SensorReading, prop: ObservedProperty) -> None:
    if reading.unit_of_measurement != prop.unit_of_measurement:
        raise BadInput(
            Fault.UNIT_OF_MEASUREMENT,
            f"{prop.code} is measured in {prop.unit_of_measurement!r}, not "
            f"{reading.unit_of_measurement[:40]!r}",
        )
    if not prop.minimum <= reading.result <= prop.maximum:
        raise BadInput(
            Fault.RESULT,
            f"{prop.code} of {reading.result} is not physical: {prop.minimum:g} to "
            f"{prop.maximum:g} {prop.unit_of_measurement}",
        )
    if reading.result_quality not in _QUALITIES:
        raise BadInput(
            Fault.UNKNOWN_CODE,
            f"result_quality {reading.result_quality[:40]!r} is none of {', '.join(_QUALITIES)}",
        )


def _text(transition: Transition, prop: ObservedProperty, site: _Site) -> str:
    if transition.kind == detection.SILENT:
        return f"{site.name}: {prop.zh}传感器失联 / silent"
    word = "报警" if transition.kind == detection.OPENED else "恢复"
    value = f"{transition.result:g} {prop.unit_of_measurement}"
    return f"{site.name}: {prop.zh}{word} {value} / {prop.en} {transition.kind}"


def _reasons(transition: Transition, prop: ObservedProperty) -> tuple[str, ...]:
    unit = prop.unit_of_measurement
    if transition.kind == detection.SILENT:
        return (f"nothing heard for {prop.silence_timeout_s:g} s",)
    if transition.kind == detection.CLEARED:
        return (f"{transition.result:g} {unit} is back at or behind {prop.closes_at:g} {unit}",)
    held = (transition.at - transition.since).total_seconds()
    condition = f"{transition.result:g} {unit} is at or beyond {prop.opens_at:g} {unit}"
    return (f"{condition}, for {held:g} s of {prop.minimum_duration_s:g} s",)


def _row(datastream: str, stream: _Stream) -> intake.Alarm:
    return intake.Alarm(
        datastream=datastream,
        state=wire.encode(_Saved(stream.alarm, stream.site)),
        open=stream.alarm.phase != detection.NORMAL,
        seen_at=stream.alarm.seen.astimezone(UTC),
    )
