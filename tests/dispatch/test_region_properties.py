"""The core under any sequence of entries: its invariants, its memory, its exactness."""

from datetime import timedelta
from typing import Any

from dispatch_world import REGION, Journal, fleet, place, routers, streets
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dispatch import Region
from dispatch.transitions import INCIDENT, UNIT
from schemas import codes, effects, journal, wire
from schemas.snapshot import Snapshot

CATEGORIES = ("fire", "medical", "traffic_crash", "gas_leak", "other", "manhole_hazard")
UNITS = [unit.id for unit in fleet()]
ARCS = list(streets().arcs.id)
STATUSES = [*UNIT, "nonsense"]

spots = st.tuples(st.integers(0, 14), st.integers(0, 14)).map(
    lambda cell: place(cell[0] / 2, cell[1] / 2)
)

steps = st.one_of(
    st.tuples(
        st.just("evidence"),
        st.sampled_from(CATEGORIES),
        st.sampled_from(["P1", "P2", "P3", "P4"]),
        st.one_of(st.none(), spots),
        st.sampled_from([0.2, 0.6, 0.95]),
        st.sampled_from(["opened", "opened", "opened", "cleared", "silent"]),
        st.integers(0, 5),
    ),
    st.tuples(st.just("stamp"), st.integers(0, 99), st.sampled_from(STATUSES), st.integers(-90, 5)),
    # Most stamps should fit what a unit is doing, or nothing would ever be brought to an end.
    st.tuples(st.just("next"), st.integers(0, 99), st.integers(0, 3)),
    st.tuples(st.just("next"), st.integers(0, 99), st.integers(0, 3)),
    st.tuples(st.just("move"), st.sampled_from(UNITS), spots, st.integers(-60, 5)),
    st.tuples(
        st.just("street"),
        st.integers(0, 3),
        st.sampled_from(["closure", "speed_factor", "lane_closure", "flood_depth", "cleared"]),
        st.lists(st.sampled_from(ARCS), min_size=1, max_size=4),
        st.integers(-50, 100),
        st.one_of(st.none(), st.integers(-10, 300)),
    ),
    st.tuples(st.just("command"), st.integers(0, 99), st.integers(0, 14), st.integers(0, 99)),
    st.tuples(st.just("tick")),
    st.tuples(st.just("fleet"), st.integers(0, 4)),
    st.tuples(st.just("repeat")),
)
scripts = st.lists(
    st.tuples(steps, st.sampled_from([0, 1, 1, 5, 30, 200])), min_size=10, max_size=80
)


def actions(log: Journal, other: str, pick: int) -> list[journal.Action]:
    unit = UNITS[pick % len(UNITS)]
    return [
        journal.Acknowledge(),
        journal.Assign(),
        journal.Assign(units=(unit,), reason="near"),
        journal.Override(units=(unit,), reason="better"),
        journal.Unassign(units=(unit,), reason="enough"),
        journal.SetState(state="controlled"),
        journal.SetState(state="cancelled"),
        journal.SetState(state="scheduled"),
        journal.Classify(category=CATEGORIES[pick % 6], severity="P1", point=place(pick % 7, 3)),
        journal.AddNote(text="看过了"),
        journal.Hold(reason="wait"),
        journal.Resume(),
        journal.Merge(into=other),
        journal.KeepApart() if pick % 2 else journal.Reopen(reason="again"),
        journal.Close(disposition="resolved"),
    ]


def entry_of(step: Any, log: Journal, region: Region, last: journal.Entry) -> journal.Entry | None:
    """The journal entry of a step of a script, given what the region knows."""
    snapshot = region.snapshot()
    match step:
        case ("evidence", category, severity, spot, confidence, phase, source):
            return log.evidence(
                category,
                severity,
                spot,
                confidence=confidence,
                phase=phase,
                source="sensor",
                source_id=f"s{source}" if phase != "opened" or source < 3 else None,
            )
        case ("stamp", pick, status, late):
            unit = UNITS[pick % len(UNITS)]
            return log.stamp(unit, status, time=log.now + timedelta(seconds=late))
        case ("next", pick, which):
            busy = [unit for unit in snapshot.units if unit.assignment]
            if not busy:
                return None
            unit = busy[pick % len(busy)]
            status = UNIT[unit.state][which % len(UNIT[unit.state])]
            return log.stamp(unit.id, status)
        case ("move", unit, spot, late):
            return journal.UnitMoved(
                id=log.entry_id(),
                region=REGION,
                unit=unit,
                point=spot,
                time=log.now + timedelta(seconds=late),
            )
        case ("street", name, kind, arcs, begins, lasts):
            valid_from = log.now + timedelta(seconds=begins)
            return journal.StreetChanged(
                id=log.entry_id(),
                region=REGION,
                condition=f"C{name}",
                kind=kind,
                segments=tuple(arcs),
                valid_from=valid_from,
                valid_until=None if lasts is None else valid_from + timedelta(seconds=lasts),
                speed_factor=0.5 if kind == "speed_factor" else None,
                lanes_closed=1 + begins % 2 if kind == "lane_closure" else None,
                depth_m=(begins + 50) / 100 if kind == "flood_depth" else None,
            )
        case ("command", incident, action, pick):
            if not snapshot.incidents:
                return None
            target = snapshot.incidents[incident % len(snapshot.incidents)].id
            other = snapshot.incidents[pick % len(snapshot.incidents)].id
            return log.command(target, actions(log, other, pick)[action])
        case ("tick",):
            return log.tick()
        case ("fleet", missing):
            units = fleet()[missing:]
            return journal.FleetChanged(id=log.entry_id(), region=REGION, city="grid", units=units)
        case ("repeat",):
            return last
    raise AssertionError(step)


class Watcher:
    """Checks what must always hold, from the effects alone."""

    def __init__(self) -> None:
        self.seq: dict[str, int] = {}
        self.assignments: dict[str, Any] = {}
        self.states: dict[str, str] = {}
        self.timers: dict[tuple[str, str], Any] = {}

    def see(self, answers: tuple[effects.Effect, ...]) -> None:
        for answer in answers:
            match answer:
                case effects.TimelineAppended(entry=entry):
                    assert entry.seq == self.seq.get(entry.incident, 0) + 1
                    self.seq[entry.incident] = entry.seq
                    if entry.kind == "state":
                        before, _, after = entry.text.partition(" → ")
                        assert before == self.states.get(entry.incident, "reported")
                        assert after in INCIDENT[before]
                        self.states[entry.incident] = after
                case effects.AssignmentWritten(assignment=new):
                    self._assignment(new)
                case effects.IncidentWritten(incident=incident):
                    assert incident.version == self.seq[incident.id]
                    assert incident.state == self.states.get(incident.id, "reported")
                case effects.TimerSet(timer=timer):
                    self.timers[timer.kind, timer.subject] = timer
                case effects.TimerEnded(kind=kind, subject=subject):
                    del self.timers[kind, subject]

    def _assignment(self, new: Any) -> None:
        old = self.assignments.get(new.id)
        if old is not None:
            assert old.ended is None
            for stamp in ("acknowledged", "en_route", "on_scene", "to_facility", "at_facility"):
                if getattr(old, stamp) is not None:
                    assert getattr(new, stamp) == getattr(old, stamp)
        steps = ("dispatched", "acknowledged", "en_route", "on_scene")
        steps += ("to_facility", "at_facility", "clear")
        written = [time for step in steps if (time := getattr(new, step)) is not None]
        assert written == sorted(written)
        self.assignments[new.id] = new
        active = [a.unit for a in self.assignments.values() if a.ended is None]
        assert len(active) == len(set(active))

    def compare(self, snapshot: Snapshot) -> None:
        active = {a.id: a for a in snapshot.assignments if a.ended is None}
        for unit in snapshot.units:
            if unit.assignment is None:
                assert unit.incident is None
                assert codes.unit_state(unit.state).availability != "committed"
            else:
                assert active.pop(unit.assignment).incident == unit.incident
        assert not active
        assert {(t.kind, t.subject): t for t in snapshot.timers} == self.timers
        over = {i.id for i in snapshot.incidents if not codes.incident_state(i.state).open}
        assert not [a for a in snapshot.alerts if a.incident in over]
        for incident in snapshot.incidents:
            assert (incident.closed_at is not None) == (incident.id in over)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(script=scripts, restart=st.integers(0, 80))
def test_any_script_keeps_the_invariants_and_is_exact(script: list[Any], restart: int) -> None:
    log, watcher = Journal(), Watcher()
    region, twin = Region(REGION, routers), Region(REGION, routers)
    last: journal.Entry = log.fleet()
    first = region.apply(last, log.now)
    assert twin.apply(last, log.now) == first
    for i, (step, seconds) in enumerate(script):
        log.wait(seconds)
        entry = entry_of(step, log, region, last)
        if entry is None:
            continue
        data = wire.encode(entry)
        answers = region.apply(entry, log.now)
        watcher.see(answers)
        watcher.compare(region.snapshot())
        if i == restart:
            kept: Snapshot = wire.decode(wire.encode(twin.snapshot()), Snapshot)
            twin = Region.restore(kept, routers)
        again = twin.apply(wire.decode(data, journal.Entry), log.now)
        assert wire.encode(again) == wire.encode(answers)
        assert wire.encode(wire.decode(wire.encode(answers), tuple[effects.Effect, ...])) == (
            wire.encode(answers)
        )
        if entry is last:
            assert answers == ()
        last = entry
    assert region.snapshot() == twin.snapshot()
