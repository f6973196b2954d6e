"""`jingwei fences track` on files of positions."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import process_time

import pytest
from shapely.geometry import Point

from atlas.folder import save_city
from cli.exit_codes import FAILED, PARTIAL, USAGE
from cli.odd_fixes import OddFixes
from geo.fences.index import Fence
from schemas.intake import Fix
from tests.city.toy import lonlat, toy_city
from tests.cli.conftest import Run
from tests.streams.fenced import fenced, zone

NOON = datetime(2020, 5, 1, 12, tzinfo=UTC)
NOW = datetime(2026, 11, 1, tzinfo=UTC)


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
    text = f"{len(fixes)} rows read, {len(odd)} cannot be used ({len(odd)} because of their time)"
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


def at(*times: str | tuple[int, str]) -> list[datetime]:
    """Fixes ten seconds apart: from a time on, one or so many."""
    return [
        datetime.fromisoformat(begin).replace(tzinfo=UTC) + timedelta(seconds=10 * number)
        for count, begin in (one if isinstance(one, tuple) else (1, one) for one in times)
        for number in range(count)
    ]


GOOD, ON = "2020-05-01T12:00", "2020-05-01T12:10"
SERIES = {
    "a run ahead": (at((10, GOOD), (5, "2025-01-01"), (10, ON)), range(10, 15)),
    "a longer run ahead": (at((10, GOOD), (12, "2025-01-01"), (10, ON)), range(10, 22)),
    "a run of 1970 first": (at((5, "1970-01-01"), (10, "2026-01-01")), range(5)),
    "most are of 1970": (at((5, "1970-01-01"), (4, "2026-01-01")), range(5, 9)),
    "as many of 1970": (at((5, "1970-01-01"), (5, "2026-01-01")), range(5)),
    "five of 1970 between": (at((10, GOOD), (5, "1970-01-01"), (10, ON)), range(10, 15)),
    "twelve of 1970 between": (at((10, GOOD), (12, "1970-01-01"), (10, ON)), range(10, 22)),
    "1970 at the end": (at((10, GOOD), (5, "1970-01-01")), range(10, 15)),
    "mixed": (
        at((2, GOOD), "1970-01-01", "1999-01-01", "2094-01-01", "1980-01-01", (2, ON)),
        range(2, 6),
    ),
    "mixed, near": (at((2, GOOD), "2017-01-01", "2019-01-01", (2, ON)), range(2, 4)),
    "two days ahead": (at((5, GOOD), (2, "2020-05-03T13:00"), (5, ON)), range(5, 7)),
    "two days ahead of many": (
        at((5, GOOD), "2020-05-03T13:00", *(f"2020-05-{day:02}T12:01" for day in range(1, 31))),
        range(5, 6),
    ),
    "in a gap": (at((9, GOOD), (2, "2025-01-01"), (9, "2022-01-01")), range(9, 11)),
    "gaps of years": (at((9, GOOD), (2, "2021-06-01"), (5, "2023-05-01"), "2025-05-01"), ()),
    "a gap of six years": (at((9, GOOD), (2, "2026-06-01")), ()),
    "weeks out of order": (at("2020-05-01", "2020-05-15", "2020-05-08", "2020-05-22"), ()),
    "months in a wrong order": (at((6, "2020-10-01"), (9, "2020-01-01")), ()),
    "a year before its end": (at((9, "2021-01-01"), (9, "2020-12-01")), ()),
    "late ones": (at((9, GOOD), (3, "2020-05-01T11:59"), (9, ON)), ()),
    "one": (at("1970-01-01"), ()),
    "none": ([], ()),
}


def judged(odd_times: OddFixes, fixes: list[tuple[str, datetime]]) -> list[tuple[int, bool]]:
    done = []
    for number, (unit, time) in enumerate(fixes):
        done += list(odd_times.take(Fix(unit, time, 0, 0), number))
    return [(held.line, fault is not None) for held, fault in [*done, *odd_times.ends()]]


@pytest.mark.parametrize("case", SERIES)
def test_odd_times_are_told_by_the_units_whole_series(case: str) -> None:
    times, odd = SERIES[case]
    # Another unit's fixes between say nothing of these.
    fixes = [pair for time in times for pair in (("a", time), ("b", NOON))]
    found = judged(OddFixes(NOW), fixes)
    assert sorted(line for line, _ in found) == list(range(len(fixes)))
    assert sorted(line for line, fault in found if fault) == [2 * number for number in odd]
    rest = [line for line, _ in found if fixes[line][1] < NOW]
    assert rest == sorted(rest)


def test_odd_times_hold_no_more_than_a_window() -> None:
    day = [NOON + timedelta(seconds=10 * number) for number in range(1_000)]
    wrong = at((5, "2025-01-01"))
    fixes = [*day[:95], *wrong, *day[95:300], *at((7, "1970-01-01")), *day[300:]]
    odd_times = OddFixes(NOW, at_once=100)
    early = [one for time in fixes[:500] for one in odd_times.take(Fix("a", time, 0, 0), 0)]
    assert 400 <= len(early) < 500
    found = judged(OddFixes(NOW, at_once=100), [("a", time) for time in fixes])
    assert [line for line, _ in found] == list(range(len(fixes)))
    assert [line for line, fault in found if fault] == [*range(95, 100), *range(305, 312)]


def test_many_jumps_are_judged_in_no_time() -> None:
    fixes = [NOON + timedelta(days=3 * number - 20 * (number % 7 == 3)) for number in range(700)]
    started = process_time()
    found = judged(OddFixes(NOW), [("a", time) for time in fixes * 100])
    assert len(found) == 70_000
    assert process_time() - started < 20


def test_a_run_of_wrong_years_silences_nobody(run: Run, folder: Path, tmp_path: Path) -> None:
    times, _ = SERIES["a longer run ahead"]
    inside, outside = lonlat(5, 5), lonlat(1, 1)
    fixes = [
        ("ambulance-0", time.isoformat(), *(inside if time.year == 2020 else outside))
        for time in times
    ]
    done = run("fences", "track", csv(tmp_path / "f.csv", fixes), "--city", folder, "--json")
    found = summary(done.stderr)
    assert (found["unusable"], found["odd_times"], found["ignored"]) == (12, 12, 0)
    assert [event[2] for event in told(done.stdout)] == ["enter", "dwell"]


def test_times_long_ago_are_told_once(run: Run, folder: Path, tmp_path: Path) -> None:
    fixes = [
        (unit, time.isoformat(), *lonlat(5, 5))
        for time in at((9, "1970-01-01"))
        for unit in ("ambulance-0", "ambulance-1")
    ]
    done = run("fences", "track", csv(tmp_path / "f.csv", fixes), "--city", folder, "--json")
    assert done.exit_code == 0
    assert len(told(done.stdout)) == 4
    assert done.stderr.count("more than 10 years ago") == 1
    text = "all times of 2 units are more than 10 years ago, such as ambulance-0, last at "
    assert f"f.csv: {text}1970-01-01T00:01:20+00:00" in done.stderr
    done = run("fences", "track", csv(tmp_path / "g.csv", FIXES), "--city", folder)
    assert "years ago" not in done.stderr


@pytest.mark.parametrize(
    "options", [("--from", "12"), ("--from", "2020-05-02", "--to", "2020-05-01")]
)
def test_a_window_must_make_sense(run: Run, folder: Path, tmp_path: Path, options: tuple) -> None:
    file = csv(tmp_path / "fixes.csv", FIXES)
    assert run("fences", "track", file, "--city", folder, *options).exit_code == USAGE


def drive(*places: tuple[float, float], seconds: float = 10.0) -> list[Fix]:
    return [
        Fix("a", NOON + timedelta(seconds=seconds * number), lon, lat)
        for number, (lon, lat) in enumerate(places)
    ]


HERE, NEAR, FAR, TOWN = (121.44, 31.21), (121.4405, 31.21), (121.44, 32.21), (121.448, 31.23)


@pytest.mark.parametrize(
    ("places", "odd"),
    [
        ([HERE, NEAR, FAR, HERE], [2]),
        ([HERE, NEAR, HERE, (0.0, 0.0), (0.0, 0.0), NEAR, HERE, NEAR], [3, 4]),
        ([FAR, HERE, NEAR, HERE], [0]),
        ([HERE, NEAR, HERE, FAR], [3]),
        ([HERE, FAR, HERE, FAR], []),  # as many as not
        ([HERE, TOWN, HERE, TOWN, HERE], []),  # too fast for a car, but not for anything
        ([HERE, HERE, HERE, NEAR], []),
        ([], []),
    ],
)
def test_places_that_no_vehicle_reaches_are_told_by_the_units_others(places, odd) -> None:
    fixes = drive(*places)
    odd_fixes = OddFixes(NOW)
    done = [one for number, fix in enumerate(fixes) for one in odd_fixes.take(fix, number)]
    found = [*done, *odd_fixes.ends()]
    assert [held.line for held, _ in found] == list(range(len(fixes)))
    assert [held.line for held, fault in found if fault is not None] == odd
    assert all("no vehicle" in str(fault) for _, fault in found if fault is not None)
    # A gap in time explains any way.
    assert not any(fault for _, fault in told_apart(drive(*places, seconds=86_000.0)))


def told_apart(fixes: list[Fix]) -> list:
    odd_fixes = OddFixes(NOW)
    done = [one for fix in fixes for one in odd_fixes.take(fix, 0)]
    return [*done, *odd_fixes.ends()]


def test_a_jump_makes_no_event_and_is_counted(run: Run, folder: Path, tmp_path: Path) -> None:
    inside = lonlat(5, 5)
    fixes = [
        ("ambulance-0", (NOON + timedelta(seconds=second)).isoformat(), *place)
        for second, place in (
            (0, inside),
            (5, inside),
            (5.2, lonlat(20, 20)),
            (10, inside),
            (11, inside),
        )
    ]
    done = run("fences", "track", csv(tmp_path / "f.csv", fixes), "--city", folder, "--json")
    found = summary(done.stderr)
    assert (found["unusable"], found["jumps"], found["odd_times"]) == (1, 1, 0), done.stderr
    assert "f.csv:4: the place" in done.stderr
    assert [event[2] for event in told(done.stdout)] == ["enter"]


def test_case_39_a_unit_drives_on_after_a_fix_of_2094(
    run: Run, shared_cases: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "city"
    here = Fence("zone-case", "hazard_zone", "案", Point(121.44, 31.21).buffer(0.003), {})
    save_city(fenced(toy_city(), [here]), folder)
    file = shared_cases / "39-fence-track-future-fix" / "fixes.csv"
    done = run("fences", "track", file, "--city", folder, "--any-unit", "--json")
    assert done.exit_code == PARTIAL
    assert "fixes.csv:4: the time 2094-01-01T00:00:00+00:00 is in the future" in done.stderr
    assert summary(done.stderr)["odd_times"] == 1
    assert [event[2] for event in told(done.stdout)] == ["enter", "exit", "enter", "exit"]
