"""Coordinates as people type them."""

import pytest

from console.compute.coordinates import read_coordinates

HERE = (121.4456, 31.2233)


@pytest.mark.parametrize(
    "text",
    [
        "121.4456, 31.2233",
        "31.2233,121.4456",
        "31.2233/121.4456",
        "31.2233N 121.4456E",
        "N31.2233 E121.4456",
        "１２１．４４５６，３１．２２３３",
        "31.2233°N, 121.4456°E",
        "lat: 31.2233 lon: 121.4456",
        "经度121.4456 纬度31.2233",
        "东经121.4456度，北纬31.2233度",
        "geo:31.2233,121.4456",
        "POINT(121.4456 31.2233)",
        "(121.4456, 31.2233)",
    ],
)
def test_every_usual_form_is_read(text: str) -> None:
    (typed,) = read_coordinates(text)
    assert (typed.lon, typed.lat) == pytest.approx(HERE)
    assert typed.crs is None


@pytest.mark.parametrize(
    "text",
    ["31°13'24\"N 121°26'44\"E", "北纬31度13分24秒东经121度26分44秒", "N31°13′24″ E121°26′44″"],
)
def test_minutes_and_seconds(text: str) -> None:
    (typed,) = read_coordinates(text)
    assert (typed.lon, typed.lat) == pytest.approx((121.445556, 31.223333), abs=1e-6)
    assert typed.accuracy_m == pytest.approx(15.5, abs=0.1)


@pytest.mark.parametrize(
    ("text", "crs"),
    [
        ("121.4456 31.2233 gcj02", "GCJ-02"),
        ("高德 121.4456，31.2233", "GCJ-02"),
        ("121.4456,31.2233 (BD-09)", "BD-09"),
        ("百度121.4456,31.2233", "BD-09"),
        ("WGS84 121.4456 31.2233", "WGS-84"),
    ],
)
def test_the_reference_system_is_told(text: str, crs: str) -> None:
    (typed,) = read_coordinates(text)
    assert (typed.crs, typed.lon, typed.lat) == (crs, *HERE)


def test_what_could_be_either_order_is_both() -> None:
    assert [(t.lon, t.lat) for t in read_coordinates("12.1 13.2")] == [(12.1, 13.2), (13.2, 12.1)]


def test_signs_and_hemispheres() -> None:
    assert read_coordinates("31.2S 12W")[0][:2] == (-12.0, -31.2)
    assert read_coordinates("-33.8, -70.1")[1][:2] == (-70.1, -33.8)


@pytest.mark.parametrize(
    "text",
    ["", "南京西路 1266", "1234,5", "95 91", "31°61'N 2°E", "121.4456", "a,b", "1" * 300, "\x00"],
)
def test_what_is_no_pair_of_coordinates(text: str) -> None:
    assert read_coordinates(text) == []
