"""Journals that earlier versions decided, through today's core."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import msgspec
import pytest

from atlas.deciding import deciding_router
from atlas.folder import city_files as files_of
from atlas.folder import load_city
from dispatch import Region
from geo.routing.reference import Router
from infra.archive import partition_folder, write_segment
from infra.ledger import city_files, connect, transaction
from infra.ledger.city_files import CityName
from infra.ledger.effects import note_decider
from infra.settings import Endpoints
from replay.changes import changes_since
from replay.cities import kept_routers
from replay.player import Pace, Replayed, Window, play
from replay.reader import find_partition, read_journal
from replay.run import run_replay
from schemas import topics, wire
from schemas.effects import Effect
from tests.replay.golden_journals import VERSIONS, Golden, golden
from tests.replay.kept_things import Silent


@pytest.fixture(scope="module", params=VERSIONS)
def old(request: pytest.FixtureRequest) -> Golden:
    return golden(request.param)


@pytest.fixture(scope="module")
def root(old: Golden, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an archive with the old journal."""
    root = tmp_path_factory.mktemp("archive")
    folder = partition_folder(root, topics.JOURNAL.name, old.about.partition)
    write_segment(folder, old.messages())
    return root


@pytest.fixture(scope="module")
def router(old: Golden, tmp_path_factory: pytest.TempPathFactory) -> Router:
    folder = tmp_path_factory.mktemp("city")
    old.unpack_city(folder)
    city = load_city(folder)
    assert city.digest == old.about.city, "a city keeps its name from version to version"
    return deciding_router(city)


def replayed(old: Golden, root: Path, router: Router) -> Iterator[Replayed]:
    assert find_partition(root, old.about.region) == old.about.partition
    journal = read_journal(root, old.about.partition, old.about.region)
    core = Region(old.about.region, lambda _digest: router)
    for item in play(journal, core, Window(), Pace(None)):
        assert isinstance(item, Replayed), f"an old entry is none any more: {item}"
        yield item


async def restore(ledger: asyncpg.Connection, old: Golden, city: Path) -> None:
    """Bring the ledger to where the old version left it, as far as a replay reads it."""
    about = old.about
    async with transaction(ledger) as conn:
        name = CityName(about.city, about.region, "静安区", "Jing'an District")
        assert await city_files.keep(conn, name, city, city_files.look_at(city, files_of(city)))
        await conn.execute(
            "INSERT INTO region (region, city, applied_offset) VALUES ($1, $2, $3)",
            *(about.region, about.city, old.lines[-1].offset),
        )
        entries = [msgspec.json.decode(line.value) for line in old.lines]
        await conn.executemany(
            "INSERT INTO applied (region, journal_offset, entry_id, at, entry_kind, effects) "
            "VALUES ($1, $2, $3, $4, $5, $6)",
            [
                (
                    *(about.region, line.offset, entry["id"]),
                    datetime.fromtimestamp(line.at_ms / 1000, UTC),
                    *(entry["entry"], line.effects.encode()),
                )
                for line, entry in zip(old.lines, entries, strict=True)
            ],
        )
        await note_decider(conn, about.region, old.lines[0].offset, about.software)


@pytest.mark.postgis
async def test_an_old_journal_is_decided_as_it_was_or_what_changed_is_named(
    endpoints: Endpoints, old: Golden, root: Path, tmp_path: Path
) -> None:
    city = tmp_path / "city"
    old.unpack_city(city)
    owner = await connect(endpoints.database_url, "test")
    await restore(owner, old, city)
    await owner.close()
    gateway = await connect(endpoints.gateway_url, "test replay")
    routers = kept_routers(tmp_path / "archive", endpoints.gateway_url)
    try:
        report = await run_replay(gateway, root, old.about.region, routers, Silent())
    finally:
        await gateway.close()
    assert report.decided_by == {0: old.about.software}
    assert sum(report.entries.values()) == len(old.lines)
    assert report.undecodable == report.buried == 0
    by_the_same_rules = not changes_since(report.decided_by, 0)
    assert bool(report.changes) != by_the_same_rules
    # A rule that changes is named in replay/changes.py, with the version that brings it.
    assert report.equal or report.changes, report.difference
    if by_the_same_rules:
        assert report.sha256 == report.recorded_sha256


def test_an_old_journal_gives_the_same_bytes_twice(old, root, router):
    first, second = (list(replayed(old, root, router)) for _ in range(2))
    assert [item.encoded for item in first] == [item.encoded for item in second]
    assert len(first) == len(old.lines) > 1_000
    assert {"command", "evidence", "fleet", "policy", "street", "tick", "unit_stamped"} <= {
        item.kind for item in first
    }


def test_what_was_recorded_can_still_be_read(old):
    for line in old.lines:
        effects = wire.decode(line.effects.encode(), tuple[Effect, ...])
        assert len(effects) == line.effects.count('"effect":"'), line.offset
