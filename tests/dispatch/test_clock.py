"""The journal's log-append time is the core's only clock, and it never goes back."""

from datetime import datetime, timedelta

import pytest
from dispatch_world import REGION, Journal, place, routers
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatch import Region
from schemas import effects, journal


def opened(log: Journal) -> Region:
    """Return a region with a fire that nobody has acknowledged."""
    region = Region(REGION, routers)
    region.apply(log.fleet(), log.now)
    region.apply(log.evidence("fire", "P1", place(3, 3)), log.wait(1))
    return region


def entries(log: Journal) -> dict[str, journal.Entry]:
    return {
        "tick": journal.Tick(id=log.entry_id(), region=REGION),
        "move": journal.UnitMoved(
            id=log.entry_id(), region=REGION, unit="U00", point=place(1, 1), time=log.now
        ),
        "stamp": log.stamp("U14", "out_of_service"),
        "evidence": log.evidence("manhole_hazard", "P4", place(7, 7)),
        "fleet": log.fleet(),
        "policy": log.policy(),
    }


@pytest.mark.parametrize("kind", ["tick", "move", "stamp", "evidence", "fleet", "policy"])
def test_a_timer_acts_before_the_first_entry_after_its_due_whatever_it_is(kind: str):
    log = Journal()
    region = opened(log)
    due = region.next_due()
    early = region.apply(log.evidence("other", "P4", place(0, 7)), due - timedelta(milliseconds=1))
    assert not [e for e in early if isinstance(e, effects.TimerEnded)]
    answers = region.apply(entries(log)[kind], due)
    assert isinstance(answers[0], effects.TimerEnded)
    assert region.next_due() > due


@pytest.mark.parametrize("told", [timedelta(hours=1), timedelta(days=1500), -timedelta(hours=1)])
def test_no_time_inside_a_tick_moves_the_clock(told: timedelta):
    """Older workers put their own clock into it: an hour fast, it raised every alert at once."""
    log = Journal()
    region = opened(log)
    timers = region.snapshot().timers
    tick = journal.Tick(id=log.entry_id(), region=REGION, due=log.now + told)
    assert region.apply(tick, log.wait(1)) == ()
    assert (region.clock, region.snapshot().timers) == (log.now, timers)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(-900, 900), min_size=1, max_size=12))
def test_the_core_never_goes_back(steps: list[int]):
    log = Journal()
    region = opened(log)
    before, latest = region.clock, log.now
    told: list[datetime] = []
    for number, step in enumerate(steps):
        at = log.wait(step)
        latest = max(latest, at)
        entry = log.evidence("manhole_hazard", "P4", place(number % 8, 7))
        answers = region.apply(entry, at)
        told += [a.entry.at for a in answers if isinstance(a, effects.TimelineAppended)]
        assert region.clock == latest >= before
        before = region.clock
    assert told == sorted(told)
