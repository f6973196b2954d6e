"""The demo city's fire, police and medical events, answered by a fleet that is thin for them."""

from random import Random

from city.make import make_city
from city.simulate import Setting, happenings
from geo.crs import haversine_m
from geo.routing.compiled import CompiledRouter
from geo.routing.reference import Router
from schemas import codes
from schemas.kinds import UNKNOWN
from sim.calls import Call

DELAY_S = 5.0
"""From a call until it stands in the journal: assigned at once."""
TURNOUT_S = 60.0
PER_HOUR = 30.0
_EACH = 6
"""So many units of the city are one of this fleet."""
_MEAN_WORK_S = 900.0
_TRANSPORTED = 0.6
_DAY_S = 86_400.0


class DemoCity:
    """The city, with ``router``, ``units``, and calls by seed."""

    def __init__(self) -> None:
        city = make_city(1)
        self._setting = Setting(city)
        self.router: Router = CompiledRouter(city.streets, "emergency")
        self.units = tuple(
            unit
            for kind in sorted({unit.kind for unit in city.units})
            for unit in [unit for unit in city.units if unit.kind == kind][::_EACH]
        )
        self._hospitals = [
            (place.point.lon, place.point.lat) for place in city.places if place.kind == "hospital"
        ]

    def calls(self, seed: int, days: float, load: float = 1.0) -> list[Call]:
        """Return the true events of some days, by seed, each noticed once."""
        calls: list[Call] = []
        for event in happenings(self._setting, seed=seed, rate=load * PER_HOUR / 60.0):
            if event.at_s > days * _DAY_S:
                return calls
            if event.false_alarm or event.severity == UNKNOWN:
                continue
            name = f"{seed}-{event.id}"
            rng = Random(name)
            lon, lat = event.site.lon, event.site.lat
            work = rng.expovariate(1 / _MEAN_WORK_S), rng.expovariate(1 / _MEAN_WORK_S)
            nearest = min(self._hospitals, key=lambda h: float(haversine_m(lon, lat, *h)))
            hospital = nearest if rng.random() < _TRANSPORTED else None
            about = event.category, codes.severity(event.severity).code
            calls.append(Call(name, event.at_s, lon, lat, *about, work[0], hospital, work[1]))
        raise AssertionError("events have no end")
