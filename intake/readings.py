"""Sensor readings are validated and watched for alarms, which become evidence."""

from collections.abc import Iterator
from datetime import datetime

import msgspec

from atlas.city import CityData, Sensor
from intake import detection
from intake.datastreams import Datastream, Datastreams, Site
from intake.detection import AlarmChange, Detector
from intake.errors import BadInput, Fault
from intake.limits import IntakeLimits
from intake.places import locate
from intake.validate import Carried, Checker, Opened, check_id, open_message
from schemas import codes, topics
from schemas.codes import ObservedProperty
from schemas.ids import derive
from schemas.inputs import SensorReading
from schemas.records import Evidence, Reason
from schemas.words import because

__all__ = ["FellSilent", "Observed", "Readings"]

_QUALITIES = ("good", "suspect", "bad")
_SUSPECT = 0.6
"""A suspect result speaks with this share of the property's confidence."""


class Observed(msgspec.Struct, frozen=True):
    """What a reading did: the datastream as it is now, and the evidence of what has changed."""

    datastream: Datastream
    evidence: tuple[Evidence, ...]

    @property
    def is_late(self) -> bool:
        """Whether the reading is not newer than one before it, and so changed no phase."""
        return self.datastream.alarm.behind is not None


class FellSilent(msgspec.Struct, frozen=True):
    """A datastream that is not heard any more: its name, how it is now, and the evidence."""

    name: str
    datastream: Datastream
    evidence: tuple[Evidence, ...]


class Readings:
    """Watches the readings of a city's sensors. What it knows of datastreams is the caller's.

    Parameters
    ----------
    city
        Whose sensors, fences and streets.
    limits
        How far a reading's times may lie from its arrival, and its place from the city.
    """

    def __init__(self, city: CityData, limits: IntakeLimits) -> None:
        self._city = city
        self._checker = Checker(city, limits)
        self._detectors = {
            code: Detector(prop) for code, prop in codes.observed_properties().items()
        }
        self._sites = {sensor.id: self._site(sensor) for sensor in city.sensors}

    @staticmethod
    def open(message: Carried) -> Opened[SensorReading]:
        """Open a message of ``city.sensor.readings``; raises `BadInput`."""
        return open_message(message, topics.READINGS, SensorReading)

    def take(
        self, opened: Opened[SensorReading], arrived: datetime, known: Datastream | None
    ) -> Observed:
        """Take in one reading.

        Parameters
        ----------
        opened
            The message.
        arrived
            When it arrived, by the broker's clock (aware).
        known
            What is remembered of the reading's datastream; None before its first reading.

        Raises
        ------
        BadInput
            The reading cannot be used.
        """
        reading, source = opened.payload, opened.envelope.source
        detector = self._detector(reading)
        _check_result(reading, detector.prop)
        check_id(reading.datastream, "datastream")
        check_id(reading.sensor, "sensor")
        at = self._checker.time(reading.phenomenon_time, "phenomenon_time", arrived, source)
        if reading.result_time is not None:
            self._checker.time(reading.result_time, "result_time", arrived, source)
        site = self._place(reading)
        if known is not None and known.site.property != reading.observed_property:
            raise BadInput(
                Fault.UNKNOWN_SENSOR,
                f"datastream {reading.datastream} observes {known.site.property}, not "
                f"{reading.observed_property}: give each property a datastream of its own",
            )
        before = None if known is None else known.alarm
        alarm, changes = detector.observe(
            before, at, arrived, reading.result, reading.result_quality
        )
        share = _SUSPECT if reading.result_quality == "suspect" else 1.0
        found = []
        for change in changes:
            evidence = _evidence(
                change,
                detector.prop,
                site,
                reading.datastream,
                arrived,
                confidence=detector.prop.confidence * share,
                opener=opened.name,
            )
            found.append(evidence)
            if change.kind == detection.OPENED:
                alarm = msgspec.structs.replace(alarm, evidence=evidence.id)
        return Observed(Datastream(alarm, site), tuple(found))

    def look_for_silence(self, known: Datastreams, now: datetime) -> Iterator[FellSilent]:
        """Yield the datastreams that were not heard for too long while not calm, by name.

        Parameters
        ----------
        known
            What is remembered of datastreams; not to be changed meanwhile.
        now
            The time, by the clock by which readings arrive (aware).
        """
        for name in known.alarmed():
            stream = known[name]
            detector = self._detectors.get(stream.site.property)
            if detector is None:
                continue
            alarm, changes = detector.silent(stream.alarm, now)
            if alarm is stream.alarm:
                continue
            evidence = tuple(
                _evidence(
                    change,
                    detector.prop,
                    stream.site,
                    name,
                    change.at,
                    confidence=detector.prop.confidence,
                    opener="",
                )
                for change in changes
            )
            yield FellSilent(name, Datastream(alarm, stream.site), evidence)

    def _detector(self, reading: SensorReading) -> Detector:
        try:
            return self._detectors[reading.observed_property]
        except KeyError:
            raise BadInput(
                Fault.UNKNOWN_CODE,
                f"observed_property {reading.observed_property[:60]!r} is not in the table",
            ) from None

    def _place(self, reading: SensorReading) -> Site:
        """Return where the sensor is: by its own word, else by the city's."""
        known = self._sites.get(reading.sensor)
        if reading.location is not None:
            point = self._checker.point(reading.location)
            name = reading.sensor if known is None else known.name
            if known is not None and known.point == point:
                return known
            where = locate(self._city, point)
            return Site(reading.observed_property, name, point, where)
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

    def _site(self, sensor: Sensor) -> Site:
        where = locate(self._city, sensor.point)
        return Site(sensor.observed_property, sensor.name, sensor.point, where)


def _evidence(
    change: AlarmChange,
    prop: ObservedProperty,
    site: Site,
    datastream: str,
    arrived: datetime,
    *,
    confidence: float,
    opener: str,
) -> Evidence:
    if change.kind == detection.SILENT:
        # Found by the timer or by the next reading, whichever is first: the same evidence.
        evidence_id = derive(f"{datastream}\x1f{change.evidence}", "silent")
    elif change.kind == detection.OPENED:
        evidence_id = derive(opener, "evidence")
    else:
        evidence_id = derive(opener, "cleared")
    return Evidence(
        id=evidence_id,
        source="sensor",
        source_id=datastream,
        phase=change.kind,
        category=prop.category,
        severity=prop.severity,
        confidence=round(confidence, 3),
        point=site.point,
        where=site.where,
        observed_at=change.at,
        received_at=arrived,
        text=_text(change, prop, site),
        reasons=(_reason(change, prop),),
    )


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
            f"result_quality {reading.result_quality[:40]!r} is not one of {', '.join(_QUALITIES)}",
        )


def _text(change: AlarmChange, prop: ObservedProperty, site: Site) -> str:
    if change.kind == detection.SILENT:
        return f"{site.name}: {prop.zh}传感器失联 / silent"
    word = "报警" if change.kind == detection.OPENED else "恢复"
    value = f"{change.result:g} {prop.unit_of_measurement}"
    return f"{site.name}: {prop.zh}{word} {value} / {prop.en} {change.kind}"


def _reason(change: AlarmChange, prop: ObservedProperty) -> Reason:
    unit = prop.unit_of_measurement
    if change.result is None or change.kind == detection.SILENT:
        return because("not_heard_for", seconds=prop.silence_timeout_s)
    if change.kind == detection.CLEARED:
        return because("back_at", result=change.result, closes_at=prop.closes_at, unit=unit)
    return because(
        "beyond_for",
        result=change.result,
        opens_at=prop.opens_at,
        unit=unit,
        seconds=(change.at - change.since).total_seconds(),
        least=prop.minimum_duration_s,
    )
