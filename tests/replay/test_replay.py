"""Replays of a small city's journal against a real ledger."""

import asyncio
import json
from datetime import timedelta

import asyncpg
import msgspec
import pytest
from typer.testing import CliRunner

import cli.replay
import replay.changes
import replay.cities
import replay.run
from cli import exit_codes
from cli.main import application
from geo.routing.reference import Router
from infra.archive import ArchiveGap, partition_folder, segments
from infra.ledger import connect
from infra.ledger.effects import note_decider, write_applied
from infra.ledger.intake import DeadLetter, Source, insert_dead_letters
from infra.ledger.pool import transaction
from infra.software import deciding_software
from replay.changes import CHANGES, Change, changes_since
from replay.errors import ArchiveLags, EntryFailed, JournalMissing, NothingRecorded
from replay.player import Window
from replay.run import run_replay
from schemas import journal, topics
from schemas.ids import derive
from tests.conftest import ROOT
from tests.dispatch.dispatch_world import REGION, START, routers, streets
from tests.replay.kept_things import PARTITION, Silent, keep_journal, recorded, story

pytestmark = pytest.mark.postgis


@pytest.fixture
async def ledger(endpoints):
    conn = await connect(endpoints.database_url, "test")
    yield conn
    await conn.close()


@pytest.fixture
def entries():
    return story()


async def record(ledger: asyncpg.Connection, entries) -> None:
    async with transaction(ledger) as conn:
        await write_applied(conn, REGION, recorded(entries), entries[-1][1])


async def tamper(ledger: asyncpg.Connection, offset: int, old: bytes, new: bytes) -> None:
    await ledger.execute("ALTER TABLE applied DISABLE TRIGGER applied_only_grows")
    effects = await ledger.fetchval(
        "SELECT effects FROM applied WHERE region = $1 AND journal_offset = $2", REGION, offset
    )
    assert old in effects
    await ledger.execute(
        "UPDATE applied SET effects = $3 WHERE region = $1 AND journal_offset = $2",
        *(REGION, offset, effects.replace(old, new, 1)),
    )


async def test_a_replay_is_equal(ledger, entries, tmp_path):
    await record(ledger, entries)
    keep_journal(tmp_path, entries)
    watch = Silent()
    report = await run_replay(ledger, tmp_path, REGION, routers, watch)
    assert report.difference is None
    assert report.equal
    assert report.sha256 == report.recorded_sha256
    assert report.partition == PARTITION
    assert (report.first_offset, report.last_offset) == (1, 2 * len(entries) - 1)
    assert sum(report.entries.values()) == len(entries) == len(watch.seen)
    assert report.entries["evidence"] == 13, "one of them a repeat"
    assert report.happened["incidents opened"] == 8
    assert report.happened["evidence attached"] == 4
    assert report.happened["assignments"] > 0
    assert report.undecodable == 0, "what the ledger has not come to is not looked at"


async def test_a_changed_record_is_the_first_difference(ledger, entries, tmp_path):
    await record(ledger, entries)
    keep_journal(tmp_path, entries)
    offset = 2 * 3 + 1
    await tamper(ledger, offset + 2, b'"effect":"timeline"', b'"effect":"alert"')
    await tamper(ledger, offset, b'"severity":"P2"', b'"severity":"P4"')
    report = await run_replay(ledger, tmp_path, REGION, routers, Silent())
    assert not report.equal
    assert report.sha256 != report.recorded_sha256
    found = report.difference
    assert (found["offset"], found["entry_id"]) == (offset, entries[3][0].id)
    assert (found["entry_kind"], found["field"]) == ("evidence", "incident.severity")
    assert (found["recorded"], found["replayed"]) == ("P4", "P2")
    assert isinstance(found["effect"], int)
    for word in (str(offset), entries[3][0].id, "incident.severity", "P4", "P2"):
        assert word in found["sentence"]


async def test_a_replay_tells_which_software_decided(ledger, entries, tmp_path):
    await record(ledger, entries)
    keep_journal(tmp_path, entries)
    report = await run_replay(ledger, tmp_path, REGION, routers, Silent())
    assert report.decided_by == {}, "ledgers from before did not keep it"
    async with transaction(ledger) as conn:
        for offset, software in ((0, "0.1.0+a"), (3, "0.1.0+a"), (5, "0.1.0+b"), (99_999, "c")):
            await note_decider(conn, REGION, offset, software)
    report = await run_replay(ledger, tmp_path, REGION, routers, Silent())
    assert report.decided_by == {0: "0.1.0+a", 5: "0.1.0+b"}
    late = await run_replay(ledger, tmp_path, REGION, routers, Silent(), window=Window(7, None))
    assert late.decided_by == {5: "0.1.0+b"}
    assert report.software == deciding_software()


async def test_a_missing_record_is_a_difference(ledger, entries, tmp_path):
    await record(ledger, entries)
    keep_journal(tmp_path, entries)
    await ledger.execute("DELETE FROM applied WHERE journal_offset = 9")
    report = await run_replay(ledger, tmp_path, REGION, routers, Silent())
    assert (report.difference["offset"], report.difference["field"]) == (9, "record")


async def test_a_record_without_an_entry_is_a_difference(ledger, entries, tmp_path):
    await record(ledger, entries)
    keep_journal(tmp_path, entries)
    await ledger.execute(
        "INSERT INTO applied VALUES ($1, 10, 'made up', now(), 'tick', '[]')", REGION
    )
    report = await run_replay(ledger, tmp_path, REGION, routers, Silent())
    assert (report.difference["offset"], report.difference["entry_id"]) == (10, "made up")


@pytest.mark.parametrize("by_time", [False, True])
async def test_a_window_bounds_what_is_compared(ledger, entries, tmp_path, by_time):
    await record(ledger, entries)
    keep_journal(tmp_path, entries)
    await tamper(ledger, 3, b"[", b"[ ")
    first, last = 4, 7
    bounds = (
        (entries[first][1], entries[last][1] + timedelta(milliseconds=1))
        if by_time
        else (2 * first + 1, 2 * last + 2)
    )
    watch = Silent()
    report = await run_replay(ledger, tmp_path, REGION, routers, watch, window=Window(*bounds))
    assert report.equal
    assert [applied.offset for applied in watch.seen] == [9, 11, 13, 15]
    everything = await run_replay(ledger, tmp_path, REGION, routers, Silent())
    assert everything.difference["offset"] == 3
    assert everything.difference["field"] == "bytes"


async def test_an_archive_that_is_behind_is_told(ledger, entries, tmp_path):
    await record(ledger, entries)
    arguments = (ledger, tmp_path, REGION, routers, Silent())
    with pytest.raises(JournalMissing, match="it is empty"):
        await run_replay(*arguments, patience_s=0.1)
    keep_journal(tmp_path, entries[:-3])
    with pytest.raises(ArchiveLags, match="--to"):
        await run_replay(*arguments, patience_s=0.1)
    reached = 2 * (len(entries) - 3)
    report = await run_replay(*arguments, patience_s=0.1, window=Window(None, reached))
    assert report.equal
    assert report.undecodable == 1


async def test_a_gap_and_an_empty_ledger_are_told(ledger, entries, tmp_path):
    keep_journal(tmp_path, entries)
    with pytest.raises(NothingRecorded, match="--region"):
        await run_replay(ledger, tmp_path, REGION, routers, Silent())
    await record(ledger, entries)
    folder = partition_folder(tmp_path, topics.JOURNAL.name, PARTITION)
    first, _ = segments(folder)
    first.path.unlink()
    with pytest.raises(ArchiveGap, match=f"offsets 1 to {first.last} are missing"):
        await run_replay(ledger, tmp_path, REGION, routers, Silent())


async def bury(ledger: asyncpg.Connection, offset: int) -> None:
    """Set an entry aside as a worker does at whose core it fails."""
    letter = DeadLetter(
        Source(topics.JOURNAL.name, PARTITION, offset),
        *(REGION.encode(), b"", [], "cursed", "ValueError", "dispatcher", START),
    )
    await insert_dead_letters(ledger, [letter])


def cursed_streets(city: str) -> Router:
    """Streets of a city that no core can take over."""
    if city == "cursed":
        raise ValueError("these streets are cursed")
    return routers(city)


@pytest.fixture
def cursed(entries):
    """A journal with an entry at which the core fails, and what a worker records of it."""
    fleet = entries[0][0]
    curse = msgspec.structs.replace(fleet, id=derive("test", "curse"), city="cursed")
    middle = 6
    offset = 2 * middle + 1
    # What ends at the change of city is asked of its streets.
    closed = journal.StreetChanged(
        id=derive("test", "closed"),
        region=REGION,
        condition="c1",
        kind="closed",
        segments=(streets().arcs.id[0],),
        valid_from=START,
    )
    entries.insert(2, (closed, entries[1][1]))
    entries.insert(middle, (curse, entries[middle - 1][1]))
    good = [entry for entry in entries if entry[0] is not curse]
    made = recorded(good)
    after = [msgspec.structs.replace(item, offset=item.offset + 2) for item in made[middle:]]
    return entries, made[:middle] + after, offset


async def test_an_entry_that_the_worker_set_aside_is_passed_over(ledger, cursed, tmp_path):
    entries, made, offset = cursed
    async with transaction(ledger) as conn:
        await write_applied(conn, REGION, made, entries[-1][1])
    keep_journal(tmp_path, entries)
    await bury(ledger, offset)
    await bury(ledger, 3)  # what was applied stays applied, whatever another group did
    report = await run_replay(ledger, tmp_path, REGION, cursed_streets, Silent())
    assert report.difference is None
    assert report.buried == 1
    assert report.undecodable == 0
    assert sum(report.entries.values()) == len(entries) - 1
    later = Window(offset + 1, None)
    report = await run_replay(ledger, tmp_path, REGION, cursed_streets, Silent(), window=later)
    assert report.equal
    assert report.buried == 0, "it stands before the window"


async def test_an_entry_at_which_only_the_replay_fails_ends_it_with_a_sentence(
    ledger, cursed, tmp_path
):
    entries, made, offset = cursed
    async with transaction(ledger) as conn:
        await write_applied(conn, REGION, made, entries[-1][1])
    keep_journal(tmp_path, entries)
    wrong = f"fails at journal offset {offset}.*ValueError: these streets are cursed.*report this"
    with pytest.raises(EntryFailed, match=wrong):
        await run_replay(ledger, tmp_path, REGION, cursed_streets, Silent())


def test_changes_are_those_between_the_oldest_that_decided_and_what_replays():
    now = f"{CHANGES[-1].version}+b"
    assert changes_since({0: "0.1.0+a"}, 0, now) == CHANGES
    assert changes_since({0: "0.1.0+a", 9: "0.2.0+b"}, 0, now) == CHANGES
    assert changes_since({0: "0.2.0+a"}, 0, "0.2.0+b") == ()
    assert changes_since({0: "0.1.0+a"}, 0, "0.1.0+b") == ()
    assert changes_since({0: "0.2.0+a"}, 0, "0.1.0+b") == (), "an older one names nothing"
    assert changes_since({}, 0, now) == CHANGES, "nobody has signed"
    assert changes_since({5: "0.2.0+a"}, 0, now) == CHANGES, "nor here from the beginning"
    assert [change.version for change in CHANGES] == sorted(change.version for change in CHANGES)
    assert all((ROOT / change.page).is_file() for change in CHANGES)


@pytest.mark.kafka
async def test_the_command_says_equal_or_different(
    endpoints, ledger, entries, tmp_path, monkeypatch
):
    monkeypatch.setenv("JINGWEI_KAFKA_BOOTSTRAP", endpoints.bootstrap)
    monkeypatch.setenv("JINGWEI_DATABASE_URL", endpoints.database_url)
    monkeypatch.setenv("JINGWEI_HOME", str(tmp_path))
    # The made world's streets are no city's folder.
    monkeypatch.setattr(replay.cities, "kept_routers", lambda _root, _url: routers)
    await record(ledger, entries)
    await note_decider(ledger, REGION, 0, deciding_software())
    root = await cli.replay._root(cli.replay.resolve_endpoints(cli.replay.load_settings(tmp_path)))
    keep_journal(root, entries)

    def run(*arguments: str):
        return CliRunner().invoke(application(), ["replay", "--region", REGION, *arguments])

    done = await asyncio.to_thread(run, "--json", "--events")
    assert done.exit_code == 0, done.stderr
    *lines, report = [json.loads(line) for line in done.stdout.splitlines()]
    assert report["equal"]
    assert len(lines) == report["happened"]["timeline entries"]
    assert "equal, byte for byte" in (await asyncio.to_thread(run)).stdout
    await tamper(ledger, 7, b"P2", b"P3")
    done = await asyncio.to_thread(run)
    assert done.exit_code == exit_codes.DIFFERENT
    assert "first difference at journal offset 7" in done.stdout
    assert "Rules have changed" not in done.stdout
    for module in (replay.run, replay.changes):  # an upgrade
        monkeypatch.setattr(module, "deciding_software", lambda: "9.0.0+later")
    later = Change("9.0.0", "Nobody is sent any more.")
    monkeypatch.setattr(replay.changes, "CHANGES", (*CHANGES, later))
    done = await asyncio.to_thread(run)
    assert done.exit_code == exit_codes.DIFFERENT
    assert later.rule in done.stdout
    assert later.page in done.stdout
    assert CHANGES[0].rule not in done.stdout
    [report] = (await asyncio.to_thread(run, "--json")).stdout.splitlines()
    assert [change["rule"] for change in json.loads(report)["changes"]] == [later.rule]
    assert (await asyncio.to_thread(run, "--from", "yesterday")).exception is not None
