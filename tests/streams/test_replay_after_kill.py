"""What a killed worker and a killed archiver left is replayed byte for byte."""

import asyncio
import signal
import uuid

import pytest

from atlas.deciding import deciding_router
from infra.ledger import connect
from replay.run import Report, run_replay
from schemas import journal, topics
from tests.replay.archiver import start_archiver
from tests.streams.rig import Rig, message, now
from tests.streams.traffic import Traffic

pytestmark = [pytest.mark.postgis, pytest.mark.apache_kafka, pytest.mark.slow]


class Silent:
    """Looks on and says nothing."""

    def begins(self, entries):
        pass

    def passes(self, offset):
        pass

    def sees(self, applied):
        pass


def acknowledge(rig: Rig, region: str) -> None:
    """Send an operator's commands: one for the first incident, one for none."""
    [first] = rig.rows("SELECT id::text FROM incident ORDER BY opened_at, id LIMIT 1")
    for incident in (first["id"], str(uuid.uuid4())):
        command = journal.Command(
            id=str(uuid.uuid4()),
            region=region,
            operator="op",
            incident=incident,
            action=journal.Acknowledge(),
        )
        rig.send([message(topics.JOURNAL, command, key=region, event_id=command.id)])


def test_a_replay_after_kills_is_equal(rig, city, tmp_path):
    root, region = tmp_path / "root", city.manifest.region
    root.mkdir()

    def archiver():
        return start_archiver(
            rig.endpoints.bootstrap, root, f"{rig.group}-archive", [topics.JOURNAL.name]
        )

    traffic = Traffic(city, seed=7, name=rig.group)
    archive = archiver()
    try:
        rig.worker.start()
        rig.worker.wait_ready()
        rig.send(traffic.some(300, now(-1)))
        rig.await_rows("SELECT 1 FROM incident")
        acknowledge(rig, region)
        rig.send(traffic.some(300, now(-1)))
        rig.worker.kill()
        archive.kill()
        archive.wait()
        archive = archiver()
        rig.worker.start()
        rig.worker.wait_ready()
        rig.settle()
        assert rig.worker.stop() == 0
        archive.send_signal(signal.SIGTERM)
        assert archive.wait(20) == 0
    finally:
        archive.kill()
        archive.wait()

    router = deciding_router(city, tmp_path / "street-orders")

    async def replayed() -> Report:
        connection = await connect(rig.endpoints.gateway_url, "test replay")
        try:
            return await run_replay(connection, root, region, lambda _digest: router, Silent())
        finally:
            await connection.close()

    report = asyncio.run(replayed())
    assert report.difference is None
    assert report.sha256 == report.recorded_sha256
    assert report.happened["commands accepted"] == report.happened["commands refused"] == 1
    assert report.happened["incidents opened"] > 1
    assert set(report.decided_by.values()) == {report.software}
    assert rig.rows("SELECT 1 FROM outbox") == [], "what was sent is forgotten at the end"
