"""The core's pace: entries a second and 99th percentile by kind of entry, as more is open.

The demo's city with 200 and with 2,000 units, and 10 to 10,000 open incidents as in life: places,
categories and words of the simulated city; units on the way and there; most incidents short once
the units are out; alerts and timers standing (see `bench._core_town`). The journal's time moves on
by a millisecond an entry, so timers come due as they would at a thousand entries a second, and act
before the entry that is measured.

The router's answers are timed apart: what is said of an entry is without them.
"""

import gc
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import count
from random import Random
from typing import Any, NamedTuple

import msgspec

from atlas.deciding import deciding_router
from bench._core_town import Town, near
from bench.report import Report, percentile
from city.make import make_city
from city.simulate import Event, Setting
from city.simulate.clock import Clock
from dispatch import Region
from geo.crs import haversine_m
from geo.routing.conditions import OPEN, Conditions
from geo.routing.reference import Position, Route, Router
from infra import memory
from schemas import codes, wire
from schemas.effects import Effect, EvidencePlaced, UnitWritten
from schemas.ids import derive
from schemas.journal import (
    Acknowledge,
    Action,
    AddNote,
    Classify,
    Command,
    Entry,
    EvidenceNoted,
    Tick,
    UnitMoved,
    UnitStamped,
)
from schemas.records import Evidence, Incident, Unit
from schemas.snapshot import Snapshot
from sim.notices import notices

_OPEN = (10, 100, 1_000, 10_000)
_UNITS = (200, 2_000)
_QUICK_UNITS = (200,)
_FIGURES_UNITS = 200
_ENTRIES, _QUICK_ENTRIES = 1_500, 400
_MOST_S, _QUICK_MOST_S = 1.5, 0.5
"""So long is one kind of entry measured at most."""
_STEP = timedelta(milliseconds=1)
_TICK_STEP = timedelta(seconds=1)
_PEER_RADIUS_M = 250.0
_NEXT_STAMP = {
    "dispatched": "en_route",
    "acknowledged": "en_route",
    "en_route": "on_scene",
    "on_scene": "available",
}


def run(*, quick: bool) -> Report:
    """Measure every kind of entry at every size; ``quick`` measures fewer and 200 units only."""
    city = make_city(1)
    setting, timed = Setting(city), _Timed(deciding_router(city))
    memory.settle()
    detail: dict[str, Any] = {}
    reports: dict[int, list[float]] = {}
    peers: dict[str, Any] = {}
    for units in _QUICK_UNITS if quick else _UNITS:
        town = Town(setting, units, lambda _: timed)
        for open_incidents in _OPEN:
            snapshot = town.snapshot(open_incidents)
            bench = _Bench(town, snapshot, timed, quick=quick)
            detail[f"{units} units, {open_incidents} open"] = bench.measured()
            if units == _FIGURES_UNITS:
                reports[open_incidents] = bench.report_seconds
                peers[f"{open_incidents} open"] = bench.peer()
    p99 = {n: 1000.0 * percentile(seconds, 0.99) for n, seconds in reports.items()}
    return Report(
        figures={
            "reports_per_s_1000_open": round(len(reports[1_000]) / sum(reports[1_000])),
            "p99_ms_1000_open": round(p99[1_000], 3),
            "p99_ms_10000_open": round(p99[10_000], 3),
            "growth_10_to_10000": round(p99[10_000] / p99[10], 2),
            "restore_s_10000_open": detail[f"{_FIGURES_UNITS} units, 10000 open"]["state"][
                "restore_s"
            ],
        },
        peers={"same_category_within_250_m": peers},
        notes=[
            (
                "reports_…, p99_…, growth_…: reports as they come in life, one that opens to "
                f"{_ATTACHED_TO_EACH} that attach, {_FIGURES_UNITS} units; router's time left out"
            ),
            "seconds are of the processor; router_ms is the router's mean, not in the others",
            "tick: a second of journal time, with all timers that came due in it",
            (
                "peer: the duplicate rule of FixMyStreet (same category within 250 m), over a "
                "plain list of open incidents by category; it only finds the nearest and keeps "
                "no timeline, no units and no reasons"
            ),
            *(["quick: fewer entries, 200 units"] if quick else []),
        ],
        detail=detail,
    )


_ATTACHED_TO_EACH = 3


class _Timed:
    """A router that counts its own seconds."""

    def __init__(self, router: Router) -> None:
        self._router = router
        self.seconds = 0.0

    def etas(
        self,
        sources: Sequence[Position],
        target: Position,
        conditions: Conditions = OPEN,
        cutoff_s: float | None = None,
    ) -> list[float]:
        begun = time.thread_time()
        try:
            return self._router.etas(sources, target, conditions, cutoff_s)
        finally:
            self.seconds += time.thread_time() - begun

    def route(self, source: Position, target: Position, conditions: Conditions = OPEN) -> Route:
        begun = time.thread_time()
        try:
            return self._router.route(source, target, conditions)
        finally:
            self.seconds += time.thread_time() - begun

    def hour_at(self, at: datetime) -> int | None:
        begun = time.thread_time()
        try:
            return self._router.hour_at(at)
        finally:
            self.seconds += time.thread_time() - begun

    def fitting(self, **size: float | None) -> Router:
        return self._router.fitting(**size)


class _Taken(NamedTuple):
    """What an entry took: seconds without the router's, the router's, and its effects."""

    seconds: float
    router_s: float
    effects: tuple[Effect, ...]


class _Bench:
    """One size: every kind of entry, each from the same state."""

    def __init__(self, town: Town, snapshot: Snapshot, timed: _Timed, *, quick: bool) -> None:
        self._town, self._snapshot, self._timed = town, snapshot, timed
        self._entries = _QUICK_ENTRIES if quick else _ENTRIES
        self._most_s = _QUICK_MOST_S if quick else _MOST_S
        self._rng = Random(f"{len(snapshot.incidents)}/{len(snapshot.units)}")
        self._number = count(1)
        self._open = [i for i in snapshot.incidents if i.point is not None]
        self._events = town.events(seed=2)
        self._recent = _recent(snapshot)
        self.report_seconds: list[float] = []
        assert snapshot.clock is not None
        self._at: datetime = snapshot.clock
        self._core = self._restored()

    def measured(self) -> dict[str, dict[str, float]]:
        """Return the figures by kind of entry, and of snapshot and restore."""
        found = {"state": self._whole()}
        kinds: dict[str, list[_Taken]] = defaultdict(list)
        for name, make in (
            ("report", self._report),
            ("stamp", self._stamp),
            ("move", self._move),
            ("command", self._command),
            ("tick", self._tick),
        ):
            for taken in self._series(name, make):
                kinds[_kind(name, taken.effects)].append(taken)
        self.report_seconds = [
            taken.seconds for name, all_of in kinds.items() if "report" in name for taken in all_of
        ]
        return found | {kind: _figures(all_of) for kind, all_of in sorted(kinds.items())}

    def peer(self) -> dict[str, float]:
        """Return how a plain duplicate rule does with the same reports."""
        by_category: dict[str, list[Incident]] = defaultdict(list)
        for incident in self._open:
            by_category[incident.category].append(incident)
        wanted = [self._report() for _ in range(200)]
        begun = time.thread_time()
        for entry in wanted:
            assert isinstance(entry, EvidenceNoted)
            _nearest(entry.evidence, by_category[entry.evidence.category])
        return {"reports_per_s": round(len(wanted) / (time.thread_time() - begun))}

    def _whole(self) -> dict[str, float]:
        """Return what a snapshot and its restoring take."""
        core = self._core
        begun = time.thread_time()
        snapshot = core.snapshot()
        taken = time.thread_time()
        data = wire.encode(snapshot)
        encoded = time.thread_time()
        Region.restore(msgspec.json.decode(data, type=Snapshot), lambda _: self._timed)
        restored = time.thread_time()
        return {
            "snapshot_s": round(taken - begun, 4),
            "encode_s": round(encoded - taken, 4),
            "restore_s": round(restored - encoded, 4),
            "snapshot_bytes": len(data),
            "timers": len(snapshot.timers),
            "alerts": len(snapshot.alerts),
            "short": sum(1 for i in snapshot.incidents if i.short),
            "free_units": sum(1 for u in snapshot.units if u.state == "available"),
        }

    def _restored(self) -> Region:
        self._at = self._snapshot.clock or self._at
        self._units = {unit.id: unit for unit in self._snapshot.units}
        core = Region.restore(self._snapshot, lambda _: self._timed)
        for _ in range(3):  # what a core works out once is worked out
            self._at += _STEP
            core.apply(self._move(), self._at)
        return core

    def _series(self, name: str, make: Callable[[], Entry]) -> Iterator[_Taken]:
        """Yield what entries of a kind take; the state is set back before it has grown by 10 %."""
        step = _TICK_STEP if name == "tick" else _STEP
        most = max(len(self._open) // 10, 4)
        core = self._restored()
        gc.collect()
        spent, since = 0.0, 0
        for _ in range(self._entries):
            if since >= most:
                core, since = self._restored(), 0
            entry = make()
            self._at += step
            router_s = self._timed.seconds
            begun = time.thread_time()
            effects = core.apply(entry, self._at)
            took = time.thread_time() - begun
            router_s = self._timed.seconds - router_s
            for effect in effects:
                if isinstance(effect, UnitWritten):
                    self._units[effect.unit.id] = effect.unit
            yield _Taken(took - router_s, router_s, effects)
            spent += took
            since += 1
            if spent > self._most_s:
                return

    def _report(self) -> Entry:
        evidence = self._evidence()
        if self._rng.random() < _ATTACHED_TO_EACH / (_ATTACHED_TO_EACH + 1):
            evidence = near(evidence, self._rng.choice(self._recent), self._rng)
        return EvidenceNoted(id=self._id(), region=self._town.region, evidence=evidence)

    def _evidence(self) -> Evidence:
        event: Event = next(self._events)
        found = next(notices(event, Clock(self._at))).evidence
        key = self._id()
        return msgspec.structs.replace(
            found, id=derive(key, "e"), source="report", source_id=key, received_at=self._at
        )

    def _stamp(self) -> Entry:
        """The next step of a crew; one that is done is free again."""
        under_way = [u for u in self._units.values() if u.state in _NEXT_STAMP]
        if not under_way:
            unit: Unit = self._rng.choice(list(self._units.values()))
        else:
            unit = self._rng.choice(under_way)
        return UnitStamped(
            id=self._id(),
            region=self._town.region,
            unit=unit.id,
            status=_NEXT_STAMP.get(unit.state, "available"),
            time=self._at,
            by="crew",
            incident=unit.incident,
        )

    def _move(self) -> Entry:
        unit = self._rng.choice(self._town.units)
        where = self._rng.choice(self._open).point
        assert where is not None
        return UnitMoved(
            id=self._id(), region=self._town.region, unit=unit.id, point=where, time=self._at
        )

    def _command(self) -> Entry:
        incident = self._rng.choice(self._open)
        actions: tuple[Action, ...] = (
            Acknowledge(),
            AddNote(text="物业已到场配合"),
            Classify(severity=self._rng.choice(("P1", "P2", "P3")), reason="by the caller's word"),
        )
        return Command(
            id=self._id(),
            region=self._town.region,
            operator="operator-1",
            incident=incident.id,
            action=self._rng.choice(actions),
        )

    def _tick(self) -> Entry:
        return Tick(id=self._id(), region=self._town.region, due=self._at)

    def _id(self) -> str:
        return derive("bench core", str(next(self._number)))


def _recent(snapshot: Snapshot) -> list[Incident]:
    """Return the incidents that people still speak of: a report attaches to one of them."""
    rules, now = codes.default_policy().correlation, snapshot.clock
    assert now is not None
    placed = [i for i in snapshot.incidents if i.point is not None]
    recent = [
        i
        for i in placed
        if (now - i.noticed_at).total_seconds() < 0.4 * rules.get(i.category, rules["*"]).window_s
    ]
    return recent or [max(placed, key=lambda i: i.noticed_at)]


def _kind(name: str, effects: Sequence[Effect]) -> str:
    """Return what kind of entry it turned out to be."""
    placed = next((e.placed for e in effects if isinstance(e, EvidencePlaced)), None)
    if name != "report" or placed is None:
        return name
    return "report_attached" if placed == "attached" else "report_opening"


def _figures(all_of: Sequence[_Taken]) -> dict[str, float]:
    seconds = [taken.seconds for taken in all_of]
    sizes = [sum(len(wire.encode(effect)) for effect in taken.effects) for taken in all_of]
    return {
        "entries": len(seconds),
        "per_s": round(len(seconds) / sum(seconds)),
        "p50_ms": round(1000.0 * percentile(seconds, 0.5), 3),
        "p99_ms": round(1000.0 * percentile(seconds, 0.99), 3),
        "router_ms": round(1000.0 * sum(taken.router_s for taken in all_of) / len(all_of), 3),
        "effect_bytes": round(sum(sizes) / len(sizes)),
    }


def _nearest(evidence: Evidence, known: Sequence[Incident]) -> Incident | None:
    """Return the nearest incident of a list within the peer's radius."""
    point, best, found = evidence.point, _PEER_RADIUS_M, None
    for incident in known:
        if point is None or incident.point is None:
            continue
        metres = haversine_m(point.lon, point.lat, incident.point.lon, incident.point.lat)
        if metres <= best:
            best, found = metres, incident
    return found
