"""A small region of real streets, and journals for its core made of plain numbers."""

from datetime import UTC, datetime, timedelta
from functools import cache

import msgspec
import networkx as nx

from dispatch import Region
from geo.routing.reference import NetworkxRouter, Router
from geo.streets.graph import StreetGraph
from infra.ledger.effects import Applied
from infra.ledger.intake import Source
from schemas import codes, journal
from schemas.effects import IncidentWritten
from schemas.records import Evidence, Incident, Opinion, Point, Unit, Where
from schemas.snapshot import Snapshot
from schemas.words import said

START = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
LON, LAT = 121.44, 31.23
STEP = 0.002
SIZE = 5
FLEET = (
    ("E1", "fire_engine"),
    ("E2", "fire_engine"),
    ("E3", "fire_engine"),
    ("L1", "ladder_truck"),
    ("A1", "ambulance"),
    ("A2", "ambulance"),
    ("P1", "patrol_car"),
    ("P2", "patrol_car"),
    ("T1", "traffic_car"),
)


@cache
def router(_city: str = "") -> Router:
    graph = nx.MultiDiGraph(crs="epsg:4326")
    for column in range(SIZE):
        for row in range(SIZE):
            graph.add_node(column * SIZE + row, x=LON + column * STEP, y=LAT + row * STEP)
    for column in range(SIZE):
        for row in range(SIZE):
            here = column * SIZE + row
            for there in (here + SIZE if column + 1 < SIZE else None, here + 1):
                if there is None or (there == here + 1 and row + 1 == SIZE):
                    continue
                for tail, head in ((here, there), (there, here)):
                    graph.add_edge(
                        tail, head, length=200.0, highway="residential", name=f"{row} 路"
                    )
    return NetworkxRouter(StreetGraph.from_networkx(graph))


def fleet(region: str, city: str = "city-1") -> journal.FleetChanged:
    units = tuple(
        Unit(
            id=f"{region}/{name}",
            region=region,
            kind=kind,
            name=name,
            department=codes.unit_kind(kind).department,
            capabilities=codes.unit_kind(kind).capabilities,
            station="站",
            home=_point(position, position * 3),
            state="available",
            position=_point(position, position * 3),
        )
        for position, (name, kind) in enumerate(FLEET)
        if kind in codes.unit_kinds()
    )
    return journal.FleetChanged(id=f"{region}/fleet/{city}", region=region, city=city, units=units)


def policy(region: str, name: str, memory_s: float) -> journal.PolicyChanged:
    changed = msgspec.structs.replace(
        codes.default_policy(), version=name, closed_memory_s=memory_s
    )
    return journal.PolicyChanged(id=f"{region}/policy/{name}", region=region, policy=changed)


def evidence(region: str, name: str, a: int, b: int, at: datetime) -> Evidence:
    categories = ("fire", "medical", "traffic_crash", "gas_leak", "other", "flood")
    return Evidence(
        id=f"{region}/evidence/{name}",
        source="report" if a % 2 else "sensor",
        source_id=f"s{a % 7}",
        phase="opened" if b % 6 else "cleared",
        category=categories[a % len(categories)],
        severity=f"P{1 + b % 4}",
        confidence=0.3 + (a % 7) / 10,
        point=None if b % 11 == 10 else _point(a // 5, b // 5),
        where=Where(subdistrict="静安寺", address="南京西路 \x00 1", hazard_zones=("z1", "z2")),
        observed_at=at - timedelta(seconds=3, microseconds=250),
        received_at=at,
        text="起火了 \x00 smoke",
        reasons=(said("word 起火"),),
    )


def _point(a: int, b: int) -> Point:
    lon = LON + (a % SIZE) * STEP + 0.0001
    lat = LAT + (b % SIZE) * STEP + 1 / 30_000
    return Point(lon=lon, lat=lat, accuracy_m=None if a % 2 else 12.5)


class Play:
    """A core, its journal so far, and batches of what it answered."""

    def __init__(self, region: str, first: int = 0) -> None:
        self.region = region
        self.core = Region(region, router)
        self.at = START
        self.offset = first
        self.entries: list[tuple[journal.Entry, datetime]] = []
        self.evidence: list[tuple[Evidence, Source]] = []
        self.incidents: dict[str, Incident] = {}

    def apply(self, entry: journal.Entry) -> Applied:
        self.entries.append((entry, self.at))
        applied = Applied(
            offset=self.offset,
            entry_id=entry.id,
            entry_kind=str(entry.__struct_config__.tag),
            at=self.at,
            effects=self.core.apply(entry, self.at),
            noted=entry.evidence if isinstance(entry, journal.EvidenceNoted) else None,
        )
        for effect in applied.effects:
            if isinstance(effect, IncidentWritten):
                self.incidents[effect.incident.id] = effect.incident
        self.offset += 1 + self.offset % 2  # offsets of a journal may have gaps
        return applied

    def step(self, kind: int, a: int, b: int) -> Applied:
        """Apply the entry that these numbers mean now."""
        self.at += timedelta(seconds=(a * b) % 97, milliseconds=a)
        return self.apply(self._entry(kind % 8, a, b))

    def _entry(self, kind: int, a: int, b: int) -> journal.Entry:
        region, name = self.region, f"{len(self.entries)}"
        known = self.core.snapshot()
        if kind in (0, 1):
            noted = evidence(region, name, a, b, self.at)
            self.evidence.append((noted, Source("city.citizen.reports", 0, len(self.entries))))
            return journal.EvidenceNoted(id=noted.id, region=region, evidence=noted)
        if kind in (2, 3) and known.units:
            busy = [unit for unit in known.units if unit.assignment] or list(known.units)
            status = ("en_route", "on_scene", "available", "transporting", "out_of_service")
            return journal.UnitStamped(
                id=f"{region}/stamp/{name}",
                region=region,
                unit=busy[a % len(busy)].id,
                status=status[b % len(status)],
                time=self.at,
                by="crew",
            )
        if kind in (4, 5) and known.incidents:
            incident = known.incidents[a % len(known.incidents)]
            return journal.Command(
                id=f"{region}/command/{name}",
                region=region,
                operator="王",
                incident=incident.id,
                action=self._action(b, incident, known),
            )
        if kind == 6:
            return self._rare(a, b, name)
        due = self.core.next_due()
        if due is None:
            due = self.at
        self.at = max(self.at, due - timedelta(milliseconds=b % 3))
        return journal.Tick(id=f"{region}/tick/{name}", region=region, due=due)

    def _opinion(self, a: int, b: int, name: str) -> journal.OpinionNoted:
        notes = self.core.snapshot().notes
        opinion = Opinion(
            evidence=notes[b % len(notes)].id if notes else "nowhere",
            category=("fire", "medical", "other")[a // 5 % 3],
            severity=f"P{1 + b % 4}",
            confidence=0.99,
            danger=0.99 if b % 3 else 0.1,
            harmless=0.0,
            model="made",
            digest="0",
        )
        entry_id = f"{self.region}/opinion/{name}"
        return journal.OpinionNoted(id=entry_id, region=self.region, opinion=opinion)

    def _action(self, b: int, incident: Incident, known: Snapshot) -> journal.Action:
        other = known.incidents[b % len(known.incidents)].id
        noted = incident.evidence[b % len(incident.evidence)]
        actions = (
            journal.Acknowledge(),
            journal.Close(disposition="resolved"),
            journal.Hold(reason="等 \x00"),
            journal.Resume(),
            journal.Reopen(reason="again"),
            journal.KeepApart(),
            journal.Merge(into=other, reason="one"),
            journal.AddNote(text="备注 \x00"),
            journal.SetState(state="cancelled", reason="no"),
            journal.Assign(units=(f"{self.region}/E3",), reason="near"),
            journal.Close(disposition="unfounded"),
        )
        undoing = (
            journal.Unmerge(reason="two"),
            journal.Split(evidence=(noted,), reason="another"),
            journal.Split(evidence=(noted,), reason="that", into=other),
        )
        return undoing[b % 3] if b % 16 > 12 else actions[b % len(actions)]

    def _rare(self, a: int, b: int, name: str) -> journal.Entry:
        rare = a % 5
        if rare == 4:
            return self._opinion(a, b, name)
        if rare == 0:
            memory_s = (30.0, 600.0, 7200.0, 86400.0)[b % 4]
            return policy(self.region, f"v{name}", memory_s)
        if rare == 1 and self.entries:
            return self.entries[b % len(self.entries)][0]
        return journal.StreetChanged(
            id=f"{self.region}/street/{name}",
            region=self.region,
            condition=f"c{b % 3}",
            kind=("closure", "cleared", "speed_factor", "lane_closure", "flood_depth")[a // 4 % 5],
            segments=("6-7-0", "7-6-0"),
            speed_factor=0.5,
            lanes_closed=1 + a % 3,
            depth_m=b % 7 / 10,
            valid_from=self.at,
            valid_until=self.at + timedelta(seconds=60) if b % 2 else None,
            reason="works",
        )
