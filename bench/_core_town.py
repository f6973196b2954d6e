"""A region with so many open incidents and units, as `Snapshot`, and what happens in it next.

The incidents opened over two hours. The last of them are the core's own work: evidence, dispatch,
stamps of crews, acknowledgements, until hardly a unit is free, and some more that stay short. Where
more are wanted, the earlier ones are copies of those that stayed short, at other places: to apply
10,000 openings would take longer than to measure.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from random import Random

import msgspec

from city.simulate import Event, Setting, happenings
from city.simulate.clock import Clock
from city.simulate.setting import offset
from dispatch import Region
from dispatch.travel import Routers
from schemas import codes
from schemas.effects import AssignmentWritten, Effect, EvidencePlaced
from schemas.ids import derive
from schemas.journal import (
    Acknowledge,
    Command,
    EvidenceNoted,
    FleetChanged,
    PolicyChanged,
    UnitStamped,
)
from schemas.records import Evidence, Incident, Point, Unit
from schemas.snapshot import Snapshot
from sim.notices import notices

__all__ = ["Town"]

_START = datetime(2026, 11, 24, 1, tzinfo=UTC)
"""Nine in the morning: the hour of the streets stays the same for an hour to come."""
_OVER_S = 7_200.0
_STAY_SHORT = 40
_FEW_FREE = 0.03
_ACKNOWLEDGED, _ARRIVED = 0.8, 0.5
_LOOK_AGAIN_S = 60.0


class Town:
    """The made city with a fleet of a size.

    Attributes
    ----------
    region
        Its id.
    units
        The fleet, in order of id.
    """

    def __init__(self, setting: Setting, units: int, routers: Routers) -> None:
        self.setting, self._routers = setting, routers
        self.region = setting.city.manifest.region
        self.units = tuple(_fleet(setting, units))
        self._worked_out: Snapshot | None = None

    def snapshot(self, open_incidents: int) -> Snapshot:
        """Return the region with so many open incidents."""
        worked = self._work(open_incidents)
        missing = open_incidents - len(worked.incidents)
        return _with_copies(worked, missing, self.setting) if missing > 0 else worked

    def events(self, seed: int) -> Iterator[Event]:
        """Yield what happens without end; only categories, places and words are of use."""
        return (e for e in happenings(self.setting, seed=seed, rate=1.0) if not e.false_alarm)

    def _work(self, most: int) -> Snapshot:
        """Let the core open incidents until there are so many, or no more units to send."""
        if self._worked_out is not None and len(self._worked_out.incidents) <= most:
            return self._worked_out
        work = _Work(self.region, self._routers, self.units)
        every = timedelta(seconds=_OVER_S / most)
        enough = (1.0 - _FEW_FREE) * len(self.units)
        for event in self.events(seed=1):
            work.happen(event, every)
            if work.opened == most or (work.busy >= enough and work.alone > _STAY_SHORT):
                break
        snapshot = work.core.snapshot()
        if work.opened < most:
            self._worked_out = snapshot
        return snapshot


class _Work:
    """The core at work, and the crews and the operator who answer it.

    Attributes
    ----------
    opened
        Incidents.
    busy
        Units sent.
    alone
        Incidents to which nobody could be sent.
    """

    def __init__(self, region: str, routers: Routers, units: tuple[Unit, ...]) -> None:
        self.core = Region(region, routers)
        self.opened = self.busy = self.alone = 0
        self._region, self._at, self._number = region, _START, count(1)
        self._rng = Random("town")
        self._apply(FleetChanged(id=self._id(), region=region, city="made", units=units))
        policy = codes.default_policy()
        self._apply(PolicyChanged(id=self._id(), region=region, policy=policy))

    def happen(self, event: Event, lasts: timedelta) -> None:
        """Let an event be noticed, and who is sent leave; some arrive."""
        self._at += lasts
        first = next(notices(event, Clock(self._at))).evidence
        evidence = msgspec.structs.replace(first, received_at=self._at, observed_at=self._at)
        entry = EvidenceNoted(id=self._id(), region=self._region, evidence=evidence)
        effects = self._apply(entry)
        placed = next(e.placed for e in effects if isinstance(e, EvidencePlaced))
        self.opened += placed != "attached"
        sent = [e.assignment for e in effects if isinstance(e, AssignmentWritten)]
        self.busy += len(sent)
        self.alone += placed != "attached" and not sent
        for assignment in sent:
            steps = ("en_route", "on_scene") if self._rng.random() < _ARRIVED else ("en_route",)
            for status in steps:
                self._apply(
                    UnitStamped(
                        id=self._id(),
                        region=self._region,
                        unit=assignment.unit,
                        status=status,
                        time=self._at,
                        by="crew",
                        incident=assignment.incident,
                    )
                )
        if self._rng.random() < _ACKNOWLEDGED:
            incident = derive(evidence.id, "incident")
            command = Command(
                id=self._id(),
                region=self._region,
                operator="operator-1",
                incident=incident,
                action=Acknowledge(),
            )
            self._apply(command)

    def _apply(self, entry: object) -> tuple[Effect, ...]:
        return self.core.apply(entry, self._at)  # type: ignore[arg-type]

    def _id(self) -> str:
        return derive("town", str(next(self._number)))


def _fleet(setting: Setting, size: int) -> Iterator[Unit]:
    """Yield the city's units, spread evenly if fewer are wanted; copies elsewhere if more are."""
    known = setting.city.units
    if size <= len(known):
        yield from (known[i * len(known) // size] for i in range(size))
        return
    rng = Random("fleet")
    for number in range(size):
        unit = known[number % len(known)]
        if number < len(known):
            yield unit
            continue
        lon, lat = setting.on_a_street(rng)
        home = Point(lon=round(lon, 7), lat=round(lat, 7))
        name = f"{unit.id}-{number // len(known)}"
        yield msgspec.structs.replace(unit, id=name, home=home, position=home)


def _with_copies(snapshot: Snapshot, missing: int, setting: Setting) -> Snapshot:
    """Return a snapshot with more incidents like those that nobody could be sent to."""
    sent_to = {assignment.incident for assignment in snapshot.assignments}
    models = [
        i for i in snapshot.incidents if i.id not in sent_to and i.short and i.point is not None
    ]
    rng = Random("copies")
    clock = snapshot.clock
    assert clock is not None
    copies = [_Copy(snapshot, rng.choice(models), n, rng, setting) for n in range(missing)]
    added = Snapshot(
        region=snapshot.region,
        incidents=tuple(copy.incident for copy in copies),
        notes=tuple(note for copy in copies for note in copy.notes),
        alerts=tuple(alert for copy in copies for alert in copy.alerts),
        timers=tuple(timer for copy in copies for timer in copy.timers),
    )
    day = max(snapshot.numbers)
    return msgspec.structs.replace(
        snapshot,
        incidents=tuple(sorted((*snapshot.incidents, *added.incidents), key=lambda i: i.id)),
        notes=(*added.notes, *snapshot.notes),
        alerts=tuple(sorted((*snapshot.alerts, *added.alerts), key=lambda a: a.id)),
        timers=tuple(sorted((*snapshot.timers, *added.timers), key=lambda t: (t.kind, t.subject))),
        numbers={**snapshot.numbers, day: snapshot.numbers[day] + missing},
    )


class _Copy:
    """An incident like another one, elsewhere and at another time, with all that hangs on it."""

    def __init__(
        self, snapshot: Snapshot, model: Incident, number: int, rng: Random, setting: Setting
    ) -> None:
        now = snapshot.clock
        assert now is not None
        assert model.point is not None
        key = derive("copy", str(number))
        opened = now - timedelta(seconds=rng.uniform(0.0, _OVER_S))
        noticed = opened + (now - opened) * rng.random()
        lon, lat = setting.on_a_street(rng)
        point = Point(lon=round(lon, 7), lat=round(lat, 7), accuracy_m=model.point.accuracy_m)
        own = {
            note.id: derive(note.id, key) for note in snapshot.notes if note.incident == model.id
        }
        self.incident = msgspec.structs.replace(
            model,
            id=key,
            number=f"{model.number[:-4]}{9_000_000 + number}",
            point=point,
            opened_at=opened,
            noticed_at=noticed,
            updated_at=noticed,
            evidence=tuple(own[e] for e in model.evidence),
            sources=tuple(f"{s}/{number}" for s in model.sources),
        )
        self.notes = [
            msgspec.structs.replace(
                note,
                id=own[note.id],
                incident=key,
                source_id=f"{note.source_id}/{number}",
                point=point,
            )
            for note in snapshot.notes
            if note.incident == model.id
        ]
        self.alerts = [
            msgspec.structs.replace(alert, id=derive(alert.id, key), incident=key)
            for alert in snapshot.alerts
            if alert.incident == model.id
        ]
        self.timers = [
            msgspec.structs.replace(
                timer,
                subject=key,
                due=now + timedelta(seconds=rng.uniform(0.0, _LOOK_AGAIN_S)),
            )
            for timer in snapshot.timers
            if timer.subject == model.id and timer.kind != "look"
        ]


def near(evidence: Evidence, incident: Incident, rng: Random) -> Evidence:
    """Return evidence as somebody else would give it of an incident that is known."""
    assert incident.point is not None
    lon, lat = offset(
        incident.point.lon, incident.point.lat, rng.uniform(-20, 20), rng.uniform(-20, 20)
    )
    return msgspec.structs.replace(
        evidence,
        category=incident.category,
        severity=incident.severity,
        point=Point(lon=round(lon, 7), lat=round(lat, 7), accuracy_m=15.0),
    )
