"""The core under any sequence of entries: its invariants, its memory, its exactness."""

from collections import Counter
from datetime import timedelta
from string import Formatter
from typing import Any

import msgspec
import pytest
from dispatch_world import REGION, Journal, fleet, place, routers, standing, streets
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dispatch import Region
from dispatch.assignment import Assigner, FewestSeconds
from dispatch.lifecycle import INCIDENT, NO_RESPONSE, UNIT
from dispatch.plans import missing, wanted
from dispatch.together import JointAssigner
from schemas import codes, effects, journal, wire
from schemas.policy import Joint
from schemas.records import LATEST, TimelineEntry
from schemas.snapshot import Snapshot

CATEGORIES = ("fire", "medical", "traffic_crash", "gas_leak", "other", "manhole_hazard")
UNITS = [unit.id for unit in fleet()]
ARCS = list(streets().arcs.id)
ASKED = ("confirm_dispatch", "unresourced", "unlocated", "surplus")
STATUSES = [*UNIT, "nonsense"]

spots = st.tuples(st.integers(0, 14), st.integers(0, 14)).map(
    lambda cell: place(cell[0] / 2, cell[1] / 2)
)

steps = st.one_of(
    st.tuples(
        st.just("evidence"),
        st.sampled_from(CATEGORIES),
        st.sampled_from(["P1", "P2", "P3", "P4", "unknown"]),
        st.one_of(st.none(), spots),
        st.sampled_from([0.2, 0.6, 0.95]),
        st.sampled_from(["opened", "opened", "opened", "cleared", "silent"]),
        st.integers(0, 5),
    ),
    st.tuples(
        st.just("opinion"),
        st.integers(0, 99),
        st.sampled_from(CATEGORIES),
        st.sampled_from(["P1", "P2", "P3", "P4"]),
        st.sampled_from([0.3, 0.99]),
        st.sampled_from([0.3, 0.99]),
        st.sampled_from([0.0, 0.99]),
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
    st.tuples(st.just("command"), st.integers(0, 99), st.integers(0, 17), st.integers(0, 99)),
    st.tuples(st.just("dry_run"), st.integers(0, 99), st.integers(0, 17), st.integers(0, 99)),
    st.tuples(st.just("merge"), st.integers(0, 99), st.integers(0, 99)),
    st.tuples(st.just("unmerge"), st.integers(0, 99)),
    st.tuples(st.just("policy"), st.integers(1, 3)),
    st.tuples(st.just("tick")),
    st.tuples(st.just("fleet"), st.integers(0, 4)),
    st.tuples(st.just("repeat")),
)
scripts = st.lists(
    st.tuples(steps, st.sampled_from([0, 1, 1, 5, 30, 200])), min_size=10, max_size=80
)


def actions(log: Journal, snapshot: Snapshot, pick: int) -> list[journal.Action]:
    other = snapshot.incidents[pick % len(snapshot.incidents)].id
    noted = snapshot.notes[pick % len(snapshot.notes)].id
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
        journal.Merge(into=other, reason="one event" if pick % 2 else ""),
        journal.Unmerge(reason="two events"),
        journal.Split(evidence=(noted,), reason="another one"),
        journal.Split(evidence=(noted,), reason="that one", into=other),
        journal.KeepApart() if pick % 2 else journal.Reopen(reason="again"),
        journal.Close(disposition="resolved"),
    ]


def entry_of(step: Any, log: Journal, region: Region, last: journal.Entry) -> journal.Entry | None:
    """The journal entry of a step of a script, given what the region knows."""
    snapshot = region.snapshot()
    match step:
        case ("evidence", category, severity, spot, confidence, phase, source):
            if severity == "unknown":
                category, confidence = "other", 0.1
            return log.evidence(
                category,
                severity,
                spot,
                confidence=confidence,
                phase=phase,
                source="sensor",
                source_id=f"s{source}" if phase != "opened" or source < 3 else None,
            )
        case ("opinion", pick, category, severity, confidence, danger, harmless):
            if not snapshot.notes:
                return None
            note = snapshot.notes[pick % len(snapshot.notes)]
            how = {"confidence": confidence, "danger": danger, "harmless": harmless}
            return log.opinion(note.id, category, severity, **how)
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
            action_ = actions(log, snapshot, pick)[action]
            return log.command(_target(snapshot, action_, incident), action_)
        case ("dry_run", incident, action, pick):
            if not snapshot.incidents:
                return None
            action_ = actions(log, snapshot, pick)[action]
            command = log.command(_target(snapshot, action_, incident), action_)
            return msgspec.structs.replace(command, dry_run=True)
        case ("merge", one, two):
            open_ = [i.id for i in snapshot.incidents if codes.incident_state(i.state).open]
            if len(open_) < 2:
                return None
            into = open_.pop(two % len(open_))
            other = open_[one % len(open_)]
            return log.command(other, journal.Merge(into=into, reason="one event"))
        case ("unmerge", pick):
            merged = [i.id for i in snapshot.incidents if i.merged_into is not None]
            if not merged:
                return None
            return log.command(merged[pick % len(merged)], journal.Unmerge(reason="two events"))
        case ("policy", more):
            policy = codes.default_policy()
            plans = tuple(
                msgspec.structs.replace(
                    plan,
                    requirements=tuple(
                        msgspec.structs.replace(r, count=r.count + more - 1)
                        for r in plan.requirements
                    ),
                )
                for plan in policy.plans
            )
            return log.policy(msgspec.structs.replace(policy, version=f"v{more}", plans=plans))
        case ("tick",):
            return log.tick()
        case ("fleet", missing):
            units = fleet()[missing:]
            return journal.FleetChanged(id=log.entry_id(), region=REGION, city="grid", units=units)
        case ("repeat",):
            return last
    raise AssertionError(step)


def _target(snapshot: Snapshot, action: journal.Action, pick: int) -> str:
    """The incident that a command is about, one for which it makes sense where there is one."""
    if isinstance(action, journal.Split):
        return next(n.incident for n in snapshot.notes if n.id == action.evidence[0])
    merged = [i.id for i in snapshot.incidents if i.merged_into is not None]
    if isinstance(action, journal.Unmerge) and merged:
        return merged[pick % len(merged)]
    return snapshot.incidents[pick % len(snapshot.incidents)].id


def _family(snapshot: Snapshot, incident: str) -> set[str]:
    found = {incident}
    while more := {i.id for i in snapshot.incidents if i.merged_into in found} - found:
        found |= more
    return found


def has_words(known: object) -> None:
    """Check that each reason in plain data has words in both languages."""
    if isinstance(known, dict):
        if known.keys() == {"code", "values"}:
            row = codes.reasons()[known["code"]]
            for template in (row.en, row.zh):
                named = {name for _, name, _, _ in Formatter().parse(template) if name}
                assert known["values"].keys() == named
        known = list(known.values())
    if isinstance(known, list | tuple):
        for value in known:
            has_words(value)


class Watcher:
    """Checks what must always hold, from the effects alone."""

    def __init__(self) -> None:
        self.seq: dict[str, int] = {}
        self.assignments: dict[str, Any] = {}
        self.states: dict[str, str] = {}
        self.timers: dict[tuple[str, str], Any] = {}

    def see(self, answers: tuple[effects.Effect, ...], of: journal.Entry) -> None:
        for answer in answers:
            has_words(msgspec.to_builtins(answer))
            match answer:
                case effects.TimelineAppended(entry=entry):
                    assert entry.seq == self.seq.get(entry.incident, 0) + 1
                    self.seq[entry.incident] = entry.seq
                    self._changed(entry)
                    self._named(entry, of)
                case effects.AssignmentWritten(assignment=new):
                    self._assignment(new)
                case effects.IncidentWritten(incident=incident):
                    assert incident.version == self.seq[incident.id]
                    assert incident.state == self.states.get(incident.id, "reported")
                case effects.TimerSet(timer=timer):
                    self.timers[timer.kind, timer.subject] = timer
                case effects.TimerEnded(kind=kind, subject=subject):
                    del self.timers[kind, subject]

    @staticmethod
    def _named(entry: TimelineEntry, of: journal.Entry) -> None:
        """Only an operator or the second reader says what was not read; no neighbour's report."""
        gives = entry.kind == "classified" and "other" in (entry.before, entry.after)
        reads = entry.kind == "severity" and "unknown" in (entry.before, entry.after)
        said = isinstance(of, journal.Command | journal.OpinionNoted)
        assert said or not (gives or reads), entry

    def _changed(self, entry: TimelineEntry) -> None:
        """A line names what it changes, and only such a line does."""
        if entry.kind == "state":
            assert entry.before == self.states.get(entry.incident, "reported")
            # Only unmerge brings back what was merged.
            assert entry.after in INCIDENT[entry.before]
            self.states[entry.incident] = entry.after
        elif entry.kind == "severity":
            assert {entry.before, entry.after} <= set(codes.severities())
        elif entry.kind == "classified" and entry.after:
            assert {entry.before, entry.after} <= set(codes.categories())
        elif entry.kind == "stamp":
            assert {entry.before, entry.after} <= set(codes.unit_states())
        else:
            assert entry.before == entry.after == ""

    @staticmethod
    def obeys(entry: journal.Entry, answers: tuple[effects.Effect, ...]) -> None:
        """A merge calls nobody back; what is only tried changes nothing but by due timers."""
        if not isinstance(entry, journal.Command):
            return
        said = [a for a in answers if isinstance(a, effects.CommandAnswered)]
        lines = [a.entry for a in answers if isinstance(a, effects.TimelineAppended)]
        by_operator = [line for line in lines if line.actor == entry.operator]
        if entry.dry_run and said:
            assert said[0].outcome in ("tried", "refused")
            assert not by_operator
        if isinstance(entry.action, journal.Merge):
            assert not [line for line in lines if line.kind == "unassigned"]

    def only_adds(
        self,
        before: Snapshot,
        entry: journal.Entry,
        answers: tuple[effects.Effect, ...],
        *,
        reassigns: bool,
    ) -> None:
        """The second reader lowers no severity, renames nothing that was read, recalls nobody.

        But what it names or raises wants units, and due timers act before it: an assigner that
        re-assigns may send some there that were on their way elsewhere.
        """
        if not isinstance(entry, journal.OpinionNoted):
            return
        lines = [a.entry for a in answers if isinstance(a, effects.TimelineAppended)]
        own = [line for line in lines if line.actor == "second_reader"]
        recalled = [line for line in lines if line.kind == "unassigned"]
        assert not [line for line in recalled if line.actor == "second_reader"]
        assert reassigns or not recalled
        known = {incident.id: incident for incident in before.incidents}
        rank = {code: row.rank for code, row in codes.severities().items()}
        rank["unknown"] = 9  # any severity is more than none
        for line in own:
            incident = known[line.incident]
            if line.kind == "severity":
                assert rank[line.after] < rank[line.before] == rank[incident.severity]
                assert "severity" not in incident.certain
            if line.kind == "classified":
                assert (line.before, incident.category) == ("other", "other")
                assert "category" not in incident.certain
        for answer in answers:
            if isinstance(answer, effects.IncidentWritten) and answer.incident.id in known:
                was = known[answer.incident.id]
                assert rank[answer.incident.severity] <= rank[was.severity]
                assert answer.incident.confidence == was.confidence

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
        policy = snapshot.policy or codes.default_policy()
        self._unread(snapshot)
        for incident in snapshot.incidents:
            assert (incident.closed_at is not None) == (incident.id in over)
            if incident.state in NO_RESPONSE or incident.severity not in ("P1", "P2"):
                continue
            if incident.point is None:
                continue
            family = _family(snapshot, incident.id)
            sent = [
                a
                for a in snapshot.assignments
                if (a.origin or a.incident) in family
                and (
                    a.ended is None
                    or incident.reopened_at is None
                    or a.dispatched >= incident.reopened_at
                )
            ]
            lacks = missing(wanted(policy, incident), sent)
            alerts = {a.kind for a in snapshot.alerts if a.incident == incident.id}
            assert not lacks or alerts & {"unresourced", "confirm_dispatch"}, incident.number
        self._evidence(snapshot)

    @staticmethod
    def _unread(snapshot: Snapshot) -> None:
        """What nobody has read is asked about, and nothing else is asked about it."""
        open_ = [i for i in snapshot.incidents if codes.incident_state(i.state).open]
        unread = {i.id for i in open_ if i.severity == "unknown"}
        asked = {a.incident for a in snapshot.alerts if a.kind == "unread"}
        assert asked == unread
        others = {a.incident for a in snapshot.alerts if a.kind in ASKED}
        assert not others & unread

    @staticmethod
    def _evidence(snapshot: Snapshot) -> None:
        """Each piece of evidence is in one incident, and the records count theirs."""
        into = {i.id: i.merged_into for i in snapshot.incidents}
        counts: Counter[str] = Counter()
        for note in snapshot.notes:
            incident: str | None = note.incident
            while incident is not None:
                counts[incident] += 1
                incident = into[incident]
        for incident_ in snapshot.incidents:
            assert incident_.evidence_count == counts[incident_.id]
            assert len(incident_.evidence) == min(LATEST, counts[incident_.id])
            assert counts[incident_.id] > 0
        open_mergers = {m.incident: m.into for m in snapshot.mergers}
        assert open_mergers == {child: root for child, root in into.items() if root is not None}


def undo_is_exact(region: Region, log: Journal, merge: journal.Command, assigner: Assigner) -> None:
    """Unmerge after merge equals before, but for the timeline."""
    copy = Region.restore(region.snapshot(), routers, assigner=assigner)
    copy.apply(log.tick(), log.now)
    before = standing(copy)
    copy.apply(msgspec.structs.replace(merge, dry_run=False), log.now)
    if any(i.id == merge.incident and i.state == "merged" for i in copy.snapshot().incidents):
        if before["incidents"][merge.incident]["merged_into"] is not None:
            return
        copy.apply(log.command(merge.incident, journal.Unmerge(reason="no")), log.now)
        after = standing(copy)
        for known in (before, after):
            # Who is free now is looked up anew: what is short and asked for may be another.
            for incident in known["incidents"].values():
                del incident["short"], incident["resourced_at"]
            known["timers"] = [t for t in known["timers"] if t[0] not in ("unresourced", "look")]
            known["alerts"] = {a for a in known["alerts"] if a[1] not in ASKED}
        assert after == before


ASSIGNERS: tuple[Assigner, ...] = (FewestSeconds(), JointAssigner(Joint(least_gain=0.0)))
"""An assigner that is added here is tried with any script."""


@pytest.mark.parametrize("assigner", ASSIGNERS, ids=lambda assigner: type(assigner).__name__)
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(script=scripts, restart=st.integers(0, 80))
def test_any_script_keeps_the_invariants_and_is_exact(
    assigner: Assigner, script: list[Any], restart: int
) -> None:
    log, watcher = Journal(), Watcher()
    region, twin = (Region(REGION, routers, assigner=assigner) for _ in range(2))
    last: journal.Entry = log.fleet()
    first = region.apply(last, log.now)
    assert twin.apply(last, log.now) == first
    for i, (step, seconds) in enumerate(script):
        log.wait(seconds)
        entry = entry_of(step, log, region, last)
        if entry is None:
            continue
        data = wire.encode(entry)
        if isinstance(entry, journal.Command) and isinstance(entry.action, journal.Merge):
            undo_is_exact(region, log, entry, assigner)
        before = region.snapshot()
        answers = region.apply(entry, log.now)
        watcher.see(answers, entry)
        watcher.only_adds(before, entry, answers, reassigns=assigner.reassigns)
        watcher.obeys(entry, answers)
        watcher.compare(region.snapshot())
        if i == restart:
            kept: Snapshot = wire.decode(wire.encode(twin.snapshot()), Snapshot)
            twin = Region.restore(kept, routers, assigner=assigner)
        again = twin.apply(wire.decode(data, journal.Entry), log.now)
        assert wire.encode(again) == wire.encode(answers)
        assert wire.encode(wire.decode(wire.encode(answers), tuple[effects.Effect, ...])) == (
            wire.encode(answers)
        )
        if entry is last:
            assert answers == ()
        last = entry
    assert region.snapshot() == twin.snapshot()
