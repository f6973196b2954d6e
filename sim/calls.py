"""Crews answer calls in closed loop with the core; every chance hangs on the call alone.

For judging who is sent. A call has the same work, hospital and travel noise whatever was decided
before it (common random numbers by call), so that two policies differ by their decisions and by
nothing else. Crews drive the routes that the core gives them and tell their positions before each
decision; no call is taken for another one, and nobody confirms or overrides anything.
"""

import heapq
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from math import exp
from random import Random
from typing import NamedTuple

from city.simulate.drive import Drive
from dispatch import Region
from dispatch.assignment import Assigner
from dispatch.correlation import Known, Match
from geo.routing.reference import Router
from schemas.effects import AssignmentWritten, Effect, EvidencePlaced, UnitWritten
from schemas.ids import derive
from schemas.journal import (
    Close,
    Command,
    Entry,
    EvidenceNoted,
    FleetChanged,
    PolicyChanged,
    UnitMoved,
    UnitStamped,
)
from schemas.policy import Policy
from schemas.records import Assignment, Evidence, Point, Unit, Where

__all__ = ["Answered", "Call", "Outcome", "Place", "Shift", "answer"]

Place = tuple[float, float]
"""Longitude and latitude, WGS-84 degrees."""

_START = datetime(2026, 11, 30, tzinfo=UTC)
_SIREN = 0.7
"""What the emergency profile multiplies usual times by: crews drive home without."""


class Call(NamedTuple):
    """A call for help.

    Attributes
    ----------
    at_s
        Seconds of the shift.
    scene_s, handover_s
        Seconds of work at the scene, and at the hospital.
    hospital
        Where an ambulance takes the patient; None if nowhere.
    """

    id: str
    at_s: float
    lon: float
    lat: float
    category: str
    severity: str
    scene_s: float
    hospital: Place | None
    handover_s: float


class Answered(NamedTuple):
    """What became of a call: seconds until the first unit was there (None: never), units lost."""

    call: Call
    arrival_s: float | None
    diverted: int


@dataclass(frozen=True, kw_only=True)
class Shift:
    """Who answers, by which rules.

    Attributes
    ----------
    delay_s
        From a call until it stands in the journal.
    turnout_s
        From the assignment of a unit at home until it leaves.
    noise
        Standard deviation of the logarithm of real over expected travel time, by call and unit.
    """

    router: Router
    units: tuple[Unit, ...]
    policy: Policy
    assigner: Assigner | None = None
    delay_s: float = 0.0
    turnout_s: float = 0.0
    noise: float = 0.0


@dataclass
class Outcome:
    """What became of a shift.

    ``decisions_s`` are processor seconds of the core for each call and each unit that became free;
    ``driven_s`` those that units drove to scenes.
    """

    answered: list[Answered] = field(default_factory=list)
    decisions_s: list[float] = field(default_factory=list)
    driven_s: float = 0.0


def answer(shift: Shift, calls: Sequence[Call]) -> Outcome:
    """Play a shift until every call that anybody goes to is over."""
    return _Play(shift, calls).run()


class _Alone:
    """No call is another one's."""

    def match(self, _evidence: Evidence, _known: Known, _policy: Policy, _now: datetime) -> Match:
        return Match(None, 0.0, ())


class _Crew:
    """A unit: where it is or drives, and what for. ``turn`` tells apart what it was about.

    ``base`` is where it waits: at home, or where the core wants it.
    """

    def __init__(self, unit: Unit) -> None:
        self.unit = unit
        self.base: Place = unit.home.lon, unit.home.lat
        self.place: Place = unit.home.lon, unit.home.lat
        self.drive: Drive | None = None
        self.assignment: Assignment | None = None
        self.turn = 0

    def at(self, now: float) -> Place:
        if self.drive is not None:
            lon, lat, _ = self.drive.at(now)
            self.place = round(lon, 6), round(lat, 6)
        return self.place


class _Play:
    def __init__(self, shift: Shift, calls: Sequence[Call]) -> None:
        self._shift = shift
        self._calls = {derive(call.id, "evidence"): call for call in calls}
        self._region = shift.units[0].region
        router = shift.router
        self._core = Region(
            self._region, lambda _: router, correlator=_Alone(), assigner=shift.assigner
        )
        self._crews = {unit.id: _Crew(unit) for unit in shift.units}
        self._heap: list[tuple[float, int, Callable[[float], None]]] = []
        self._count = 0
        self._now = 0.0
        self._call_of: dict[str, Call] = {}
        self._arrived: dict[str, float] = {}
        self._lost: dict[str, int] = {}
        self._active: dict[str, set[str]] = {}
        self._outcome = Outcome()

    def run(self) -> Outcome:
        units, policy = self._shift.units, self._shift.policy
        region = self._region
        self._apply(FleetChanged(id=self._id(), region=region, city="calls", units=units))
        self._apply(PolicyChanged(id=self._id(), region=region, policy=policy))
        for call in self._calls.values():
            self._at(call.at_s + self._shift.delay_s, partial(self._heard, call))
        while self._heap:
            now, _, act = heapq.heappop(self._heap)
            self._now = now
            act(now)
        self._outcome.answered = [
            Answered(call, self._arrived.get(call.id), self._lost.get(call.id, 0))
            for call in self._calls.values()
        ]
        return self._outcome

    # -- what happens ----------------------------------------------------------------------

    def _heard(self, call: Call, now: float) -> None:
        at = self._wall(now)
        evidence = Evidence(
            id=derive(call.id, "evidence"),
            source="report",
            source_id=call.id,
            phase="opened",
            category=call.category,
            severity=call.severity,
            confidence=1.0,
            point=Point(lon=call.lon, lat=call.lat),
            where=Where(),
            observed_at=at,
            received_at=at,
            text="",
        )
        self._tell_places(now)
        entry = EvidenceNoted(id=self._id(), region=self._region, evidence=evidence)
        self._decide(entry)

    def _leave(self, crew: _Crew, now: float) -> None:
        assignment = crew.assignment
        assert assignment is not None
        self._stamp(crew, "en_route")
        if crew.assignment is not assignment:
            return
        place = crew.at(now)
        line = [place] if assignment.route is None else list(assignment.route.coordinates)
        seconds = assignment.eta_s * self._noise(assignment)
        self._drive(crew, line, seconds, self._arrive)
        self._outcome.driven_s += seconds

    def _arrive(self, crew: _Crew, now: float) -> None:
        assert crew.assignment is not None
        assignment = crew.assignment
        call = self._call_of[assignment.incident]
        self._stop(crew, now)
        self._stamp(crew, "on_scene")
        if crew.assignment is assignment:
            self._arrived.setdefault(call.id, now - call.at_s)
            self._later(crew, call.scene_s, self._depart)

    def _depart(self, crew: _Crew, now: float) -> None:
        assert crew.assignment is not None
        call = self._call_of[crew.assignment.incident]
        if call.hospital is None or crew.unit.kind != "ambulance":
            self._clear(crew, now)
            return
        self._stamp(crew, "transporting")
        self._go(crew, call.hospital, self._hand_over)

    def _hand_over(self, crew: _Crew, now: float) -> None:
        assert crew.assignment is not None
        self._stop(crew, now)
        self._stamp(crew, "at_facility")
        call = self._call_of[crew.assignment.incident]
        self._later(crew, call.handover_s, self._clear)

    def _clear(self, crew: _Crew, now: float) -> None:
        assert crew.assignment is not None
        incident = crew.assignment.incident
        self._active[incident].discard(crew.assignment.id)
        crew.assignment = None
        self._tell_places(now)
        self._tell(crew, now)
        self._decide(self._stamped(crew, "returning"))
        if not self._active[incident]:
            close = Close(disposition="resolved")
            self._apply(
                Command(
                    id=self._id(),
                    region=self._region,
                    operator="closer",
                    incident=incident,
                    action=close,
                )
            )
        self._go_home(crew)

    def _go_home(self, crew: _Crew) -> None:
        if crew.assignment is not None:
            return
        self._go(crew, crew.base, self._rest)

    def _rest(self, crew: _Crew, now: float) -> None:
        self._stop(crew, now)
        self._tell(crew, now)
        if crew.assignment is None:
            self._stamp(crew, "available")

    # -- what the core decides -------------------------------------------------------------

    def _decide(self, entry: Entry) -> None:
        begun = time.process_time()
        effects = self._core.apply(entry, self._wall(self._now))
        self._outcome.decisions_s.append(time.process_time() - begun)
        self._follow(effects)

    def _follow(self, effects: Sequence[Effect]) -> None:
        """Let crews hear of their assignments; who is only called back goes home."""
        freed: dict[str, _Crew] = {}
        for effect in effects:
            if isinstance(effect, EvidencePlaced):
                self._call_of[str(effect.incident)] = self._calls[effect.evidence]
            if isinstance(effect, UnitWritten):
                unit = effect.unit
                there = unit.standby.point if unit.standby else unit.home
                self._crews[unit.id].base = there.lon, there.lat
            if not isinstance(effect, AssignmentWritten):
                continue
            assignment, crew = effect.assignment, self._crews[effect.assignment.unit]
            known = crew.assignment
            if effect.change == "assigned":
                freed.pop(crew.unit.id, None)
                self._send(crew, assignment)
            elif effect.change == "cancelled" and known is not None and known.id == assignment.id:
                lost = self._call_of[assignment.incident].id
                self._lost[lost] = self._lost.get(lost, 0) + 1
                self._active[assignment.incident].discard(assignment.id)
                self._stop(crew, self._now)
                crew.assignment = None
                freed[crew.unit.id] = crew
        for crew in freed.values():
            self._stamp(crew, "returning")
            self._go_home(crew)

    def _send(self, crew: _Crew, assignment: Assignment) -> None:
        rests = crew.drive is None and crew.place == crew.base
        self._stop(crew, self._now)
        crew.assignment = assignment
        self._active.setdefault(assignment.incident, set()).add(assignment.id)
        self._later(crew, self._shift.turnout_s if rests else 0.0, self._leave)

    # -- crews -----------------------------------------------------------------------------

    def _go(self, crew: _Crew, goal: Place, then: Callable[[_Crew, float], None]) -> None:
        route = self._shift.router.route(crew.at(self._now), goal)
        self._drive(crew, list(route.coordinates), route.seconds / _SIREN, then)

    def _drive(
        self,
        crew: _Crew,
        line: Sequence[Place],
        seconds: float,
        then: Callable[[_Crew, float], None],
    ) -> None:
        crew.drive = Drive(line, self._now, seconds)
        self._later(crew, seconds, then)

    def _stop(self, crew: _Crew, now: float) -> None:
        crew.at(now)
        crew.drive = None
        crew.turn += 1

    def _later(self, crew: _Crew, seconds: float, then: Callable[[_Crew, float], None]) -> None:
        crew.turn += 1
        turn = crew.turn

        def act(now: float) -> None:
            if crew.turn == turn:
                then(crew, now)

        self._at(self._now + seconds, act)

    def _noise(self, assignment: Assignment) -> float:
        if not self._shift.noise:
            return 1.0
        call = self._call_of[assignment.incident]
        drawn = Random(f"{call.id}/{assignment.unit}").gauss(0.0, self._shift.noise)
        return exp(drawn)

    def _tell_places(self, now: float) -> None:
        for crew in self._crews.values():
            if crew.drive is not None:
                self._tell(crew, now)

    def _tell(self, crew: _Crew, now: float) -> None:
        lon, lat = crew.at(now)
        self._apply(
            UnitMoved(
                id=self._id(),
                region=self._region,
                unit=crew.unit.id,
                point=Point(lon=lon, lat=lat),
                time=self._wall(now),
            )
        )

    def _stamp(self, crew: _Crew, status: str) -> None:
        self._apply(self._stamped(crew, status))

    def _stamped(self, crew: _Crew, status: str) -> UnitStamped:
        return UnitStamped(
            id=self._id(),
            region=self._region,
            unit=crew.unit.id,
            status=status,
            time=self._wall(self._now),
            by="crew",
            incident=None if crew.assignment is None else crew.assignment.incident,
        )

    # -- the journal -----------------------------------------------------------------------

    def _apply(self, entry: Entry) -> None:
        """Apply an entry; before any, timers may act that send somebody."""
        self._follow(self._core.apply(entry, self._wall(self._now)))

    def _at(self, due: float, act: Callable[[float], None]) -> None:
        self._count += 1
        heapq.heappush(self._heap, (due, self._count, act))

    def _id(self) -> str:
        self._count += 1
        return derive("calls", str(self._count))

    @staticmethod
    def _wall(now: float) -> datetime:
        return _START + timedelta(seconds=now)
