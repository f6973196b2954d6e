"""What is open now, kept current by what is published; and each change as a `Step`.

A step knows how its incident or unit was before it and is after it. So whether somebody sees it,
begins to see it or ceases to is a question to the step alone, whenever it is asked.
"""

import logging
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import msgspec

from infra.feed import Published
from infra.ledger.standing import Standing
from schemas import codes, outputs, topics, wire

log = logging.getLogger(__name__)

_CLOSED_KEPT = 20_000
"""Incidents that are over, of which late messages are still to reach whoever saw them."""
_NAMES_KEPT = 50_000
"""Names of the latest messages: one that was sent twice is dropped."""


class At(msgspec.Struct, frozen=True):
    """A place in WGS-84 degrees."""

    lon: float
    lat: float


class IncidentNow(msgspec.Struct, frozen=True):
    """What decides who sees an incident; ``units`` are those assigned to it now."""

    category: str
    severity: str
    point: At | None
    units: frozenset[str] = frozenset()


class UnitNow(msgspec.Struct, frozen=True):
    """What decides who sees a unit."""

    id: str
    department: str
    position: At


@dataclass(frozen=True)
class Whole:
    """An incident with its active assignments (by unit) and alerts, each encoded."""

    incident: bytes
    assignments: tuple[tuple[str, bytes], ...]
    alerts: tuple[bytes, ...]


@dataclass(frozen=True)
class Step:
    """One change.

    Attributes
    ----------
    kind
        ``incident``, ``dispatch``, ``alert``, ``unit`` or ``fence``.
    subject
        Id of the incident or unit.
    data
        The message as it was published, with its place in the journal.
    past
        It is part of what the model began with: what was before it is not known.
    incident, unit
        What it is about, before and after the step; None where that is not known.
    whole
        For those who begin to see the incident with this step.
    crew
        The unit that an assignment is of.
    advice
        Whether it is a recommendation.
    """

    kind: str
    subject: str
    data: bytes
    past: bool = False
    incident: tuple[IncidentNow | None, IncidentNow | None] = (None, None)
    unit: tuple[UnitNow | None, UnitNow | None] = (None, None)
    whole: Whole | None = None
    crew: str | None = None
    advice: bool = False


class _Incident(msgspec.Struct):
    id: str
    region: str
    version: int
    category: str
    severity: str
    state: str
    point: At | None


class _Line(msgspec.Struct):
    kind: str
    before: str = ""


class _IncidentChanged(msgspec.Struct):
    incident_id: str
    seq: int
    entry: _Line
    incident: msgspec.Raw


class _Assignment(msgspec.Struct):
    id: str
    unit: str
    ended: str | None


class _DispatchChanged(msgspec.Struct):
    incident_id: str
    change: str
    assignment: msgspec.Raw = msgspec.Raw(b"null")


class _Alert(msgspec.Struct):
    id: str
    ended_at: str | None


class _AlertChanged(msgspec.Struct):
    incident_id: str
    alert: msgspec.Raw


class _UnitChanged(msgspec.Struct):
    unit: msgspec.Raw


class _FenceEvent(msgspec.Struct):
    unit: str


def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:  # noqa: ANN401 - a type
    return msgspec.json.Decoder(kind)


_CHANGES = {
    topics.INCIDENTS.name: ("incident", _decoder(_IncidentChanged)),
    topics.DISPATCHES.name: ("dispatch", _decoder(_DispatchChanged)),
    topics.ALERTS.name: ("alert", _decoder(_AlertChanged)),
    topics.UNITS.name: ("unit", _decoder(_UnitChanged)),
    topics.FENCE_EVENTS.name: ("fence", _decoder(_FenceEvent)),
}
_INCIDENT, _ASSIGNMENT, _ALERT = _decoder(_Incident), _decoder(_Assignment), _decoder(_Alert)
_UNIT = _decoder(UnitNow)


class Model:
    """What is open, as it was read from the ledger and has changed since."""

    def __init__(self, begun: Standing) -> None:
        self.applied = dict(begun.applied)
        """By region, the journal offset that it began with: what is not above it is part of it."""
        self.incidents: dict[str, IncidentNow] = {}
        self.units: dict[str, UnitNow] = {}
        self.bodies: dict[str, bytes] = {}
        self.unit_bodies: dict[str, bytes] = {}
        self.assignments: dict[str, dict[str, tuple[str, bytes]]] = {}
        self.alerts: dict[str, dict[str, bytes]] = {}
        self._closed: OrderedDict[str, None] = OrderedDict()
        self._names: OrderedDict[bytes, None] = OrderedDict()
        for assignment in begun.assignments:
            body = wire.encode(outputs.assignment(assignment))
            self.assignments.setdefault(assignment.incident, {})[assignment.id] = (
                assignment.unit,
                body,
            )
        for incident in begun.incidents:
            self._put_incident(incident.id, wire.encode(outputs.incident(incident)))
        for alert in begun.alerts:
            self.alerts.setdefault(alert.incident, {})[alert.id] = wire.encode(outputs.alert(alert))
        for unit in begun.units:
            self._put_unit(unit.id, wire.encode(outputs.unit(unit)))

    def take(self, record: Published, *, past: bool) -> Step | None:
        """Take a message in; None if it was taken before, or is none of ours.

        Parameters
        ----------
        past
            It was published before the model was read, so it is part of it.
        """
        headers = dict(record.headers)
        if self._known(headers.get("ce_id")) or record.value is None:
            return None
        kind, decoder = _CHANGES[record.part[0]]
        try:
            change = decoder.decode(record.value)
            data, contained = self._placed(record.value, headers.get("ce_journal"))
            if past or contained:
                return self._past(kind, change, data)
            return getattr(self, f"_{kind}")(change, data)  # type: ignore[no-any-return]
        except (msgspec.MsgspecError, ValueError) as error:
            log.warning("stream: %s/%d, offset %d: %s", *record.part, record.offset, error)
            return None

    def whole(self, incident: str) -> Whole | None:
        """Return an incident with what belongs to it, None if it is not open."""
        body = self.bodies.get(incident)
        if body is None:
            return None
        return Whole(
            body,
            tuple(self.assignments.get(incident, {}).values()),
            tuple(self.alerts.get(incident, {}).values()),
        )

    def _known(self, name: bytes | None) -> bool:
        if name is None:
            return False
        if name in self._names:
            return True
        self._names[name] = None
        if len(self._names) > _NAMES_KEPT:
            self._names.popitem(last=False)
        return False

    def _placed(self, value: bytes, journal: bytes | None) -> tuple[bytes, bool]:
        """Return a message with its place in the journal, and whether the model began with it."""
        if journal is None:  # not of the core
            return value, False
        region, _, offset = journal.decode().rpartition("/")
        data = b'%s,"journal":%s}' % (value[:-1], msgspec.json.encode(journal.decode()))
        return data, int(offset) <= self.applied.get(region, -1)

    @staticmethod
    def _past(kind: str, change: Any, data: bytes) -> Step:  # noqa: ANN401 - one of the changes
        subject = "" if kind in ("unit", "fence") else change.incident_id
        advice = kind == "dispatch" and change.change == "recommended"
        return Step(kind, subject, data, past=True, advice=advice)

    def _incident(self, change: _IncidentChanged, data: bytes) -> Step:
        key = change.incident_id
        before = self.incidents.get(key)
        now = self._put_incident(key, bytes(change.incident))
        if before is None and change.seq > 1:  # it was over: what the line changes is what it was
            fields = {"severity": "severity", "classified": "category"}
            known = (
                {fields[change.entry.kind]: change.entry.before}
                if (change.entry.kind in fields and change.entry.before)
                else {}
            )
            before = msgspec.structs.replace(now, **known)
        whole = self.whole(key) if before is not None and before != now else None
        return Step("incident", key, data, incident=(before, now), whole=whole)

    def _dispatch(self, change: _DispatchChanged, data: bytes) -> Step:
        key = change.incident_id
        before = self.incidents.get(key)
        if bytes(change.assignment) == b"null":
            return Step("dispatch", key, data, incident=(before, before), advice=True)
        assignment: _Assignment = _ASSIGNMENT.decode(change.assignment)
        active = self.assignments.setdefault(key, {})
        if assignment.ended is None:
            active[assignment.id] = assignment.unit, bytes(change.assignment)
        else:
            active.pop(assignment.id, None)
        if not active:
            del self.assignments[key]
        now = before
        if before is not None:
            now = self.incidents[key] = msgspec.structs.replace(before, units=self._crews(key))
        whole = self.whole(key) if before != now else None
        return Step(
            "dispatch", key, data, incident=(before, now), whole=whole, crew=assignment.unit
        )

    def _alert(self, change: _AlertChanged, data: bytes) -> Step:
        key = change.incident_id
        alert: _Alert = _ALERT.decode(change.alert)
        active = self.alerts.setdefault(key, {})
        if alert.ended_at is None:
            active[alert.id] = bytes(change.alert)
        else:
            active.pop(alert.id, None)
        if not active:
            del self.alerts[key]
        now = self.incidents.get(key)
        return Step("alert", key, data, incident=(now, now))

    def _unit(self, change: _UnitChanged, data: bytes) -> Step:
        body = bytes(change.unit)
        now: UnitNow = _UNIT.decode(body)
        before = self.units.get(now.id)
        self._put_unit(now.id, body)
        return Step("unit", now.id, data, unit=(before, now))

    def _fence(self, change: _FenceEvent, data: bytes) -> Step:
        now = self.units.get(change.unit)
        return Step("fence", change.unit, data, unit=(now, now))

    def _put_incident(self, key: str, body: bytes) -> IncidentNow:
        found: _Incident = _INCIDENT.decode(body)
        now = IncidentNow(found.category, found.severity, found.point, self._crews(key))
        self.incidents[key] = now
        state = codes.incident_states().get(found.state)
        if state is None or state.open:
            self.bodies[key] = body
            self._closed.pop(key, None)
            return now
        self.bodies.pop(key, None)
        self._closed[key] = None
        self._closed.move_to_end(key)
        if len(self._closed) > _CLOSED_KEPT:
            gone, _ = self._closed.popitem(last=False)
            self.incidents.pop(gone, None)
        return now

    def _put_unit(self, key: str, body: bytes) -> None:
        self.units[key] = _UNIT.decode(body)
        self.unit_bodies[key] = body

    def _crews(self, key: str) -> frozenset[str]:
        return frozenset(unit for unit, _ in self.assignments.get(key, {}).values())
