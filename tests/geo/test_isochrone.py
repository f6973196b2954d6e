import math

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geo.crs import FloatArray, utm_for
from geo.errors import BadConditions, NoStreetNear
from geo.routing.areas import areas
from geo.routing.compiled import CompiledRouter
from geo.routing.isochrone import reach
from geo.routing.profiles import PROFILES
from geo.routing.reference import OPEN, Conditions
from geo.routing.street_index import StreetIndex
from geo.streets.graph import StreetGraph
from geo.streets.snap import Place, Snapped
from geo.streets.turns import OSRM_CAR
from tests.geo.maps import graphs
from tests.geo.rules import rules_of
from tests.geo.test_router import walks
from tests.geo.test_routing import at, place_on


@settings(max_examples=100)
@given(graphs(), st.data())
def test_reached_is_what_the_etas_say(streets: StreetGraph, data: st.DataObject) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    rules = rules_of(streets, walks(streets, rng, 4, 3), (), OSRM_CAR)
    profile = data.draw(st.sampled_from(sorted(PROFILES)))
    router = CompiledRouter(streets, profile, index=StreetIndex.of(streets, rules))
    source = place_on(streets, data.draw(st.integers(0, len(streets.arcs) - 1)), 0.3)
    weighed = router._metrics.under(OPEN)
    places = router._places([source], weighed)
    if not places.at_street[0]:
        return
    begin = router._begin(places, 0, weighed)
    limit = data.draw(st.floats(0, 200_000))
    turn_ms = router._metrics.turn_ms
    (reached,) = reach(begin, router.index.expanded, weighed, turn_ms, [limit])
    for arc in range(len(streets.arcs)):
        for fraction in (0.1, 0.5, 0.9):
            place = Snapped(0.0, 0.0, 0.0, 0.0, 0.0, (Place(arc, fraction),))
            if not weighed.open_arcs[arc]:
                continue
            ms = router.etas([source], place)[0] * 1000
            parts = np.flatnonzero(reached.arc == arc)
            inside = (reached.start[parts] <= fraction) & (fraction <= reached.end[parts])
            if abs(ms - limit) > 2.0:  # times are whole milliseconds, fractions are not
                assert inside.any() == (ms <= limit)


def test_areas_grow_with_time_and_shrink_with_closures(baltimore: StreetGraph) -> None:
    router = CompiledRouter(baltimore, "civilian")
    middle = (float(baltimore.nodes.lon.mean()), float(baltimore.nodes.lat.mean()))
    minutes = [2.0, 0.5, 1.0]
    areas = router.isochrone(middle, minutes)
    assert all(area.is_valid and not area.is_empty for area in areas)
    assert areas[2].covers(areas[1])
    assert areas[0].covers(areas[2])
    # Of streets that civilians may use: beside others the area ends, and a walk is added to them.
    arcs = baltimore.arcs
    node = np.random.default_rng(3).choice(arcs.tail[~arcs.emergency_only & ~arcs.carried], 300)
    points = list(
        zip(baltimore.nodes.lon[node].tolist(), baltimore.nodes.lat[node].tolist(), strict=True)
    )
    seconds = router.matrix([middle], points)[0]
    inside = shapely.contains_xy(areas[0], *np.array(points).T)
    assert inside[seconds < 120].all()
    assert 0 < (seconds < 120).sum() < 300
    assert inside.sum() < 300
    near = baltimore.arcs.id[router.snapper.snap(*middle).places[0].arc]
    shut = router.isochrone(middle, minutes, Conditions.of(closed=baltimore.both_ways(near)))
    assert shut[0].area < areas[0].area


def test_an_area_is_what_lies_beside_the_streets_reached(baltimore: StreetGraph) -> None:
    """As a buffer around each has it, to the width of a cell; also in whole steps of 0.1 m."""
    router = CompiledRouter(baltimore, "civilian")
    middle = (float(baltimore.nodes.lon.mean()), float(baltimore.nodes.lat.mean()))
    weighed = router._metrics.under(OPEN)
    begin = router._begin(router._places([middle], weighed), 0, weighed)
    turn_ms = router._metrics.turn_ms
    limits = [30_000.0, 90_000.0]
    reached = reach(begin, router.index.expanded, weighed, turn_ms, limits)
    metric = utm_for(*middle)
    arcs = baltimore.arcs

    def forward(xy: FloatArray) -> FloatArray:
        return np.column_stack(metric.forward(*xy.T))

    drawn = areas(reached, arcs, metric)
    for part, area in zip(reached, drawn, strict=True):
        whole = (part.start <= 0.0) & (part.end >= 1.0)
        lines = shapely.transform(arcs.line[part.arc[whole]], forward)
        near, far = (shapely.union_all(shapely.buffer(lines, metres)) for metres in (35, 65))
        shown = shapely.transform(area, forward)
        assert shown.covers(near)
        ends = shapely.transform(arcs.line[part.arc[~whole]], forward)
        beyond = shapely.union_all([far, *shapely.buffer(ends, 65)])
        holes = shapely.union_all([shapely.Polygon(p.exterior) for p in shapely.get_parts(beyond)])
        assert holes.covers(shown)
    rounded = [shapely.transform(area, lambda xy: np.round(xy, 6)) for area in drawn]
    assert all(area.is_valid for area in rounded)
    assert rounded[1].covers(rounded[0])
    assert shapely.transform(rounded[1], forward).area == pytest.approx(
        shapely.transform(drawn[1], forward).area, rel=1e-3
    )


def test_an_isochrone_of_nowhere(small: StreetGraph) -> None:
    router = CompiledRouter(small)
    with pytest.raises(NoStreetNear, match="source"):
        router.isochrone(at(0, -5), [5])
    for bad in (-1.0, math.nan, 1441.0):
        with pytest.raises(BadConditions, match="minutes"):
            router.isochrone(at(0, 0), [5, bad])
    lon, lat = at(0.5, 0)
    far = (lon, lat - 0.0009)  # 72 s on foot
    nothing, some = router.isochrone(far, [1, 2])
    assert (nothing.geom_type, nothing.is_empty) == ("MultiPolygon", True)
    assert some.area > 0
    assert router.isochrone(far, []) == []
