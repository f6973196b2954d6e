"""A worker that dies is replaced when the ledger misses it, not when Kafka's session runs out."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from atlas.city import CityData
from infra.ledger import open_pool
from infra.settings import Endpoints
from schemas import topics
from schemas.inputs import CitizenReport, Location
from streams.absent import PREFIX, Member, watch_absent
from tests.patience import patience
from tests.streams.rig import Rig, Sent, WorkerProcess, message, now

pytestmark = [pytest.mark.postgis, pytest.mark.kafka]

OWN = f"{PREFIX}here/1/a"
OTHER = f"{PREFIX}there/2/b"
SESSION_S = "600"
"""Far longer than any patience: whoever takes over before has not waited for it."""


class Members:
    """A group as Kafka tells it."""

    def __init__(self, *names: str) -> None:
        self.names = list(names)
        self.removed: list[str] = []
        self.joined = self.looks = 0

    async def members(self) -> list[Member]:
        self.looks += 1
        return [Member(f"id of {name}", name) for name in self.names]

    async def remove(self, member: Member) -> None:
        self.names.remove(member.name)
        self.removed.append(member.name)

    async def join_again(self) -> None:
        self.joined += 1


@pytest.fixture
async def pool(endpoints: Endpoints) -> AsyncIterator[asyncpg.Pool]:
    made = await open_pool(endpoints.worker_url, 1, 2, OWN)
    yield made
    await made.close()


async def looked(group: Members, looks: int) -> None:
    until, wanted = asyncio.get_running_loop().time() + patience(10), group.looks + looks
    while group.looks < wanted:
        assert asyncio.get_running_loop().time() < until
        await asyncio.sleep(0.01)


async def test_who_has_no_connection_left_is_removed_once(
    pool: asyncpg.Pool, endpoints: Endpoints
) -> None:
    other = await open_pool(endpoints.worker_url, 1, 1, OTHER)
    group = Members(OWN, OTHER, "faust-of-others")
    watching = asyncio.create_task(watch_absent(pool, group, OWN, 0.02))
    await looked(group, 4)
    assert group.removed == []
    await other.close()
    await looked(group, 4)
    assert (group.removed, group.joined) == ([OTHER], 1)
    group.names.append(OTHER)  # it lives, and only its way to the ledger is cut
    await looked(group, 4)
    assert group.removed == [OTHER]
    other = await open_pool(endpoints.worker_url, 1, 1, OTHER)
    await looked(group, 4)
    await other.close()
    await looked(group, 4)
    assert group.removed == [OTHER, OTHER], "it came back, and died after that"
    watching.cancel()


async def test_where_the_ledger_shows_no_names_nobody_is_removed(pool: asyncpg.Pool) -> None:
    group = Members(OWN, OTHER)
    watching = asyncio.create_task(watch_absent(pool, group, f"{PREFIX}hidden", 0.02))
    await looked(group, 5)
    watching.cancel()
    assert group.removed == []


async def test_a_ledger_that_is_away_removes_nobody(endpoints: Endpoints) -> None:
    pool = await open_pool(endpoints.worker_url, 1, 2, OWN)
    group = Members(OWN, OTHER)
    await pool.close()
    watching = asyncio.create_task(watch_absent(pool, group, OWN, 0.02))
    await asyncio.wait((watching,), timeout=0.3)
    watching.cancel()
    assert group.removed == []


def reports(rig: Rig, city: Any, first: int, many: int) -> list[Sent]:
    west, south, east, north = city.manifest.bounds
    made = []
    for number in range(first, first + many):
        name = f"{rig.group}-{number}"
        place = Location(
            lon=west + (east - west) * (number % 7) / 7,
            lat=south + (north - south) * (number // 7 % 7) / 7,
            accuracy_m=5.0,
        )
        payload = CitizenReport(
            service_request_id=name,
            description="有人晕倒，没有呼吸",
            requested_datetime=now(-1),
            location=place,
        )
        made.append(message(topics.REPORTS, payload, key=name, event_id=name))
    return made


@pytest.mark.slow
def test_the_others_take_over_from_who_was_killed(
    rig: Rig, city: CityData, city_folder: Path, tmp_path: Path
) -> None:
    """Whichever had the journal: each is killed once, while the other goes on."""
    session = {"JINGWEI_WORKER_SESSION_TIMEOUT_S": SESSION_S}
    workers = []
    for name in ("h1", "h2"):
        home = tmp_path / name
        home.mkdir()
        worker = WorkerProcess(
            rig.endpoints, city_folder, home, rig.group, instance=name, settings=session
        )
        workers.append(worker)
        worker.start()
    for worker in workers:
        worker.wait_ready()
    placed = "SELECT 1 FROM evidence WHERE placed IS NOT NULL"
    sent = 24
    rig.send(reports(rig, city, 0, sent))
    rig.await_rows(placed, count=sent, within_s=60)
    for killed, alive in (workers, reversed(workers)):
        killed.kill()
        rig.send(reports(rig, city, sent, 24))
        sent += 24
        rig.await_rows(placed, count=sent, within_s=40)
        assert "has ended: taking it out of the group" in alive.log.read_text()
        assert alive.alive
        killed.start()
        killed.wait_ready()
        rig.send(reports(rig, city, sent, 24))
        sent += 24
        rig.await_rows(placed, count=sent, within_s=60)
    for worker in workers:
        assert worker.stop() == 0
