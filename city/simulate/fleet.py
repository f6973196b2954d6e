"""Units that really drive: each a terminal that hears of its assignments and stamps its status.

One agenda moves all of them. ``turn`` numbers what a terminal is about: an action that was
planned for an earlier turn finds it changed and does nothing, so a call back or a new
assignment needs no cancelling.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import partial
from random import Random
from typing import TypeVar

from atlas.city import CityData
from city.simulate.agenda import Agenda
from city.simulate.clock import Clock
from city.simulate.drive import Drive
from city.simulate.mail import Send, letter
from city.simulate.setting import offset
from geo.crs import haversine_m
from geo.errors import GeoError
from geo.routing.reference import NetworkxRouter, Router
from schemas import topics
from schemas.inputs import Location, UnitPosition, UnitStatus
from schemas.outputs import Assignment, DispatchChanged, Incident, IncidentChanged
from schemas.records import Unit

__all__ = ["Fleet", "Terminal"]

_MOVING_FIX_S = 2.0
_IDLE_FIX_S = (20.0, 30.0)
_GPS_NOISE_M = 3.0
_ACKNOWLEDGE_S = (3.0, 10.0)
_TURNOUT_S = (15.0, 60.0)
_WORK_S = (180.0, 540.0)
_HANDOVER_S = (180.0, 420.0)
_ETA_NOISE = (0.85, 1.2)
_RETURN_MPS = 9.0
_TRANSPORTS = {
    "medical": 0.8,
    "traffic_crash": 0.6,
    "crowd_crush": 0.5,
    "fire": 0.25,
    "explosion": 0.7,
    "structure_collapse": 0.7,
    "water_rescue": 0.6,
    "public_disorder": 0.2,
}
_SAYS_RETURNING = 0.5
_CALLED_BACK_S = (2.0, 5.0)
_REMEMBERED = 10_000
_SOURCE = "urn:city:terminals"

_V = TypeVar("_V")


class Terminal:
    """A unit's knowledge and position.

    ``about`` is ``idle``, ``turnout``, ``driving``, ``working``, ``transporting``,
    ``handover`` or ``returning``.
    """

    __slots__ = (
        "about",
        "assignment",
        "drive",
        "fixes",
        "heading",
        "incident",
        "lat",
        "lon",
        "told",
        "turn",
        "unit",
    )

    def __init__(self, unit: Unit) -> None:
        self.unit = unit
        self.lon, self.lat = unit.home.lon, unit.home.lat
        self.told = self.lon, self.lat
        self.heading = 0.0
        self.about = "idle"
        self.turn = 0
        self.fixes = 0
        self.drive: Drive | None = None
        self.assignment: Assignment | None = None
        self.incident: str | None = None


class Fleet:
    """All units of a city.

    Parameters
    ----------
    run
        Part of every message's id.
    speed
        How many times faster than real ones crews turn out, drive and work.
    units
        Units on duty; None for the city's units.
    router
        Router for the crews' own routes; None to create one.
    fixes
        Whether to send positions every few seconds, or only when a crew starts an action.
    """

    def __init__(
        self,
        city: CityData,
        agenda: Agenda,
        clock: Clock,
        send: Send,
        *,
        seed: int,
        speed: float,
        run: str,
        units: Sequence[Unit] | None = None,
        router: Router | None = None,
        fixes: bool = True,
    ) -> None:
        self._agenda, self._clock, self._send = agenda, clock, send
        self._speed, self._run = speed, run
        self._rng = Random(f"{seed}/fleet")
        # Apart, so that what crews do does not hang on how often they say where they are.
        self._gps = Random(f"{seed}/fleet/gps")
        self._fixes = fixes
        self._router = router or NetworkxRouter(city.streets, "emergency", city.snapper)
        self._hospitals = [place for place in city.places if place.kind == "hospital"]
        self.terminals = {
            unit.id: Terminal(unit) for unit in (city.units if units is None else units)
        }
        self._incidents: OrderedDict[str, Incident] = OrderedDict()
        self._known: OrderedDict[str, None] = OrderedDict()
        self._number = 0

    def log_on(self, within_s: float) -> None:
        """Let every crew report its position and "available", in the first seconds."""
        for terminal in self.terminals.values():
            due = self._rng.uniform(0.0, within_s)
            self._agenda.at(due, partial(self._log_on, terminal))

    def driving(self) -> list[Terminal]:
        """Return the units on the way to an incident, in the fleet's order."""
        return [t for t in self.terminals.values() if t.about == "driving"]

    def on_incident(self, change: IncidentChanged) -> None:
        """Receive the category and place of an incident."""
        _remember(self._incidents, change.incident_id, change.incident)

    def on_dispatch(self, change: DispatchChanged, now: float) -> None:
        """Receive an assignment; ignore units of other cities."""
        assignment = change.assignment
        terminal = None if assignment is None else self.terminals.get(assignment.unit)
        if assignment is None or terminal is None:
            return
        if change.change == "assigned":
            if assignment.id not in self._known:
                _remember(self._known, assignment.id, None)
                self._turn_out(terminal, assignment, now)
            return
        current = terminal.assignment
        if current is None or current.id != assignment.id:
            return
        terminal.assignment, terminal.incident = assignment, assignment.incident
        if change.change == "rerouted":
            self._reroute(terminal, assignment, now)
        elif change.change in {"cancelled", "completed"}:
            self._called_back(terminal, now)

    def _turn_out(self, terminal: Terminal, assignment: Assignment, now: float) -> None:
        """Start an assignment; after a merge, the unit may already be on its way."""
        terminal.assignment, terminal.incident = assignment, assignment.incident
        if assignment.on_scene is not None:
            self._work(terminal, now)
            return
        if assignment.en_route is not None:
            self._drive(terminal, "driving", *self._way(terminal, assignment), now, self._arrive)
            return
        turn = self._begin(terminal, "turnout", now)
        acknowledges = now + self._rng.uniform(*_ACKNOWLEDGE_S) / self._speed
        leaves = acknowledges + self._rng.uniform(*_TURNOUT_S) / self._speed
        if assignment.acknowledged is None:
            acknowledge = partial(self._stamp, terminal, "acknowledged")
            self._later(terminal, turn, acknowledges, acknowledge)
        self._later(terminal, turn, leaves, partial(self._leave, terminal))

    def _leave(self, terminal: Terminal, now: float) -> None:
        assignment = terminal.assignment
        assert assignment is not None
        self._stamp(terminal, "en_route", now)
        self._drive(terminal, "driving", *self._way(terminal, assignment), now, self._arrive)

    def _way(
        self, terminal: Terminal, assignment: Assignment
    ) -> tuple[Sequence[tuple[float, float]], float]:
        """Return the line to the scene and its real travel time in seconds."""
        noise = self._rng.uniform(*_ETA_NOISE)
        if assignment.route is not None and assignment.route.coordinates:
            return assignment.route.coordinates, assignment.route.seconds * noise
        incident = self._incidents.get(assignment.incident)
        if incident is not None and incident.point is not None:
            line, _ = self._own_way(terminal, incident.point.lon, incident.point.lat)
            return line, assignment.eta_s * noise
        return [(terminal.lon, terminal.lat)], assignment.eta_s * noise

    def _reroute(self, terminal: Terminal, assignment: Assignment, now: float) -> None:
        if terminal.about == "driving":
            self._drive(terminal, "driving", *self._way(terminal, assignment), now, self._arrive)

    def _arrive(self, terminal: Terminal, now: float) -> None:
        self._stamp(terminal, "on_scene", now)
        self._work(terminal, now)

    def _work(self, terminal: Terminal, now: float) -> None:
        turn = self._begin(terminal, "working", now)
        done = now + self._rng.uniform(*_WORK_S) / self._speed
        self._later(terminal, turn, done, partial(self._work_done, terminal))

    def _work_done(self, terminal: Terminal, now: float) -> None:
        incident = self._incidents.get(terminal.incident or "")
        share = 0.0 if incident is None else _TRANSPORTS.get(incident.category, 0.0)
        carries = terminal.unit.kind == "ambulance" and self._hospitals
        if not carries or self._rng.random() >= share:
            self._clear(terminal, now)
            return
        hospital = min(
            self._hospitals,
            key=lambda h: haversine_m(terminal.lon, terminal.lat, h.point.lon, h.point.lat),
        )
        self._stamp(terminal, "transporting", now)
        line, seconds = self._own_way(terminal, hospital.point.lon, hospital.point.lat)
        self._drive(terminal, "transporting", line, seconds, now, self._hand_over)

    def _hand_over(self, terminal: Terminal, now: float) -> None:
        turn = self._begin(terminal, "handover", now)
        self._stamp(terminal, "at_facility", now)
        done = now + self._rng.uniform(*_HANDOVER_S) / self._speed
        self._later(terminal, turn, done, partial(self._clear, terminal))

    def _clear(self, terminal: Terminal, now: float) -> None:
        """Become free: some crews stamp "available" at once, others "returning"."""
        returning = self._rng.random() < _SAYS_RETURNING
        self._stamp(terminal, "returning" if returning else "available", now)
        terminal.assignment = terminal.incident = None
        self._go_home(terminal, now, stamps=returning)

    def _called_back(self, terminal: Terminal, now: float) -> None:
        """Stop here; go home unless the next assignment arrives meanwhile."""
        never_left = terminal.about == "turnout"
        terminal.assignment = terminal.incident = None
        turn = self._begin(terminal, "idle", now)
        if not never_left:
            wait = now + self._rng.uniform(*_CALLED_BACK_S)
            self._later(terminal, turn, wait, partial(self._go_back, terminal))

    def _go_back(self, terminal: Terminal, now: float) -> None:
        self._stamp(terminal, "returning", now)
        self._go_home(terminal, now, stamps=True)

    def _go_home(self, terminal: Terminal, now: float, *, stamps: bool) -> None:
        home = terminal.unit.home
        line, seconds = self._own_way(terminal, home.lon, home.lat)

        def rest(terminal: Terminal, now: float) -> None:
            if stamps:
                self._stamp(terminal, "available", now)
            self._begin(terminal, "idle", now)

        # Without siren: the emergency profile's times are the usual times multiplied by 0.7.
        self._drive(terminal, "returning", line, seconds / 0.7, now, rest)

    def _own_way(
        self, terminal: Terminal, lon: float, lat: float
    ) -> tuple[Sequence[tuple[float, float]], float]:
        """Return the crew's own route to a point; a straight line if there is no street."""
        try:
            route = self._router.route((terminal.lon, terminal.lat), (lon, lat))
        except GeoError:
            metres = haversine_m(terminal.lon, terminal.lat, lon, lat)
            return [(terminal.lon, terminal.lat), (lon, lat)], metres / _RETURN_MPS
        return route.coordinates, route.seconds

    def _drive(  # noqa: PLR0917 - one act, said in full
        self,
        terminal: Terminal,
        about: str,
        line: Sequence[tuple[float, float]],
        seconds: float,
        now: float,
        then: Callable[[Terminal, float], None],
    ) -> None:
        terminal.drive = Drive(line, now, seconds / self._speed)
        turn = self._begin(terminal, about, now, drive=terminal.drive)
        self._later(terminal, turn, terminal.drive.ends, partial(then, terminal))

    def _begin(
        self, terminal: Terminal, about: str, now: float, *, drive: Drive | None = None
    ) -> int:
        """Start a new turn: cancel earlier plans, and send a position at once."""
        if drive is None:
            self._move(terminal, now)
        terminal.drive = drive
        terminal.about = about
        terminal.turn += 1
        terminal.fixes += 1
        self._fix(terminal, terminal.fixes, now)
        return terminal.turn

    def _later(
        self, terminal: Terminal, turn: int, due: float, action: Callable[[float], None]
    ) -> None:
        def act(now: float) -> None:
            if terminal.turn == turn:
                action(now)

        self._agenda.at(due, act)

    def _log_on(self, terminal: Terminal, now: float) -> None:
        if terminal.about == "idle":
            self._stamp(terminal, "available", now)
        terminal.fixes += 1
        self._fix(terminal, terminal.fixes, now)

    def _move(self, terminal: Terminal, now: float) -> None:
        if terminal.drive is not None:
            terminal.lon, terminal.lat, terminal.heading = terminal.drive.at(now)

    def _fix(self, terminal: Terminal, number: int, now: float) -> None:
        """Send a position and plan the next, unless a newer series of fixes has begun."""
        if number != terminal.fixes:
            return
        self._move(terminal, now)
        drive = terminal.drive
        if not self._fixes:
            if (terminal.lon, terminal.lat) != terminal.told:
                terminal.told = terminal.lon, terminal.lat
                self._tell(terminal, terminal.lon, terminal.lat, 0.0, now)
            return
        noise = self._gps.gauss(0.0, _GPS_NOISE_M), self._gps.gauss(0.0, _GPS_NOISE_M)
        lon, lat = offset(terminal.lon, terminal.lat, *noise)
        self._tell(terminal, lon, lat, float(self._gps.randrange(5, 13)), now)
        wait = _MOVING_FIX_S if drive is not None else self._gps.uniform(*_IDLE_FIX_S)
        self._agenda.at(now + wait, partial(self._fix, terminal, number))

    def _tell(
        self, terminal: Terminal, lon: float, lat: float, accuracy_m: float, now: float
    ) -> None:
        """Send a position."""
        drive = terminal.drive
        # The speed in the crew's own, unaccelerated time.
        speed = 0.0 if drive is None else drive.length_m / (drive.seconds * self._speed)
        at = self._clock.wall(now)
        self._number += 1
        position = UnitPosition(
            unit=terminal.unit.id,
            location=Location(lon=round(lon, 6), lat=round(lat, 6), accuracy_m=accuracy_m),
            time=at,
            speed_mps=round(min(speed, 40.0), 1),
            heading_deg=round(terminal.heading, 1) % 360.0,
        )
        self._send(
            letter(
                topics.POSITIONS,
                terminal.unit.id,
                position,
                event_id=f"{self._run}-G{self._number}",
                source=_SOURCE,
                at=at,
                subject=terminal.unit.id,
            )
        )

    def _stamp(self, terminal: Terminal, status: str, now: float) -> None:
        at = self._clock.wall(now)
        self._number += 1
        self._send(
            letter(
                topics.UNIT_STATUS,
                terminal.unit.id,
                UnitStatus(
                    unit=terminal.unit.id, status=status, time=at, incident=terminal.incident
                ),
                event_id=f"{self._run}-S{self._number}",
                source=_SOURCE,
                at=at,
                subject=terminal.unit.id,
            )
        )


def _remember(table: OrderedDict[str, _V], key: str, value: _V) -> None:
    table[key] = value
    table.move_to_end(key)
    if len(table) > _REMEMBERED:
        table.popitem(last=False)
