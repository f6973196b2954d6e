"""Speeds by hour of the week: what stands in where nothing is known, and what routers do."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atlas.city import CityData
from atlas.errors import CityError
from atlas.folder import load_city, save_city
from geo.errors import BadConditions, BadSpeeds, UnknownArc
from geo.routing.arc_speeds import ArcSpeeds
from geo.routing.compiled import CompiledRouter
from geo.routing.conditions import OPEN, Conditions
from geo.routing.reference import NetworkxRouter
from geo.routing.street_index import StreetIndex
from geo.streets.graph import StreetGraph
from geo.streets.turns import NO_COSTS
from tests.atlas.test_city import build
from tests.geo.maps import conditions_on, graphs, made_graph

ZONE = "Asia/Shanghai"
TUESDAY_8 = 24 + 8
SATURDAY_8 = 5 * 24 + 8

tables = st.dictionaries(
    st.tuples(st.integers(0, 40), st.integers(0, 167)),
    st.tuples(st.floats(1.0, 200.0), st.integers(1, 50)),
    max_size=25,
)
hours = st.integers(0, 167)


def speeds_of(streets: StreetGraph, table: dict) -> ArcSpeeds:
    """A table whose arcs are counted round."""
    rows = {(i % len(streets.arcs), hour): row for (i, hour), row in table.items()}
    return ArcSpeeds.of(
        streets,
        ZONE,
        arc_ids=[streets.arcs.id[i] for i, _ in rows],
        hours=[hour for _, hour in rows],
        kph=[kph for kph, _ in rows.values()],
        samples=[n for _, n in rows.values()],
    )


def slow_kph(speeds: ArcSpeeds, arc: int, hour: int) -> float:
    """What holds, said once more: the hour, its kind of day, the week."""
    rows = [
        (h, kph, n)
        for a, h, kph, n in zip(
            speeds.arc.tolist(),
            speeds.hour.tolist(),
            speeds.kph.tolist(),
            speeds.samples.tolist(),
            strict=True,
        )
        if a == arc
    ]
    for fits in (
        [row for row in rows if row[0] == hour],
        [row for row in rows if row[0] % 24 == hour % 24 and (row[0] >= 120) == (hour >= 120)],
        rows,
    ):
        if fits:
            return sum(n for _, _, n in fits) / sum(n / kph for _, kph, n in fits)
    return np.nan


@given(graphs(), tables, hours)
def test_the_hour_then_its_kind_of_day_then_the_week(streets, table, hour):
    speeds = speeds_of(streets, table)
    expected = [slow_kph(speeds, arc, hour) for arc in range(len(streets.arcs))]
    np.testing.assert_allclose(speeds.kph_at(hour), expected, rtol=1e-12)
    ms = speeds.ms_at(streets.arcs, hour)
    unknown = np.isnan(expected)
    assert (ms[unknown] == streets.arcs.ms[unknown]).all()
    exact = streets.arcs.length_m[~unknown] * 3600.0 / np.array(expected)[~unknown]
    assert (abs(ms[~unknown] - np.maximum(exact, 1.0)) <= 0.5000001).all()


@pytest.mark.parametrize(
    ("at", "zone", "hour"),
    [
        (datetime(2026, 11, 24, 0, 30, tzinfo=UTC), "Asia/Shanghai", TUESDAY_8),
        (datetime(2026, 11, 22, 15, 59, 59, tzinfo=UTC), "Asia/Shanghai", 167),
        (datetime(2026, 11, 22, 16, 0, tzinfo=UTC), "Asia/Shanghai", 0),
        (datetime(2026, 7, 6, 4, 0, tzinfo=UTC), "America/New_York", 0),
        (datetime(2026, 12, 7, 4, 59, tzinfo=UTC), "America/New_York", 167),
    ],
)
def test_the_hour_is_the_citys_own(small, at, zone, hour):
    speeds = ArcSpeeds.of(small, zone, arc_ids=["1-2-0"], hours=[0], kph=[10])
    assert speeds.hour_at(at) == hour
    assert CompiledRouter(small, speeds=speeds).hour_at(at) == hour
    assert CompiledRouter(small).hour_at(at) is None
    assert NetworkxRouter(small).hour_at(at) is None


@settings(max_examples=60)
@given(
    st.data(),
    graphs(),
    tables,
    st.lists(st.one_of(st.none(), hours), min_size=1, max_size=4),
    st.sampled_from(["civilian", "emergency", "foot"]),
)
def test_compiled_equals_networkx_at_every_hour(data, streets, table, asked, profile):
    speeds = speeds_of(streets, table)
    index = StreetIndex.of(streets, streets.turns.with_costs(NO_COSTS))
    compiled = CompiledRouter(streets, profile, index=index, speeds=speeds)
    plain = NetworkxRouter(streets, profile, speeds=speeds)
    nodes = streets.nodes
    points = list(zip(nodes.lon.tolist(), nodes.lat.tolist(), strict=True))
    shut = data.draw(conditions_on(streets))
    for hour in asked:  # one metric is weighed anew for each
        for now in (shut, OPEN):
            here = Conditions(
                now.closed, now.speed_factors, now.lanes_closed, now.flood_depths, hour
            )
            assert compiled.etas(points, points[0], here) == plain.etas(points, points[0], here)


def test_without_speeds_an_hour_changes_nothing(small):
    a, b = (121.45, 31.23), (121.4535, 31.2301)
    for router in (CompiledRouter(small), NetworkxRouter(small)):
        assert router.route(a, b, Conditions.of(hour=8)) == router.route(a, b)


def test_rush_hour_takes_longer(small):
    speeds = ArcSpeeds.of(
        small, ZONE, arc_ids=["1-2-0"] * 2, hours=[TUESDAY_8, SATURDAY_8], kph=[9.0, 72.0]
    )
    a, b = (121.45, 31.23), (121.452, 31.23)
    router = CompiledRouter(small, "civilian", speeds=speeds)
    usual = router.route(a, b).arc_ms[0]
    times = [
        router.route(a, b, Conditions.of(hour=hour)).arc_ms[0]
        for hour in (TUESDAY_8, SATURDAY_8, TUESDAY_8 + 24, SATURDAY_8 + 1)
    ]
    assert times == pytest.approx([usual * 4, usual / 2, usual * 4, usual * 2.25], abs=4)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"hours": [168]}, "hour 168 is not 0 to 167"),
        ({"hours": [-1]}, "hour -1"),
        ({"kph": [0.0]}, "speed 0.0 is not 1 to 200"),
        ({"kph": [np.nan]}, "speed nan"),
        ({"samples": [0]}, "number of samples 0"),
        ({"kph": [1.0, 2.0]}, "2 speeds"),
        ({"arc_ids": ["1-2-0"] * 2, "hours": [3, 3], "kph": [9, 9]}, "is not unique"),
    ],
)
def test_what_makes_no_sense_is_refused(small, change, error):
    columns = {"arc_ids": ["1-2-0"], "hours": [0], "kph": [30.0]} | change
    with pytest.raises(BadSpeeds, match=error):
        ArcSpeeds.of(small, ZONE, **columns)


def test_more_that_is_refused(small):
    with pytest.raises(UnknownArc, match="no arc '1-9-0'"):
        ArcSpeeds.of(small, ZONE, arc_ids=["1-9-0"], hours=[0], kph=[30.0])
    with pytest.raises(BadSpeeds, match="unknown time zone"):
        ArcSpeeds.of(small, "Mars/Olympus", arc_ids=["1-2-0"], hours=[0], kph=[30.0])
    with pytest.raises(BadConditions, match="hour 168"):
        Conditions.of(hour=168)
    other = StreetGraph.from_networkx(made_graph().subgraph([1, 2]).copy())
    speeds = ArcSpeeds.of(small, ZONE, arc_ids=["1-2-0"], hours=[0], kph=[30.0])
    with pytest.raises(UnknownArc, match="learn or load speeds"):
        NetworkxRouter(other, speeds=speeds).etas(
            [(121.45, 31.23)], (121.451, 31.23), Conditions.of(hour=0)
        )


def with_speeds(city: CityData) -> CityData:
    speeds = ArcSpeeds.of(
        city.streets, ZONE, arc_ids=["2-1-0", "1-2-0"], hours=[8, 7], kph=[30.125, 20.0]
    )
    return city.with_speeds(speeds)


def test_a_city_keeps_its_speeds(tmp_path: Path):
    plain = build()
    city = with_speeds(plain)
    assert city.digest != plain.digest
    save_city(city, tmp_path / "city")
    found = load_city(tmp_path / "city")
    assert found.digest == city.digest
    assert found.speeds.kph.tolist() == [20.0, 30.125]
    assert found.with_speeds(None).digest == plain.digest
    save_city(plain, tmp_path / "city")
    assert not (tmp_path / "city" / "speeds.parquet").exists()
    assert load_city(tmp_path / "city").digest == plain.digest


def test_a_table_from_elsewhere(tmp_path: Path):
    save_city(build(), tmp_path)
    rows = {"arc": ["2-1-0", "1-2-0"], "hour": [8, 7], "kph": [30.125, 20.0]}
    pq.write_table(pa.table(rows), tmp_path / "speeds.parquet")
    assert load_city(tmp_path).digest == with_speeds(build()).digest


@pytest.mark.parametrize(
    "rows",
    [
        {"arc": ["2-1-0"], "hour": [8]},
        {"arc": ["2-1-7"], "hour": [8], "kph": [30.0]},
        {"arc": ["2-1-0"], "hour": [800], "kph": [30.0]},
        {"arc": ["2-1-0"], "hour": ["x"], "kph": [30.0]},
        {"arc": ["2-1-0"], "hour": [None], "kph": [30.0]},
        {"arc": [None], "hour": [3], "kph": [30.0]},
        None,
    ],
)
def test_a_table_that_does_not_fit(tmp_path: Path, rows):
    save_city(build(), tmp_path)
    if rows is None:
        (tmp_path / "speeds.parquet").write_text("no table", encoding="utf-8")
    else:
        pq.write_table(pa.table(rows), tmp_path / "speeds.parquet")
    with pytest.raises(CityError, match=r"speeds\.parquet"):
        load_city(tmp_path)


def test_speeds_of_another_zone_do_not_fit():
    city = build()
    speeds = ArcSpeeds.of(city.streets, "UTC", arc_ids=["1-2-0"], hours=[0], kph=[30.0])
    with pytest.raises(CityError, match="learn the speeds again"):
        city.with_speeds(speeds)
