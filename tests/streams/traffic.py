"""Input as a city sends it, by seed: readings with alarms, reports, positions, stamps, rubbish."""

import random
from datetime import datetime, timedelta

from atlas.city import CityData
from schemas import codes, topics
from schemas.inputs import CitizenReport, Location, SensorReading, UnitPosition, UnitStatus
from tests.streams.rig import Sent, message

TEXTS = (
    "着火了，浓烟滚滚",
    "有人晕倒，没有呼吸",
    "两车追尾，有人受伤",
    "水管爆裂",
    "闻到煤气味",
    "Two men fighting, one has a knife",
    "The underpass is flooded",
)


class Traffic:
    """Makes messages; the same seed and city give the same but for their times."""

    def __init__(self, city: CityData, seed: int, name: str) -> None:
        self._city = city
        self._random = random.Random(seed)
        self._name = name
        self._count = 0

    def some(self, many: int, at: datetime) -> list[Sent]:
        """Return messages of all kinds, some sent twice."""
        made: list[Sent] = []
        for _ in range(many):
            kind = self._random.random()
            if kind < 0.7:
                sent = self._reading(at)
            elif kind < 0.8:
                sent = self._report(at)
            elif kind < 0.92:
                sent = self._position(at)
            elif kind < 0.97:
                sent = self._stamp(at)
            else:
                sent = self._rubbish()
            made += [sent] * (2 if self._random.random() < 0.03 else 1)
            at += timedelta(milliseconds=1)
        return made

    def _id(self) -> str:
        self._count += 1
        return f"{self._name}-{self._count}"

    def _reading(self, at: datetime) -> Sent:
        sensor = self._random.choice(self._city.sensors[:48])
        prop = codes.observed_property(sensor.observed_property)
        calm = (prop.closes_at + prop.maximum) / 2
        if prop.direction == "above":
            calm = (prop.closes_at + prop.minimum) / 2
        result = prop.opens_at if self._random.random() < 0.05 else calm
        payload = SensorReading(
            sensor=sensor.id,
            datastream=sensor.datastream,
            observed_property=prop.code,
            result=result,
            unit_of_measurement=prop.unit_of_measurement,
            phenomenon_time=at,
        )
        return message(topics.READINGS, payload, key=sensor.id, event_id=self._id())

    def _report(self, at: datetime) -> Sent:
        report = self._id()
        payload = CitizenReport(
            service_request_id=report,
            description=self._random.choice(TEXTS),
            requested_datetime=at,
            location=self._somewhere(),
        )
        return message(topics.REPORTS, payload, key=report, event_id=report)

    def _position(self, at: datetime) -> Sent:
        unit = self._random.choice(self._city.units).id
        payload = UnitPosition(unit=unit, location=self._somewhere(), time=at)
        return message(topics.POSITIONS, payload, key=unit, event_id=self._id())

    def _stamp(self, at: datetime) -> Sent:
        unit = self._random.choice(self._city.units).id
        status = self._random.choice(("available", "en_route", "on_scene", "out_of_service"))
        payload = UnitStatus(unit=unit, status=status, time=at)
        return message(topics.UNIT_STATUS, payload, key=unit, event_id=self._id())

    def _rubbish(self) -> Sent:
        topic = self._random.choice((topics.READINGS, topics.REPORTS, topics.POSITIONS))
        sent = message(topic, {}, key="rubbish", event_id=self._id())
        sent.value = self._random.randbytes(self._random.randrange(1, 200))
        return sent

    def _somewhere(self) -> Location:
        west, south, east, north = self._city.manifest.bounds
        return Location(
            lon=self._random.uniform(west, east), lat=self._random.uniform(south, north)
        )
