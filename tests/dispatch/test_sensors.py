"""A device that says something else, or from elsewhere, tells of another event."""

import pytest
from dispatch_world import REGION, Journal, place, routers

from dispatch import Region
from schemas import effects
from schemas.effects import EvidencePlaced
from schemas.records import Incident


class Desk:
    def __init__(self) -> None:
        self.log = Journal()
        self.region = Region(REGION, routers)
        self.region.apply(self.log.fleet(), self.log.now)

    def hear(self, category: str, severity: str = "P3", at=None, **about: object) -> EvidencePlaced:
        about = {"source": "sensor", "source_id": "cp-1"} | about
        entry = self.log.evidence(category, severity, at or place(3, 3), **about)
        answers = self.region.apply(entry, self.log.wait(1))
        (placed,) = (a for a in answers if isinstance(a, effects.EvidencePlaced))
        return placed

    def incident(self, placed: EvidencePlaced) -> Incident:
        return next(i for i in self.region.snapshot().incidents if i.id == placed.incident)


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_a_fire_under_the_id_of_an_open_obstruction_gets_its_engines(desk):
    blocked = desk.hear("road_obstruction")
    fire = desk.hear("fire", "P1")
    assert fire.incident != blocked.incident
    assert desk.incident(fire).category == "fire"
    assert any(u.incident == fire.incident for u in desk.region.snapshot().units)


def test_the_same_device_repeats_itself_whatever_became_of_its_incident(desk):
    fire = desk.hear("fire", "P2")
    again = desk.hear("fire", "P2")
    related = desk.hear("explosion", "P2")
    assert {again.incident, related.incident} == {fire.incident}
    assert again.score == 1.0


def test_a_device_far_from_where_it_was_tells_of_another_event(desk):
    here = desk.hear("fire", "P2", place(0, 0))
    there = desk.hear("fire", "P2", place(7, 7))
    assert there.incident != here.incident
    assert desk.hear("fire", "P2", place(0, 0)).incident == here.incident


def test_the_end_of_an_alarm_is_noted_where_that_alarm_was(desk):
    fire = desk.hear("fire", "P2")
    blocked = desk.hear("road_obstruction")
    assert desk.hear("fire", "P2", phase="cleared").incident == fire.incident
    assert desk.hear("road_obstruction", phase="cleared").incident == blocked.incident
    # What ends by a kind that the device never told of is noted in its latest.
    assert desk.hear("flood", phase="silent").incident == blocked.incident
