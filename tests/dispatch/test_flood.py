"""More events at once than units, and more than can be looked at in one entry."""

import msgspec
import pytest
from dispatch_world import REGION, Journal, fleet, place, routers

from dispatch import Region
from dispatch.looks import LOOKS
from dispatch.timers import MOST
from schemas import codes, effects
from schemas.policy import CorrelationRule
from schemas.records import Incident
from streams.publish import publish

EVENTS = 300


@pytest.fixture
def log():
    return Journal()


@pytest.fixture
def flooded(log) -> Region:
    """A region with many separate events and no free unit, each of them short."""
    region = Region(REGION, routers)
    region.apply(log.fleet(), log.now)
    near = {"*": CorrelationRule(radius_m=1, window_s=60)}
    policy = msgspec.structs.replace(codes.default_policy(), correlation=near)
    region.apply(log.policy(policy), log.now)
    for number in range(EVENTS):
        severity = "P1" if number % 50 == 49 else "P3"
        spot = place(number % 20 / 3, number // 20 / 3, accuracy_m=0.1)
        region.apply(log.evidence("medical", severity, spot), log.now)
    return region


def short(region: Region) -> list[Incident]:
    return [i for i in region.snapshot().incidents if i.short]


def test_each_event_is_an_incident_and_each_that_is_short_says_so(flooded):
    snapshot = flooded.snapshot()
    assert len(snapshot.incidents) == EVENTS
    units = {u.incident for u in snapshot.units if u.incident}
    assert len(short(flooded)) >= EVENTS - len(units)
    told = {a.incident for a in snapshot.alerts if a.kind == "unresourced"}
    assert {i.id for i in short(flooded) if i.severity in ("P1", "P2")} <= told


def test_a_freed_unit_goes_to_the_worst_that_has_nobody(flooded, log):
    unit = next(u for u in flooded.snapshot().units if "als" in u.capabilities and u.incident)
    worst = {i.id for i in short(flooded) if i.severity == "P1"}
    flooded.apply(log.stamp(unit.id, "on_scene"), log.wait(1))
    answers = flooded.apply(log.stamp(unit.id, "available"), log.wait(1))
    sent = [
        a.assignment
        for a in answers
        if isinstance(a, effects.AssignmentWritten) and a.change == "assigned"
    ]
    assert [a.unit for a in sent] == [unit.id]
    assert sent[0].incident in worst


def test_looking_for_work_is_bounded_and_goes_on_until_it_is_done(flooded, log):
    """The whole fleet is exchanged: every new unit finds its work, some entries later."""
    more = tuple(
        msgspec.structs.replace(unit, id=f"N{number:03d}{unit.id}")
        for number in range(40)
        for unit in fleet()
        if unit.kind == "ambulance"
    )
    change = log.fleet()
    before = len(short(flooded))
    answers = flooded.apply(
        msgspec.structs.replace(change, units=(*change.units, *more)), log.wait(1)
    )
    assert 0 < len(_assigned(answers)) <= LOOKS * 2
    rounds = 0
    while flooded.next_due() is not None and flooded.next_due() <= log.now:
        flooded.apply(log.tick(), log.now)
        rounds += 1
        assert rounds < EVENTS, "it never comes to an end"
    assert rounds > 1
    free = [
        u
        for u in flooded.snapshot().units
        if u.state == "available" and u.id in {m.id for m in more}
    ]
    assert not free or not short(flooded)
    assert len(short(flooded)) < before


def _assigned(answers):
    return [
        a for a in answers if isinstance(a, effects.AssignmentWritten) and a.change == "assigned"
    ]


def test_timers_that_are_all_due_at_once_are_dealt_with_by_and_by(flooded, log):
    log.wait(3600)
    ended = []
    for _ in range(40):
        answers = flooded.apply(log.tick(), log.now)
        ended.append(sum(isinstance(a, effects.TimerEnded) for a in answers))
        if flooded.next_due() is None or flooded.next_due() > log.now:
            break
    else:
        pytest.fail("timers are due for ever")
    assert max(ended) <= MOST + LOOKS
    assert sum(ended) >= EVENTS


def test_thousands_of_reports_of_one_event_make_no_message_larger(log):
    """An incident once named every report in every message, and was refused by the broker."""
    region = Region(REGION, routers)
    region.apply(log.fleet(), log.now)
    sizes = []
    for _ in range(3_000):
        answers = region.apply(log.evidence("fire", "P1", place(3, 3)), log.wait(0.1))
        sizes.append(max(len(m.value or b"") for m in publish("e", log.now, answers)))
    (fire,) = region.snapshot().incidents
    assert fire.evidence_count == 3_000
    assert len(region.snapshot().notes) == 3_000
    assert max(sizes[50:]) < 1.2 * max(sizes[10:50])
