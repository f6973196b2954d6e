"""`jingwei retention`: what is too old goes, nothing of an open incident does, replays stay."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from infra.archive import (
    archive_root,
    cluster_id,
    next_offset,
    partition_folder,
    read_kept,
    write_segment,
)
from infra.ledger import connect, transaction
from infra.ledger.reporters import insert_reporters, open_vault
from infra.settings import Endpoints
from schemas import journal, topics, wire
from schemas.records import Evidence
from tests.cli.conftest import Run, data
from tests.cli.scene import Scene
from tests.replay.kept_things import kept

pytestmark = [pytest.mark.postgis, pytest.mark.kafka]
WORDS = "三楼着火了，我是老王"


def rows(scene: Scene, query: str, *arguments: object) -> list[Any]:
    async def ask() -> list[Any]:
        conn = await connect(scene.endpoints.database_url)
        try:
            return [tuple(row) for row in await conn.fetch(query, *arguments)]
        finally:
            await conn.close()

    return asyncio.run(ask())


def do(scene: Scene, script: str) -> None:
    async def work() -> None:
        conn = await connect(scene.endpoints.database_url)
        try:
            await conn.execute(script)
        finally:
            await conn.close()

    asyncio.run(work())


@pytest.fixture
def archive(scene: Scene) -> Path:
    """Return an archive with the journal entry of the first incident's report, and old readings."""
    cluster = asyncio.run(cluster_id(scene.endpoints.bootstrap))
    root = archive_root(scene.endpoints.archive_dir, cluster, scene.endpoints.database_url)
    [(offset, record)] = rows(
        scene,
        "SELECT placed_offset, record FROM evidence WHERE incident_id = $1",
        scene.ids[0],
    )
    noted = journal.EvidenceNoted(
        id="e", region=scene.region, evidence=wire.decode(record, Evidence)
    )
    noted = msgspec.structs.replace(
        noted, evidence=msgspec.structs.replace(noted.evidence, text=WORDS)
    )
    folder = partition_folder(root, topics.JOURNAL.name, 3)
    write_segment(folder, [kept(offset, wire.encode(noted)), kept(offset + 1, b"another")])
    readings = partition_folder(root, topics.READINGS.name, 0)
    young = kept(2)._replace(timestamp_ms=round(datetime.now(UTC).timestamp() * 1000))
    for messages in ([kept(0), kept(1)], [young]):
        write_segment(readings, messages)
    return root


@pytest.fixture
def old(scene: Scene, archive: Path) -> Scene:
    """Let the fire be long over, and the lift be merged into the crash, which is open."""
    do(
        scene,
        f"""
        UPDATE incident SET is_open = false, forgotten_at = now() - interval '4 years',
            updated_at = now() - interval '4 years' WHERE id <> '{scene.ids[1]}';
        UPDATE incident SET merged_into = '{scene.ids[1]}' WHERE id = '{scene.ids[2]}';
        UPDATE evidence SET text = '{WORDS}', received_at = now() - interval '4 years',
            source = 'report', reporter_ref = 'r-' || incident_id;
        INSERT INTO unit_track (unit_id, at, point)
            SELECT 'U', now() - make_interval(days => d), ST_SetSRID(ST_MakePoint(121, 31), 4326)
            FROM generate_series(0, 400, 50) AS d;
        INSERT INTO dead_letter (topic, partition, record_offset, headers, reason, error, agent, at)
            SELECT t, 0, 1, '[]', 'r', 'e', 'a', now() - interval '1 year'
            FROM unnest(ARRAY['city.citizen.reports', 'city.journal']) AS t;
        """,
    )
    asyncio.run(_contacts(scene.endpoints, scene.ids))
    return scene


async def _contacts(endpoints: Endpoints, incidents: list[str]) -> None:
    conn = await connect(endpoints.database_url)
    vault = await open_vault(conn, endpoints.key_file)
    async with transaction(conn) as tx:
        sealed = [vault.seal(f"r-{one}", {"name": "老王"}) for one in incidents]
        await insert_reporters(tx, sealed)
        await tx.execute("UPDATE reporter SET recorded_at = now() - interval '4 years'")
    await conn.close()


def test_what_is_too_old_goes_and_nothing_of_what_is_open(
    old: Scene, archive: Path, run: Run
) -> None:
    before = rows(old, "SELECT * FROM applied ORDER BY journal_offset")
    planned = {(one["kind"], one["name"]): one for one in data(run("retention", "plan", "--json"))}
    goes = {name: one["goes"] for (kind, name), one in planned.items() if kind == "ledger"}
    assert (goes["incident"], goes["dead_letter"], goes["unit_track"]) == (1, 1, 5)
    assert (goes["text"], goes["contact"]) == (1, 1)  # what the lift is merged into is open
    assert planned["archive", "city.sensor.readings"]["goes"] == 1
    assert planned["topic", "city.citizen.reports"]["days"] == 7
    oldest = datetime.fromisoformat(planned["ledger", "incident"]["oldest"])
    assert datetime.now(UTC) - oldest > timedelta(days=1_400)

    done = data(run("retention", "run", "--json"))
    assert done["ledger incident"] == 1
    assert {row[0] for row in rows(old, "SELECT id FROM incident")} == set(old.ids[1:])
    for table in (
        *("incident_entry", "assignment", "recommendation", "alert", "evidence", "command"),
    ):
        assert rows(old, f"SELECT 1 FROM {table} WHERE incident_id = $1", old.ids[0]) == [], table
        open_ones = rows(old, f"SELECT 1 FROM {table} WHERE incident_id = $1", old.ids[1])
        assert open_ones or table == "command", table
    assert rows(old, "SELECT ref FROM reporter WHERE ref = $1", f"r-{old.ids[0]}") == []
    assert rows(old, "SELECT ref FROM reporter_key WHERE ref = $1", f"r-{old.ids[1]}") != []
    assert rows(old, "SELECT topic FROM dead_letter") == [("city.journal",)]
    assert rows(old, "SELECT count(*) FROM unit_track") == [(4,)]
    assert rows(old, "SELECT * FROM applied ORDER BY journal_offset") == before
    assert next_offset(partition_folder(archive, topics.READINGS.name, 0)) == 3
    assert len(list(read_kept(partition_folder(archive, topics.READINGS.name, 0)))) == 1
    told = list(read_kept(partition_folder(archive, topics.JOURNAL.name, 3)))
    assert WORDS.encode() not in b"".join(message.value for message in told)
    assert b"[erased]" in told[0].value
    assert told[1].value == b"another"
    again = data(run("retention", "run", "--json"))
    assert set(again.values()) == {0}
    actions = rows(old, "SELECT action FROM audit ORDER BY id")
    assert actions == [("retention_begins",), ("retention_ends",)] * 2


def test_a_timeline_goes_by_no_other_way(old: Scene) -> None:
    with pytest.raises(Exception, match="append-only"):
        do(old, "DELETE FROM incident_entry")
    with pytest.raises(Exception, match="append-only"):
        do(
            old,
            "INSERT INTO audit (actor, action, subject) VALUES ('a', 'b', 'c');"
            "SET jingwei.retention = 'on'; DELETE FROM audit",
        )
