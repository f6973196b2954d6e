"""What a defect of the core would break is found before anything is written."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from dispatch_world import REGION, Journal, place, routers

from dispatch import Region
from dispatch.errors import InvariantBroken
from dispatch.incidents import set_state
from dispatch.state import State
from schemas import journal
from schemas.records import Assignment, Incident, Reason, Shortage, Unit

SHORT = (Shortage(capability="pump", count=1, why=Reason(code="said", values={"text": "x"})),)


class Scene:
    """A region with a fire, units on their way to it, and one that is over."""

    def __init__(self) -> None:
        log = Journal()
        region = Region(REGION, routers)
        entries: list[journal.Entry] = [log.fleet(), log.policy()]
        entries += [log.evidence("fire", "P2", at=place(2, 4))]
        entries += [log.evidence("power_outage", "P4", at=place(5, 1))]
        for entry in entries:
            region.apply(entry, log.wait(1))
        fire, outage = sorted(region.snapshot().incidents, key=lambda i: i.number)
        (crew,) = (a.unit for a in region.snapshot().assignments if a.incident == outage.id)
        for status in ("on_scene", "available"):
            region.apply(log.stamp(crew, status), log.wait(1))
        theirs = journal.SetState(state="handed_over", reason="theirs")
        region.apply(log.command(outage.id, theirs), log.wait(1))
        self.state: State = region._state
        self.fire = self.state.incidents[fire.id].id
        self.over = outage.id
        assert self.state.incidents[self.over].state == "handed_over"
        self.state.begin("the entry", log.wait(1))

    @property
    def incident(self) -> Incident:
        return self.state.incidents[self.fire]

    @property
    def sent(self) -> Assignment:
        return self.state.assignments_of(self.fire)[0]

    @property
    def unit(self) -> Unit:
        return self.state.units[self.sent.unit]

    @property
    def idle(self) -> Unit:
        return next(unit for unit in self.state.units.values() if unit.assignment is None)

    def write(self, assignment: Assignment, **changes: Any) -> None:
        self.state.put_assignment(msgspec.structs.replace(assignment, **changes), "stamped")


@pytest.fixture
def scene() -> Scene:
    return Scene()


def free(scene: Scene) -> None:
    """Let a unit go without an end of its assignment."""
    scene.state.change_unit(scene.unit.id, state="available", assignment=None, incident=None)


def end(scene: Scene) -> None:
    """End an assignment and leave its unit at it."""
    scene.write(scene.sent, ended="cancelled", clear=scene.state.now)


def send_twice(scene: Scene) -> None:
    """Give a unit a second assignment."""
    second = msgspec.structs.replace(scene.sent, id="second")
    scene.state.put_assignment(second, "assigned")


def stamp_twice(scene: Scene) -> None:
    scene.write(scene.sent, en_route=scene.state.now)
    scene.write(scene.sent, en_route=scene.state.now - timedelta(seconds=1))


def skip_a_line(scene: Scene) -> None:
    scene.state.change_incident(scene.fire, version=scene.incident.version + 1)
    scene.state.append(scene.fire, "note", "wang", "x")


def lose_three(scene: Scene) -> None:
    """Send three units of an incident elsewhere."""
    for number in range(3):
        lost = msgspec.structs.replace(scene.sent, id=f"lost-{number}")
        scene.state.put_assignment(lost, "assigned")
        scene.write(lost, ended="cancelled", clear=scene.state.now, diversion="diverted")


def divert(scene: Scene, **changes: Any) -> None:
    """Send a unit elsewhere that may not be."""
    over = {"ended": "cancelled", "clear": scene.state.now, "diversion": "relieved"}
    scene.write(scene.sent, **over | changes)


BROKEN: list[tuple[Callable[[Scene], object], str]] = [
    (
        lambda s: s.state.change_incident(s.fire, state="pending"),
        "is pending, its timeline ends with dispatched",
    ),
    (
        lambda s: s.state.append(s.fire, "state", "x", "", change=("dispatched", "reported")),
        "cannot go from dispatched to reported",
    ),
    (
        lambda s: s.state.append(s.fire, "state", "x", "", change=("pending", "on_scene")),
        "is dispatched and goes on from pending",
    ),
    (skip_a_line, "of its timeline comes where"),
    (lambda s: s.state.change_incident(s.fire, version=99), "is at version 99"),
    (lambda s: s.state.change_incident(s.fire, merged_into=s.over), "merged into"),
    (lambda s: s.state.change_incident(s.fire, closed_at=s.state.now), "its closed_at is 2026"),
    (lambda s: s.state.change_incident(s.over, short=SHORT), "still short of units"),
    (lambda s: set_state(s.state, s.fire, "on_hold", "wang"), "no state to go back to"),
    (lambda s: set_state(s.state, s.fire, "cancelled", "wang"), "is cancelled and still has unit"),
    (free, "which has not ended"),
    (end, "is cancelled and its unit"),
    (end, "still has the timer turnout"),
    (send_twice, "assignment second is active and its unit"),
    (lose_three, "had lost 2 units"),
    (lambda s: divert(s, by="wang"), "is relieved, and wang had sent it"),
    (lambda s: divert(s, on_scene=s.state.now), "is relieved, and its unit had arrived"),
    (stamp_twice, "the stamp en_route is written again"),
    (
        lambda s: s.write(s.sent, on_scene=s.sent.dispatched - timedelta(seconds=1)),
        "its stamps are not in order",
    ),
    (lambda s: s.write(s.sent, clear=s.state.now), "is active and its stamp clear is"),
    (lambda s: s.write(s.sent, unit=s.idle.id), "its unit changes"),
    (lambda s: s.write(s.sent, incident="elsewhere"), "which is not there"),
    (
        lambda s: s.write(s.state.assignments_of(s.over, active=False)[0], eta_s=1.0),
        "and changes",
    ),
    (lambda s: s.state.change_unit(s.idle.id, state="on_scene"), "from available to on_scene"),
    (lambda s: s.state.change_unit(s.idle.id, state="dispatched"), "without an assignment"),
    (lambda s: s.state.change_unit(s.idle.id, incident=s.fire), "without an assignment"),
    (lambda s: s.state.change_unit(s.unit.id, assignment="none"), "which is not there"),
    (lambda s: s.state.change_unit(s.unit.id, incident=s.over), "has the assignment of unit"),
    (lambda s: s.state.change_unit(s.unit.id, state="available"), "and has assignment"),
    (lambda s: s.state.set_timer("acknowledge", s.over, s.state.now), "timer acknowledge is about"),
    (lambda s: s.state.set_timer("late", "none", s.state.now), "timer late is about none"),
    (lambda s: s.state.set_timer("expire", "none", s.state.now), "timer expire is about none"),
    (lambda s: s.state.raise_alert(s.over, "surplus", "x"), "alert surplus is about"),
]


@pytest.mark.parametrize(("defect", "said"), BROKEN, ids=[said for _, said in BROKEN])
def test_what_cannot_be_is_found(scene: Scene, defect: Callable[[Scene], object], said: str):
    defect(scene)
    with pytest.raises(InvariantBroken) as broken:
        scene.state.finish()
    assert str(broken.value).startswith("entry the entry: ")
    assert said in str(broken.value)


def test_what_is_right_is_answered(scene: Scene):
    scene.state.append(scene.fire, "note", "wang", "x")
    assert len(scene.state.finish()) == 2


def test_it_costs_what_an_entry_touches_and_not_what_is_open(scene: Scene):
    """A fault elsewhere is not looked for: only the entry's own work is."""
    broken = msgspec.structs.replace(scene.state.incidents[scene.over], state="dispatched")
    scene.state.incidents[scene.over] = broken
    scene.state.append(scene.fire, "note", "wang", "x")
    assert scene.state.finish()


def test_what_was_closed_before_there_was_a_rule_can_still_be_told_of(scene: Scene):
    old = msgspec.structs.replace(scene.state.incidents[scene.over], short=SHORT)
    scene.state.incidents[scene.over] = old
    scene.state.append(scene.over, "note", "wang", "x")
    assert scene.state.finish()
