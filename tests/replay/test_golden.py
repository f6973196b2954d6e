"""Journals that earlier versions decided, through today's core."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from dispatch import Region
from geo.city import load_city
from geo.router import deciding_router
from geo.routing import Router
from infra.archive import partition_folder, write_segment
from replay.player import Applied, Pace, Window, play
from replay.reader import find_partition, read_journal
from schemas import topics, wire
from schemas.effects import Effect
from tests.replay.golden_journals import VERSIONS, Golden, golden


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


def replayed(old: Golden, root: Path, router: Router) -> Iterator[Applied]:
    assert find_partition(root, old.about.region) == old.about.partition
    journal = read_journal(root, old.about.partition, old.about.region)
    core = Region(old.about.region, lambda _digest: router)
    for item in play(journal, core, Window(), Pace(None)):
        assert isinstance(item, Applied), f"an old entry is none any more: {item}"
        yield item


def test_an_old_journal_is_decided_as_it_was(old, root, router):
    again = {item.offset: item.encoded for item in replayed(old, root, router)}
    assert again == {line.offset: line.effects.encode() for line in old.lines}


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
