"""A small made world for tests of the core: a grid of streets, a fleet, entries by hand."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import networkx as nx

from dispatch import Region
from geo.routing.compiled import CompiledRouter
from geo.routing.reference import Router
from geo.streets.graph import StreetGraph
from schemas import codes, journal
from schemas.ids import derive
from schemas.policy import Policy
from schemas.records import Evidence, Incident, Opinion, Point, Unit, Where

REGION = "test"
START = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
LON, LAT = 121.44, 31.23
STEP = 0.002  # degrees, about 200 m
SIZE = 8


def place(column: float, row: float, accuracy_m: float | None = 10.0) -> Point:
    """The point at a column and row of the grid."""
    return Point(
        lon=round(LON + column * STEP, 7), lat=round(LAT + row * STEP, 7), accuracy_m=accuracy_m
    )


@cache
def streets(low: str = "") -> StreetGraph:
    """Return the grid; the street of this name has bridges 3.2 m high."""
    graph = nx.MultiDiGraph(crs="epsg:4326")
    for column in range(SIZE):
        for row in range(SIZE):
            point = place(column, row)
            graph.add_node(column * SIZE + row, x=point.lon, y=point.lat)
    for column in range(SIZE):
        for row in range(SIZE):
            here = column * SIZE + row
            for there, name in ((here + SIZE, f"横{row}路"), (here + 1, f"纵{column}路")):
                if there >= SIZE * SIZE or (there == here + 1 and row == SIZE - 1):
                    continue
                for u, v in ((here, there), (there, here)):
                    graph.add_edge(
                        u,
                        v,
                        osmid=u * 1000 + v,
                        length=200.0,
                        highway="residential",
                        name=name,
                        oneway=False,
                        **({"maxheight": "3.2"} if name == low else {}),
                    )
    return StreetGraph.from_networkx(graph)


@cache
def router() -> Router:
    return CompiledRouter(streets(), "emergency")


def routers(_city: str) -> Router:
    return router()


def unit(name: str, kind: str, column: float, row: float) -> Unit:
    about = codes.unit_kind(kind)
    return Unit(
        id=name,
        region=REGION,
        kind=kind,
        name=f"{about.zh}{name}",
        department=about.department,
        capabilities=about.capabilities,
        station="S1",
        home=place(column, row),
        state="available",
        position=place(column, row),
    )


def fleet() -> tuple[Unit, ...]:
    kinds = ["fire_engine"] * 4 + ["ladder_truck"] + ["ambulance"] * 3 + ["police_car"] * 3
    kinds += ["traffic_motorcycle"] * 2 + ["utility_crew", "drainage_truck", "city_patrol_car"]
    return tuple(unit(f"U{i:02d}", kind, i % SIZE, (i * 3) % SIZE) for i, kind in enumerate(kinds))


class Journal:
    """Makes entries with ids counted up and times that move on."""

    def __init__(self) -> None:
        self.count = 0
        self.now = START

    def entry_id(self) -> str:
        self.count += 1
        return derive("test", str(self.count))

    def wait(self, seconds: float) -> datetime:
        self.now += timedelta(seconds=seconds)
        return self.now

    def fleet(self) -> journal.FleetChanged:
        return journal.FleetChanged(id=self.entry_id(), region=REGION, city="grid", units=fleet())

    def policy(self, policy: Policy | None = None) -> journal.PolicyChanged:
        return journal.PolicyChanged(
            id=self.entry_id(), region=REGION, policy=policy or codes.default_policy()
        )

    def evidence(
        self,
        category: str = "fire",
        severity: str = "P2",
        at: Point | None = None,
        *,
        source: str = "report",
        source_id: str | None = None,
        phase: str = "opened",
        confidence: float = 0.9,
        observed_at: datetime | None = None,
        received_at: datetime | None = None,
    ) -> journal.EvidenceNoted:
        entry_id = self.entry_id()
        return journal.EvidenceNoted(
            id=entry_id,
            region=REGION,
            evidence=Evidence(
                id=derive(entry_id, "evidence"),
                source=source,
                source_id=source_id or f"R{self.count}",
                phase=phase,
                category=category,
                severity=severity,
                confidence=confidence,
                point=at,
                where=Where(),
                observed_at=observed_at or self.now,
                received_at=received_at or self.now,
                text="测试",
            ),
        )

    def opinion(
        self,
        of: journal.EvidenceNoted | str,
        category: str = "fire",
        severity: str = "P1",
        *,
        confidence: float = 0.99,
        danger: float = 0.99,
        harmless: float = 0.0,
    ) -> journal.OpinionNoted:
        return journal.OpinionNoted(
            id=self.entry_id(),
            region=REGION,
            opinion=Opinion(
                evidence=of if isinstance(of, str) else of.evidence.id,
                category=category,
                severity=severity,
                confidence=confidence,
                danger=danger,
                harmless=harmless,
                model="made",
                digest="0",
            ),
        )

    def stamp(
        self,
        unit_id: str,
        status: str,
        *,
        time: datetime | None = None,
        incident: str | None = None,
    ) -> journal.UnitStamped:
        return journal.UnitStamped(
            id=self.entry_id(),
            region=REGION,
            unit=unit_id,
            status=status,
            time=time or self.now,
            by="crew",
            incident=incident,
        )

    def command(
        self, incident: str, action: journal.Action, *, expected_version: int | None = None
    ) -> journal.Command:
        return journal.Command(
            id=self.entry_id(),
            region=REGION,
            operator="wang",
            incident=incident,
            action=action,
            expected_version=expected_version,
        )

    def tick(self) -> journal.Tick:
        return journal.Tick(id=self.entry_id(), region=REGION, due=self.now)


def standing(region: Region) -> dict[str, Any]:
    """All that must be the same after a merge was undone: all but ids and timelines."""
    snapshot = region.snapshot()
    owner = {a.id: (a.incident, a.unit) for a in snapshot.assignments}
    records = {
        i.id: {
            name: getattr(i, name)
            for name in Incident.__struct_fields__
            if name not in ("version", "updated_at")
        }
        for i in snapshot.incidents
    }
    return {
        "incidents": records,
        # Whoever is called back is free where he stands, also when he was on his way home.
        "units": {
            u.id: ("available" if u.state == "returning" else u.state, u.incident)
            for u in snapshot.units
        },
        "active": sorted(
            (a.incident, a.unit, a.capability, a.dispatched, a.en_route, a.on_scene)
            for a in snapshot.assignments
            if a.ended is None
        ),
        "alerts": Counter(
            (a.incident, a.kind, owner.get(str(a.subject), a.subject)) for a in snapshot.alerts
        ),
        "timers": sorted(
            (t.kind, owner.get(t.subject, (t.subject,)), t.due) for t in snapshot.timers
        ),
    }
