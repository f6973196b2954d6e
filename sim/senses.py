"""From messages of the outside world to entries of the journal, without Kafka and ledger."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Protocol

from atlas.city import CityData
from city.simulate.mail import Mail
from intake import (
    Datastreams,
    IntakeLimits,
    LastMove,
    Positions,
    Readings,
    Reports,
    Stamps,
    noted,
)
from schemas import topics, wire
from schemas.ids import derive
from schemas.inputs import UnitPosition, UnitStatus
from schemas.journal import Command, Entry, UnitMoved, UnitStamped
from schemas.records import Evidence, Point

__all__ = ["SILENCE_EVERY_S", "Direct", "Senses", "ThroughIntake"]

SILENCE_EVERY_S = 5.0
_SECRET = b"nobody here is real"


class Senses(Protocol):
    """What makes entries of messages."""

    def hear(self, mail: Mail, at: datetime) -> Iterable[Entry]:
        """Return the entries of a message that arrives at a time."""

    def silence(self, at: datetime, /) -> Iterable[Entry]:
        """Return the entries of sensors that have fallen silent."""


class ThroughIntake:
    """Everything is read, checked, detected, triaged and placed as by a worker."""

    def __init__(self, city: CityData) -> None:
        limits = IntakeLimits()
        self._region = city.manifest.region
        self._readings, self._reports = Readings(city, limits), Reports(city, limits, _SECRET)
        self._stamps, self._positions = Stamps(city, limits), Positions(city, limits)
        self._datastreams = Datastreams()
        self._moves: dict[str, LastMove] = {}

    def hear(self, mail: Mail, at: datetime) -> Iterator[Entry]:
        """Yield the entries of a message that arrives at a time."""
        if mail.topic == topics.READINGS.name:
            reading = self._readings.open(mail)
            name = reading.payload.datastream
            seen = self._readings.take(reading, at, self._datastreams.get(name))
            self._datastreams[name] = seen.datastream
            yield from self._noted(seen.evidence)
        elif mail.topic == topics.REPORTS.name:
            yield from self._noted([self._reports.take(self._reports.open(mail), at).evidence])
        elif mail.topic == topics.UNIT_STATUS.name:
            yield self._stamps.take(self._stamps.open(mail), at)
        elif mail.topic == topics.POSITIONS.name:
            position = self._positions.open(mail)
            unit = position.payload.unit
            located = self._positions.take(position, at, self._moves.get(unit))
            self._moves[unit] = located.last
            if located.moved is not None:
                yield located.moved
        elif mail.topic == topics.JOURNAL.name:
            yield wire.decode(mail.value, Command)

    def silence(self, at: datetime) -> Iterator[Entry]:
        """Yield the entries of sensors that have fallen silent."""
        for silent in list(self._readings.look_for_silence(self._datastreams, at)):
            self._datastreams[silent.name] = silent.datastream
            yield from self._noted(silent.evidence)

    def _noted(self, found: Iterable[Evidence]) -> Iterator[Entry]:
        for evidence in found:
            yield noted(evidence, self._region)


class Direct:
    """Crews and operator are believed unread; there are neither sensors nor citizens to hear."""

    def __init__(self, city: CityData) -> None:
        self._region = city.manifest.region
        self._number = 0

    def hear(self, mail: Mail, at: datetime) -> Iterator[Entry]:
        """Yield the entry of a message that arrives at a time."""
        self._number += 1
        entry_id = derive(f"direct/{at.isoformat()}", str(self._number))
        if mail.topic == topics.JOURNAL.name:
            yield wire.decode(mail.value, Command)
        elif mail.topic == topics.UNIT_STATUS.name:
            stamp: UnitStatus = wire.decode(mail.value, UnitStatus)
            yield UnitStamped(
                id=entry_id,
                region=self._region,
                unit=stamp.unit,
                status=stamp.status,
                time=stamp.time,
                by=stamp.by,
                incident=stamp.incident,
                reason=stamp.reason,
            )
        elif mail.topic == topics.POSITIONS.name:
            fix: UnitPosition = wire.decode(mail.value, UnitPosition)
            where = fix.location
            yield UnitMoved(
                id=entry_id,
                region=self._region,
                unit=fix.unit,
                point=Point(lon=where.lon, lat=where.lat, accuracy_m=where.accuracy_m),
                time=fix.time,
                heading_deg=fix.heading_deg,
            )

    def silence(self, _at: datetime) -> Iterator[Entry]:
        """Yield nothing: that a sensor falls silent is one of the event's notices."""
        yield from ()
