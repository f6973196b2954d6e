"""The simulated operator: a person at a console who reacts to alerts and incidents.

Knows what is on the screen (``city.alerts``, ``city.incidents``, ``city.dispatches``) and, by
radio, whether crews found anything. Answers with commands on the journal, like any console.
"""

from collections import OrderedDict, defaultdict
from collections.abc import Callable
from random import Random
from uuid import UUID

import msgspec

from city.simulate.agenda import Agenda
from city.simulate.clock import Clock
from city.simulate.mail import Send, letter
from city.simulate.radio import Radio
from geo.crs import haversine_m
from schemas import topics
from schemas.codes import incident_state
from schemas.journal import (
    Acknowledge,
    Action,
    AddNote,
    Assign,
    Close,
    Command,
    KeepApart,
    Merge,
    Override,
)
from schemas.outputs import (
    Alert,
    AlertChanged,
    DispatchChanged,
    Incident,
    IncidentChanged,
    Recommendation,
)

__all__ = ["Console", "same_event"]

_ACKNOWLEDGE_S = (1.0, 4.0)
_CONFIRM_S = (2.0, 5.0)
_COMPARE_S = (2.0, 6.0)
_CLOSE_S = (30.0, 120.0)
"""Of life: divided by the speed."""
_ASK_AGAIN_S = 10.0
_ASK_CREW_S = 3.0
_UNPLACED_S = 300.0
_NOTES = 0.15
_OVERRIDES = 0.03
_SAME_M = 150.0
_REMEMBERED = 5_000
_SOURCE = "urn:city:console"
_REMARKS = (
    "Caller phoned again, says it is getting worse",
    "报警人称现场有人围观",
    "Crew asks for the exact entrance",
    "已通知属地派出所",
    "Traffic police informed",
    "物业已到场配合",
)
_REASONS = (
    "this crew knows the building",
    "驾驶员刚换班，改派邻站",
    "closer by local knowledge",
    "车辆需要加油，改派",
)


class _Case(msgspec.Struct):
    """The operator's memory of one incident."""

    incident: Incident | None = None
    acknowledging: bool = False
    overridden: bool = False
    closing: bool = False
    active: dict[str, bool] = msgspec.field(default_factory=dict)


class Console:
    """One operator.

    Parameters
    ----------
    radio
        The crews' radio messages.
    """

    def __init__(
        self,
        region: str,
        agenda: Agenda,
        clock: Clock,
        send: Send,
        *,
        seed: int,
        speed: float,
        run: str,
        radio: Radio,
        operator: str = "operator-1",
    ) -> None:
        self._region, self._agenda, self._clock, self._send = region, agenda, clock, send
        self._speed, self._operator, self._radio = speed, operator, radio
        self._rng = Random(f"{seed}/console")
        self._ids = Random(f"{seed}/{run}/commands")
        self._cases: OrderedDict[str, _Case] = OrderedDict()
        self._answers: dict[str, Callable[[Alert, float], None]] = defaultdict(
            lambda: self._remark,
            new_incident=self._acknowledge,
            unacknowledged=self._acknowledge,
            confirm_dispatch=self._confirm,
            possible_duplicate=self._compare,
            unlocated=self._give_up,
        )

    def on_alert(self, change: AlertChanged, now: float) -> None:
        """Read an alert; ignore an ended one."""
        if change.alert.ended_at is None:
            self._answers[change.alert.kind](change.alert, now)

    def on_incident(self, change: IncidentChanged, now: float) -> None:
        """Read the present state of an incident."""
        case = self._case(change.incident_id)
        if case.incident is not None and case.incident.version > change.incident.version:
            return
        case.incident = change.incident
        if not _is_open(case):
            self._cases.move_to_end(change.incident_id, last=False)
        self._close_if_over(case, now)

    def on_dispatch(self, change: DispatchChanged, now: float) -> None:
        """Read which units were recommended or sent, and which are free again."""
        case = self._case(change.incident_id)
        if change.recommendation is not None:
            self._consider(change.incident_id, case, change.recommendation, now)
        if change.assignment is not None:
            case.active[change.assignment.id] = change.assignment.ended is None
            self._close_if_over(case, now)

    def _acknowledge(self, alert: Alert, now: float) -> None:
        case = self._case(alert.incident)
        if case.acknowledging:
            return
        case.acknowledging = True
        due = now + self._rng.uniform(*_ACKNOWLEDGE_S)
        self._command(alert.incident, Acknowledge(), due)
        if self._rng.random() < _NOTES:
            self._remark(alert, due)

    def _remark(self, alert: Alert, now: float) -> None:
        due = now + self._rng.uniform(*_CONFIRM_S)
        self._command(alert.incident, AddNote(text=self._rng.choice(_REMARKS)), due)

    def _confirm(self, alert: Alert, now: float) -> None:
        self._command(alert.incident, Assign(), now + self._rng.uniform(*_CONFIRM_S))

    def _compare(self, alert: Alert, now: float) -> None:
        """Compare both incidents on the screen."""

        def look(now: float) -> None:
            mine = self._case(alert.incident).incident
            other_id = None if mine is None else mine.possible_duplicate_of
            if mine is None or other_id is None:
                return
            other = self._case(other_id).incident
            same = other is not None and same_event(mine, other)
            self._command(mine.id, Merge(into=other_id) if same else KeepApart(), now)

        self._agenda.at(now + self._rng.uniform(*_COMPARE_S), look)

    def _give_up(self, alert: Alert, now: float) -> None:
        """Ask the caller for the missing place, and close the incident if there is no answer."""
        self._command(
            alert.incident,
            AddNote(text="Calling back for the place"),
            now + self._rng.uniform(*_CONFIRM_S),
        )

        def close(now: float) -> None:
            case = self._case(alert.incident)
            if _is_open(case) and case.incident is not None and case.incident.point is None:
                action = Close(disposition="no_action", reason="caller gave no place")
                self._command(alert.incident, action, now)

        self._agenda.at(now + _UNPLACED_S / self._speed, close)

    def _consider(
        self, incident: str, case: _Case, recommendation: Recommendation, now: float
    ) -> None:
        """Sometimes send a unit other than the recommended one, with a reason."""
        if case.overridden or self._rng.random() >= _OVERRIDES:
            return
        chosen = [c for c in recommendation.candidates if c.chosen]
        if not chosen:
            return
        leaves_out = self._rng.choice(chosen)
        others = [
            c.unit
            for c in recommendation.candidates
            if not c.chosen and c.seconds is not None and c.capability == leaves_out.capability
        ]
        if not others:
            return
        case.overridden = True
        units = tuple(c.unit for c in chosen if c.unit != leaves_out.unit)
        action = Override(units=(*units, others[0]), reason=self._rng.choice(_REASONS))
        self._command(incident, action, now + self._rng.uniform(*_CONFIRM_S))

    def _close_if_over(self, case: _Case, now: float) -> None:
        """Close the incident when every unit has cleared; check again while it stays open."""
        if case.closing or not _is_over(case):
            return
        case.closing = True

        def close(now: float) -> None:
            case.closing = False
            incident = case.incident
            if incident is None or not _is_over(case):
                return
            if not self._radio.over(incident.sources, now):
                case.closing = True
                self._agenda.at(now + _ASK_CREW_S, close)
                return
            nothing = self._radio.unfounded(incident.sources)
            action = Close(
                disposition="unfounded" if nothing else "resolved",
                reason="crew found nothing" if nothing else "all units clear",
            )
            self._command(incident.id, action, now)
            case.closing = True
            self._agenda.at(now + _ASK_AGAIN_S, again)

        def again(now: float) -> None:
            case.closing = False
            self._close_if_over(case, now)

        self._agenda.at(now + self._rng.uniform(*_CLOSE_S) / self._speed, close)

    def _command(self, incident: str, action: Action, due: float) -> None:
        """Send the command at ``due``."""
        key = str(UUID(int=self._ids.getrandbits(128), version=4))

        def press(now: float) -> None:
            command = Command(
                id=key,
                region=self._region,
                operator=self._operator,
                incident=incident,
                action=action,
            )
            self._send(
                letter(
                    topics.JOURNAL,
                    self._region,
                    command,
                    event_id=key,
                    source=_SOURCE,
                    at=self._clock.wall(now),
                    subject=incident,
                )
            )

        self._agenda.at(due, press)

    def _case(self, incident: str) -> _Case:
        case = self._cases.get(incident)
        if case is None:
            case = self._cases[incident] = _Case()
            if len(self._cases) > _REMEMBERED:
                self._cases.popitem(last=False)
        return case


def same_event(mine: Incident, other: Incident) -> bool:
    """Whether two incidents look like one: same words, closer than 150 m."""
    if mine.category != other.category or mine.point is None or other.point is None:
        return False
    metres = haversine_m(mine.point.lon, mine.point.lat, other.point.lon, other.point.lat)
    return metres < _SAME_M


def _is_open(case: _Case) -> bool:
    return case.incident is not None and incident_state(case.incident.state).open


def _is_over(case: _Case) -> bool:
    """Whether all units sent have cleared, by the incident's state or by their own."""
    if case.incident is None or not _is_open(case) or case.incident.state == "on_hold":
        return False
    if case.incident.state == "controlled":
        return not any(case.active.values())
    return bool(case.active) and not any(case.active.values()) and not case.incident.short
