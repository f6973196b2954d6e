"""How long one decision takes while many incidents are open, all with units on their way.

In the demo city: units of its kinds all over the map, incidents of its categories. Each new call is
one decision about all of them; before it every unit on its way has told a new position.
"""

import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from random import Random

import msgspec

from city.make import make_city
from city.simulate import Setting, happenings
from city.simulate.drive import Drive
from dispatch import Region
from geo.routing.compiled import CompiledRouter
from infra import memory
from schemas import codes
from schemas.effects import AssignmentWritten, Effect
from schemas.ids import derive
from schemas.journal import EvidenceNoted, FleetChanged, PolicyChanged, UnitMoved
from schemas.kinds import UNKNOWN
from schemas.records import Evidence, Point, Unit, Where

_START = datetime(2026, 11, 30, tzinfo=UTC)
_MEASURED = 20
_EVERY_S = 3.0


def decision_ms(open_incidents: int, units: int, seeds: int) -> list[float]:
    """Return processor milliseconds of calls while about so many incidents are open."""
    city = make_city(1)
    setting, router = Setting(city), CompiledRouter(city.streets, "emergency")
    policy = msgspec.structs.replace(
        codes.default_policy(), version="crowd", assigner="joint", auto_assign_confidence=0.0
    )
    memory.settle()  # as a worker does
    taken: list[float] = []
    for seed in range(1, seeds + 1):
        core = Region(city.manifest.region, lambda _: router)
        fleet = _fleet(city.units, setting, seed, units)
        region, digest = core.region, city.digest
        core.apply(FleetChanged(id="fleet", region=region, city=digest, units=fleet), _START)
        core.apply(PolicyChanged(id="policy", region=region, policy=policy), _START)
        drives: dict[str, Drive] = {}
        first = open_incidents - _MEASURED // 2
        for number, evidence in enumerate(_evidence(setting, seed, first + _MEASURED)):
            at = evidence.received_at
            for moved in _moves(region, drives, number, at):
                core.apply(moved, at)
            entry = EvidenceNoted(id=f"entry-{number}", region=region, evidence=evidence)
            begun = time.process_time()
            effects = core.apply(entry, at)
            if number >= first:
                taken.append(1e3 * (time.process_time() - begun))
            _follow(drives, effects, at)
    return taken


def _moves(region: str, drives: dict[str, Drive], number: int, at: datetime) -> Iterator[UnitMoved]:
    """Yield where the units on their way are now."""
    for unit, drive in drives.items():
        lon, lat, _ = drive.at((at - _START).total_seconds())
        point = Point(lon=round(lon, 6), lat=round(lat, 6))
        name = f"moved-{number}-{unit}"
        yield UnitMoved(id=name, region=region, unit=unit, point=point, time=at)


def _follow(drives: dict[str, Drive], effects: Sequence[Effect], at: datetime) -> None:
    """Let units drive as they are sent."""
    for effect in effects:
        if not isinstance(effect, AssignmentWritten):
            continue
        sent = effect.assignment
        if effect.change == "assigned" and sent.route is not None:
            line = list(sent.route.coordinates)
            drives[sent.unit] = Drive(line, (at - _START).total_seconds(), sent.eta_s)
        elif effect.change == "cancelled":
            drives.pop(sent.unit, None)


def _fleet(known: tuple[Unit, ...], setting: Setting, seed: int, count: int) -> tuple[Unit, ...]:
    """Return so many units of the kinds that a city has, each at home somewhere on its streets."""
    sites = (e.site for e in happenings(setting, seed=1_000 + seed, rate=60.0))
    units = []
    for number, site in zip(range(count), sites, strict=False):
        like = known[number % len(known)]
        home = Point(lon=site.lon, lat=site.lat)
        changes = {"id": f"C{number:04d}", "home": home, "position": home}
        units.append(msgspec.structs.replace(like, **changes))
    return tuple(units)


def _evidence(setting: Setting, seed: int, count: int) -> list[Evidence]:
    found: list[Evidence] = []
    for event in happenings(setting, seed=seed, rate=60.0):
        if len(found) == count:
            break
        if event.false_alarm or event.severity == UNKNOWN:
            continue
        at = _START + timedelta(seconds=_EVERY_S * (len(found) + 1))
        name = derive("crowd", f"{seed}/{len(found)}")
        found.append(
            Evidence(
                id=name,
                source="report",
                source_id=Random(name).randbytes(8).hex(),
                phase="opened",
                category=event.category,
                severity=event.severity,
                confidence=1.0,
                point=Point(lon=event.site.lon, lat=event.site.lat),
                where=Where(),
                observed_at=at,
                received_at=at,
                text="",
            )
        )
    return found
