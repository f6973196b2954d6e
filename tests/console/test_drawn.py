"""Streets under what is drawn on a map."""

import pytest

from console.compute.cities import Cities, Town
from console.compute.drawn import streets_drawn
from console.compute.errors import Unanswerable
from tests.console.town import town
from tests.dispatch import dispatch_world as world

SIZE = world.SIZE


@pytest.fixture(scope="module")
def cities() -> Cities:
    return Cities([Town("r1", town("r1"))], {}, "")


def at(column: float, row: float) -> tuple[float, float]:
    point = world.place(column, row)
    return point.lon, point.lat


def both(tail: int, head: int) -> set[str]:
    return {f"{tail}-{head}-0", f"{head}-{tail}-0"}


def test_a_line_along_a_street_means_what_it_runs_along(cities: Cities) -> None:
    """From crossing to crossing, a few metres beside it: the streets it meets are left open."""
    found = streets_drawn(cities, [at(2.02, 3.03), at(2.6, 3.02), at(3.98, 2.98)], "line")
    assert set(found.segments) == both(2 * SIZE + 3, 3 * SIZE + 3) | both(
        3 * SIZE + 3, 4 * SIZE + 3
    )
    assert found.streets == ("横3路",)
    assert found.metres == pytest.approx(400)
    assert len(found.geometry["coordinates"]) == 2, "each street is drawn once"


def test_a_short_line_means_the_street_it_lies_on(cities: Cities) -> None:
    lengthwise = streets_drawn(cities, [at(2.3, 3), at(2.4, 3)], "line")
    across = streets_drawn(cities, [at(2.5, 2.8), at(2.5, 3.3)], "line")
    assert set(lengthwise.segments) == set(across.segments) == both(2 * SIZE + 3, 3 * SIZE + 3)


def test_an_area_means_each_street_in_it(cities: Cities) -> None:
    corner = [at(2.7, 2.7), at(3.3, 2.7), at(3.3, 3.3), at(2.7, 3.3)]
    found = streets_drawn(cities, corner, "area")
    here = 3 * SIZE + 3
    around = (here - SIZE, here + SIZE, here - 1, here + 1)
    assert set(found.segments) == set.union(*(both(here, other) for other in around))
    assert found.streets == ("横3路", "纵3路")
    crossed = [corner[0], corner[2], corner[1], corner[3]]
    assert set(streets_drawn(cities, crossed, "area").segments) <= set(found.segments)


def test_what_means_no_street_is_empty_or_says_why(cities: Cities) -> None:
    assert streets_drawn(cities, [at(2.4, 2.4), at(2.6, 2.6)], "line").segments == ()
    for points, kind, why in (
        ([at(2, 2), at(2, 2)], "line", "no extent"),
        ([at(2, 2), at(3, 3), at(2, 2)], "area", "no extent"),
        ([(1.0, 1.0), (1.1, 1.1)], "line", "no city"),
    ):
        with pytest.raises(Unanswerable, match=why):
            streets_drawn(cities, points, kind)
