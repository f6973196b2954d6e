"""Fences: which district, sub-district, responder beat or hazard zone a point lies in.

A point on a border belongs (`covers`, not `contains`), on a shared border to both neighbours, in
the order in which the fences were given. The index looks at bounding boxes first and then at
prepared polygons, whole arrays of points at a time.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from geo.crs import FloatArray, check_lonlat
from geo.errors import BadFence

__all__ = ["FENCE_KINDS", "Fence", "FenceIndex", "Repair", "fences_from_geojson"]

IntArray = npt.NDArray[np.int64]

FENCE_KINDS = ("district", "subdistrict", "beat", "hazard_zone")
_AREAL = ("Polygon", "MultiPolygon")


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
        Whatever else is known of it.
    """

    id: str
    kind: str
    name: str
    geometry: BaseGeometry
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Repair:
    """What had to be mended in a fence (by its id) before it could be used, and why."""

    fence: str
    reason: str


class FenceIndex:
    """Finds the fences of points.

    Parameters
    ----------
    fences
        In the order in which ties on a border are answered.

    Attributes
    ----------
    fences : tuple of Fence
        As indexed, geometries repaired.
    repairs : list of Repair
        Invalid rings mended by `shapely.make_valid`, and parts dropped because they have no area.

    Raises
    ------
    BadFence
        An id given twice, an unknown kind, a geometry that is missing, empty, not areal, or has
        coordinates that are NaN or not in degrees.
    """

    def __init__(self, fences: Iterable[Fence]) -> None:
        self.repairs: list[Repair] = []
        usable: list[Fence] = []
        seen: set[str] = set()
        for fence in fences:
            if fence.id in seen:
                raise BadFence(f"fence id {fence.id!r} is given twice: make ids unique")
            seen.add(fence.id)
            usable.append(self._usable(fence))
        self.fences = tuple(usable)
        self._polygons = np.array([f.geometry for f in usable], dtype=object)
        shapely.prepare(self._polygons)
        self._boxes = shapely.bounds(self._polygons) if usable else np.empty((0, 4))
        self._by_kind = {
            kind: np.array([i for i, f in enumerate(usable) if f.kind == kind], dtype=np.int64)
            for kind in FENCE_KINDS
        }

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
            Equally long arrays sorted by point, then by fence; the fence index counts in
            `fences`, whatever `kind` is.

        Raises
        ------
        BadCoordinates
            A coordinate is NaN or off the globe.
        BadFence
            `kind` is not one of `FENCE_KINDS`.
        """
        check_lonlat(lons, lats)
        x = np.ascontiguousarray(lons, dtype=np.float64).ravel()
        y = np.ascontiguousarray(lats, dtype=np.float64).ravel()
        points: list[IntArray] = []
        fences: list[IntArray] = []
        for i in self._chosen(kind):
            west, south, east, north = self._boxes[i]
            near = np.flatnonzero((x >= west) & (x <= east) & (y >= south) & (y <= north))
            if near.size == 0:
                continue
            # intersects_xy of a point and a prepared polygon is covers, without making points.
            inside = near[shapely.intersects_xy(self._polygons[i], x[near], y[near])]
            points.append(inside.astype(np.int64))
            fences.append(np.full(inside.size, i, dtype=np.int64))
        if not points:
            return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
        all_points, all_fences = np.concatenate(points), np.concatenate(fences)
        # Fences were visited in order, so a stable sort by point leaves them sorted within it.
        order = np.argsort(all_points, kind="stable")
        return all_points[order], all_fences[order]

    def locate_one(self, lon: float, lat: float, kind: str | None = None) -> list[Fence]:
        """Find the fences that cover one point, in fence order; errors as `locate`."""
        check_lonlat(lon, lat)
        chosen = self._chosen(kind)
        boxes = self._boxes[chosen]
        near = chosen[
            (boxes[:, 0] <= lon)
            & (boxes[:, 1] <= lat)
            & (lon <= boxes[:, 2])
            & (lat <= boxes[:, 3])
        ]
        return [self.fences[i] for i in near if shapely.intersects_xy(self._polygons[i], lon, lat)]

    def _chosen(self, kind: str | None) -> IntArray:
        if kind is None:
            return np.arange(len(self.fences), dtype=np.int64)
        try:
            return self._by_kind[kind]
        except KeyError:
            raise BadFence(f"no fence kind {kind!r}: use one of {', '.join(FENCE_KINDS)}") from None

    def _usable(self, fence: Fence) -> Fence:
        if fence.kind not in FENCE_KINDS:
            raise BadFence(
                f"fence {fence.id!r} has kind {fence.kind!r}: use one of {', '.join(FENCE_KINDS)}"
            )
        geometry = fence.geometry
        if not isinstance(geometry, BaseGeometry) or geometry.is_empty:
            raise BadFence(f"fence {fence.id!r} has no geometry: give a Polygon or MultiPolygon")
        _check_degrees(fence.id, geometry)
        if not geometry.is_valid:
            self.repairs.append(Repair(fence.id, shapely.is_valid_reason(geometry)))
            geometry = shapely.make_valid(geometry)
        areal = [p for p in _parts(geometry) if p.geom_type == "Polygon" and p.area > 0.0]
        dropped = [p for p in _parts(geometry) if p.geom_type != "Polygon" or p.area <= 0.0]
        if dropped:
            kinds = ", ".join(sorted({p.geom_type for p in dropped}))
            self.repairs.append(
                Repair(fence.id, f"{len(dropped)} part(s) without area dropped: {kinds}")
            )
        if not areal:
            raise BadFence(
                f"fence {fence.id!r} is a {geometry.geom_type} without area: give a Polygon or "
                "MultiPolygon"
            )
        if geometry.geom_type not in _AREAL or dropped:
            geometry = areal[0] if len(areal) == 1 else shapely.multipolygons(areal)
        clone = shapely.force_2d(geometry)  # a copy: preparing must not touch the caller's object
        return Fence(fence.id, fence.kind, fence.name, clone, fence.attributes)


def fences_from_geojson(collection: Mapping[str, Any], kind: str | None = None) -> list[Fence]:
    """Make fences of a GeoJSON FeatureCollection, in its order.

    Parameters
    ----------
    collection
        A FeatureCollection; a feature's `id` (or property `id`), `kind` and `name` are taken from
        its properties, the rest become attributes. WGS-84.
    kind
        The kind of features that name none.

    Raises
    ------
    BadFence
        It is not a FeatureCollection, or a feature has no id, kind or readable geometry.
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
            with np.errstate(invalid="ignore"):  # NaN is refused by the index, by name
                geometry = shape(feature["geometry"])
        except (KeyError, TypeError, ValueError, AttributeError, shapely.errors.ShapelyError) as e:
            raise BadFence(f"feature {number} ({fence_id!r}) has no readable geometry: {e}") from e
        name = str(properties.pop("name", fence_id))
        fences.append(Fence(str(fence_id), str(fence_kind), name, geometry, properties))
    return fences


def _check_degrees(fence_id: str, geometry: BaseGeometry) -> None:
    xy = shapely.get_coordinates(geometry)
    if not np.isfinite(xy).all():
        raise BadFence(f"fence {fence_id!r} has a coordinate that is NaN or infinite: mend it")
    if (np.abs(xy) > (180.0, 90.0)).any():
        raise BadFence(
            f"fence {fence_id!r} is not in degrees (a coordinate is {xy.max():.0f}): convert it to "
            "WGS-84, longitude first"
        )


def _parts(geometry: BaseGeometry) -> list[BaseGeometry]:
    """Flatten collections within collections to their simple parts."""
    parts: list[BaseGeometry] = []
    for part in shapely.get_parts(geometry).tolist():
        parts.extend(_parts(part) if hasattr(part, "geoms") else [part])
    return parts
