import math

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import (
    GeometryCollection,
    LineString,
    MultiPolygon,
    Point,
    Polygon,
    box,
    mapping,
)

from geo.errors import BadCoordinates, BadFence
from geo.fences.index import Fence, FenceIndex, fences_from_geojson

WEST = Fence("west", "district", "西区", box(121.0, 31.0, 121.5, 31.5))
EAST = Fence("east", "district", "东区", box(121.5, 31.0, 122.0, 31.5))
HOLE = Fence(
    "ring",
    "hazard_zone",
    "ring",
    Polygon(box(121.1, 31.1, 121.4, 31.4).exterior, [box(121.2, 31.2, 121.3, 31.3).exterior]),
)


def with_nan() -> Polygon:
    with np.errstate(invalid="ignore"):
        return Polygon([(121, 31), (121.1, math.nan), (121.2, 31.1)])


def ids(index: FenceIndex, lon: float, lat: float, kind: str | None = None) -> list[str]:
    return [fence.id for fence in index.locate_one(lon, lat, kind)]


def test_a_border_belongs_to_both_sides_in_fence_order() -> None:
    assert ids(FenceIndex([WEST, EAST]), 121.5, 31.2) == ["west", "east"]
    assert ids(FenceIndex([EAST, WEST]), 121.5, 31.2) == ["east", "west"]
    assert ids(FenceIndex([WEST, EAST]), 121.0, 31.0) == ["west"]
    assert ids(FenceIndex([WEST, EAST]), 120.9, 31.0) == []


def test_holes_are_outside_and_their_edges_inside() -> None:
    index = FenceIndex([HOLE])
    assert ids(index, 121.25, 31.25) == []
    assert ids(index, 121.2, 31.25) == ["ring"]
    assert ids(index, 121.15, 31.25) == ["ring"]


def test_multipolygons_and_kinds() -> None:
    parts = MultiPolygon([box(121.0, 31.0, 121.1, 31.1), box(121.3, 31.3, 121.4, 31.4)])
    index = FenceIndex([WEST, Fence("beat-1", "beat", "1", parts), HOLE])
    assert ids(index, 121.35, 31.35) == ["west", "beat-1", "ring"]
    assert ids(index, 121.35, 31.35, "beat") == ["beat-1"]
    points, fences = index.locate([121.35, 121.05, 121.2], [31.35, 31.05, 31.05], kind="beat")
    assert (points.tolist(), fences.tolist()) == ([0, 1], [1, 1])
    assert index.repairs == []


def test_a_bow_tie_is_mended_and_reported() -> None:
    tie = Polygon([(121, 31), (121.2, 31.2), (121.2, 31), (121, 31.2)])
    index = FenceIndex([Fence("tie", "beat", "tie", tie)])
    assert [r.fence for r in index.repairs] == ["tie"]
    assert "Self-intersection" in index.repairs[0].reason
    assert ids(index, 121.02, 31.1) == ["tie"]  # both wings, not one as with buffer(0)
    assert ids(index, 121.18, 31.1) == ["tie"]
    assert ids(index, 121.1, 31.02) == []


def test_parts_without_area_are_dropped_and_reported() -> None:
    mixed = GeometryCollection(
        [box(121, 31, 121.1, 31.1), LineString([(121, 31), (122, 32)]), Point(121.9, 31.9)]
    )
    index = FenceIndex([Fence("mixed", "beat", "mixed", mixed)])
    assert any("2 part(s) without area" in r.reason for r in index.repairs)
    assert ids(index, 121.9, 31.9) == []
    assert ids(index, 121.05, 31.05) == ["mixed"]
    assert index.fences[0].geometry.geom_type == "Polygon"


@pytest.mark.parametrize(
    ("geometry", "text"),
    [
        (Polygon(), "no geometry"),
        (None, "no geometry"),
        (Point(121, 31), "without area"),
        (Polygon([(121, 31), (121.1, 31), (121.2, 31)]), "without area"),
        (with_nan(), "NaN"),
        (box(350_000, 3_400_000, 351_000, 3_401_000), "not in degrees"),
    ],
)
def test_fences_without_a_usable_area_are_refused(geometry: object, text: str) -> None:
    with pytest.raises(BadFence, match=text):
        FenceIndex([Fence("f", "beat", "f", geometry)])


def test_kinds_and_ids_are_checked() -> None:
    with pytest.raises(BadFence, match="is not unique"):
        FenceIndex([WEST, WEST])
    with pytest.raises(BadFence, match="kind 'city'"):
        FenceIndex([Fence("x", "city", "x", WEST.geometry)])
    with pytest.raises(BadFence, match="unknown fence kind"):
        FenceIndex([WEST]).locate([121.0], [31.0], kind="city")


def test_points_are_checked() -> None:
    index = FenceIndex([WEST])
    with pytest.raises(BadCoordinates):
        index.locate([121.0, math.nan], [31.0, 31.0])
    with pytest.raises(BadCoordinates):
        index.locate_one(math.nan, 31.0)


def test_nothing_in_gives_nothing_out() -> None:
    for index in (FenceIndex([]), FenceIndex([WEST])):
        points, fences = index.locate([], [])
        assert points.size == fences.size == 0
    assert FenceIndex([]).locate_one(121.0, 31.0) == []


def test_the_callers_geometry_is_not_touched() -> None:
    geometry = box(121, 31, 122, 32)
    FenceIndex([Fence("f", "beat", "f", geometry)])
    assert not shapely.is_prepared(geometry)


def test_geojson() -> None:
    feature = {
        "type": "Feature",
        "id": "a",
        "properties": {"name": "甲", "kind": "beat", "station": 3},
        "geometry": mapping(box(121, 31, 122, 32)),
    }
    [fence] = fences_from_geojson({"type": "FeatureCollection", "features": [feature]})
    assert (fence.id, fence.kind, fence.name) == ("a", "beat", "甲")
    assert fence.attributes == {"station": 3}
    for broken in ({}, {"features": [{**feature, "geometry": None}]}, {"features": [{}]}):
        with pytest.raises(BadFence):
            fences_from_geojson(broken)


grid = st.integers(0, 6).map(lambda i: 121.0 + i * 0.01)
corners = st.tuples(grid, grid.map(lambda x: x - 90.0))


@given(
    st.lists(st.lists(corners, min_size=3, max_size=7), min_size=1, max_size=6),
    st.lists(corners, max_size=30),
)
def test_equal_to_plain_covers(
    rings: list[list[tuple[float, float]]], points: list[tuple[float, float]]
) -> None:
    """On a coarse grid, where points fall on edges and corners all the time."""
    fences = []
    for i, ring in enumerate(rings):
        polygon = Polygon(ring)
        if any(p.area > 0 for p in shapely.get_parts(shapely.make_valid(polygon))):
            fences.append(Fence(str(i), "beat", str(i), polygon))
    index = FenceIndex(fences)
    expected = [
        (p, f)
        for p, point in enumerate(points)
        for f, fence in enumerate(index.fences)
        if fence.geometry.covers(Point(point))
    ]
    lon, lat = np.array(points).reshape(-1, 2).T
    pairs = index.locate(lon, lat)
    assert list(zip(*(a.tolist() for a in pairs), strict=True)) == expected
    one = [(p, int(f.id)) for p, point in enumerate(points) for f in index.locate_one(*point)]
    assert one == [(p, int(index.fences[f].id)) for p, f in expected]


def test_equal_to_plain_covers_on_curved_districts() -> None:
    rng = np.random.default_rng(5)
    turn = np.linspace(0, 2 * math.pi, 900, endpoint=False)
    fences = []
    for i in range(16):
        radius = 0.02 + 0.01 * rng.random(900)
        x = 121.3 + 0.04 * (i % 4) + radius * np.cos(turn)
        y = 31.1 + 0.04 * (i // 4) + radius * np.sin(turn)
        fences.append(Fence(str(i), "district", str(i), Polygon(np.column_stack([x, y]))))
    index = FenceIndex(fences)
    lon, lat = rng.uniform(121.25, 121.48, 4000), rng.uniform(31.05, 31.28, 4000)
    points = shapely.points(lon, lat)
    covered = np.array([shapely.covers(f.geometry, points) for f in index.fences])
    expected = np.argwhere(covered.T)
    np.testing.assert_array_equal(np.column_stack(index.locate(lon, lat)), expected)
