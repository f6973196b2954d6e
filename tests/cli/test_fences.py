"""`jingwei fences track` on files of positions."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cli.exit_codes import FAILED, PARTIAL, USAGE
from geo.city import save_city
from tests.city.toy import lonlat, toy_city
from tests.cli.conftest import Run
from tests.streams.fenced import fenced, zone

NOON = datetime(2020, 5, 1, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fences") / "city"
    end = (NOON + timedelta(minutes=9)).isoformat()
    zones = [zone("a", 5, 5, dwell_s=60), zone("short", 9, 9, valid_until=end)]
    save_city(fenced(toy_city(), zones), folder)
    return folder


def rows(*fixes: tuple[str, float, float, float]) -> list[tuple[str, str, float, float]]:
    return [
        (unit, (NOON + timedelta(minutes=minute)).isoformat(), *lonlat(column, row))
        for unit, column, row, minute in fixes
    ]


FIXES = rows(
    ("ambulance-0", 5, 5, 0),
    ("ambulance-0", 5, 5, 1),
    ("ambulance-0", 9, 9, 2),
    ("ambulance-0", 5, 5, 1.5),  # too late to count
    ("ambulance-1", 1, 1, 10),
)
ZONES = [
    ("ambulance-0", "zone-a", "enter", 0.0),
    ("ambulance-0", "zone-a", "dwell", 1.0),
    ("ambulance-0", "zone-a", "exit", 2.0),
    ("ambulance-0", "zone-short", "enter", 2.0),
    ("ambulance-0", "zone-short", "closed", 9.0),
]


def csv(path: Path, fixes: list, header: str = "unit,time,lon,lat") -> Path:
    lines = [",".join(map(str, fix)) for fix in fixes]
    path.write_text("\n".join([header, *lines]) + "\n")
    return path


def told(text: str) -> list[tuple[str, str, str, float]]:
    events = [json.loads(line) for line in text.splitlines()]
    return [
        (
            e["unit"],
            e["fence"],
            e["detect"],
            (datetime.fromisoformat(e["at"]) - NOON).total_seconds() / 60,
        )
        for e in events
        if e["fence"].startswith("zone")
    ]


def test_a_file_of_any_age_is_tracked(run: Run, folder: Path, tmp_path: Path) -> None:
    done = run("fences", "track", csv(tmp_path / "fixes.csv", FIXES), "--city", folder, "--json")
    assert (done.exit_code, told(done.stdout)) == (0, ZONES)
    assert "5 rows read, 0 cannot be used" in done.stderr


def test_columns_are_mapped_as_in_ingest(run: Run, folder: Path, tmp_path: Path) -> None:
    naive = [(u, t.replace("+00:00", "").replace("T", " "), x, y) for u, t, x, y in FIXES]
    file = csv(tmp_path / "fixes.txt", naive, "plate,when,x,y")
    mapping = ("--map", "id=plate,time=when,lon=x,lat=y", "--tz", "UTC")
    done = run("fences", "track", file, "--city", folder, *mapping, "--json")
    assert told(done.stdout) == ZONES


def test_text_is_a_line_an_event_within_the_window(run: Run, folder: Path, tmp_path: Path) -> None:
    file = csv(tmp_path / "fixes.csv", FIXES)
    window = ("--from", "2020-05-01T12:01:00Z", "--to", "2020-05-01T20:01:00+08:00")
    done = run("fences", "track", file, "--city", folder, *window)
    lon, lat = lonlat(5, 5)
    assert done.stdout == (
        "2020-05-01T12:01:00.000Z ambulance-0 dwell hazard_zone zone-a 危险区a "
        f"{lon:.6f},{lat:.6f}\n"
    )


def test_rows_that_intake_would_refuse_are_told(run: Run, folder: Path, tmp_path: Path) -> None:
    odd = [*FIXES, *rows(("taxi", 5, 5, 3), ("ambulance-0", 900, 5, 4)), ("ambulance-0", "?", 1, 2)]
    file = csv(tmp_path / "odd.csv", odd)
    done = run("fences", "track", file, "--city", folder, "--json")
    assert (done.exit_code, told(done.stdout)) == (PARTIAL, ZONES)
    for reason in ("odd.csv:7: the fleet has no unit 'taxi'", "outside the city", "odd.csv:9: "):
        assert reason in done.stderr
    anyone = run("fences", "track", file, "--city", folder, "--any-unit", "--json")
    assert ("taxi", "zone-a", "enter", 3.0) in told(anyone.stdout)
    file = csv(tmp_path / "bad.csv", rows(("taxi", 5, 5, 3)))
    assert run("fences", "track", file, "--city", folder).exit_code == FAILED


@pytest.mark.parametrize(
    "options", [("--from", "12"), ("--from", "2020-05-02", "--to", "2020-05-01")]
)
def test_a_window_must_make_sense(run: Run, folder: Path, tmp_path: Path, options: tuple) -> None:
    file = csv(tmp_path / "fixes.csv", FIXES)
    assert run("fences", "track", file, "--city", folder, *options).exit_code == USAGE
