from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch import Region
from dispatch import region as core
from replay.difference import differing_effect, first_path
from replay.errors import BadWindow, EntryFailed
from replay.player import Pace, Window, parse_bound, play
from replay.reader import Journaled
from schemas.journal import Tick, UnitMoved
from schemas.records import Point
from tests.infra.ledger.scenario import fleet, router

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)

_json = st.recursive(
    st.none() | st.booleans() | st.integers(0, 3) | st.text(max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=1), inner),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("text", "bound"),
    [
        ("123", 123),
        ("0", 0),
        ("2026-11-24T12:00:00Z", NOON),
        ("2026-11-24 20:00+08:00", NOON),
        ("2026-11-24 12:00", NOON),
        ("20261124", NOON.replace(hour=0)),
        ("12345678", 12345678),
    ],
)
def test_bounds_are_offsets_or_times(text, bound):
    assert parse_bound(text) == bound


def test_bounds_that_mean_nothing_are_told():
    with pytest.raises(BadWindow, match="'noon'"):
        parse_bound("noon")
    for start, end in ((5, 4), (NOON, NOON - timedelta(seconds=1))):
        with pytest.raises(BadWindow, match="swap"):
            Window(start, end)


def test_a_pace_keeps_the_journals_intervals():
    now, slept = [100.0], []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        now[0] += seconds

    pace = Pace(10, clock=lambda: now[0], sleep=sleep)
    for seconds in (0, 20, 20, 15, 30):
        pace.wait_for(NOON + timedelta(seconds=seconds))
    assert slept == pytest.approx([2.0, 1.0])
    Pace(None, sleep=sleep).wait_for(NOON)
    assert len(slept) == 2


@given(_json, _json)
def test_a_path_is_found_exactly_when_values_differ(left, right):
    assert first_path(left, left) is None
    same = left == right and repr(left) == repr(right)
    if same:
        assert first_path(left, right) is None
    elif left != right:
        assert first_path(left, right) is not None


@pytest.mark.parametrize(
    ("recorded", "replayed", "expected"),
    [
        (b'[{"a":1},{"b":[1,2]}]', b'[{"a":1},{"b":[1,3]}]', (1, "b.1", 2, 3)),
        (b'[{"a":1}]', b'[{"a":1},{"b":2}]', (1, "effect", None, {"b": 2})),
        (b'[{"a":1}]', b'[{"c":1}]', (0, "a", 1, None)),
        (b'[{"a":1}]', b'[{"a":true}]', (0, "a", 1, True)),
        (b'[{"a":1}]', b'[{"a":1.0}]', (0, "a", 1, 1.0)),
        (b"nonsense", b'[{"a":1}]', (0, "effect", "not JSON: b'nonsense'", {"a": 1})),
        (b'[ {"a":1}]', b'[{"a":1}]', (None, "bytes", '[ {"a":1}]', '[{"a":1}]')),
    ],
)
def test_the_first_differing_field_is_named(recorded, replayed, expected):
    assert differing_effect(recorded, replayed) == expected


def test_a_broken_invariant_ends_a_replay_and_names_entry_and_fault(monkeypatch):
    def moves_wrongly(state, entry):
        state.change_unit(entry.unit, state="on_scene")

    monkeypatch.setattr(core, "move", moves_wrongly)
    point = Point(lon=121.4, lat=31.2)
    entries = [
        fleet("r"),
        Tick(id="t", region="r"),
        UnitMoved(id="m", region="r", unit="r/E1", point=point, time=NOON),
    ]
    journal = [Journaled(offset, NOON, entry) for offset, entry in enumerate(entries)]
    wrong = r"offset 2, entry m \(unit_moved\): InvariantBroken: entry m: unit r/E1 cannot go from"
    with pytest.raises(EntryFailed, match=wrong):
        list(play(journal, Region("r", router), Window(), Pace(None)))
