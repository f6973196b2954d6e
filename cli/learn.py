"""``jingwei city learn``: historic speeds by hour of the week, from the fleet's own drives."""

import asyncio
import math
from bisect import bisect_right
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Annotated, NamedTuple

import asyncpg
import numpy as np
import numpy.typing as npt
import typer

from atlas.city import CityData
from atlas.folder import load_city
from cli import exit_codes
from cli.jumps import FASTEST_MPS
from cli.odd_fixes import Held, Odd, OddFixes
from cli.output import progress, write_json
from cli.periods import FromOption, ToOption, time_of
from cli.progress import Bar
from cli.services import HomeOption, JsonOption
from geo.speeds.files import write_speeds
from geo.speeds.learning import Learnt, SpeedLearner
from geo.speeds.matching import Matcher, MatchSettings, Track
from infra.environment import load
from infra.ledger import tracks
from infra.ledger.pool import connect, ledger_errors
from infra.ledger.tracks import Duty, TrackedUnit
from infra.settings import load_settings, resolve_endpoints
from schemas.intake import Fix
from streams.limits import IntakeSettings

_DAY = timedelta(days=1)
_LONGEST_RUN = timedelta(hours=1)
_PLAIN, _SIREN, _UNKNOWN = 0, 1, 2
_CRAWLING_MPS = 1.5
"""Below this speed a receiver does not know its course."""


class NothingLearnt(RuntimeError):
    """There was no drive to learn from."""


class SpeedsNotWritten(RuntimeError):
    """The table of speeds cannot be written to its file."""


exit_codes.BY_ERROR.update(
    {
        NothingLearnt: exit_codes.FAILED,
        SpeedsNotWritten: exit_codes.USAGE,
    }
)


def register(city: typer.Typer) -> None:
    """Add this command to the group ``city``."""
    city.command()(learn)


def learn(
    folder: Annotated[Path, typer.Argument(help="A city's folder.")],
    home: HomeOption = None,
    *,
    start: FromOption = None,
    end: ToOption = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="FILE.parquet", help="File to write (default: in the folder)."
        ),
    ] = None,
    speed: Annotated[
        float,
        typer.Option("--speed", min=0.1, help="The --speed of the demo or simulation."),
    ] = 1.0,
    as_json: JsonOption = False,
) -> None:
    """Learn street speeds by hour of the week from the fleet's positions in the ledger.

    Writes speeds.parquet and replaces an earlier one. Workers that are started with the city
    afterwards use it; nothing changes for running workers.
    """
    since, until = time_of(start, "--from"), time_of(end, "--to")
    found = load_city(folder)
    endpoints = resolve_endpoints(load_settings(home))
    lessons = _Lessons(found, speed)
    asyncio.run(_read(endpoints.gateway_url, found, lessons, since, until))
    learnt = lessons.learner.learn()
    if not learnt.arcs:
        raise NothingLearnt(
            f"nothing was learnt from {lessons.fixes} positions of this city's units: "
            f"{_counted(lessons.left_out(learnt)) or 'the ledger has none in this period'}"
        )
    target = out or folder / "speeds.parquet"
    try:
        write_speeds(learnt.speeds, found.streets, target)
    except OSError as error:
        raise SpeedsNotWritten(
            f"cannot write the speeds to {target}: {error.strerror or error}; name another "
            "file with --out"
        ) from error
    _show(lessons, learnt, found, target, as_json=as_json)


class _Lessons:
    """Drives so far: matched to the streets and handed to the learner."""

    def __init__(self, city: CityData, speed: float) -> None:
        self.learner = SpeedLearner(city.streets, city.manifest.timezone, faster=speed)
        usual = MatchSettings()
        settings = MatchSettings(
            gap_s=usual.gap_s / speed,
            stand_s=usual.stand_s / speed,
            fastest_mps=usual.fastest_mps * speed,
        )
        self._matchers = {
            kind: Matcher(city.streets, city.snapper, against=kind == _SIREN, settings=settings)
            for kind in (_PLAIN, _SIREN)
        }
        self.faster = speed
        self.fixes = self.matched = self.drives = self.sirens = 0
        self.first: datetime | None = None
        self.last: datetime | None = None
        self._left_out: Counter[str] = Counter()

    def take(self, fixes: Sequence[Fix], duties: Sequence[Duty]) -> None:
        """Add a unit's fixes, in order of time, and its assignments of that time."""
        if not fixes:
            return
        self.fixes += len(fixes)
        self.first = min(self.first or fixes[0].at, fixes[0].at)
        self.last = max(self.last or fixes[-1].at, fixes[-1].at)
        for kind, track in _tracks(fixes, duties):
            if kind == _UNKNOWN:
                self._left_out["positions on scene or transporting: siren not known"] += len(track)
                continue
            matched = self._matchers[kind].match(track)
            self.learner.add(track, matched, siren=kind == _SIREN)
            drives = len(np.unique(matched.drive))
            self.drives += drives
            self.sirens += drives if kind == _SIREN else 0
            self.matched += len(matched.fix)
            for why, count in matched.left_out.items():
                self._left_out[f"positions: {why}"] += count

    def leave_out(self, why: str, count: int, unit: str, at: datetime) -> None:
        """Count unused positions of a unit; ``at`` is the time of the first one."""
        if count and not self._left_out[why]:
            progress(f"left out: {why}, such as {unit} at {at:%Y-%m-%dT%H:%M:%SZ}")
        self._left_out[why] += count

    def left_out(self, learnt: Learnt) -> dict[str, int]:
        """Return how many positions were not used, by reason."""
        return dict(sorted((self._left_out + Counter(learnt.left_out)).items()))


async def _read(
    url: str, city: CityData, lessons: _Lessons, since: datetime | None, until: datetime | None
) -> None:
    """Read the ledger day by day and unit by unit, so that memory does not grow with it."""
    connection = await connect(url, application="jingwei city learn")
    try:
        with ledger_errors():
            fleet = [unit.id for unit in city.units]
            now = datetime.now(UTC) + timedelta(seconds=load(IntakeSettings).future_s)
            later = now if since is None else max(now, since)
            for unit in await tracks.tracked_units(connection, fleet, later, until):
                lessons.leave_out("positions: time after now", unit.fixes, unit.unit, unit.first)
            until = now if until is None else min(now, until)
            units = await tracks.tracked_units(connection, fleet, since, until)
            with Bar("learning", sum(unit.fixes for unit in units)) as bar:
                for unit in units:
                    async for fixes, duties in _days(connection, unit, since, until, lessons):
                        lessons.take(fixes, duties)
                        bar.to(lessons.fixes, unit.unit)
    finally:
        await connection.close()


async def _days(
    connection: asyncpg.Connection,
    unit: TrackedUnit,
    since: datetime | None,
    until: datetime | None,
    lessons: _Lessons,
) -> AsyncIterator[tuple[list[Fix], list[Duty]]]:
    at = unit.first if since is None else max(since, unit.first)
    stop = unit.last + timedelta(microseconds=1)
    stop = stop if until is None else min(until, stop)
    judge = OddFixes(stop, fastest_mps=FASTEST_MPS * lessons.faster)
    usable: list[Fix] = []
    while at < stop:
        after = min(at + _DAY, stop)
        fixes = await tracks.unit_fixes(connection, unit.unit, at, after)
        # Skip days without fixes in one query: a wrong year would make thousands of them.
        following = await tracks.next_fix(connection, unit.unit, after, stop)
        for fix in fixes:
            usable += _usable(judge.take(fix, 0), lessons)
        while usable and usable[-1].at - usable[0].at > _DAY:
            day = bisect_right(usable, usable[0].at + _DAY, key=lambda fix: fix.at)
            yield await _drive(connection, unit, usable[:day])
            usable = usable[day:]
        if following is None:
            break
        at = max(after, following)
    usable += _usable(judge.ends(), lessons)
    while usable:
        day = bisect_right(usable, usable[0].at + _DAY, key=lambda fix: fix.at)
        yield await _drive(connection, unit, usable[:day])
        usable = usable[day:]


async def _drive(
    connection: asyncpg.Connection, unit: TrackedUnit, fixes: list[Fix]
) -> tuple[list[Fix], list[Duty]]:
    after = fixes[-1].at + timedelta(microseconds=1)
    return fixes, await tracks.unit_duties(connection, unit.unit, fixes[0].at, after)


def _usable(judged: Iterator[tuple[Held, Odd | None]], lessons: _Lessons) -> list[Fix]:
    """Return the fixes that can be, and count the others."""
    fixes = []
    for held, odd in judged:
        if odd is None:
            fixes.append(held.fix)
        else:
            lessons.leave_out(_ODD[odd.kind], 1, held.fix.unit, held.fix.at)
    return fixes


_ODD = {
    "future": "positions: time after now",
    "before": "positions: time years before the unit's others",
    "after": "positions: time years after the unit's others",
    "jump": "positions: jumps that no vehicle makes",
}


class _Columns(NamedTuple):
    time: npt.NDArray[np.float64]
    lon: npt.NDArray[np.float64]
    lat: npt.NDArray[np.float64]
    accuracy_m: npt.NDArray[np.float64]
    course: npt.NDArray[np.float64]


def _tracks(fixes: Sequence[Fix], duties: Sequence[Duty]) -> Iterator[tuple[int, Track]]:
    """Cut fixes where the unit's siren goes on or off."""
    rows = [
        (
            fix.at.timestamp(),
            fix.lon,
            fix.lat,
            math.nan if fix.accuracy_m is None else fix.accuracy_m,
            math.nan if fix.heading_deg is None or _crawls(fix) else fix.heading_deg,
        )
        for fix in fixes
    ]
    columns = _Columns(*np.array(rows, dtype=np.float64).T)
    kinds = _kinds(columns.time, duties)
    cuts = [0, *(np.flatnonzero(np.diff(kinds)) + 1).tolist(), len(kinds)]
    for start, end in pairwise(cuts):
        yield int(kinds[start]), Track.of(*(column[start:end] for column in columns))


def _crawls(fix: Fix) -> bool:
    return fix.speed_mps is not None and fix.speed_mps < _CRAWLING_MPS


def _kinds(times: npt.NDArray[np.float64], duties: Sequence[Duty]) -> npt.NDArray[np.int64]:
    """Return for each time whether the unit's siren was on, off, or unknown.

    It is on from dispatch to arrival, for an hour at most; from arrival to clear it is unknown.
    """
    kinds = np.full(len(times), _PLAIN)
    for duty in duties:
        came = duty.on_scene or duty.to_facility or duty.clear
        begin, scene, end = np.searchsorted(
            times,
            [
                duty.dispatched.timestamp(),
                min(_stamp(came), (duty.dispatched + _LONGEST_RUN).timestamp()),
                _stamp(duty.clear),
            ],
        ).tolist()
        kinds[begin:scene] = _SIREN
        kinds[scene:end] = _UNKNOWN
    return kinds


def _stamp(at: datetime | None) -> float:
    return math.inf if at is None else at.timestamp()


def _show(
    lessons: _Lessons, learnt: Learnt, city: CityData, target: Path, *, as_json: bool
) -> None:
    digest = city.with_speeds(learnt.speeds).digest
    left_out = lessons.left_out(learnt)
    if as_json:
        write_json(
            {
                "file": str(target),
                "digest": digest,
                "first": lessons.first,
                "last": lessons.last,
                "positions": lessons.fixes,
                "matched": lessons.matched,
                "drives": lessons.drives,
                "drives_under_siren": lessons.sirens,
                "passages": learnt.passages,
                "arcs_learnt": learnt.arcs,
                "arcs": len(city.streets.arcs),
                "arcs_by_hour": len(learnt.speeds),
                "median_change": round(learnt.median_change, 4),
                "left_out": left_out,
            }
        )
        return
    assert lessons.first is not None
    assert lessons.last is not None
    typer.echo(f"written    {target}")
    typer.echo(f"digest     {digest} (the city with these speeds)")
    typer.echo(f"period     {lessons.first:%Y-%m-%d %H:%M} to {lessons.last:%Y-%m-%d %H:%M} UTC")
    typer.echo(f"positions  {lessons.fixes}, {lessons.matched} of them matched to streets")
    typer.echo(
        f"drives     {lessons.drives}, {lessons.sirens} of them under siren; "
        f"{learnt.passages} passages of arcs"
    )
    typer.echo(
        f"learnt     {learnt.arcs} of {len(city.streets.arcs)} arcs, "
        f"{len(learnt.speeds)} arcs by hour of the week"
    )
    typer.echo(
        f"change     {100 * (learnt.median_change - 1):+.0f} % at the median, against the map"
    )
    for why, count in left_out.items():
        typer.echo(f"left out   {count} {why}")


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {why}" for why, count in counts.items())
