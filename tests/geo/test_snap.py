import math

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from geo.crs import haversine_m, utm_for
from geo.errors import BadCoordinates, NoStreetNear
from geo.snap import Snapper
from geo.streets import StreetGraph
from tests.geo.maps import LAT, LON, STEP, graphs


def test_both_directions_of_a_two_way_street(small: StreetGraph) -> None:
    snapped = Snapper(small).snap(LON + 0.25 * STEP, LAT - 0.0001)
    places = {small.arcs.id[p.arc]: p.fraction for p in snapped.places}
    assert places == {
        "1-2-0": pytest.approx(0.25, abs=1e-4),
        "2-1-0": pytest.approx(0.75, abs=1e-4),
    }
    assert snapped.distance_m == pytest.approx(11.1, abs=0.1)
    assert snapped.street_lat == pytest.approx(LAT, abs=1e-7)
    assert snapped.street_lon == pytest.approx(LON + 0.25 * STEP, abs=1e-7)


def test_one_direction_of_a_one_way_street(small: StreetGraph) -> None:
    snapped = Snapper(small).snap(LON + 0.25 * STEP, LAT + STEP)
    assert [small.arcs.id[p.arc] for p in snapped.places] == ["4-3-0"]
    assert snapped.places[0].fraction == pytest.approx(0.75, abs=1e-4)


def test_a_crossing_belongs_to_all_its_streets(small: StreetGraph) -> None:
    snapped = Snapper(small).snap(LON + STEP, LAT)
    assert {small.arcs.id[p.arc] for p in snapped.places} == {
        "1-2-0",
        "2-1-0",
        "2-4-0",
        "4-2-0",
        "2-5-0",
        "5-2-0",
    }
    assert {p.fraction for p in snapped.places} == {0.0, 1.0}


def test_beyond_the_distance_there_is_no_street(small: StreetGraph) -> None:
    snapper = Snapper(small)
    far = LAT - 0.0028  # 310 m
    with pytest.raises(NoStreetNear, match=r"within 300 m of 121.450000, 31.227200"):
        snapper.snap(LON, far)
    assert snapper.snap(LON, far, max_distance_m=320).distance_m == pytest.approx(310.5, abs=2)
    assert [s is None for s in snapper.snap_many([LON, LON], [far, LAT])] == [True, False]
    assert snapper.snap_many([], []) == []
    with pytest.raises(BadCoordinates):
        snapper.snap(math.nan, LAT)


def test_closed_streets_are_passed_over(small: StreetGraph) -> None:
    snapper = Snapper(small)
    usable = np.ones(len(small.arcs), dtype=bool)
    usable[small.arc_index("1-2-0")] = False
    point = (LON + 0.4 * STEP, LAT)
    one_way = snapper.snap(*point, open_arcs=usable)
    assert [small.arcs.id[p.arc] for p in one_way.places] == ["2-1-0"]
    usable[small.arc_index("2-1-0")] = False
    other = snapper.snap(*point, open_arcs=usable)
    assert {small.arcs.id[p.arc] for p in other.places} == {"1-3-0", "3-1-0"}
    assert other.distance_m == pytest.approx(76, abs=1)
    with pytest.raises(NoStreetNear):
        snapper.snap(*point, open_arcs=np.zeros(len(small.arcs), dtype=bool))


offsets = st.floats(-1.0, 3.0)


@given(graphs(), st.lists(st.tuples(offsets, offsets), min_size=1, max_size=8), st.data())
def test_equal_to_looking_at_every_arc(
    streets: StreetGraph, points: list[tuple[float, float]], data: st.DataObject
) -> None:
    usable = np.array(
        data.draw(st.lists(st.booleans(), min_size=len(streets.arcs), max_size=len(streets.arcs)))
    )
    metric = utm_for(float(streets.nodes.lon.mean()), float(streets.nodes.lat.mean()))
    lines = [
        shapely.transform(line, lambda xy: np.column_stack(metric.forward(xy[:, 0], xy[:, 1])))
        for line in streets.arcs.line
    ]
    lon, lat = np.array(points).T * STEP + [[LON], [LAT]]
    for open_arcs in (None, usable):
        for i, snapped in enumerate(Snapper(streets).snap_many(lon, lat, 100.0, open_arcs)):
            point = shapely.Point(metric.forward(lon[i], lat[i]))
            away = np.array([line.distance(point) for line in lines])
            if open_arcs is not None:
                away[~open_arcs] = np.inf
            if snapped is None:
                assert away.min() > 100.0 - 1e-6
                continue
            assert snapped.distance_m == pytest.approx(away.min(), abs=1e-6)
            arcs = [place.arc for place in snapped.places]
            assert arcs == sorted(set(arcs))
            assert set(np.flatnonzero(away <= away.min() + 0.009)) <= set(arcs)
            assert (away[arcs] <= away.min() + 0.011).all()
            for place in snapped.places:
                spot = lines[place.arc].interpolate(place.fraction, normalized=True)
                assert spot.distance(point) == pytest.approx(away[place.arc], abs=1e-6)


def test_snapping_many_equals_snapping_one(baltimore: StreetGraph) -> None:
    rng = np.random.default_rng(7)
    lon = rng.uniform(baltimore.nodes.lon.min(), baltimore.nodes.lon.max(), 300)
    lat = rng.uniform(baltimore.nodes.lat.min(), baltimore.nodes.lat.max(), 300)
    snapper = Snapper(baltimore)
    together = snapper.snap_many(lon, lat)
    assert together == [snapper.snap_many([x], [y])[0] for x, y in zip(lon, lat, strict=True)]
    near = [s for s in together if s is not None]
    assert len(near) > 100
    for s in near:
        apart = haversine_m(s.lon, s.lat, s.street_lon, s.street_lat)
        assert s.distance_m == pytest.approx(apart, rel=5e-3, abs=1e-3)
