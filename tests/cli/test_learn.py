"""`jingwei city learn`: from positions in a real ledger to a city that drives by them."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from atlas.city import CityData
from atlas.deciding import deciding_router
from atlas.folder import load_city, save_city
from city.make import make_city
from cli.exit_codes import FAILED, USAGE
from cli.learn import _kinds
from dispatch import Region
from geo.routing.compiled import CompiledRouter
from geo.routing.reference import NetworkxRouter
from infra.archive import keep_city
from infra.ledger import effects, intake
from infra.ledger.pool import connect, transaction
from infra.ledger.tracks import Duty
from infra.settings import Endpoints
from replay.cities import kept_routers
from schemas import codes, journal
from schemas.effects import AssignmentWritten
from schemas.ids import derive
from schemas.intake import Fix
from schemas.journal import FleetChanged
from schemas.records import Evidence, Point, Where
from streams.bootstrap import _first_entries
from tests.cli.conftest import Run, data, point_at
from tests.geo.drives import Driver

pytestmark = pytest.mark.postgis

EIGHT = datetime(2026, 11, 24, 0, 5, tzinfo=UTC)  # Tuesday 08:05 in Shanghai
RUSH = 24 + 8
SHARE = 0.5  # of the map's speed is what one drives then
NOISE_M = 4.0


@pytest.fixture(scope="module")
def city() -> CityData:
    return make_city(1, "small", lambda _: None)


@pytest.fixture
def folder(city: CityData, tmp_path: Path) -> Path:
    save_city(city, tmp_path / "city")
    return tmp_path / "city"


def fixes_of(city: CityData, unit: str, start: datetime, seed: int, factor: float) -> list[Fix]:
    driver = Driver(city.streets, seed)
    drive = driver.drive(
        driver.route(),
        start=start.timestamp(),
        kph=lambda arc, _: city.streets.arcs.speed_kph[arc] * SHARE,
        noise_m=NOISE_M,
        factor=factor,
        course=True,
    )
    track = drive.track
    return [
        Fix(
            unit,
            datetime.fromtimestamp(time, UTC),
            lon,
            lat,
            NOISE_M,
            10.0,
            None if np.isnan(course) else course,
        )
        for time, lon, lat, course in zip(
            track.time.tolist(),
            track.lon.tolist(),
            track.lat.tolist(),
            track.course.tolist(),
            strict=True,
        )
    ]


async def dispatch_one(
    endpoints: Endpoints, city: CityData, at: datetime
) -> tuple[list[str], datetime]:
    """Let a fire happen; return the units sent, and when the first of them came to the scene."""
    region = city.manifest.region
    core = Region(region, lambda _: NetworkxRouter(city.streets, snapper=city.snapper))
    spot = city.units[0].home
    evidence = Evidence(
        id=derive("learn", "evidence"),
        source="report",
        source_id="R1",
        phase="opened",
        category="fire",
        severity="P1",
        confidence=0.95,
        point=Point(lon=spot.lon, lat=spot.lat, accuracy_m=10.0),
        where=Where(),
        observed_at=at,
        received_at=at,
        text="test",
    )
    entries: list[tuple[journal.Entry, datetime]] = [
        (
            journal.PolicyChanged(
                id=derive("learn", "1"), region=region, policy=codes.default_policy()
            ),
            at,
        ),
        (
            FleetChanged(
                id=derive("learn", "2"), region=region, city=city.digest, units=city.units
            ),
            at,
        ),
        (journal.EvidenceNoted(id=derive("learn", "3"), region=region, evidence=evidence), at),
    ]
    conn = await connect(endpoints.worker_url)
    try:
        units: list[str] = []
        came, offset = at + timedelta(minutes=5), 0
        while entries:
            entry, now = entries.pop(0)
            found = core.apply(entry, now)
            if not units and (sent := [e for e in found if isinstance(e, AssignmentWritten)]):
                units = [effect.assignment.unit for effect in sent]
                for number, (status, then) in enumerate((("en_route", at), ("on_scene", came))):
                    stamp = journal.UnitStamped(
                        id=derive("learn", f"stamp {number}"),
                        region=region,
                        unit=units[0],
                        status=status,
                        time=then,
                        by="crew",
                    )
                    entries.append((stamp, then))
            async with transaction(conn) as tx:
                if isinstance(entry, journal.EvidenceNoted):
                    source = intake.Source("city.citizen.reports", 0, 0)
                    await intake.insert_evidence(tx, region, [(entry.evidence, source)])
                tag = type(entry).__struct_config__.tag
                applied = effects.Applied(offset, entry.id, str(tag), now, found)
                await effects.write_applied(tx, region, [applied], core.clock)
            offset += 1
        return units, came
    finally:
        await conn.close()


async def insert(endpoints: Endpoints, fixes: list[Fix]) -> None:
    conn = await connect(endpoints.worker_url)
    try:
        async with transaction(conn) as tx:
            await intake.insert_tracks(tx, fixes)
    finally:
        await conn.close()


def test_a_fleet_teaches_its_city(  # noqa: PLR0917 - fixtures
    run: Run,
    endpoints: Endpoints,
    city: CityData,
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    point_at(endpoints, monkeypatch)
    begin = EIGHT - timedelta(days=28)
    sent, came = asyncio.run(dispatch_one(endpoints, city, begin))
    units = [unit.id for unit in city.units if unit.id not in sent]
    fixes: list[Fix] = []
    for number in range(24):
        start = EIGHT + timedelta(days=7 * (number // 12 - 2), seconds=30 * number)
        fixes += fixes_of(city, units[number % 12], start, seed=number % 6, factor=1.0)
    under = fixes_of(city, sent[0], begin + timedelta(seconds=10), seed=3, factor=0.7)
    there = [f for f in under if f.at >= came]
    fixes += under
    fixes.append(Fix("a stranger", EIGHT, 121.45, 31.25))
    asyncio.run(insert(endpoints, fixes))

    told = data(run("city", "learn", str(folder), "--json"))
    assert told["positions"] == len(fixes) - 1
    assert told["matched"] > 0.9 * (told["positions"] - len(there))
    assert told["drives_under_siren"] == 1
    assert told["drives"] == 25
    left_out = told["left_out"]
    assert left_out["positions on scene or transporting: siren not known"] == len(there)
    assert told["median_change"] == pytest.approx(
        0.7, abs=0.15
    )  # few drives: between map and truth

    taught = load_city(folder)
    assert taught.digest == told["digest"] != city.digest
    assert taught.speeds is not None
    assert told["arcs_learnt"] == len(np.unique(taught.speeds.arc)) > 50
    ratio = taught.speeds.kph_at(RUSH) / taught.streets.arcs.speed_kph
    assert np.nanmedian(ratio) == pytest.approx(0.7, abs=0.15)
    assert taught.units == city.units

    # The worker announces the city under its new name; replay finds each under its own.
    (entry,) = _first_entries(taught, city.digest, codes.default_policy(), 7)
    assert isinstance(entry, FleetChanged)
    assert entry.city == taught.digest
    save_city(city, tmp_path / "before")
    for kept, where in ((city, tmp_path / "before"), (taught, folder)):
        keep_city(tmp_path / "archive", where, kept.digest)
    routers = kept_routers(tmp_path / "archive", endpoints.gateway_url)
    assert routers(city.digest).hour_at(EIGHT) is None
    assert routers(taught.digest).hour_at(EIGHT) == RUSH
    mine = deciding_router(taught)
    ends = [(unit.home.lon, unit.home.lat) for unit in city.units[:20]]
    assert routers(taught.digest).etas(ends, ends[0]) == mine.etas(ends, ends[0])

    check_route(run, taught, folder, tmp_path)
    check_limits(run, folder, tmp_path, told)
    check_odd_times(run, endpoints, folder, told)


def check_route(run: Run, taught: CityData, folder: Path, home: Path) -> None:
    """The command line asks for the hour's speeds."""
    arcs, nodes = taught.streets.arcs, taught.streets.nodes
    slowed = arcs.length_m / taught.speeds.kph_at(RUSH) * 3.6 - arcs.ms / 1000.0
    most = int(np.nanargmax(slowed))
    points = [
        (float(nodes.lon[node]), float(nodes.lat[node]))
        for node in (arcs.tail[most], arcs.head[most])
    ]
    ends = (
        *(f"{lon},{lat}" for lon, lat in points),
        "--city",
        str(folder),
        "--home",
        str(home),
        "--profile",
        "civilian",
    )
    rush = data(run("route", *ends, "--at", "2026-11-24T08:30", "--json"))
    same = data(run("route", *ends, "--at", "2026-11-24T00:59Z", "--json"))
    assert rush["hour_of_week"] == RUSH
    assert rush == same
    router = CompiledRouter(taught.streets, "civilian", speeds=taught.speeds)
    assert rush["seconds"] > router.route(points[0], points[1]).seconds
    assert "Tuesdays from 08:00" in run("route", *ends, "--at", "2026-11-24T08:30").stdout
    assert run("route", *ends, "--at", "half past eight").exit_code == USAGE
    assert "speeds" in run("city", "inspect", str(folder)).stdout


def check_limits(run: Run, folder: Path, tmp_path: Path, told: dict) -> None:
    out = tmp_path / "other.parquet"
    before = (folder / "speeds.parquet").read_bytes()
    since = (EIGHT - timedelta(days=15)).isoformat()
    until = (EIGHT - timedelta(days=13)).isoformat()
    part = data(
        run(
            "city",
            "learn",
            str(folder),
            "--from",
            since,
            "--to",
            until,
            "--out",
            str(out),
            "--json",
        )
    )
    assert 0 < part["positions"] < told["positions"]
    assert part["file"] == str(out)
    assert (folder / "speeds.parquet").read_bytes() == before
    shown = run("city", "learn", str(folder), "--out", str(out))
    assert "positions on scene" in shown.stdout
    nothing = run("city", "learn", str(folder), "--from", "2031-01-01")
    assert nothing.exit_code == FAILED
    assert "the ledger has none" in str(nothing.exception)
    assert run("city", "learn", str(folder), "--from", "yesterday").exit_code == USAGE
    nowhere = run("city", "learn", str(folder), "--out", str(tmp_path / "no" / "x.parquet"))
    assert nowhere.exit_code == USAGE
    assert (folder / "speeds.parquet").read_bytes() == before


def check_odd_times(run: Run, endpoints: Endpoints, folder: Path, told: dict) -> None:
    """A clock without a date, or with a wrong one, teaches nothing and is told."""
    unit = load_city(folder).units[0].id
    wrong = [datetime(1970, 1, 1, 0, 1, tzinfo=UTC), datetime(2094, 1, 1, tzinfo=UTC)]
    asyncio.run(insert(endpoints, [Fix(unit, at, 121.44, 31.23) for at in wrong]))
    again = run("city", "learn", str(folder), "--json")
    found = data(again)
    assert found["left_out"]["positions: time after now"] == 1
    assert found["left_out"]["positions: time years before the unit's others"] == 1
    for said in wrong:
        assert f"{unit} at {said:%Y-%m-%dT%H:%M:%SZ}" in again.stderr
    same = ("first", "last", "positions", "matched", "drives", "arcs_learnt")
    assert {name: found[name] for name in same} == {name: told[name] for name in same}


def test_what_a_duty_says_of_the_siren() -> None:
    at = [EIGHT + timedelta(minutes=n) for n in range(10)]
    times = np.array([t.timestamp() for t in at])
    duties = [
        Duty(dispatched=at[1], on_scene=at[3], to_facility=None, clear=at[5]),
        Duty(dispatched=at[6], on_scene=None, to_facility=None, clear=at[7]),
        Duty(dispatched=at[9], on_scene=None, to_facility=None, clear=None),
    ]
    assert _kinds(times, duties).tolist() == [0, 1, 1, 2, 2, 0, 1, 0, 0, 1]
    # A crew that never stamps has not been under siren for hours: then nobody knows.
    late = np.array([at[9].timestamp() + 60.0 * minutes for minutes in (1, 59, 61, 600)])
    assert _kinds(late, duties).tolist() == [1, 1, 2, 2]
