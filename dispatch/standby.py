"""Where units wait that have become free: the base from which the next calls are best served.

It is advice to the crew, in the unit's record: nobody is sent by it, and whoever is needed goes
from wherever he is.
"""

from collections import Counter
from typing import NamedTuple

import msgspec

from dispatch.asked import Place
from dispatch.fleet import LEFT
from dispatch.sending import Means
from dispatch.state import State, is_free
from dispatch.travel import start_of
from schemas.policy import Coverage
from schemas.records import Point, Standby, Unit
from schemas.words import because


def stand_by(state: State, means: Means) -> None:
    """Tell the units that the entry has freed where to wait."""
    for unit_id in state.freed():
        unit = state.units[unit_id]
        rules = state.policy.coverage.get(unit.kind)
        standby = msgspec.UNSET if rules is None else _best(state, means, unit, rules)
        if standby != unit.standby:
            state.change_unit(unit_id, standby=standby)


class _Option(NamedTuple):
    """A base, by which options are ordered: what it costs, how far it is, its name."""

    cost: int
    seconds: float
    station: str


def _best(state: State, means: Means, unit: Unit, rules: Coverage) -> Standby | msgspec.UnsetType:
    """Return the base at which a unit is worth most; unset if that is its own station."""
    fleet = [one for _, one in sorted(state.units.items()) if one.kind == unit.kind]
    bases = _bases(fleet, rules)
    cover = means.covers.of(state, means.travel, unit.kind, bases)
    waiting = Counter(_waits_at(one) for one in fleet if is_free(one) and one.id != unit.id)
    names = list(bases)

    def counts(station: str) -> list[int]:
        return [waiting[name] + (name == station) for name in names]

    def option(station: str) -> _Option:
        lon, lat = bases[station]
        there = Point(lon=lon, lat=lat)
        (seconds,) = means.travel.seconds(state, [start_of(unit)], there, cover.severity).seconds
        seconds = min(seconds, state.policy.max_eta_s)
        return _Option(cover.cost(counts(station)) + cover.drive(seconds), seconds, station)

    best = min(map(option, names))
    if best.station == unit.station:
        return msgspec.UNSET
    lon, lat = bases[best.station]
    why = because(
        "stands_by",
        station=best.station,
        home=unit.station,
        percent=round(100 * cover.in_time(counts(best.station)), 1),
        percent_other=round(100 * cover.in_time(counts(unit.station)), 1),
        seconds=round(best.seconds, 1),
    )
    return Standby(station=best.station, point=Point(lon=lon, lat=lat), reasons=(why,))


def _bases(fleet: list[Unit], rules: Coverage) -> dict[str, Place]:
    """Return where units of a kind may wait, by name: their stations, then the policy's bases."""
    bases: dict[str, Place] = {}
    for unit in fleet:
        if unit.reason != LEFT:
            bases.setdefault(unit.station, (unit.home.lon, unit.home.lat))
    for base in rules.bases:
        bases.setdefault(base.station, (base.lon, base.lat))
    return bases


def _waits_at(unit: Unit) -> str:
    """Return the name of the station where a free unit waits, or to which it drives."""
    return unit.standby.station if unit.standby else unit.station
