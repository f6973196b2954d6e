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


def summary(stderr: str) -> dict:
    return json.loads(stderr.splitlines()[-1])


WRONG = {
    "in the middle": [*FIXES[:2], "2094-01-01T00:00:00Z", *FIXES[2:]],
    "first": ["2024-05-01T12:00:00Z", *FIXES],
    "two in a row": [*FIXES[:2], "2025-01-01T00:00:00Z", "2025-01-01T00:00:10Z", *FIXES[2:]],
    "in 1970": ["1970-01-01T00:00:00Z", *FIXES],
}


@pytest.mark.parametrize("where", WRONG)
def test_a_fix_with_a_wrong_year_silences_nobody(
    run: Run, folder: Path, tmp_path: Path, where: str
) -> None:
    lon, lat = lonlat(1, 1)
    fixes = [
        ("ambulance-0", fix, lon, lat) if isinstance(fix, str) else fix for fix in WRONG[where]
    ]
    file = csv(tmp_path / "fixes.csv", fixes)
    done = run("fences", "track", file, "--city", folder, "--json")
    assert (done.exit_code, told(done.stdout)) == (PARTIAL, ZONES)
    odd = [number for number, fix in enumerate(WRONG[where], start=2) if isinstance(fix, str)]
    found = summary(done.stderr)
    assert (found["read"], found["unusable"], found["odd_times"]) == (
        len(fixes),
        len(odd),
        len(odd),
    )
    assert found["first_odd"].startswith(f"{file}:{odd[0]}: the time ")
    assert f"{file}:{odd[0]}: the time " in done.stderr
    assert found["ignored"] == 1
    text = f"{len(fixes)} rows read, {len(odd)} cannot be used ({len(odd)} for their time), 1 ign"
    assert text in done.stderr


def test_a_gap_of_weeks_is_no_wrong_year(run: Run, folder: Path, tmp_path: Path) -> None:
    week = 7 * 24 * 60
    fixes = rows(
        ("ambulance-0", 1, 1, 0),
        *(("ambulance-0", 5, 5, week + minute) for minute in range(3)),
        *(("ambulance-0", 1, 1, number * week) for number in range(2, 6)),
        ("ambulance-0", 5, 5, 60 * week),
    )
    done = run("fences", "track", csv(tmp_path / "f.csv", fixes), "--city", folder, "--json")
    assert done.exit_code == 0
    found = summary(done.stderr)
    assert (found["unusable"], found["odd_times"], found["ignored"]) == (0, 0, 0)
    assert [event[2] for event in told(done.stdout) if event[1] == "zone-a"] == [
        *("enter", "dwell", "exit", "enter"),
    ]


@pytest.mark.parametrize(
    "options", [("--from", "12"), ("--from", "2020-05-02", "--to", "2020-05-01")]
)
def test_a_window_must_make_sense(run: Run, folder: Path, tmp_path: Path, options: tuple) -> None:
    file = csv(tmp_path / "fixes.csv", FIXES)
    assert run("fences", "track", file, "--city", folder, *options).exit_code == USAGE
