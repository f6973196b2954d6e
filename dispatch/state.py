"""A region's memory, and the effects of the entry at hand.

Every change goes through here, so that whatever is remembered is also an effect: what the
ledger gets and what the core knows cannot differ.
"""

import heapq
from bisect import insort
from collections.abc import Iterable, Iterator
from copy import copy
from datetime import datetime, timedelta
from typing import Any

import msgspec

from dispatch.asked import Asked, InForce, Known
from dispatch.candidates import Candidates
from dispatch.indexes import Ordered, copied
from dispatch.invariants import Touched, check
from dispatch.lifecycle import FINAL, NO_RESPONSE
from dispatch.marks import Marks
from dispatch.notes import Notes
from schemas import codes
from schemas.effects import (
    AlertWritten,
    AssignmentWritten,
    ConditionEnded,
    ConditionWritten,
    Effect,
    IncidentsForgotten,
    IncidentWritten,
    MergeWritten,
    TimelineAppended,
    TimerEnded,
    TimerSet,
    UnitWritten,
)
from schemas.ids import derive
from schemas.kinds import AlertKind, AssignmentChange, TimelineKind, TimerKind
from schemas.policy import Policy, Timers
from schemas.records import (
    Alert,
    Assignment,
    Condition,
    Evidence,
    Incident,
    Merger,
    Reason,
    TimelineEntry,
    Timer,
    Unit,
)
from schemas.snapshot import SEEN, Snapshot
from schemas.words import because

_FOR_CANDIDATES = frozenset(
    ("category", "confidence", "readings", "certain", "point", "noticed_at", "state")
)
_FOR_ORDER = frozenset(("severity", "opened_at", "state", "short", "closed_at", "merged_into"))
"""Fields of an incident by which it is looked up."""


class State:
    """What a region knows now. Holds records by id; ``effects`` are those of one entry.

    ``marks`` are what the entry touched and is still to be settled; ``asked`` what the router
    has answered in it, ``known`` what of that holds on, ``in_force`` the street conditions of now
    as one value.
    """

    def __init__(self, snapshot: Snapshot, default_policy: Policy) -> None:
        self.region = snapshot.region
        self.clock: datetime | None = snapshot.clock
        self.policy = snapshot.policy or default_policy
        self.city = snapshot.city
        self.fences = snapshot.fences
        self.incidents = {incident.id: incident for incident in snapshot.incidents}
        self.units = {unit.id: unit for unit in snapshot.units}
        self.assignments = {assignment.id: assignment for assignment in snapshot.assignments}
        self.alerts = {alert.id: alert for alert in snapshot.alerts}
        self.conditions = {condition.id: condition for condition in snapshot.conditions}
        self.timers: dict[tuple[str, str], Timer] = {}
        self.mergers = {merger.incident: merger for merger in snapshot.mergers}
        self.notes = Notes(snapshot.notes)
        self.numbers = dict(snapshot.numbers)
        self.apart: dict[str, dict[str, None]] = {}
        for one, other in snapshot.separations:
            if one in self.incidents and other in self.incidents:
                self.keep_apart(one, other)
        self.seen = dict.fromkeys(snapshot.seen)
        self._policy_written = snapshot.policy is not None
        self.cause = ""
        self.effects: list[Effect] = []
        self._touched = Touched()
        self._dirty_incidents: dict[str, None] = {}
        self._dirty_units: dict[str, None] = {}
        self.marks = Marks()
        self.asked = Asked()
        self.known = Known()
        self.in_force: InForce | None = None
        self._index_all(snapshot)

    def _index_all(self, snapshot: Snapshot) -> None:
        """Build what is looked up by; each change of a record keeps it in step."""
        self._open = Ordered[str]()
        self._short: dict[str, Ordered[str]] = {}
        self._over = Ordered[str]()
        self._candidates: Candidates | None = Candidates(self.policy, snapshot.incidents)
        self._due = Ordered[tuple[str, str]]()
        self._looks: dict[str, None] = {}
        self._free: dict[str, dict[str, None]] = {}
        self._assignments_by_incident: dict[str, list[str]] = {}
        self._assignments_by_origin: dict[str, list[str]] = {}
        self._diverted: dict[str, list[str]] = {}
        self._alerts_by_incident: dict[str, list[str]] = {}
        self._asked_about: dict[str, dict[str, None]] = {}
        for timer in snapshot.timers:
            self._keep_timer(timer)
        for incident in snapshot.incidents:
            if incident.merged_into is not None:
                self.notes.merge(incident.id, incident.merged_into)
            self._index_incident(incident)
            self._index_short(None, incident)
        for unit in snapshot.units:
            self._index_unit(unit)
        for assignment in snapshot.assignments:
            self._index(assignment)
            self._index_diverted(assignment)
        for alert in snapshot.alerts:
            self._index_alert(alert)

    def copy(self) -> "State":
        """Return a state that stands where this one does within an entry, to be changed by itself.

        Records are frozen and are shared. It has no effects and no marks yet.
        """
        twin: State = copy(self)
        twin.incidents, twin.units = self.incidents.copy(), self.units.copy()
        twin.assignments, twin.alerts = self.assignments.copy(), self.alerts.copy()
        twin.conditions, twin.timers = self.conditions.copy(), self.timers.copy()
        twin.mergers, twin.notes = self.mergers.copy(), self.notes.copy()
        twin.numbers, twin.apart = self.numbers.copy(), copied(self.apart)
        twin.seen = self.seen.copy()
        twin.effects, twin.marks, twin.asked, twin.known = [], Marks(), Asked(), Known()
        twin._touched = Touched()
        twin._dirty_incidents, twin._dirty_units = {}, {}
        twin._open, twin._over, twin._due = self._open.copy(), self._over.copy(), self._due.copy()
        twin._short = {capability: order.copy() for capability, order in self._short.items()}
        twin._candidates = None  # costs most of all, and is hardly asked on a copy
        twin._looks, twin._free = self._looks.copy(), copied(self._free)
        twin._assignments_by_incident = copied(self._assignments_by_incident)
        twin._assignments_by_origin = copied(self._assignments_by_origin)
        twin._diverted = copied(self._diverted)
        twin._alerts_by_incident = copied(self._alerts_by_incident)
        twin._asked_about = copied(self._asked_about)
        return twin

    # -- the entry at hand ---------------------------------------------------------------

    @property
    def now(self) -> datetime:
        """The journal's clock; only asked for while an entry is applied."""
        assert self.clock is not None
        return self.clock

    def begin(self, cause: str, at: datetime) -> None:
        """Start on an entry: remember its id, move the clock, forget what is long over."""
        self.cause = cause
        self.effects = []
        self.asked = Asked()
        self._touched = Touched()
        self.clock = at if self.clock is None else max(self.clock, at)
        self.seen[cause] = None
        if len(self.seen) > SEEN:
            del self.seen[next(iter(self.seen))]
        self._forget()

    def finish(self) -> tuple[Effect, ...]:
        """Return the entry's effects; what changed after its last line comes at the end, once.

        Raises
        ------
        InvariantBroken
            What the entry has done cannot be.
        """
        check(self, self._touched, self.effects)
        for incident in self._dirty_incidents:
            self.effects.append(IncidentWritten(incident=self.incidents[incident]))
        for unit in self._dirty_units:
            self.effects.append(UnitWritten(unit=self.units[unit]))
        self._dirty_incidents.clear()
        self._dirty_units.clear()
        return tuple(self.effects)

    def emit(self, effect: Effect) -> None:
        """Add an effect that changes no record here."""
        self.effects.append(effect)

    def touch(self, incident: str) -> None:
        """Settle an incident at the end of the entry: its demand may have changed."""
        self.marks.incident(incident)

    def touch_way(self, incident: str, why: Reason) -> None:
        """Find the ways of an incident's units again at the end of the entry."""
        self.marks.way(incident, why)

    def take_marks(self) -> Marks:
        """Return what is to be settled, and begin anew."""
        marks, self.marks = self.marks, Marks()
        return marks

    # -- incidents -----------------------------------------------------------------------

    def add_incident(self, incident: Incident) -> None:
        """Take in a new incident."""
        self._keep_incident(incident)

    def change_incident(self, incident: str, **changes: Any) -> Incident:  # noqa: ANN401 - fields
        """Change fields of an incident and return it."""
        before = self.incidents[incident]
        changed = msgspec.structs.replace(before, **(changes | {"updated_at": self.now}))
        if changed.merged_into != before.merged_into:
            if before.merged_into is not None:
                self.notes.unmerge(incident, before.merged_into)
            if changed.merged_into is not None:
                self.notes.merge(incident, changed.merged_into)
        self._keep_incident(changed, changes.keys())
        return changed

    def _keep_incident(self, incident: Incident, changed: Iterable[str] | None = None) -> None:
        """Keep an incident of which fields have ``changed``; any of them if None."""
        before = self.incidents.get(incident.id)
        self._touched.incidents.setdefault(incident.id, before)
        self.incidents[incident.id] = incident
        self._dirty_incidents[incident.id] = None
        if self._candidates is not None and (
            changed is None or not _FOR_CANDIDATES.isdisjoint(changed)
        ):
            self._candidates.put(incident)
        if changed is None or not _FOR_ORDER.isdisjoint(changed):
            self._index_incident(incident)
            if incident.short or (before is not None and before.short):
                self._index_short(before, incident)

    def _index_short(self, before: Incident | None, incident: Incident) -> None:
        """Keep in step who is short of what; of nothing where nobody is to be sent."""
        for short in () if before is None else before.short:
            order = self._short.get(short.capability)
            if order is not None:
                order.drop(incident.id)
        rank = codes.severity(incident.severity).rank
        for short in () if incident.state in NO_RESPONSE else incident.short:
            order = self._short.setdefault(short.capability, Ordered())
            order.put(incident.id, (rank, incident.opened_at))

    def _index_incident(self, incident: Incident) -> None:
        rank = codes.severity(incident.severity).rank
        if incident.state in FINAL:
            self._open.drop(incident.id)
        else:
            self._open.put(incident.id, (rank, incident.opened_at))
        if incident.closed_at is None or incident.merged_into is not None:
            self._over.drop(incident.id)
        else:
            self._over.put(incident.id, incident.closed_at)

    def append(
        self,
        incident: str,
        kind: TimelineKind,
        actor: str,
        said: Reason,
        reasons: tuple[Reason, ...] = (),
        *,
        change: tuple[str, str] = ("", ""),
    ) -> None:
        """Append the next line to an incident's timeline.

        ``change`` are the codes before and after, of a line that changes state, severity or
        category.
        """
        version = self.incidents[incident].version + 1
        self.change_incident(incident, version=version)
        entry = TimelineEntry(
            incident=incident,
            seq=version,
            at=self.now,
            kind=kind,
            actor=actor,
            said=said,
            reasons=reasons,
            cause=self.cause,
            before=change[0],
            after=change[1],
        )
        self.effects.append(TimelineAppended(entry=entry))
        self.effects.append(IncidentWritten(incident=self.incidents[incident]))
        del self._dirty_incidents[incident]

    def open_incidents(self) -> list[str]:
        """Return the incidents that may still need somebody, worst and oldest first."""
        return list(self._open)

    def short_of_free(
        self, capabilities: Iterable[str] | None = None, behind: str | None = None
    ) -> Iterator[str]:
        """Yield the incidents that are short of units that are free, worst and oldest first.

        Parameters
        ----------
        capabilities
            Only those short of one of these; of any if None.
        behind
            Only those behind this incident, whether it is short or not; all if it is not known.
        """
        asked = self._short if capabilities is None else capabilities
        lists = [
            self._short[capability].beyond(self._rank(behind))
            for capability in sorted(asked)
            if capability in self._short and self.is_free(capability)
        ]
        last = None
        for place in heapq.merge(*lists):
            if place != last:
                yield place[1]
            last = place

    def is_behind(self, incident: str, other: str) -> bool:
        """Tell whether an incident comes after another one; one that is not known comes first."""
        one, two = self._rank(incident), self._rank(other)
        return two is None or (one is not None and one > two)

    def _rank(self, incident: str | None) -> tuple[tuple[int, datetime], str] | None:
        record = None if incident is None else self.incidents.get(incident)
        if record is None:
            return None
        return (codes.severity(record.severity).rank, record.opened_at), record.id

    def candidates(self, evidence: Evidence, at: datetime | None = None) -> set[str]:
        """Return all incidents that evidence of a time, or of now, may belong to, and others."""
        if self._candidates is None:
            self._candidates = Candidates(self.policy, self.incidents.values())
        return self._candidates.of(evidence, at or self.now)

    def root(self, incident: str) -> Incident:
        """Return the incident that has taken this one in, or itself."""
        record = self.incidents[incident]
        while record.merged_into in self.incidents:
            record = self.incidents[record.merged_into]
        return record

    def put_merger(self, merger: Merger) -> None:
        """Take in what a merge did, or that it is undone."""
        if merger.undone_at is None:
            self.mergers[merger.incident] = merger
        else:
            del self.mergers[merger.incident]
        self.effects.append(MergeWritten(merger=merger))

    def next_number(self) -> str:
        """Return the number of the next incident of the city's day, counting up."""
        local = self.now + timedelta(minutes=self.policy.utc_offset_minutes)
        day = f"{local:%Y%m%d}"
        count = self.numbers.get(day, 0) + 1
        self.numbers[day] = count
        return f"{self.region}-{day}-{count:04d}"

    # -- units and assignments -----------------------------------------------------------

    def put_unit(self, unit: Unit) -> None:
        """Take in a new unit, or a changed one."""
        before = self.units.get(unit.id)
        self._touched.units.append((before, unit))
        self.units[unit.id] = unit
        self._dirty_units[unit.id] = None
        if before is not None:
            for capability in before.capabilities:
                self._free.get(capability, {}).pop(unit.id, None)
        self._index_unit(unit)
        was_free = before is not None and is_free(before)
        if is_free(unit) and not was_free:
            self.marks.free(unit.capabilities)
        if was_free and not is_free(unit):
            self.marks.taken[unit.id] = None

    def _index_unit(self, unit: Unit) -> None:
        if is_free(unit):
            for capability in unit.capabilities:
                self._free.setdefault(capability, {})[unit.id] = None

    def free_units(self, capabilities: Iterable[str]) -> list[Unit]:
        """Return the free units that have any of these capabilities, in order of their ids."""
        found = {unit for capability in capabilities for unit in self._free.get(capability, ())}
        return [self.units[unit] for unit in sorted(found)]

    def is_free(self, capability: str) -> bool:
        """Tell whether any unit with a capability is free."""
        return bool(self._free.get(capability))

    def change_unit(self, unit: str, **changes: Any) -> Unit:  # noqa: ANN401 - fields
        """Change fields of a unit and return it."""
        changed = msgspec.structs.replace(self.units[unit], **changes)
        self.put_unit(changed)
        return changed

    def freed(self) -> list[str]:
        """Return the units that the entry has freed and that still are, in order of their ids."""
        before: dict[str, Unit | None] = {}
        for was, unit in self._touched.units:
            before.setdefault(unit.id, was)
        return sorted(
            unit
            for unit, was in before.items()
            if was is not None and not is_free(was) and is_free(self.units[unit])
        )

    def put_assignment(self, assignment: Assignment, change: AssignmentChange) -> None:
        """Take in a new assignment, or a changed one; ``change`` says what happened."""
        before = self.assignments.get(assignment.id)
        self._touched.assignments.append((before, assignment))
        if before is None:
            self._index(assignment)
        self.assignments[assignment.id] = assignment
        self._index_diverted(assignment)
        self.effects.append(AssignmentWritten(assignment=assignment, change=change, at=self.now))

    def assignments_of(self, incident: str, *, active: bool = True) -> list[Assignment]:
        """Return an incident's assignments in order of id; by default the active ones."""
        mine = [self.assignments[key] for key in self._assignments_by_incident.get(incident, ())]
        return [assignment for assignment in mine if assignment.ended is None or not active]

    def sent_for(self, incident: str) -> list[Assignment]:
        """Return all assignments made for an incident, or for one that it took in.

        Wherever their units went with a merge since, or came back from.
        """
        keys = [
            key
            for member in self.notes.family(incident)
            for key in self._assignments_by_origin.get(member, ())
        ]
        return [self.assignments[key] for key in sorted(keys)]

    def diverted_at(self, unit: str) -> datetime | None:
        """Return when a unit was last sent elsewhere on its way, as far as that is remembered."""
        ended = (self.assignments[key].clear for key in self._diverted.get(unit, ()))
        return max((clear for clear in ended if clear is not None), default=None)

    # -- alerts, timers, conditions ------------------------------------------------------

    def raise_alert(
        self,
        incident: str,
        kind: AlertKind,
        said: Reason,
        *,
        priority: int | None = None,
        subject: str | None = None,
    ) -> None:
        """Raise an alert; one a kind and subject stands at a time, with what was said last."""
        for alert in self._alerts_of(incident, (kind,), subject):
            if alert.said == said:
                return
            self._end_alert(alert, because("alert_replaced"))
        alert = Alert(
            id=derive(self.cause, f"alert/{incident}/{kind}/{subject or ''}/{len(self.effects)}"),
            incident=incident,
            kind=kind,
            priority=priority or codes.alert_kind(kind).priority,
            said=said,
            raised_at=self.now,
            subject=subject,
        )
        self.alerts[alert.id] = alert
        self._index_alert(alert)
        self.effects.append(AlertWritten(alert=alert))

    def end_alerts(
        self, incident: str, why: Reason, *kinds: AlertKind, subject: str | None = None
    ) -> None:
        """End an incident's alerts of these kinds (of all without any), of a subject if given.

        Who ended them is a reason, too: ``by_actor``.
        """
        for alert in self._alerts_of(incident, kinds, subject):
            self._end_alert(alert, why)

    def has_alert(self, incident: str, kind: AlertKind) -> bool:
        """Tell whether an alert of this kind stands."""
        return bool(self._alerts_of(incident, (kind,), None))

    def alerts_of(self, incident: str) -> list[Alert]:
        """Return an incident's alerts in order of their ids."""
        return self._alerts_of(incident, (), None)

    def asked_about(self, units: Iterable[str]) -> list[str]:
        """Return the incidents to which an operator is asked to send any of these units."""
        return [incident for unit in units for incident in self._asked_about.get(unit, ())]

    def _index_alert(self, alert: Alert) -> None:
        insort(self._alerts_by_incident.setdefault(alert.incident, []), alert.id)
        for unit in _asks_about(alert):
            self._asked_about.setdefault(unit, {})[alert.incident] = None

    def _alerts_of(
        self, incident: str, kinds: tuple[AlertKind, ...], subject: str | None
    ) -> list[Alert]:
        mine = [self.alerts[alert] for alert in self._alerts_by_incident.get(incident, ())]
        return [
            alert
            for alert in mine
            if (not kinds or alert.kind in kinds) and (subject is None or alert.subject == subject)
        ]

    def _end_alert(self, alert: Alert, why: Reason) -> None:
        del self.alerts[alert.id]
        mine = self._alerts_by_incident[alert.incident]
        mine.remove(alert.id)
        if not mine:
            del self._alerts_by_incident[alert.incident]
        for unit in _asks_about(alert):
            self._asked_about[unit].pop(alert.incident, None)
        ended = msgspec.structs.replace(alert, ended_at=self.now, ended=why)
        self.effects.append(AlertWritten(alert=ended))

    def set_timer(self, kind: TimerKind, subject: str, due: datetime) -> None:
        """Promise to look again at ``due``; replaces an earlier promise of the same kind."""
        timer = Timer(kind=kind, subject=subject, due=due)
        self._keep_timer(timer)
        self.effects.append(TimerSet(timer=timer))

    def _keep_timer(self, timer: Timer) -> None:
        self.timers[timer.kind, timer.subject] = timer
        if timer.kind == "look":
            self._looks[timer.subject] = None
        self._due.put((timer.kind, timer.subject), timer.due)

    def end_timer(self, kind: TimerKind, subject: str) -> None:
        """Withdraw a promise, if it stands."""
        if self.timers.pop((kind, subject), None) is not None:
            self._due.drop((kind, subject))
            if kind == "look":
                del self._looks[subject]
            self.effects.append(TimerEnded(kind=kind, subject=subject))

    def next_due(self) -> datetime | None:
        """Return when the earliest timer is due."""
        due: datetime | None = self._due.first()
        return due

    def due_timers(self, most: int) -> list[Timer]:
        """Return the first timers due by now, at most so many: by time, then kind and subject."""
        return [self.timers[key] for key in self._due.until(self.now, most)]

    def looks(self) -> list[str]:
        """Return the subjects of timers that go on looking for work."""
        return list(self._looks)

    def timing(self, severity: str) -> Timers:
        """Return the policy's times for a severity (those of the worst for an unknown one)."""
        timers = self.policy.timers
        return timers.get(severity) or timers[min(timers)]

    def put_condition(self, condition: Condition) -> None:
        """Take in a street condition, or a changed one."""
        self.conditions[condition.id] = condition
        self._streets_are_others()
        self.effects.append(ConditionWritten(condition=condition))

    def end_condition(self, condition: str) -> bool:
        """Forget a street condition; False if there was none."""
        if self.conditions.pop(condition, None) is None:
            return False
        self._streets_are_others()
        self.effects.append(ConditionEnded(condition=condition, at=self.now))
        return True

    def _streets_are_others(self) -> None:
        self.in_force = None
        self.asked = Asked()

    # -- the whole -----------------------------------------------------------------------

    def snapshot(self) -> Snapshot:
        """Return all of it; see `Snapshot` for the order of its lists."""
        return Snapshot(
            region=self.region,
            clock=self.clock,
            policy=self.policy if self._policy_written else None,
            city=self.city,
            fences=self.fences,
            incidents=_by_id(self.incidents),
            units=_by_id(self.units),
            assignments=_by_id(self.assignments),
            alerts=_by_id(self.alerts),
            conditions=_by_id(self.conditions),
            timers=tuple(timer for _, timer in sorted(self.timers.items())),
            numbers=dict(sorted(self.numbers.items())),
            separations=tuple(
                sorted(
                    (one, two) for one, others in self.apart.items() for two in others if one < two
                )
            ),
            notes=self.notes.all(),
            mergers=tuple(sorted(self.mergers.values(), key=lambda merger: merger.id)),
            seen=tuple(self.seen),
        )

    def set_policy(self, policy: Policy) -> None:
        """Decide by this policy from here on."""
        self.policy = policy
        self._policy_written = True
        self._candidates = None  # made again when it is asked
        self.asked = Asked()

    def set_city(self, city: str) -> None:
        """Send units over this city's streets from here on."""
        self.city = city
        self._streets_are_others()

    def _index(self, assignment: Assignment) -> None:
        insort(self._assignments_by_incident.setdefault(assignment.incident, []), assignment.id)
        origin = assignment.origin or assignment.incident
        insort(self._assignments_by_origin.setdefault(origin, []), assignment.id)

    def _index_diverted(self, assignment: Assignment) -> None:
        if assignment.diversion:
            self._diverted.setdefault(assignment.unit, []).append(assignment.id)

    def _forget_diverted(self, assignment: Assignment) -> None:
        if assignment.diversion:
            mine = self._diverted[assignment.unit]
            mine.remove(assignment.id)
            if not mine:
                del self._diverted[assignment.unit]

    def _forget(self) -> None:
        """Drop closed incidents whose memory time is over, with all that hangs on them."""
        begin = self.now - timedelta(seconds=self.policy.closed_memory_s)
        # What was merged is remembered as long as what it is a part of now.
        over = [
            incident
            for closed in self._over.until(begin)
            for incident in reversed(self.notes.family(closed))
        ]
        for incident in over:
            self._forget_incident(self.incidents[incident])
        if over:
            self.effects.append(IncidentsForgotten(incidents=tuple(over), at=self.now))

    def _forget_incident(self, incident: Incident) -> None:
        self.notes.forget(incident.id)
        if incident.merged_into is not None:
            self.notes.unmerge(incident.id, incident.merged_into)
        self._over.drop(incident.id)
        if self._candidates is not None:
            self._candidates.drop(incident.id)
        self.mergers.pop(incident.id, None)
        for other in self.apart.pop(incident.id, {}):
            self.apart[other].pop(incident.id)
            if not self.apart[other]:
                del self.apart[other]
        for key in self._assignments_by_incident.pop(incident.id, ()):
            origin = self.assignments[key].origin or incident.id
            made = self._assignments_by_origin[origin]
            made.remove(key)
            if not made:
                del self._assignments_by_origin[origin]
            self._forget_diverted(self.assignments[key])
            del self.assignments[key]
        del self.incidents[incident.id]

    def keep_apart(self, one: str, other: str) -> None:
        """Remember that an operator says that two incidents are not the same event."""
        self.apart.setdefault(one, {})[other] = None
        self.apart.setdefault(other, {})[one] = None


def is_free(unit: Unit) -> bool:
    """Tell whether a unit can be sent."""
    return codes.unit_state(unit.state).availability == "available"


def _asks_about(alert: Alert) -> list[str]:
    """Return the units that an operator is asked to send."""
    units = alert.said.values.get("units") if alert.kind == "confirm_dispatch" else None
    return units.split(", ") if isinstance(units, str) else []


def _by_id(records: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(record for _, record in sorted(records.items()))
