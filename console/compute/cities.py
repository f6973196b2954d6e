"""Cities in force, with the indexes and routers that questions need."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

import numpy as np

from atlas.changed_fences import with_changes
from atlas.city import CityData
from atlas.deciding import deciding_router
from atlas.folder import load_city
from console.compute.errors import Unanswerable
from console.compute.name_index import NameIndex
from dispatch.travel import Travel
from geo.crs import FloatArray
from geo.routing.compiled import CompiledRouter
from infra.archive.errors import ArchiveError
from infra.cities import changes_now, city_by_digest
from infra.ledger.city_files import InForce
from infra.ledger.errors import LedgerError
from intake.limits import IntakeLimits

log = logging.getLogger(__name__)

_MARGIN_DEGREES = 0.1
"""So far outside its bounds, some 10 km, a point may still be a city's."""
_SIZES_KEPT = 16
"""Routers of vehicles that do not fit everywhere."""


class Town:
    """A region's city."""

    def __init__(self, region: str, city: CityData, orders: Path | None = None) -> None:
        self.region, self.city = region, city
        self.limits = IntakeLimits()
        self._routers = {"emergency": deciding_router(city, orders)}
        self.travel = Travel(self.routers)
        self._sized: dict[tuple[object, ...], CompiledRouter] = {}

    @cached_property
    def names(self) -> NameIndex:
        """Index of all names."""
        return NameIndex(self.city)

    @cached_property
    def boxes(self) -> tuple[FloatArray, FloatArray]:
        """South-west and north-east corners of the boxes around the arcs' lines."""
        lines = self.city.streets.arcs.line
        begins = lines.first[:-1]
        return np.minimum.reduceat(lines.xy, begins), np.maximum.reduceat(lines.xy, begins)

    def router(self, profile: str, size: Mapping[str, float] | None = None) -> CompiledRouter:
        """Return a profile's router, for a vehicle of this size (`CompiledRouter.fitting`)."""
        if profile not in self._routers:
            deciding = self._routers["emergency"]
            self._routers[profile] = CompiledRouter(
                self.city.streets,
                profile,
                self.city.snapper,
                index=deciding.index,
                speeds=self.city.speeds,
                timezone=self.city.manifest.timezone,
            )
        if not size:
            return self._routers[profile]
        key = (profile, *sorted(size.items()))
        if key not in self._sized:
            while len(self._sized) >= _SIZES_KEPT:
                del self._sized[next(iter(self._sized))]
            self._sized[key] = self._routers[profile].fitting(**size)
        return self._sized[key]

    def routers(self, _digest: str) -> CompiledRouter:
        """Return the router that decides, as a core asks for it."""
        return self._routers["emergency"]

    def warm(self) -> None:
        """Build what the first question would wait for."""
        _ = self.names, self.city.fence_index, self.router("civilian")
        self.city.gazetteer.find("")

    def has(self, lon: float, lat: float) -> bool:
        """Tell whether a point lies in the city or near it."""
        west, south, east, north = self.city.manifest.bounds
        inside = west - _MARGIN_DEGREES <= lon <= east + _MARGIN_DEGREES
        return inside and south - _MARGIN_DEGREES <= lat <= north + _MARGIN_DEGREES


class Cities:
    """The cities of all regions, by region; ``faults`` says why one is missing."""

    def __init__(self, towns: Sequence[Town], faults: dict[str, str], url: str) -> None:
        self._towns = {town.region: town for town in towns}
        self.faults, self.url = faults, url

    def __iter__(self) -> Iterator[Town]:
        return iter(self._towns.values())

    def of(self, region: str) -> Town:
        """Return a region's city; raises `Unanswerable` if it is not there."""
        if region not in self._towns:
            why = self.faults.get(region, f"the region {region[:60]!r} has no city in force")
            raise Unanswerable("unavailable", why)
        return self._towns[region]

    def at(self, lon: float, lat: float) -> Town:
        """Return the city in which a point lies; raises `Unanswerable` if there is none."""
        for town in self:
            if town.has(lon, lat):
                return town
        raise Unanswerable("invalid", f"{lon:.6f}, {lat:.6f} (WGS-84) lies in no city in force")


def load(named: Sequence[InForce], root: Path, url: str) -> Cities:
    """Return the cities named, from this host's folder of cities or the ledger."""
    towns, faults = [], {}
    for one in named:
        try:
            files = city_by_digest(root, url, one.city, load_city)
            town = Town(one.region, with_changes(files, changes_now(url, one.city, one.fences)))
            town.warm()
        except (LedgerError, ArchiveError, OSError) as error:
            faults[one.region] = str(error)
        else:
            towns.append(town)
    return Cities(towns, faults, url)


def now() -> datetime:
    """Return the time by this host's clock, for what depends on the hour or the age."""
    return datetime.now(UTC)
