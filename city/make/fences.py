"""The district, its sub-districts, beats and hazard zones."""

from collections import defaultdict
from collections.abc import Mapping
from random import Random

import shapely
from shapely.geometry import Point, Polygon
from shapely.geometry.base import BaseGeometry

from city.areas import (
    GRID_DEG,
    GRID_M,
    faces,
    owners,
    rounded,
    spread,
    to_degrees,
    to_metres,
    together,
    voronoi_borders,
)
from city.make.drawing import District, DrawnPlace, LonLat, Subdistrict
from geo.crs import Metric
from geo.fences.index import Fence

BEAT_KM2 = 0.75
"""Approximate area of a beat; this project's choice, not a police rule."""


def make_fences(
    district: District, places: Mapping[str, DrawnPlace], metric: Metric, rng: Random
) -> list[Fence]:
    """Return the district, its sub-districts, their beats and the hazard zones, in that order.

    Sub-districts tile the district and beats tile their sub-district, with shared borders.
    """
    outline = Polygon([metric.forward(*corner) for corner in district.outline])
    parts = _subdistrict_parts(district, outline, metric)
    centres: list[tuple[float, float]] = []
    owner: list[int] = []
    borders = [shapely.boundary(part) for part in parts]
    for i, part in enumerate(parts):
        inner = spread(part, max(1, round(part.area / 1e6 / BEAT_KM2)), rng)
        centres += inner
        owner += [i] * len(inner)
        if len(inner) > 1:
            borders.append(voronoi_borders(inner, part))
    tiles = faces(
        Polygon(district.outline), [to_degrees(line, metric) for line in borders], GRID_DEG
    )
    tiles = [rounded(tile) for tile in tiles]
    beat_of = _beats_of([to_metres(t, metric) for t in tiles], parts, centres, owner)
    by_beat: dict[int, list[Polygon]] = defaultdict(list)
    by_part: dict[int, list[Polygon]] = defaultdict(list)
    for tile, beat in zip(tiles, beat_of, strict=True):
        by_beat[beat].append(tile)
        by_part[owner[beat]].append(tile)
    whole = together([tile for part in by_part.values() for tile in part])
    found = [_fence(district.id, "district", district.name, whole, name_en=district.name_en)]
    for i, subdistrict in enumerate(district.subdistricts):
        area = together(by_part[i])
        found.append(
            _fence(
                subdistrict.id, "subdistrict", subdistrict.name, area, name_en=subdistrict.name_en
            )
        )
    found += _beat_fences(district, by_beat, owner)
    found += _hazard_fences(district, places, metric)
    return found


def _subdistrict_parts(district: District, outline: Polygon, metric: Metric) -> list[BaseGeometry]:
    centres = [
        (metric.forward(*centre), i)
        for i, subdistrict in enumerate(district.subdistricts)
        for centre in subdistrict.centres
    ]
    points = [point for point, _ in centres]
    tiles = faces(outline, [voronoi_borders(points, outline)], GRID_M)
    parts: dict[int, list[Polygon]] = defaultdict(list)
    for tile, nearest in zip(tiles, owners(tiles, points), strict=True):
        parts[centres[nearest][1]].append(tile)
    return [together(parts[i]) for i in range(len(district.subdistricts))]


def _beats_of(
    tiles: list[Polygon],
    parts: list[BaseGeometry],
    centres: list[tuple[float, float]],
    owner: list[int],
) -> list[int]:
    """Return each tile's beat: the nearest centre in the tile's sub-district."""
    found = []
    for tile in tiles:
        inner = tile.representative_point()
        part = min(range(len(parts)), key=lambda i: (parts[i].distance(inner), i))
        own = [i for i, o in enumerate(owner) if o == part]
        found.append(min(own, key=lambda i: (Point(centres[i]).distance(inner), i)))
    return found


def _beat_fences(
    district: District, by_beat: Mapping[int, list[Polygon]], owner: list[int]
) -> list[Fence]:
    found = []
    count: dict[int, int] = defaultdict(int)
    for beat in sorted(by_beat):
        subdistrict: Subdistrict = district.subdistricts[owner[beat]]
        count[owner[beat]] += 1
        number = count[owner[beat]]
        found.append(
            _fence(
                f"{subdistrict.id}-beat-{number:02d}",
                "beat",
                f"{subdistrict.short}责任区{number}",
                together(by_beat[beat]),
                name_en=f"{subdistrict.short_en} beat {number}",
                subdistrict=subdistrict.id,
            )
        )
    return found


def _hazard_fences(
    district: District, places: Mapping[str, DrawnPlace], metric: Metric
) -> list[Fence]:
    found = []
    for zone in district.hazard_zones:
        at: LonLat = places[zone.place].at
        circle = Point(metric.forward(*at)).buffer(zone.radius_m, quad_segs=6)
        found.append(
            _fence(
                f"{district.id}-hazard-{zone.place}",
                "hazard_zone",
                zone.name,
                to_degrees(circle, metric),
                name_en=zone.name_en,
                hazard=zone.hazard,
            )
        )
    return found


def _fence(fence_id: str, kind: str, name: str, geometry: BaseGeometry, **attributes: str) -> Fence:
    return Fence(fence_id, kind, name, geometry, attributes)
