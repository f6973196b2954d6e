"""A core goes on from the ledger exactly as the one whose effects were written."""

import itertools

import asyncpg
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dispatch import Region
from infra.ledger import invariants, transaction
from infra.ledger.effects import write_applied
from infra.ledger.intake import Source, insert_evidence
from infra.ledger.snapshot import applied_offset, applied_range, load_snapshot
from schemas import journal, wire
from schemas.effects import IncidentsForgotten, IncidentWritten
from schemas.policy import Joint
from schemas.records import Point
from schemas.snapshot import SEEN, Snapshot
from tests.infra.ledger.scenario import LAT, LON, STEP, Play, evidence, fleet, policy, router

pytestmark = pytest.mark.postgis

_regions = itertools.count(310101)
_numbers = st.integers(0, 120)
_steps = st.lists(st.tuples(st.integers(0, 7), _numbers, _numbers), min_size=1, max_size=60)


async def _write(conn: asyncpg.Connection, play: Play, batch: list) -> None:
    async with transaction(conn) as inside:
        await insert_evidence(inside, play.region, play.evidence)
        await write_applied(inside, play.region, batch, play.core.clock)


@settings(
    max_examples=50,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=_steps, later=_steps, size=st.integers(1, 12))
async def test_a_loaded_snapshot_is_the_cores_own(
    worker: asyncpg.Connection, steps: list, later: list, size: int
) -> None:
    play = Play(str(next(_regions)))
    await _write(worker, play, [play.apply(fleet(play.region))])
    for start in range(0, len(steps), size):
        batch = [play.step(*step) for step in steps[start : start + size]]
        await _write(worker, play, batch)
        loaded = await load_snapshot(worker, play.region)
        _same(loaded, play.core.snapshot())
        assert wire.encode(loaded) == wire.encode(play.core.snapshot())
    restored = Region.restore(loaded, router)
    seen = len(play.entries)
    answers = [play.step(*step).effects for step in later]
    again = [restored.apply(entry, at) for entry, at in play.entries[seen:]]
    assert wire.encode(again) == wire.encode(answers)


def _same(loaded: Snapshot | None, core: Snapshot) -> None:
    assert loaded is not None
    for field in Snapshot.__struct_fields__:
        assert getattr(loaded, field) == getattr(core, field), field


async def test_a_unit_that_is_diverted_is_written_in_one_transaction(
    worker: asyncpg.Connection,
) -> None:
    """It leaves one incident and goes to another in one entry: never two active assignments."""
    region = "310107"
    play = Play(region)
    rules = policy(region, "joint", 86_400.0)
    joint = Joint(lock_s=0.0, emptied_factor=1.0)
    changed = msgspec.structs.replace(rules.policy, assigner="joint", joint=joint)
    first = [
        play.apply(e)
        for e in (fleet(region), journal.PolicyChanged(id=rules.id, region=region, policy=changed))
    ]
    out = journal.UnitStamped(
        id="out", region=region, unit=f"{region}/A2", status="out_of_service", time=play.at, by="x"
    )
    await _write(worker, play, [*first, play.apply(out)])
    for number, severity in enumerate(("P3", "P1")):
        noted = msgspec.structs.replace(
            evidence(region, severity, 1, 1, play.at),
            category="medical",
            severity=severity,
            confidence=0.95,
            point=Point(lon=LON + 4 * STEP * number, lat=LAT),
        )
        play.evidence.append((noted, Source("city.citizen.reports", 0, number)))
        entry = journal.EvidenceNoted(id=noted.id, region=region, evidence=noted)
        await _write(worker, play, [play.apply(entry)])
    snapshot = play.core.snapshot()
    _same(await load_snapshot(worker, region), snapshot)
    rows = await worker.fetch(
        "SELECT incident_id, ended FROM assignment WHERE unit_id = $1 ORDER BY ended NULLS LAST",
        f"{region}/A1",
    )
    mild, grave = sorted(snapshot.incidents, key=lambda incident: incident.number)
    assert [tuple(row) for row in rows] == [(mild.id, "cancelled"), (grave.id, None)]
    assert [a.diversion for a in snapshot.assignments if a.ended] == ["diverted"]
    assert {k: v for k, v in (await invariants.violations(worker)).items() if v} == {}


async def test_what_a_long_day_wrote_breaks_no_invariant(worker: asyncpg.Connection) -> None:
    play = Play("310106")
    await _write(worker, play, [play.apply(fleet("310106"))])
    for start in range(0, 400, 20):
        batch = [play.step(n * 7, n * 13 % 121, n * 29 % 113) for n in range(start, start + 20)]
        await _write(worker, play, batch)
    _same(await load_snapshot(worker, "310106"), play.core.snapshot())
    counts = await worker.fetchrow(
        "SELECT (SELECT count(*) FROM incident) AS incidents,"
        " (SELECT count(*) FROM assignment WHERE ended IS NOT NULL) AS ended,"
        " (SELECT count(*) FROM assignment WHERE route IS NOT NULL) AS routed"
    )
    assert counts["incidents"] > 10
    assert counts["ended"] > 5
    assert counts["routed"] > 5
    assert {k: v for k, v in (await invariants.violations(worker)).items() if v} == {}


async def test_closed_lanes_and_water_survive_a_restart(
    worker: asyncpg.Connection, owner: asyncpg.Connection
) -> None:
    play = Play("310106")
    batch = [play.apply(fleet("310106"))]
    for name, kind, figures in (
        ("C1", "lane_closure", {"lanes_closed": 2}),
        ("C2", "flood_depth", {"depth_m": 0.35}),
        ("C3", "closure", {}),
        ("C3", "flood_depth", {"depth_m": 0.0}),
        ("C4", "flood_depth", {"depth_m": 0.9}),
        ("C4", "cleared", {}),
    ):
        batch.append(
            play.apply(
                journal.StreetChanged(
                    id=f"street/{len(batch)}",
                    region="310106",
                    condition=name,
                    kind=kind,
                    segments=("6-7-0", "7-6-0"),
                    valid_from=play.at,
                    reason="rain",
                    **figures,
                )
            )
        )
    await _write(worker, play, batch)
    loaded = await load_snapshot(worker, "310106")
    assert loaded == play.core.snapshot()
    assert [(c.id, c.lanes_closed, c.depth_m) for c in loaded.conditions] == [
        ("C1", 2, None),
        ("C2", None, 0.35),
        ("C3", None, 0.0),
    ]
    restored = Region.restore(loaded, router)
    seen = len(play.entries)
    answers = [play.step(0, 6, n).effects for n in range(5)]
    again = [restored.apply(entry, at) for entry, at in play.entries[seen:]]
    assert wire.encode(again) == wire.encode(answers)
    rows = await owner.fetch(
        "SELECT id, lanes_closed, depth_m, ended_at IS NULL AS holds"
        " FROM planning.street_condition ORDER BY id"
    )
    assert [tuple(row) for row in rows] == [
        ("C1", 2, None, True),
        ("C2", None, 0.35, True),
        ("C3", None, 0.0, True),
        ("C4", None, 0.9, False),
    ]


async def test_a_longer_memory_does_not_bring_back_what_was_forgotten(
    worker: asyncpg.Connection,
) -> None:
    play = Play("310106")
    batch = [play.apply(fleet("310106")), play.apply(policy("310106", "short", 30.0))]
    batch += [play.step(0, 1, 1), play.step(4, 0, 8)]
    assert play.core.snapshot().incidents[0].state == "cancelled"
    await _write(worker, play, batch)
    assert len((await load_snapshot(worker, "310106")).incidents) == 1
    await _write(worker, play, [play.step(6, 60, 1)])
    await _write(worker, play, [play.apply(policy("310106", "long", 86400.0))])
    assert play.core.snapshot().incidents == ()
    assert await load_snapshot(worker, "310106") == play.core.snapshot()


async def test_what_is_forgotten_is_what_the_core_says_and_nothing_else(
    worker: asyncpg.Connection, owner: asyncpg.Connection
) -> None:
    play = Play("310106")
    batch = [play.apply(fleet("310106")), play.apply(policy("310106", "short", 30.0))]
    batch += [play.step(0, 1, 1), play.step(4, 0, 8)]
    (over,) = play.core.snapshot().incidents
    later = play.step(6, 60, 1)
    (forgotten,) = [e for e in later.effects if isinstance(e, IncidentsForgotten)]
    assert forgotten.incidents == (over.id,)
    silent = msgspec.structs.replace(
        later, effects=tuple(e for e in later.effects if e is not forgotten)
    )
    await _write(worker, play, [*batch, silent])
    assert (await load_snapshot(worker, "310106")).incidents == (over,)
    said = msgspec.structs.replace(later, offset=later.offset + 1, effects=(forgotten,))
    await _write(worker, play, [said])
    assert (await load_snapshot(worker, "310106")).incidents == ()
    rows = await owner.fetch("SELECT id, forgotten_at FROM incident")
    assert [tuple(row) for row in rows] == [(over.id, forgotten.at)]


async def test_a_region_nobody_knows_has_no_snapshot(worker: asyncpg.Connection) -> None:
    assert await load_snapshot(worker, "000000") is None
    assert await applied_offset(worker, "000000") == -1


async def test_the_ids_remembered_are_the_newest_without_repeats(
    worker: asyncpg.Connection,
) -> None:
    async with transaction(worker) as conn:
        await conn.execute("INSERT INTO region (region) VALUES ('r')")
        await conn.execute(
            "INSERT INTO applied (region, journal_offset, entry_id, entry_kind, at, effects)"
            " SELECT 'r', n, 'e' || n % $1, 'tick', now(), '[]' FROM generate_series(1, $2) AS n",
            SEEN + 10,
            SEEN + 15,
        )
    seen = (await load_snapshot(worker, "r")).seen
    assert len(seen) == SEEN
    assert seen[-1] == "e0"
    assert seen[0] == "e11"


async def test_recorded_effects_are_the_bytes_of_the_cores_answer(
    worker: asyncpg.Connection,
) -> None:
    play = Play("310106")
    batch = [play.apply(fleet("310106")), play.step(0, 1, 1), play.step(0, 6, 7)]
    await _write(worker, play, batch)
    recorded = await applied_range(worker, "310106", 0, 1000)
    assert [(r.offset, r.entry_id, r.entry_kind, r.at, r.effects) for r in recorded] == [
        (a.offset, a.entry_id, a.entry_kind, a.at, wire.encode(a.effects)) for a in batch
    ]
    assert await applied_offset(worker, "310106") == batch[-1].offset


async def test_the_same_batch_again_leaves_no_trace(
    worker: asyncpg.Connection, owner: asyncpg.Connection
) -> None:
    play = Play("310106")
    first = [play.apply(fleet("310106"))] + [play.step(n, n * 13, n * 29 + 1) for n in range(40)]
    clock = play.core.clock
    await _write(worker, play, first)
    before = await _everything(owner)
    async with transaction(worker) as conn:
        assert await insert_evidence(conn, "310106", play.evidence) == set()
        assert await write_applied(conn, "310106", first, clock) == 0
        assert await write_applied(conn, "310106", first[:3], first[2].at) == 0
    assert await _everything(owner) == before
    second = [play.step(n, n * 13 + 5, n * 31 + 1) for n in range(20)]
    async with transaction(worker) as conn:
        assert await write_applied(conn, "310106", first + second, play.core.clock) == 20
    assert await load_snapshot(worker, "310106") == play.core.snapshot()


async def test_a_change_of_an_incident_leaves_its_indexes_alone(
    worker: asyncpg.Connection,
) -> None:
    """Else each stamp of a crew writes every index of the incident, and its search words, anew."""
    play = Play("310187")
    await _write(worker, play, [play.apply(fleet("310187")), play.step(0, 1, 1)])
    changed = play.step(0, 1, 1)
    assert any(isinstance(effect, IncidentWritten) for effect in changed.effects)
    async with transaction(worker) as inside:
        await insert_evidence(inside, play.region, play.evidence)
        await write_applied(inside, play.region, [changed], play.core.clock)
        row = await inside.fetchrow(
            "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_xact_user_tables"
            " WHERE relname = 'incident'"
        )
    assert row["n_tup_upd"] == row["n_tup_hot_upd"] > 0


async def test_evidence_of_any_form_keeps_its_bytes(worker: asyncpg.Connection) -> None:
    play = Play("310106")
    for n in range(20):
        noted = evidence("310106", str(n), n, n * 7, play.at)
        async with transaction(worker) as conn:
            assert await insert_evidence(conn, "310106", [(noted, ("t", 0, n))]) == {noted.id}
        record = await worker.fetchval("SELECT record FROM evidence WHERE id = $1", noted.id)
        assert record == wire.encode(noted)


async def _everything(owner: asyncpg.Connection) -> dict[str, list]:
    tables = await owner.fetch(
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        " AND relname <> 'spatial_ref_sys' ORDER BY 1"
    )
    return {
        table[0]: await owner.fetch(f"SELECT t::text FROM {table[0]} AS t ORDER BY 1")
        for table in tables
    }
