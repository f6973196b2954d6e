"""A dry run happens on a copy: nothing of it is left, and nothing is shared with it."""

from collections.abc import Iterator

import msgspec
import pytest
from dispatch_world import REGION, Journal, place, routers

from dispatch import Region
from dispatch.state import State
from schemas import effects, journal


@pytest.fixture
def log() -> Journal:
    return Journal()


@pytest.fixture
def region(log: Journal) -> Region:
    """A region with two dispatched incidents, and one that is not read."""
    region = Region(REGION, routers)
    region.apply(log.fleet(), log.now)
    for category, column in (("medical", 1), ("medical", 9), ("other", 14)):
        region.apply(log.evidence(category, "P2", place(column, 2)), log.wait(1))
    return region


def _containers(value: object) -> Iterator[int]:
    """Yield the identities of all that can be changed within a value."""
    if isinstance(value, dict | list | set):
        yield id(value)
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _containers(inner)
    elif type(value).__module__.startswith("dispatch.") and hasattr(value, "__dict__"):
        yield id(value)
        yield from _containers(vars(value))


def test_a_copy_shares_nothing_that_can_be_changed(region: Region) -> None:
    state: State = region._state
    copy = state.copy()
    assert copy.snapshot() == state.snapshot()
    assert not set(_containers(vars(state))) & set(_containers(vars(copy)))


@pytest.mark.parametrize("kind", ["classify", "hold", "merge", "unassign"])
def test_a_dry_run_leaves_no_trace(region: Region, log: Journal, kind: str) -> None:
    before = region.snapshot()
    into, incident = sorted(before.incidents, key=lambda incident: incident.number)[:2]
    (unit,) = [one.unit for one in before.assignments if one.incident == incident.id]
    actions = {
        "classify": journal.Classify(severity="P1"),
        "hold": journal.Hold(reason="the road is closed"),
        "merge": journal.Merge(into=into.id),
        "unassign": journal.Unassign(units=(unit,), reason="needed there"),
    }
    command = log.command(incident.id, actions[kind])
    (answer,) = region.apply(msgspec.structs.replace(command, dry_run=True), log.now)
    assert isinstance(answer, effects.CommandAnswered)
    assert answer.outcome == "tried"
    assert answer.changes
    after = region.snapshot()
    assert after.seen[-1] == command.id
    assert msgspec.structs.replace(after, seen=before.seen) == before
