"""The demo's parts by themselves: city cache, waits, telling, processes."""

import asyncio
import os
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from atlas.errors import CityError
from city.make import make_city
from cli.demo import cities, telling
from cli.demo.command import _alone
from cli.demo.errors import DemoRunning, MemberFailed
from cli.demo.processes import Member
from cli.demo.summary import percentile, waited
from cli.exit_codes import REFUSED, USAGE
from geo.errors import BadMap
from infra.ledger.live import EntryLine
from infra.ledger.run import Opening
from infra.local.state import Home
from schemas.records import TimelineEntry
from schemas.words import said
from tests.cli.conftest import Run
from tests.patience import patience

NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)


def test_a_made_city_is_kept_and_taken_again(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("city.make.make_city", lambda seed: make_city(seed, "small"))
    said: list[str] = []
    folder, city = cities.prepare(tmp_path, None, 7, said.append)
    again, same = cities.prepare(tmp_path, None, 7, said.append)
    assert (folder, city.digest) == (again, same.digest)
    assert len(said) == 1
    assert cities.prepare(tmp_path, folder, 7, said.append)[1].digest == city.digest
    assert cities.prepare(tmp_path, None, 8, said.append)[0] != folder


def test_a_source_that_is_no_map(tmp_path: Path) -> None:
    odd = tmp_path / "map.osm"
    odd.write_text("no map")
    with pytest.raises((BadMap, CityError)):
        cities.prepare(tmp_path, odd, 1, print)
    with pytest.raises(CityError, match="does not exist"):
        cities.prepare(tmp_path, tmp_path / "none.osm", 1, print)


def test_a_city_that_is_not_there_starts_nothing(run: Run, tmp_path: Path) -> None:
    result = run("demo", "--home", tmp_path / "h", "--city", tmp_path / "none.osm")
    assert result.exit_code == USAGE
    assert not (tmp_path / "h").exists()


def test_a_summary_that_cannot_be_written_starts_nothing(run: Run, tmp_path: Path) -> None:
    result = run("demo", "--home", tmp_path / "h", "--summary", tmp_path / "none" / "s.json")
    assert result.exit_code == USAGE
    assert not (tmp_path / "h").exists()


def test_two_demos_in_a_home(run: Run, tmp_path: Path) -> None:
    with _alone(Home.at(tmp_path)):
        result = run("demo", "--home", tmp_path)
    assert result.exit_code == REFUSED
    assert isinstance(result.exception, DemoRunning)


def test_only_what_was_sent_at_once_is_timed() -> None:
    def opening(name: str, *, at_once: bool, assignments: int) -> Opening:
        recorded = NOW + timedelta(seconds=9) if assignments else None
        return Opening(name, NOW, at_once, recorded, assignments)

    openings = [
        opening("a", at_once=True, assignments=2),
        opening("b", at_once=True, assignments=1),
        opening("c", at_once=False, assignments=1),
        opening("d", at_once=False, assignments=0),
    ]
    waits, first = waited(openings, {"a": NOW + timedelta(milliseconds=120), "c": NOW})
    assert (waits.p50, waits.p99) == (120.0, 9000.0)
    assert (first.at_once, first.later, first.never, first.seen_outside) == (2, 1, 1, 1)


def test_percentiles_are_values_that_were_measured() -> None:
    assert percentile([], 0.5) is None
    assert percentile([1.0], 0.99) == 1.0
    assert percentile([1.0, 2.0, 3.0, 4.0], 0.5) == 2.0
    assert percentile([float(n) for n in range(1, 101)], 0.99) == 99.0


@pytest.mark.parametrize(
    ("kind", "text", "after", "expected"),
    [
        ("reported", "x", "", "OPENED"),
        ("assigned", "消防车 (F1) for pump, 60 s away", "", "assigned"),
        ("stamp", "消防车 (F1) on_scene", "on_scene", "arrived"),
        ("stamp", "消防车 (F1) en_route", "en_route", None),
        ("state", "controlled → closed", "closed", "CLOSED"),
        ("state", "pending → dispatched", "dispatched", None),
        ("evidence", "x", "", None),
    ],
)
def test_told_is_what_people_want_to_know(
    kind: str, text: str, after: str, expected: str | None
) -> None:
    entry = TimelineEntry(
        incident="i",
        seq=1,
        at=NOW,
        kind=kind,
        actor="a",
        said=said(text),
        reasons=(said("done"),),
        cause="c",
        after=after,
    )
    line = telling.say(EntryLine(entry, "310106-20261124-0007", "P1", "火灾 Fire: here"))
    assert (line is None) == (expected is None)
    assert expected is None or (line is not None and expected in line and "#0007" in line)


async def test_a_process_that_dies_is_started_again(tmp_path: Path) -> None:
    said: list[str] = []
    member = Member("worker", ["--help"], tmp_path / "log", {}, said.append)
    member._argv = ["sleep", "60"]
    await member.start()
    watch = asyncio.create_task(member.watch())
    first = member.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    async with asyncio.timeout(patience(10)):
        while member.pid == first:  # noqa: ASYNC110 - nothing tells of it but the id
            await asyncio.sleep(0.02)
    await member.stop()
    await asyncio.wait_for(watch, patience(5))
    assert member.restarts == 1
    assert "SIGKILL" in said[0]


async def test_a_process_that_cannot_work_is_not_started_again(tmp_path: Path) -> None:
    member = Member("worker", [], tmp_path / "log", {}, print)
    member._argv = ["sh", "-c", "echo no such city >&2; exit 2"]
    await member.start()
    with pytest.raises(MemberFailed, match="no such city"):
        await asyncio.wait_for(member.watch(), patience(10))
