"""Routes and isochrones, with the streets as they are now."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import shapely

from console.compute.cities import Cities, Town, now
from console.compute.shapes import Area, Isochrone, RouteFound, RouteStep
from dispatch.state import State
from dispatch.travel import conditions
from geo.crs import FloatArray, to_wgs84
from geo.routing.compiled import CompiledRouter
from geo.routing.conditions import Conditions
from geo.routing.steps import steps
from schemas import codes
from schemas.records import Condition
from schemas.snapshot import Snapshot

__all__ = ["find_isochrone", "find_route"]

_DECIMALS = 6
LonLat = tuple[float, float]


def find_route(  # noqa: PLR0917 - what is asked
    cities: Cities,
    source: LonLat,
    target: LonLat,
    crs: str,
    profile: str,
    size: Mapping[str, float],
    in_force: Mapping[str, Sequence[Condition]],
) -> RouteFound:
    """Return the fastest way from a source to a target.

    Parameters
    ----------
    size
        Dimensions of the vehicle, as `CompiledRouter.fitting` names them.
    in_force
        Street conditions by region.
    """
    town = cities.at(*to_wgs84(*source, crs))
    router = town.router(profile, size)
    now_so = _conditions(town, router, in_force.get(town.region, ()))
    route = router.route(to_wgs84(*source, crs), to_wgs84(*target, crs), now_so)
    line = [[round(lon, _DECIMALS), round(lat, _DECIMALS)] for lon, lat in route.coordinates]
    return RouteFound(
        seconds=round(route.seconds, 1),
        metres=round(route.metres, 1),
        walk_s=round(route.walk_ms / 1000.0, 1),
        profile=profile,
        geometry={"type": "LineString", "coordinates": line},
        streets=route.streets,
        steps=tuple(
            RouteStep(
                manoeuvre=step.manoeuvre.value,
                street=step.street,
                metres=round(step.metres, 1),
                seconds=round(step.milliseconds / 1000.0, 1),
                zh=step.zh,
                en=step.en,
            )
            for step in steps(route, town.city.streets)
        ),
        conditions=len(in_force.get(town.region, ())),
    )


def find_isochrone(  # noqa: PLR0917 - what is asked
    cities: Cities,
    source: LonLat,
    crs: str,
    seconds: Sequence[float],
    profile: str,
    in_force: Mapping[str, Sequence[Condition]],
) -> Isochrone:
    """Return the areas that are reached within some times."""
    place = to_wgs84(*source, crs)
    town = cities.at(*place)
    router = town.router(profile)
    now_so = _conditions(town, router, in_force.get(town.region, ()))
    areas = router.isochrone(place, [value / 60.0 for value in seconds], now_so)
    return Isochrone(
        profile=profile,
        areas=tuple(
            Area(seconds=value, geometry=_geojson(area))
            for value, area in zip(seconds, areas, strict=True)
        ),
        conditions=len(in_force.get(town.region, ())),
    )


def _conditions(town: Town, router: CompiledRouter, in_force: Sequence[Condition]) -> Conditions:
    """Return the conditions of now as one value, put together as the core does it."""
    known = Snapshot(region=town.region, conditions=tuple(in_force))
    state = State(known, codes.default_policy())
    state.begin("", now())
    return conditions(state, router)


def _geojson(area: shapely.Geometry) -> dict[str, Any]:
    found: dict[str, Any] = shapely.geometry.mapping(shapely.transform(area, _rounded))
    return found


def _rounded(xy: FloatArray) -> FloatArray:
    return np.round(xy, _DECIMALS)
