"""The simulated events of a city, by seed: true events, who notices them and how; false alarms.

Pure: the same city, seed, rate and speed always give the same events. Times are seconds since the
play begins.

Sites are kept apart. Two events of one category closer than twice its extent, within its memory,
look like one event to everybody, and no score could decide whether they were rightly separated. The
same holds for events of related categories (a fire and an explosion) closer than the larger of
their extents. Such a site is drawn again; if none is left, another category is used. (A map so
small that it is full of recent events forgets the older ones.) False alarms may be anywhere.
"""

from collections.abc import Iterator
from itertools import count
from random import Random

import msgspec

from city.simulate.reports import Report, prank_report, reports_of
from city.simulate.setting import Setting, Site, Spot
from geo.crs import haversine_m
from schemas.codes import ObservedProperty, category, observed_properties, severities
from schemas.kinds import UNKNOWN

__all__ = ["EXTENT", "RANGE_M", "Event", "Extent", "Sighting", "apart", "happenings"]


class Extent(msgspec.Struct, frozen=True):
    """How far (m) and for how long (s) people report one event of a category."""

    radius_m: float
    memory_s: float = 1_800.0


EXTENT = {
    "fire": Extent(150.0),
    "explosion": Extent(250.0),
    "flood": Extent(300.0, 3_600.0),
    "crowd_crush": Extent(200.0),
    "air_pollution": Extent(500.0, 3_600.0),
    "gas_leak": Extent(120.0),
    "manhole_hazard": Extent(60.0, 14_400.0),
}
"""Following the field's usual radii of duplicates (fire 150 m, crash 100 m, flood 300 m …)."""
_USUAL_EXTENT = Extent(100.0)
_KIN = (
    {"fire", "explosion", "gas_leak", "air_pollution", "chemical_spill"},
    {"traffic_crash", "medical", "road_obstruction", "public_disorder", "crowd_crush"},
    {"flood", "pipe_burst", "manhole_hazard", "water_rescue"},
    {"structure_collapse", "storm_damage", "road_obstruction", "explosion"},
    {"lift_entrapment", "power_outage"},
)

RANGE_M = {
    "smoke": 40.0,
    "gas": 40.0,
    "water_level": 120.0,
    "air_quality": 250.0,
    "crowd_density": 80.0,
    "traffic": 60.0,
    "manhole": 8.0,
    "lift": 12.0,
}
"""How far a sensor of a property notices an event."""
_USUAL_RANGE_M = 50.0

_WEIGHTS = {
    "medical": 22.0,
    "traffic_crash": 17.0,
    "fire": 13.0,
    "lift_entrapment": 8.0,
    "public_disorder": 8.0,
    "gas_leak": 7.0,
    "flood": 6.0,
    "manhole_hazard": 5.0,
    "crowd_crush": 4.0,
    "pipe_burst": 4.0,
    "road_obstruction": 3.0,
    "power_outage": 2.0,
    "storm_damage": 1.0,
    "air_pollution": 1.0,
    "water_rescue": 0.5,
    "structure_collapse": 0.5,
    "chemical_spill": 0.5,
    "explosion": 0.5,
}
_HOMES = ("residential_compound", "office_tower", "hotel", "mall")
_VENUES = {
    "fire": (*_HOMES, "school"),
    "gas_leak": ("residential_compound", "mall", "hotel"),
    "medical": (*_HOMES, "metro_station", "school", "park"),
    "lift_entrapment": (*_HOMES, "metro_station"),
    "crowd_crush": ("mall", "metro_station", "park", "landmark"),
    "public_disorder": ("mall", "metro_station", "landmark", "hotel"),
    "flood": ("underpass", "metro_station"),
    "power_outage": _HOMES,
    "chemical_spill": ("chemical_store",),
}
_BY_SENSOR = 0.65
_BY_PLACE = 0.55
_PRANKS = 0.06
"""False alarms per true event."""
_TRIES, _CATEGORIES_TRIED = 15, 6
_SEVERITY_SHIFT = ((0, 70), (-1, 12), (1, 18))
_ALARM_MARGIN_S = 15.0
_ALARM_S = (300.0, 1_200.0)
_DIES = 0.03
_FIRST_S = 3.0
"""Crews log on before the first event."""


class Sighting(msgspec.Struct, frozen=True, kw_only=True):
    """One sensor notices an event from ``at_s`` to ``until_s``.

    ``result`` is its approximate reading then, beyond the opening condition. A sensor that ``dies``
    (a burnt cable) is silent afterwards instead of returning to normal.
    """

    sensor: str
    datastream: str
    observed_property: str
    at_s: float
    until_s: float
    result: float
    dies: bool = False


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One event; a ``false_alarm`` is only reported, but not real."""

    id: str
    category: str
    severity: str
    site: Site
    at_s: float
    false_alarm: bool
    sightings: tuple[Sighting, ...]
    reports: tuple[Report, ...]


def happenings(setting: Setting, *, seed: int, rate: float, speed: float = 1.0) -> Iterator[Event]:
    """Yield events in order of time, without end.

    Parameters
    ----------
    rate
        True events per minute (Poisson); 0 gives none.
    speed
        How many times faster than in reality an event ends; a sensor's alarm still lasts longer
        than its minimum duration.
    """
    rng = Random(f"{seed}/events")
    true, false = count(1), count(1)
    recent: list[Event] = []
    at_s = _FIRST_S
    while rate > 0.0:
        own = Random(f"{seed}/{rng.getrandbits(64)}")
        if rng.random() < _PRANKS / (1.0 + _PRANKS):
            yield _false_alarm(own, setting, f"P{next(false):04d}", at_s)
        else:
            recent = [event for event in recent if at_s - event.at_s <= _memory(event.category)]
            event = _event(own, setting, f"E{next(true):04d}", at_s, speed=speed, recent=recent)
            recent.append(event)
            yield event
        at_s += rng.expovariate(rate * (1.0 + _PRANKS) / 60.0)


def apart(first: str, a: Spot, second: str, b: Spot) -> bool:
    """Whether events of two categories at two spots can be distinguished."""
    if first == second:
        needed = 2.0 * _extent(first).radius_m
    elif any(first in kin and second in kin for kin in _KIN):
        needed = max(_extent(first).radius_m, _extent(second).radius_m)
    else:
        return True
    return haversine_m(*a, *b) >= needed


def _extent(code: str) -> Extent:
    return EXTENT.get(code, _USUAL_EXTENT)


def _memory(code: str) -> float:
    return max(_extent(code).memory_s, _USUAL_EXTENT.memory_s)


def _properties(code: str) -> list[ObservedProperty]:
    """Return the observed properties that show a category."""
    return [row for _, row in sorted(observed_properties().items()) if row.category == code]


def _event(
    rng: Random, setting: Setting, key: str, at_s: float, *, speed: float, recent: list[Event]
) -> Event:
    code, site = _place(rng, setting, recent)
    return Event(
        id=key,
        category=code,
        severity=_severity(rng, code),
        site=site,
        at_s=at_s,
        false_alarm=False,
        sightings=_sightings(rng, setting, code, site, at_s=at_s, speed=speed),
        reports=reports_of(rng, setting, key, code, site=site, at_s=at_s),
    )


def _false_alarm(rng: Random, setting: Setting, key: str, at_s: float) -> Event:
    code = _category(rng)
    site = setting.at(*setting.on_a_street(rng))
    return Event(
        id=key,
        category=code,
        severity=category(code).default_severity,
        site=site,
        at_s=at_s,
        false_alarm=True,
        sightings=(),
        reports=(prank_report(rng, key, code, site, at_s + rng.uniform(0.5, 5.0)),),
    )


def _category(rng: Random) -> str:
    return rng.choices(list(_WEIGHTS), list(_WEIGHTS.values()))[0]


def _place(rng: Random, setting: Setting, recent: list[Event]) -> tuple[str, Site]:
    """Return a category and a site apart from those of recent events."""
    while True:
        for _ in range(_CATEGORIES_TRIED):
            code = _category(rng)
            for _ in range(_TRIES):
                spot = _spot(rng, setting, code)
                if all(apart(code, spot, e.category, e.site.spot) for e in recent):
                    return code, setting.at(*spot)
        # The city is full: forget the older half, or a small map would never find a site.
        recent = recent[(len(recent) + 1) // 2 :]


def _spot(rng: Random, setting: Setting, code: str) -> Spot:
    properties = _properties(code)
    spot = None
    if properties and rng.random() < _BY_SENSOR:
        row = rng.choice(properties)
        spot = setting.by_a_sensor(rng, row.code, 0.9 * RANGE_M.get(row.code, _USUAL_RANGE_M))
    elif code in _VENUES and rng.random() < _BY_PLACE:
        spot = setting.by_a_place(rng, _VENUES[code])
    return spot or setting.on_a_street(rng)


def _severity(rng: Random, code: str) -> str:
    ranks = [row for row in severities().values() if row.code != UNKNOWN]
    usual = next(i for i, row in enumerate(ranks) if row.code == category(code).default_severity)
    shifts, weights = zip(*_SEVERITY_SHIFT, strict=True)
    shift = rng.choices(shifts, weights)[0]
    return ranks[min(max(usual + shift, 0), len(ranks) - 1)].code


def _sightings(
    rng: Random, setting: Setting, code: str, site: Site, *, at_s: float, speed: float
) -> tuple[Sighting, ...]:
    found = []
    for row in _properties(code):
        near = setting.sensors_within(
            row.code, site.lon, site.lat, RANGE_M.get(row.code, _USUAL_RANGE_M)
        )
        for sensor in near[: rng.randint(1, 3)]:
            first = at_s + rng.uniform(0.5, 6.0)
            lasts = max(row.minimum_duration_s + _ALARM_MARGIN_S, rng.uniform(*_ALARM_S) / speed)
            found.append(
                Sighting(
                    sensor=sensor.id,
                    datastream=sensor.datastream,
                    observed_property=row.code,
                    at_s=first,
                    until_s=first + lasts,
                    result=_beyond(rng, row),
                    dies=rng.random() < _DIES,
                )
            )
    return tuple(found)


def _beyond(rng: Random, row: ObservedProperty) -> float:
    """Return a value well beyond the opening condition and still physical."""
    if row.direction == "below":
        return row.opens_at - (row.opens_at - row.minimum) * rng.uniform(0.3, 1.0)
    room = min(row.maximum - row.opens_at, 2.0 * row.opens_at)
    return row.opens_at + room * rng.uniform(0.15, 0.8)
