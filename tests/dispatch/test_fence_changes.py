"""Changes of fences in the journal: of several made at a time the first one holds."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch import Region
from schemas import journal
from schemas.admission import FENCE_KINDS, entry_fault, shape_fault
from schemas.effects import FenceWritten
from schemas.envelope import Envelope
from schemas.records import FenceShape
from tests.dispatch import dispatch_world as world

RING = ((121.40, 31.20), (121.42, 31.20), (121.42, 31.22), (121.40, 31.20))
SHAPE = FenceShape(kind="hazard_zone", name="化工区", polygons=((RING,),))


def begun() -> tuple[Region, world.Journal]:
    core, log = Region(world.REGION, world.routers), world.Journal()
    core.apply(log.policy(), log.now)
    core.apply(log.fleet(), log.now)
    return core, log


def change(log: world.Journal, city: str, instead_of: int) -> journal.FenceChanged:
    return journal.FenceChanged(
        id=log.entry_id(),
        region=world.REGION,
        city=city,
        fence="zone-1",
        shape=SHAPE,
        instead_of=instead_of,
        operator="root",
        reason="a new store",
    )


@given(st.lists(st.tuples(st.sampled_from(["grid", "other"]), st.integers(0, 6)), max_size=25))
def test_only_what_was_made_of_the_last_change_holds(tries: list[tuple[str, int]]) -> None:
    core, log = begun()
    number = 0
    for city, instead_of in tries:
        core = Region.restore(core.snapshot(), world.routers)
        entry = change(log, city, instead_of)
        effects = core.apply(entry, log.wait(1))
        written = [effect for effect in effects if isinstance(effect, FenceWritten)]
        if (city, instead_of) == ("grid", number):
            number += 1
            (effect,) = written
            assert (effect.change.number, effect.change.shape) == (number, SHAPE)
            assert (effect.entry, effect.operator) == (entry.id, "root")
        else:
            assert written == []
        assert core.snapshot().fences == number
        assert core.apply(entry, log.wait(1)) == (), "the same entry counts once"


def test_nothing_that_is_open_is_decided_anew() -> None:
    core, log = begun()
    core.apply(log.evidence("fire", "P1", world.place(2, 2)), log.now)
    before = core.snapshot()
    effects = core.apply(change(log, "grid", 0), log.now)
    assert [type(effect) for effect in effects] == [FenceWritten]
    after = core.snapshot()
    assert (after.incidents, after.assignments, after.units) == (
        before.incidents,
        before.assignments,
        before.units,
    )


def polygons(*points: tuple[float, float]) -> tuple:
    return ((points,),)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"kind": "moat"}, "shape.kind"),
        ({"name": " "}, "shape.name"),
        ({"polygons": polygons((1.0, 1.0), (2.0, 2.0), (1.0, 1.0))}, "no ring"),
        ({"polygons": polygons((1.0, 1.0), (2.0, 1.0), (2.0, 2.0), (1.0, 2.0))}, "no ring"),
        ({"polygons": polygons((1.0, 1.0), (2.0, 1.0), (2.0, 95.0), (1.0, 1.0))}, "no place"),
        ({"polygons": polygons((179.0, 1.0), (-179.0, 1.0), (-179.0, 2.0), (179.0, 1.0))}, "180th"),
        ({"polygons": polygons(*[(1.0, 1.0)] * 10_001)}, "10001 points"),
        ({"polygons": ((),)}, "no ring"),
    ],
)
def test_what_is_no_fence_is_set_aside(changes: dict, said: str) -> None:
    shape = msgspec.structs.replace(SHAPE, **changes)
    entry = msgspec.structs.replace(change(world.Journal(), "grid", 0), shape=shape)
    envelope = Envelope(id="e", source="s", type="t")
    fault = entry_fault(envelope, entry)
    assert fault is not None
    assert said in fault


def test_a_fence_that_is_removed_needs_no_ring() -> None:
    assert shape_fault(msgspec.structs.replace(SHAPE, polygons=())) is None


def test_kinds_are_those_of_the_geometry() -> None:
    from geo.fences.index import FENCE_KINDS as KNOWN  # noqa: PLC0415 - compared, not used

    assert FENCE_KINDS == KNOWN
