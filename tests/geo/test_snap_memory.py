import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.errors import BadCoordinates, UnknownArc
from geo.routing import snap_memory
from geo.routing.snap_memory import Places, SnapMemory
from geo.routing.trace import Pieces, Trace
from geo.streets.graph import StreetGraph
from geo.streets.snap import Place, Snapped, Snapper
from tests.geo.maps import made_graph
from tests.geo.test_routing import at, place_on

STREETS = StreetGraph.from_networkx(made_graph())
SNAPPER = Snapper(STREETS)
OPEN_ARCS = np.ones(len(STREETS.arcs), dtype=np.bool_)
FAR = at(0, -5)

positions = st.one_of(
    st.builds(at, st.floats(-0.5, 2.5), st.floats(-0.5, 1.5)),
    st.just(FAR),
    st.sampled_from(range(len(STREETS.arcs))).map(lambda arc: place_on(STREETS, arc, 0.25)),
)


def told(places: Places, i: int) -> tuple[tuple[tuple[int, float], ...], float]:
    return tuple(places.at(i)), float(places.walk_ms[i])


def expected(
    position: tuple[float, float] | Snapped,
) -> tuple[tuple[tuple[int, float], ...], float]:
    if not isinstance(position, Snapped):
        (found,) = SNAPPER.snap_many([position[0]], [position[1]], open_arcs=OPEN_ARCS)
        if found is None:
            return (), math.inf
        position = found
    return tuple(map(tuple, position.places)), float(round(position.distance_m * 720.0))


@given(st.lists(st.lists(positions, max_size=9), max_size=6), st.booleans())
def test_as_snapped_one_by_one_whatever_was_asked_before(
    questions: list[list[tuple[float, float] | Snapped]], forgets: bool
) -> None:
    memory = SnapMemory(SNAPPER, OPEN_ARCS)
    with pytest.MonkeyPatch.context() as patch:
        if forgets:
            patch.setattr(snap_memory, "_REMEMBERED", 7)
        for asked in questions:
            places = memory.places(asked)
            assert [told(places, i) for i in range(len(asked))] == list(map(expected, asked))
            assert places.at_street.tolist() == [bool(expected(one)[0]) for one in asked]
            assert places.of.tolist() == [
                i for i, one in enumerate(asked) for _ in expected(one)[0]
            ]
            part = places[1:4]
            assert [told(part, i) for i in range(len(asked[1:4]))] == [
                told(places, i) for i in range(1, min(len(asked), 4))
            ]


def test_some_are_replaced() -> None:
    memory = SnapMemory(SNAPPER, OPEN_ARCS)
    asked = [at(0.2, 0), FAR, at(0, 0), at(1, 0.5)]
    others = [at(1.5, 0), FAR]
    places = memory.places(asked).replaced(np.array([1, 2]), memory.places(others))
    assert [told(places, i) for i in range(4)] == list(map(expected, [asked[0], *others, asked[3]]))


def test_what_cannot_be_snapped_is_refused_and_not_remembered() -> None:
    memory = SnapMemory(SNAPPER, OPEN_ARCS)
    foreign = Snapped(0.0, 0.0, 0.0, 0.0, 0.0, (Place(len(STREETS.arcs), 0.5),))
    for bad, error in (((math.nan, 31.0), BadCoordinates), (foreign, UnknownArc)):
        for _ in range(2):
            with pytest.raises(error):
                memory.places([at(0, 0), bad])
    assert told(memory.places([at(0, 0)]), 0) == expected(at(0, 0))


def test_pieces_that_drive_nothing_give_their_time_to_the_one_before() -> None:
    def piece(arc: int, start: float, end: float, ms: int) -> Trace:
        return Trace(arc, False, start, end, ms)

    whole, nothing = piece(1, 0.0, 1.0, 30), piece(2, 0.0, 0.0, 4)
    for pieces, left in (
        ([piece(0, 1.0, 1.0, 0), whole, nothing], [piece(1, 0.0, 1.0, 34)]),
        ([piece(0, 0.5, 1.0, 9), whole], [piece(0, 0.5, 1.0, 9), whole]),
        ([piece(0, 1.0, 1.0, 2), nothing], [piece(0, 1.0, 1.0, 6)]),
    ):
        found = Pieces.of(pieces).without_empty()
        assert list(zip(*(column.tolist() for column in found), strict=True)) == left
