"""Fences: find the district, sub-district, responder beat or hazard zone of a point.

A point on a border is inside (`covers`, not `contains`); on a shared border it is in both
neighbours, in the order of the fences given. The index looks up the grid cell of each point and
tests prepared polygons exactly only if a border runs through the cell, for whole arrays of points.
"""

import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import shapely
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from geo.crs import FloatArray, check_lonlat
from geo.errors import BadFence
from geo.fences.cells import FenceCells
from geo.fences.grid import BoolArray, IntArray

__all__ = [
    "FENCE_KINDS",
    "Fence",
    "FenceIndex",
    "Repair",
    "crosses_antimeridian",
    "fences_from_geojson",
    "mended",
]

FENCE_KINDS = ("district", "subdistrict", "beat", "hazard_zone")
_AREAL = ("Polygon", "MultiPolygon")
_GLOBE = (180.0, 90.0)  # degrees
_HALF_ROUND = 180.0  # degrees of longitude
_FEW_POINTS = 32  # up to this many, one by one is faster than arrays


@dataclass(frozen=True, slots=True)
class Fence:
    """A named area of the city.

    Parameters
    ----------
    id
        Unique among the fences of an index.
    kind
        One of `FENCE_KINDS`.
    name
        For people, in the city's language.
    geometry
        Polygon or MultiPolygon, WGS-84 degrees, longitude first.
    attributes
        Other properties.
    """

    id: str
    kind: str
    name: str
    geometry: BaseGeometry
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Repair:
    """A repair that a fence (by its id) needed before it could be used, and why."""

    fence: str
    reason: str


class FenceIndex:
    """Finds the fences of points.

    Parameters
    ----------
    fences
        Their order decides the order of results on a shared border.

    Attributes
    ----------
    fences : tuple of Fence
        As indexed, geometries repaired.
    repairs : list of Repair
        Invalid rings repaired by `shapely.make_valid`, and parts dropped because they have no area.

    Raises
    ------
    BadFence
        An id that is not unique, an unknown kind, or a geometry that is missing, empty, not
        areal, or has coordinates that are NaN or not in degrees.
    """

    def __init__(self, fences: Iterable[Fence]) -> None:
        self.repairs: list[Repair] = []
        usable: list[Fence] = []
        seen: set[str] = set()
        for fence in fences:
            if fence.id in seen:
                raise BadFence(f"fence id {fence.id!r} is not unique: give each fence its own id")
            seen.add(fence.id)
            whole, repairs = mended(fence)
            usable.append(whole)
            self.repairs.extend(repairs)
        self.fences = tuple(usable)
        self._of_kind = {
            kind: np.array([fence.kind == kind for fence in usable], dtype=np.bool_)
            for kind in FENCE_KINDS
        }

    @functools.cached_property
    def _cells(self) -> FenceCells:
        """The grid of the index, built at the first query."""
        return FenceCells([fence.geometry for fence in self.fences])

    def __len__(self) -> int:
        return len(self.fences)

    def locate(
        self,
        lons: FloatArray | Sequence[float],
        lats: FloatArray | Sequence[float],
        kind: str | None = None,
    ) -> tuple[IntArray, IntArray]:
        """Find all (point, fence) pairs in which the fence covers the point.

        Parameters
        ----------
        lons, lats
            WGS-84 degrees, shape (n,).
        kind
            Only fences of this kind.

        Returns
        -------
        point_index, fence_index
            Arrays of equal length, sorted by point, then by fence; the fence index refers to
            `fences`, whatever `kind` is.

        Raises
        ------
        BadCoordinates
            A coordinate is NaN or off the globe.
        BadFence
            `kind` is not one of `FENCE_KINDS`.
        """
        chosen = self._chosen(kind)
        if len(lons) == len(lats) <= _FEW_POINTS:
            return self._locate_few(lons, lats, chosen)
        check_lonlat(lons, lats)
        x = np.ascontiguousarray(lons, dtype=np.float64).ravel()
        y = np.ascontiguousarray(lats, dtype=np.float64).ravel()
        cells = self._cells
        point, fence = cells.locate(cells.contents(cells.grid.cell_of(x, y)), x, y)
        if chosen is None:
            return point, fence
        wanted = chosen[fence]
        return point[wanted], fence[wanted]

    def locate_one(self, lon: float, lat: float, kind: str | None = None) -> list[Fence]:
        """Find the fences that cover one point, in fence order; errors as in `locate`."""
        _check_one(lon, lat)
        chosen = self._chosen(kind)
        found = self._cells.locate_one(float(lon), float(lat))
        return [self.fences[i] for i in found if chosen is None or chosen[i]]

    def _locate_few(
        self,
        lons: FloatArray | Sequence[float],
        lats: FloatArray | Sequence[float],
        chosen: BoolArray | None,
    ) -> tuple[IntArray, IntArray]:
        points: list[int] = []
        fences: list[int] = []
        # Plain floats are several times faster one by one than numpy's.
        plain = [c.tolist() if isinstance(c, np.ndarray) else c for c in (lons, lats)]
        for point, (lon, lat) in enumerate(zip(*plain, strict=True)):
            _check_one(lon, lat)
            for fence in self._cells.locate_one(float(lon), float(lat)):
                if chosen is None or chosen[fence]:
                    points.append(point)
                    fences.append(fence)
        return np.array(points, dtype=np.int64), np.array(fences, dtype=np.int64)

    def _chosen(self, kind: str | None) -> BoolArray | None:
        """Return which fences are of a kind; None if all are wanted."""
        if kind is None:
            return None
        try:
            return self._of_kind[kind]
        except KeyError:
            raise BadFence(
                f"unknown fence kind {kind!r}: use one of {', '.join(FENCE_KINDS)}"
            ) from None


def mended(fence: Fence) -> tuple[Fence, list[Repair]]:
    """Return a fence with its own valid geometry, and the repairs that it needed.

    Raises
    ------
    BadFence
        An unknown kind, or a geometry that is missing, empty, not areal, or has coordinates that
        are NaN or not in degrees.
    """
    if fence.kind not in FENCE_KINDS:
        raise BadFence(
            f"fence {fence.id!r} has kind {fence.kind!r}: use one of {', '.join(FENCE_KINDS)}"
        )
    geometry = fence.geometry
    if not isinstance(geometry, BaseGeometry) or geometry.is_empty:
        raise BadFence(f"fence {fence.id!r} has no geometry: give a Polygon or MultiPolygon")
    _check_degrees(fence.id, geometry)
    repairs: list[Repair] = []
    if not geometry.is_valid:
        repairs.append(Repair(fence.id, shapely.is_valid_reason(geometry)))
        geometry = shapely.make_valid(geometry)
    areal = [p for p in _parts(geometry) if p.geom_type == "Polygon" and p.area > 0.0]
    dropped = [p for p in _parts(geometry) if p.geom_type != "Polygon" or p.area <= 0.0]
    if dropped:
        kinds = ", ".join(sorted({p.geom_type for p in dropped}))
        repairs.append(Repair(fence.id, f"{len(dropped)} part(s) without area dropped: {kinds}"))
    if not areal:
        raise BadFence(
            f"fence {fence.id!r} is a {geometry.geom_type} without area: give a Polygon or "
            "MultiPolygon"
        )
    if geometry.geom_type not in _AREAL or dropped:
        geometry = areal[0] if len(areal) == 1 else shapely.multipolygons(areal)
    clone = shapely.force_2d(geometry)  # a copy: preparing must not touch the caller's object
    return Fence(fence.id, fence.kind, fence.name, clone, fence.attributes), repairs


def fences_from_geojson(collection: Mapping[str, Any], kind: str | None = None) -> list[Fence]:
    """Make fences from a GeoJSON FeatureCollection, in its order.

    Parameters
    ----------
    collection
        A FeatureCollection in WGS-84; a feature's `id` (or property `id`), `kind` and `name` are
        read from its properties, all others become attributes.
    kind
        The kind of features without one.

    Raises
    ------
    BadFence
        The object is not a FeatureCollection, or a feature has no id, kind or readable geometry.
    """
    features = collection.get("features")
    if not isinstance(features, list):
        raise BadFence("not a GeoJSON FeatureCollection: the member 'features' is missing")
    fences = []
    for number, feature in enumerate(features):
        properties = dict(feature.get("properties") or {})
        fence_id = feature.get("id", properties.pop("id", None))
        fence_kind = properties.pop("kind", kind)
        if fence_id is None or fence_kind is None:
            raise BadFence(f"feature {number} has no id or no kind: add both to its properties")
        try:
            with np.errstate(invalid="ignore"):  # the index refuses NaN and names the fence
                geometry = shape(feature["geometry"])
        except (KeyError, TypeError, ValueError, AttributeError, shapely.errors.ShapelyError) as e:
            raise BadFence(f"feature {number} ({fence_id!r}) has no readable geometry: {e}") from e
        name = str(properties.pop("name", fence_id))
        fences.append(Fence(str(fence_id), str(fence_kind), name, geometry, properties))
    return fences


def _check_degrees(fence_id: str, geometry: BaseGeometry) -> None:
    xy = shapely.get_coordinates(geometry)
    if not np.isfinite(xy).all():
        raise BadFence(f"fence {fence_id!r} has a coordinate that is NaN or infinite: correct it")
    if (np.abs(xy) > _GLOBE).any():
        raise BadFence(
            f"fence {fence_id!r} is not in degrees (a coordinate is {xy.max():.0f}): convert it to "
            "WGS-84, longitude first"
        )
    if crosses_antimeridian(geometry):
        raise BadFence(
            f"fence {fence_id!r} has an edge longer than 180 degrees of longitude, which would "
            "lead round the globe: cut it at the 180th meridian into a MultiPolygon of two parts, "
            "one that ends at 180 and one that begins at -180 (RFC 7946, section 3.1.9)"
        )


def crosses_antimeridian(geometry: BaseGeometry) -> bool:
    """Whether an edge is longer than 180 degrees of longitude, as across the 180th meridian.

    A polygon is cut there, as RFC 7946 (section 3.1.9) has it, so none of its edges is that long.
    """
    xy, part = shapely.get_coordinates(_rings(geometry), return_index=True)
    long = np.abs(np.diff(xy[:, 0])) > _HALF_ROUND
    return bool((long & (part[1:] == part[:-1])).any())


def _rings(geometry: BaseGeometry) -> list[BaseGeometry]:
    found: list[BaseGeometry] = []
    for part in _parts(geometry):
        found += shapely.get_rings(part).tolist() if part.geom_type == "Polygon" else [part]
    return found


def _check_one(lon: float, lat: float) -> None:
    """Check like `check_lonlat`, but faster for good coordinates."""
    east, north = _GLOBE
    plain = isinstance(lon, float) and isinstance(lat, float)
    if not (plain and -east <= lon <= east and -north <= lat <= north):
        check_lonlat(lon, lat)


def _parts(geometry: BaseGeometry) -> list[BaseGeometry]:
    """Flatten collections within collections to their simple parts."""
    parts: list[BaseGeometry] = []
    for part in shapely.get_parts(geometry).tolist():
        parts.extend(_parts(part) if hasattr(part, "geoms") else [part])
    return parts
