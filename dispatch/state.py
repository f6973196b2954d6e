"""A region's memory, and the effects of the entry at hand.

Every change goes through here, so that whatever is remembered is also an effect: what the
ledger gets and what the core knows cannot differ.
"""

from bisect import insort
from datetime import datetime, timedelta
from typing import Any

import msgspec

from dispatch.transitions import FINAL
from schemas import codes
from schemas.effects import (
    AlertWritten,
    AssignmentWritten,
    ConditionEnded,
    ConditionWritten,
    Effect,
    IncidentWritten,
    TimelineAppended,
    TimerEnded,
    TimerSet,
    UnitWritten,
)
from schemas.ids import derive
from schemas.policy import Policy, Timers
from schemas.records import (
    Alert,
    Assignment,
    Condition,
    Incident,
    TimelineEntry,
    Timer,
    Unit,
)
from schemas.snapshot import SEEN, Snapshot


class State:
    """What a region knows now. Holds records by id; ``effects`` are those of one entry."""

    def __init__(self, snapshot: Snapshot, default_policy: Policy) -> None:
        self.region = snapshot.region
        self.clock: datetime | None = snapshot.clock
        self.policy = snapshot.policy or default_policy
        self.city = snapshot.city
        self.incidents = {incident.id: incident for incident in snapshot.incidents}
        self.units = {unit.id: unit for unit in snapshot.units}
        self.assignments = {assignment.id: assignment for assignment in snapshot.assignments}
        self.alerts = {alert.id: alert for alert in snapshot.alerts}
        self.conditions = {condition.id: condition for condition in snapshot.conditions}
        self.timers = {(timer.kind, timer.subject): timer for timer in snapshot.timers}
        self.numbers = dict(snapshot.numbers)
        self.separations = dict.fromkeys(
            pair for pair in snapshot.separations if set(pair) <= self.incidents.keys()
        )
        self.seen = dict.fromkeys(snapshot.seen)
        self._policy_written = snapshot.policy is not None
        self.cause = ""
        self.effects: list[Effect] = []
        self._dirty_incidents: dict[str, None] = {}
        self._dirty_units: dict[str, None] = {}
        self._assignments_by_incident: dict[str, list[str]] = {}
        for assignment in snapshot.assignments:
            self._index(assignment)
        self._first_closed = min(
            (i.closed_at for i in self.incidents.values() if i.closed_at is not None), default=None
        )

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
        self.clock = at if self.clock is None else max(self.clock, at)
        self.seen[cause] = None
        if len(self.seen) > SEEN:
            del self.seen[next(iter(self.seen))]
        self._forget()

    def finish(self) -> tuple[Effect, ...]:
        """Return the entry's effects; changed incidents and units come last, each once."""
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

    # -- incidents -----------------------------------------------------------------------

    def add_incident(self, incident: Incident) -> None:
        """Take in a new incident."""
        self.incidents[incident.id] = incident
        self._dirty_incidents[incident.id] = None

    def change_incident(self, incident: str, **changes: Any) -> Incident:  # noqa: ANN401 - fields
        """Change fields of an incident and return it."""
        changed = msgspec.structs.replace(
            self.incidents[incident], **(changes | {"updated_at": self.now})
        )
        self.incidents[incident] = changed
        self._dirty_incidents[incident] = None
        if changed.closed_at is not None and self._first_closed is None:
            self._first_closed = changed.closed_at
        return changed

    def append(
        self,
        incident: str,
        kind: str,
        actor: str,
        text: str,
        reasons: tuple[str, ...] = (),
    ) -> None:
        """Append the next line to an incident's timeline."""
        version = self.incidents[incident].version + 1
        self.change_incident(incident, version=version)
        entry = TimelineEntry(
            incident=incident,
            seq=version,
            at=self.now,
            kind=kind,
            actor=actor,
            text=text,
            reasons=reasons,
            cause=self.cause,
        )
        self.effects.append(TimelineAppended(entry=entry))

    def open_incidents(self) -> list[Incident]:
        """Return the incidents that may still need somebody, in order of id."""
        return [
            self.incidents[incident]
            for incident in sorted(self.incidents)
            if self.incidents[incident].state not in FINAL
        ]

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
        self.units[unit.id] = unit
        self._dirty_units[unit.id] = None

    def change_unit(self, unit: str, **changes: Any) -> Unit:  # noqa: ANN401 - fields
        """Change fields of a unit and return it."""
        changed = msgspec.structs.replace(self.units[unit], **changes)
        self.put_unit(changed)
        return changed

    def put_assignment(self, assignment: Assignment, change: str) -> None:
        """Take in a new assignment, or a changed one; ``change`` says what happened."""
        if assignment.id not in self.assignments:
            self._index(assignment)
        self.assignments[assignment.id] = assignment
        self.effects.append(AssignmentWritten(assignment=assignment, change=change, at=self.now))

    def assignments_of(self, incident: str, *, active: bool = True) -> list[Assignment]:
        """Return an incident's assignments in order of id; by default the active ones."""
        mine = [self.assignments[key] for key in self._assignments_by_incident.get(incident, ())]
        return [assignment for assignment in mine if assignment.ended is None or not active]

    # -- alerts, timers, conditions ------------------------------------------------------

    def raise_alert(
        self,
        incident: str,
        kind: str,
        text: str,
        *,
        priority: int | None = None,
        subject: str | None = None,
    ) -> None:
        """Raise an alert; one a kind and subject stands at a time, with its newest text."""
        for alert in self._alerts_of(incident, (kind,), subject):
            if alert.text == text:
                return
            self._end_alert(alert, "superseded")
        alert = Alert(
            id=derive(self.cause, f"alert/{incident}/{kind}/{subject or ''}/{len(self.effects)}"),
            incident=incident,
            kind=kind,
            priority=priority or codes.alert_kind(kind).priority,
            text=text,
            raised_at=self.now,
            subject=subject,
        )
        self.alerts[alert.id] = alert
        self.effects.append(AlertWritten(alert=alert))

    def end_alerts(self, incident: str, by: str, *kinds: str, subject: str | None = None) -> None:
        """End an incident's alerts of these kinds (of all without any), of a subject if given."""
        for alert in self._alerts_of(incident, kinds, subject):
            self._end_alert(alert, by)

    def has_alert(self, incident: str, kind: str) -> bool:
        """Tell whether an alert of this kind stands."""
        return bool(self._alerts_of(incident, (kind,), None))

    def _alerts_of(self, incident: str, kinds: tuple[str, ...], subject: str | None) -> list[Alert]:
        return [
            alert
            for _, alert in sorted(self.alerts.items())
            if alert.incident == incident
            and (not kinds or alert.kind in kinds)
            and (subject is None or alert.subject == subject)
        ]

    def _end_alert(self, alert: Alert, by: str) -> None:
        del self.alerts[alert.id]
        ended = msgspec.structs.replace(alert, ended_at=self.now, ended_by=by)
        self.effects.append(AlertWritten(alert=ended))

    def set_timer(self, kind: str, subject: str, due: datetime) -> None:
        """Promise to look again at ``due``; replaces an earlier promise of the same kind."""
        timer = Timer(kind=kind, subject=subject, due=due)
        self.timers[kind, subject] = timer
        self.effects.append(TimerSet(timer=timer))

    def end_timer(self, kind: str, subject: str) -> None:
        """Withdraw a promise, if it stands."""
        if self.timers.pop((kind, subject), None) is not None:
            self.effects.append(TimerEnded(kind=kind, subject=subject))

    def due_timers(self) -> list[Timer]:
        """Return the timers due by now: by time, then kind and subject."""
        due = [timer for timer in self.timers.values() if timer.due <= self.now]
        return sorted(due, key=lambda timer: (timer.due, timer.kind, timer.subject))

    def timing(self, severity: str) -> Timers:
        """Return the policy's times for a severity (those of the worst for an unknown one)."""
        timers = self.policy.timers
        return timers.get(severity) or timers[min(timers)]

    def put_condition(self, condition: Condition) -> None:
        """Take in a street condition, or a changed one."""
        self.conditions[condition.id] = condition
        self.effects.append(ConditionWritten(condition=condition))

    def end_condition(self, condition: str) -> bool:
        """Forget a street condition; False if there was none."""
        if self.conditions.pop(condition, None) is None:
            return False
        self.effects.append(ConditionEnded(condition=condition, at=self.now))
        return True

    # -- the whole -----------------------------------------------------------------------

    def snapshot(self) -> Snapshot:
        """Return all of it; see `Snapshot` for the order of its lists."""
        return Snapshot(
            region=self.region,
            clock=self.clock,
            policy=self.policy if self._policy_written else None,
            city=self.city,
            incidents=_by_id(self.incidents),
            units=_by_id(self.units),
            assignments=_by_id(self.assignments),
            alerts=_by_id(self.alerts),
            conditions=_by_id(self.conditions),
            timers=tuple(timer for _, timer in sorted(self.timers.items())),
            numbers=dict(sorted(self.numbers.items())),
            separations=tuple(sorted(self.separations)),
            seen=tuple(self.seen),
        )

    def set_policy(self, policy: Policy) -> None:
        """Decide by this policy from here on."""
        self.policy = policy
        self._policy_written = True

    def _index(self, assignment: Assignment) -> None:
        insort(self._assignments_by_incident.setdefault(assignment.incident, []), assignment.id)

    def _forget(self) -> None:
        """Drop closed incidents whose memory time is over, with all that hangs on them."""
        memory = timedelta(seconds=self.policy.closed_memory_s)
        if self._first_closed is None or self._first_closed + memory > self.now:
            return
        for incident in list(self.incidents.values()):
            if incident.closed_at is not None and incident.closed_at + memory <= self.now:
                del self.incidents[incident.id]
                for assignment in self._assignments_by_incident.pop(incident.id, ()):
                    del self.assignments[assignment]
        for pair in [p for p in self.separations if not set(p) <= self.incidents.keys()]:
            del self.separations[pair]
        self._first_closed = min(
            (i.closed_at for i in self.incidents.values() if i.closed_at is not None), default=None
        )


def _by_id(records: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(record for _, record in sorted(records.items()))
