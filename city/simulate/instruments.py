"""The city's sensors: calm readings all the time, alarms near an event."""

import math
from collections.abc import Sequence
from functools import partial
from random import Random

from atlas.city import Sensor
from city.simulate.agenda import Agenda
from city.simulate.background import Background, alarm_value, calm_value
from city.simulate.clock import Clock
from city.simulate.mail import Send, letter
from city.simulate.truth import Sent, TruthLog
from city.simulate.world import Event, Sighting
from schemas import topics
from schemas.codes import observed_property
from schemas.inputs import SensorReading

__all__ = ["Instruments"]

_TICK_S = 0.05
_ALARM_EVERY_S = 2.0
_BACKLOG_S = 1.0
"""If a busy machine cannot send readings in time, they are skipped."""
_AFTER_SILENCE_S = 60.0
_SECONDS_PER_DEGREE = 240.0


class Instruments:
    """Sends ``readings`` background readings a second, and the alarms of events."""

    def __init__(
        self,
        sensors: Sequence[Sensor],
        agenda: Agenda,
        clock: Clock,
        send: Send,
        truth: TruthLog,
        *,
        seed: int,
        readings: float,
        run: str,
    ) -> None:
        self._agenda, self._clock, self._send, self._truth = agenda, clock, send, truth
        self._background = Background(sensors, seed)
        self._by_id = {sensor.id: sensor for sensor in sensors}
        self._rng = Random(f"{seed}/instruments")
        self._rate, self._run = readings, run
        self._owed, self._last = 0.0, 0.0
        self._number = 0
        self._busy: set[str] = set()
        if sensors and readings > 0.0:
            agenda.every(_TICK_S, self._tick)

    def notice(self, event: Event) -> None:
        """Plan the readings of the sensors near an event."""
        for sighting in event.sightings:
            self._agenda.at(
                sighting.at_s,
                partial(self._alarm_begins, event.id, sighting),
            )

    def _tick(self, now: float) -> None:
        self._owed += min(now - self._last, _BACKLOG_S) * self._rate
        self._last = now
        due = int(self._owed)
        self._owed -= due
        if due == 0:
            return
        at = self._clock.wall(now)
        sensors = self._background.sensors
        offset_s = sensors[0].point.lon * _SECONDS_PER_DEGREE
        hour = (at.timestamp() + offset_s) % 86_400.0 / 3_600.0
        for index, value in self._background.readings(due, hour):
            if sensors[index].id not in self._busy:
                self._read(sensors[index], value, now)

    def _alarm_begins(self, event: str, sighting: Sighting, now: float) -> None:
        if sighting.sensor in self._busy:
            return
        self._busy.add(sighting.sensor)
        minimum = observed_property(sighting.observed_property).minimum_duration_s
        ripe = now + math.ceil(minimum / _ALARM_EVERY_S) * _ALARM_EVERY_S
        self._truth.write(
            Sent(
                source="sensor",
                id=sighting.datastream,
                event=event,
                at=self._clock.wall(now),
                until=self._clock.wall(sighting.until_s),
                ripe=self._clock.wall(ripe),
            )
        )
        self._alarm(sighting, now)

    def _alarm(self, sighting: Sighting, now: float) -> None:
        sensor, row = self._by_id[sighting.sensor], observed_property(sighting.observed_property)
        if now < sighting.until_s:
            self._read(sensor, alarm_value(row, sighting.result, self._rng.random()), now)
            self._agenda.at(now + _ALARM_EVERY_S, partial(self._alarm, sighting))
        elif sighting.dies:
            mended = now + row.silence_timeout_s + _AFTER_SILENCE_S
            self._agenda.at(mended, partial(self._calm, sensor))
        else:
            self._calm(sensor, now)

    def _calm(self, sensor: Sensor, now: float) -> None:
        """Send a calm reading before the usual series continues."""
        self._read(sensor, calm_value(observed_property(sensor.observed_property)), now)
        self._busy.discard(sensor.id)

    def _read(self, sensor: Sensor, value: float, now: float) -> None:
        at = self._clock.wall(now)
        self._number += 1
        self._send(
            letter(
                topics.READINGS,
                sensor.id,
                SensorReading(
                    sensor=sensor.id,
                    datastream=sensor.datastream,
                    observed_property=sensor.observed_property,
                    result=value,
                    unit_of_measurement=observed_property(
                        sensor.observed_property
                    ).unit_of_measurement,
                    phenomenon_time=at,
                ),
                event_id=f"{self._run}-O{self._number}",
                source=f"urn:city:sensors:{sensor.observed_property}",
                at=at,
                subject=sensor.id,
            )
        )
