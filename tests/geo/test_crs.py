import json
import math
from pathlib import Path

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from geo.crs import Crs, from_wgs84, haversine_m, parse_crs, to_wgs84, utm_for
from geo.errors import BadCoordinates, UnknownCrs

# Half a degree inside the box, where the systems are one-to-one.
china = st.tuples(st.floats(72.5, 137.3), st.floats(1.3, 55.3))


@pytest.mark.parametrize(
    ("text", "crs"),
    [
        ("WGS-84", Crs.WGS84),
        ("wgs84", Crs.WGS84),
        ("EPSG:4326", Crs.WGS84),
        ("urn:ogc:def:crs:OGC:1.3:CRS84", Crs.WGS84),
        ("GCJ-02", Crs.GCJ02),
        ("gcj02", Crs.GCJ02),
        ("BD-09", Crs.BD09),
        ("bd09", Crs.BD09),
        ("bd_09", Crs.BD09),
    ],
)
def test_names_are_parsed(text: str, crs: Crs) -> None:
    assert parse_crs(text) is crs


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UnknownCrs, match=r"EPSG:4549.*GCJ-02"):
        parse_crs("EPSG:4549")


@given(china, st.sampled_from(list(Crs)))
def test_inverse_is_better_than_a_millimetre(point: tuple[float, float], crs: Crs) -> None:
    there = from_wgs84(*point, crs)
    back = to_wgs84(*there, crs)
    assert haversine_m(*point, *back) < 1e-6
    assert abs(back[0] - point[0]) < 1e-9
    assert abs(back[1] - point[1]) < 1e-9


@given(st.lists(china, min_size=1, max_size=20), st.sampled_from(list(Crs)))
def test_arrays_and_floats_agree(points: list[tuple[float, float]], crs: Crs) -> None:
    lon, lat = np.array(points).T
    for convert in (to_wgs84, from_wgs84):
        many = np.column_stack(convert(lon, lat, crs))
        one = np.array([convert(x, y, crs) for x, y in points])
        np.testing.assert_allclose(many, one, rtol=0, atol=1e-12)


@given(st.floats(-180, 180), st.floats(-90, 90), st.sampled_from(list(Crs)))
def test_outside_china_nothing_moves(lon: float, lat: float, crs: Crs) -> None:
    inside = 71.9 < lon < 137.9 and 0.7 < lat < 55.9
    if not inside:
        assert from_wgs84(lon, lat, crs) == (lon, lat)
        assert to_wgs84(lon, lat, crs) == (lon, lat)


def test_jingan_is_where_amap_says(shared_data: Path) -> None:
    gcj, wgs = (
        shapely.get_coordinates(
            shapely.from_geojson((shared_data / f"jingan_310106.{crs}.geojson").read_text())
        )
        for crs in ("gcj02", "wgs84")
    )
    assert len(gcj) == 969
    lon, lat = to_wgs84(gcj[:, 0], gcj[:, 1], "GCJ-02")
    assert haversine_m(lon, lat, wgs[:, 0], wgs[:, 1]).max() < 1e-3
    assert 450 < haversine_m(gcj[:, 0], gcj[:, 1], wgs[:, 0], wgs[:, 1]).mean() < 520


def test_known_points_of_the_published_formulae() -> None:
    # Tiananmen, as the widely used open converters give it.
    lon, lat = from_wgs84(116.3912757, 39.906217, "gcj02")
    assert (round(lon, 4), round(lat, 4)) == (116.3975, 39.9076)
    bd = from_wgs84(*to_wgs84(116.404, 39.915, "bd09"), "gcj02")
    assert bd == pytest.approx((116.39762729, 39.90865674), abs=2e-6)


@pytest.mark.parametrize(
    ("lon", "lat"), [(math.nan, 31.0), (181.0, 0.0), (31.23, 121.47), (math.inf, 0.0)]
)
def test_what_is_no_position_is_refused(lon: float, lat: float) -> None:
    with pytest.raises(BadCoordinates, match="not on the globe"):
        to_wgs84(lon, lat, "gcj02")
    with pytest.raises(BadCoordinates, match="point 1"):
        to_wgs84(np.array([121.0, lon]), np.array([31.0, lat]), "gcj02")
    with pytest.raises(BadCoordinates):
        utm_for(lon, lat)


def test_shapes_must_agree() -> None:
    with pytest.raises(BadCoordinates, match="the same number"):
        to_wgs84(np.zeros(2), np.zeros(3), "wgs84")
    with pytest.raises(BadCoordinates, match="not numbers"):
        to_wgs84("east", "north", "wgs84")  # type: ignore[call-overload]


def test_integers_are_numbers() -> None:
    assert to_wgs84(121, 31, "wgs84") == (121.0, 31.0)


def test_metric_is_utm_51_at_shanghai() -> None:
    metric = utm_for(121.45, 31.23)
    assert metric.epsg == 32651
    assert utm_for(121.45, -31.23).epsg == 32751
    assert utm_for(180.0, 0.0).epsg == 32660
    x, y = metric.forward(np.array([121.45, 121.451]), np.array([31.23, 31.23]))
    assert math.hypot(x[1] - x[0], y[1] - y[0]) == pytest.approx(
        haversine_m(121.45, 31.23, 121.451, 31.23), rel=3e-3
    )
    assert metric.inverse(*metric.forward(121.45, 31.23)) == pytest.approx((121.45, 31.23))


def test_haversine_of_floats_and_arrays() -> None:
    assert haversine_m(0.0, 0.0, 180.0, 0.0) == pytest.approx(math.pi * 6_371_008.8)
    assert haversine_m(121.0, 31.0, 121.0, 31.0) == 0.0
    many = haversine_m(np.array([0.0, 1.0]), np.array([0.0, 1.0]), 0.0, 0.0)
    assert many[0] == 0.0
    assert many[1] == pytest.approx(haversine_m(1.0, 1.0, 0.0, 0.0))
    assert json.dumps(haversine_m(0.0, 0.0, 1.0, 1.0))
