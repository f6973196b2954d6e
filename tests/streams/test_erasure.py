"""An erased reporter is nowhere in clear; others' words and the replay stay as they were."""

import asyncio
import json
import signal
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from atlas.deciding import deciding_router
from cli.main import application
from infra.archive import archive_root, cluster_id, partition_folder, read_kept, segments
from infra.ledger import connect
from infra.vault import Sealed, load_vault
from replay.run import Report, run_replay
from schemas import topics
from schemas.inputs import CitizenReport, Contact, Location
from tests.city.toy import lonlat
from tests.cli.conftest import Run, data, point_at, run  # noqa: F401 - run is a fixture
from tests.patience import patience
from tests.replay.archiver import start_archiver
from tests.replay.kept_things import Silent
from tests.streams.rig import Rig, message, now

pytestmark = [pytest.mark.postgis, pytest.mark.apache_kafka, pytest.mark.slow]

LON, LAT = lonlat(5, 5)
CLEAR = ("欧阳木兰", "13651817299", "136-5181-7299", "mulan@example.com", "老槐树下")
OTHERS = ("13900139000", "李大姐看见了")


def told(number: str, text: str, **contact: str) -> CitizenReport:
    return CitizenReport(
        service_request_id=number,
        description=text,
        requested_datetime=now(),
        location=Location(lon=LON, lat=LAT),
        contact=Contact(**contact),
    )


MULAN = {"name": "欧阳木兰", "phone": "136-5181-7299", "email": "mulan@example.com"}


def in_ledger(rig: Rig) -> str:
    """Return all that all tables hold, bytes as text."""
    tables = rig.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    rows = [row for table in tables for row in rig.rows(f"SELECT * FROM {table['tablename']}")]
    return "\n".join(
        value.decode(errors="replace") if isinstance(value, bytes) else str(value)
        for row in rows
        for value in row.values()
    )


def in_archive(root: Path) -> str:
    """Return all that the archive's messages and files hold."""
    found = [
        path.read_bytes().decode(errors="replace") for path in root.rglob("*") if path.is_file()
    ]
    for folder in {path.parent for path in root.rglob("*.parquet")}:
        for kept in read_kept(folder):
            found += [
                (kept.value or b"").decode(errors="replace"),
                str(kept.key),
                str(kept.headers),
            ]
    return "\n".join(found)


def clear_in(text: str) -> list[str]:
    return [word for word in CLEAR if word in text or json.dumps(word)[1:-1] in text]


def replayed(rig: Rig, city, root: Path, folder: Path) -> Report:
    router = deciding_router(city, folder / "street-orders")

    async def work() -> Report:
        connection = await connect(rig.endpoints.gateway_url, "test replay")
        try:
            region = city.manifest.region
            return await run_replay(connection, root, region, lambda _digest: router, Silent())
        finally:
            await connection.close()

    return asyncio.run(work())


def test_an_erased_reporter_is_nowhere_in_clear(
    rig: Rig,
    city,
    tmp_path,
    monkeypatch,
    run: Run,  # noqa: F811
) -> None:
    point_at(rig.endpoints, monkeypatch)
    cluster = asyncio.run(cluster_id(rig.endpoints.bootstrap))
    root = archive_root(rig.endpoints.archive_dir, cluster, rig.endpoints.database_url)
    kept = [topics.REPORTS.name, topics.JOURNAL.name]

    def archiver():
        return start_archiver(rig.endpoints.bootstrap, root, f"{rig.group}-archive", kept)

    rig.worker.start()
    archive = archiver()
    rig.worker.wait_ready()
    mulan = told("e-1", "老槐树下的井盖不见了，我是欧阳木兰，电话13651817299", **MULAN)
    other = told("e-2", "井盖不见了，李大姐看见了", name="李四", phone="13900139000")
    # Nobody can place this one; its phone is written another way, its letters as escapes.
    lost = {
        "service_request_id": "e-3",
        "description": "老槐树下",
        "requested_datetime": now().isoformat(),
        "contact": MULAN | {"phone": "+86 136 5181 7299"},
        "location": {"lon": 0.0, "lat": 0.0},
    }
    broken = message(topics.REPORTS, told("e-3", "老槐树下", **MULAN), key="13651817299")
    broken.value = json.dumps(lost).encode()
    rig.send([message(topics.REPORTS, mulan), message(topics.REPORTS, other), broken])
    rig.await_rows("SELECT 1 FROM evidence WHERE placed IS NOT NULL", count=2)
    rig.await_rows("SELECT 1 FROM dead_letter")
    rig.settle()
    later = told("e-4", "老槐树下还有一个井盖", **MULAN)
    archive.send_signal(signal.SIGTERM)
    assert archive.wait(20) == 0
    rig.send([message(topics.REPORTS, later)])  # which the archiver is yet to read
    rig.await_rows("SELECT 1 FROM evidence WHERE placed IS NOT NULL", count=3)
    rig.settle()
    assert set(clear_in(in_archive(root))) == set(CLEAR)
    assert "13651817299" in in_ledger(rig)  # the dead letter's key
    [row] = rig.rows("SELECT id, reporter_ref FROM evidence WHERE source_id = 'e-1'")

    refused = run("erase", "--evidence", row["id"], "--purpose", "asked by the citizen")
    assert (refused.exit_code, "still open" in str(refused.exception)) == (5, True)
    rig.rows("UPDATE incident SET is_open = false RETURNING id")
    assert run("erase", row["reporter_ref"]).exit_code == 2  # no purpose
    assert run("erase", "nobody", "--purpose", "test").exit_code == 2

    def erase(*more: str) -> dict:
        result = CliRunner().invoke(
            application("erase"),
            ["erase", "--contact-stdin", "--purpose", "asked by the citizen", "--json", *more],
            input="+86 13651817299\n",
        )
        return data(result)

    tried = erase("--dry-run")
    assert (tried["contacts"], tried["dead_letters"], tried["archived_messages"]) == (2, 1, None)
    assert "13651817299" in in_ledger(rig)
    done = erase()
    assert (done["contacts"], done["texts"], done["dead_letters"], done["waiting"]) == (2, 2, 1, 0)
    assert set(done["kafka"]) == {
        "city.citizen.reports",
        "dlq.city.citizen.reports",
        "city.journal",
    }
    assert clear_in(in_ledger(rig)) == []
    assert clear_in(in_archive(root)) == []
    archive = archiver()
    try:
        folder = partition_folder(root, *_home_of(rig, "e-4"))
        _await(lambda: any(s.last >= _offset(rig, "e-4") for s in segments(folder)))
    finally:
        archive.send_signal(signal.SIGTERM)
        assert archive.wait(20) == 0
    assert clear_in(in_archive(root)) == []
    assert rig.worker.stop() == 0
    for log in (rig.worker.log, *(rig.endpoints.home / "logs").iterdir()):
        assert clear_in(log.read_text(errors="replace")) == [], log

    left = in_ledger(rig) + in_archive(root)
    assert all(word in left for word in OTHERS)
    [li] = rig.rows(
        "SELECT r.ref, k.key, r.sealed AS content"
        " FROM reporter AS r JOIN reporter_key AS k USING (ref)"
    )
    assert load_vault(rig.endpoints.key_file).open(Sealed(**li))["phone"] == "13900139000"
    report = replayed(rig, city, root, tmp_path)
    assert report.difference is None
    assert report.sha256 == report.recorded_sha256
    actions = rig.rows("SELECT subject, detail FROM audit WHERE action = 'erase'")
    assert len(actions) == 1
    again = data(run("erase", "--again", "--json"))
    assert (again["contacts"], again["texts"], again["archived_messages"]) == (0, 0, 0)


def _home_of(rig: Rig, source_id: str) -> tuple[str, int]:
    [row] = rig.rows("SELECT topic, partition FROM evidence WHERE source_id = $1", source_id)
    return row["topic"], row["partition"]


def _offset(rig: Rig, source_id: str) -> int:
    [row] = rig.rows("SELECT record_offset FROM evidence WHERE source_id = $1", source_id)
    return row["record_offset"]


def _await(true) -> None:
    deadline = time.monotonic() + patience(30)
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.1)
