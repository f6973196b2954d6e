"""``jingwei fences track``: fence events of units, from a file or the archive."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from atlas.changed_fences import with_changes
from atlas.city import CityData
from atlas.folder import load_city
from city.ingest.messages import Event, Message
from city.ingest.rows import Row
from city.ingest.run import Ingest, run_ingest
from city.ingest.schedule import Limits
from city.ingest.survey import Survey
from city.ingest.table import Table
from cli import exit_codes
from cli.ingest import guesses
from cli.odd_fixes import LONG_AGO, Held, Odd, OddFixes
from cli.options import (
    ColumnsOption,
    CrsOption,
    DecimalOption,
    DefaultsOption,
    EncodingOption,
    FormatOption,
    OrderOption,
    RepeatedOption,
    SheetOption,
    TimeFormatOption,
    ZoneOption,
    name_of,
)
from cli.output import clean
from cli.services import HomeOption, JsonOption
from infra.archive import ArchiveError, archive_root, cluster_id
from infra.cities import changes_now, city_by_digest
from infra.environment import load
from infra.ledger.pool import connect
from infra.local.state import Home
from infra.settings import Endpoints, Settings, load_settings, resolve_endpoints
from intake.errors import BadInput
from intake.fence_watch import FenceTerms, FenceWatch
from intake.fencing import fence_terms
from intake.validate import Checker, check_unit
from replay import errors
from replay.errors import BadWindow
from replay.fence_replay import await_archive, tell_again, watched
from replay.player import parse_bound
from schemas import wire
from schemas.inputs import UnitPosition
from schemas.intake import Fix
from schemas.outputs import FenceEvent
from streams.limits import IntakeSettings, limits_of

exit_codes.BY_ERROR.update(
    {
        errors.ReplayError: exit_codes.FAILED,
        errors.BadWindow: exit_codes.USAGE,
        ArchiveError: exit_codes.FAILED,
    }
)

_DEMO = Path("cities/310106")  # where `jingwei city make` writes by default
_AT_ONCE = 1_000
_SAID = 20
_ANY_TIME = Limits(past_s=float("inf"), future_s=float("inf"))


def register(app: typer.Typer) -> None:
    """Add the group to the application."""
    group = typer.Typer(no_args_is_help=True, help="Report units that enter and leave fences.")
    group.callback()(_fences)
    group.command()(track)
    app.add_typer(group, name="fences")


def _fences() -> None:
    """Units that enter and leave the city's fences."""


def track(
    file: Annotated[
        Path | None,
        typer.Argument(
            help="CSV, JSON, GeoJSON, workbook or Parquet (default: the archive's positions)."
        ),
    ] = None,
    *,
    city: Annotated[
        Path | None,
        typer.Option(
            "--city",
            metavar="FOLDER",
            help="City with the fences (default: for a file data/cities/310106 in --home, for the "
            "archive the cities in force at the time).",
        ),
    ] = None,
    start: Annotated[
        str | None, typer.Option("--from", metavar="T", help="ISO 8601 time; UTC if no offset.")
    ] = None,
    end: Annotated[
        str | None, typer.Option("--to", metavar="T", help="Like --from; inclusive.")
    ] = None,
    form: FormatOption = None,
    columns: ColumnsOption = None,
    defaults: DefaultsOption = None,
    crs: CrsOption = None,
    tz: ZoneOption = None,
    repeated: RepeatedOption = None,
    date_order: OrderOption = None,
    time_format: TimeFormatOption = None,
    decimal: DecimalOption = None,
    encoding: EncodingOption = None,
    sheet: SheetOption = None,
    any_unit: Annotated[
        bool, typer.Option("--any-unit", help="Also units outside the city's fleet.")
    ] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print the fence events of positions, with the worker's engine and settings.

    A position with an impossible time (in the future, or far from most of its unit's) or place (no
    vehicle is that fast) is reported and left out. Positions that are not newer than their unit's
    last one are ignored and counted.

    From the archive, these are the events that the worker published, with the same ids; with
    --city, the events it would have published. --from and --to limit the output, not the input.
    With --json one event per line, as on the topic. Exit code 7 if some rows of a file cannot be
    used.
    """
    settings = load_settings(home)
    write = _Writer(_time(start), _time(end), as_json=as_json)
    if file is None:
        asyncio.run(_track_archive(settings, city, write))
        return
    data = load_city(city or Home.at(settings.local.home).data / _DEMO)
    plan = Ingest(
        path=file,
        kind="positions",
        form=name_of(form),
        columns=tuple(columns or ()),
        defaults=tuple(defaults or ()),
        crs=crs,
        zone=tz,
        repeated=name_of(repeated),
        date_order=name_of(date_order),
        time_format=time_format,
        decimal=name_of(decimal),
        encoding=encoding,
        sheet=sheet,
        dry_run=True,
        limits=_ANY_TIME,
    )
    watch = _FileWatch(file, data, write, any_unit=any_unit)
    result = asyncio.run(run_ingest(plan, watch))
    watch.ends()
    refused = result.refused + watch.unusable
    summary = Summary(result.read, refused, watch.odd, watch.first_odd, watch.ignored, watch.jumps)
    typer.echo(str(summary), err=True)
    if as_json:
        typer.echo(wire.encode(summary).decode(), err=True)
    if refused:
        raise typer.Exit(exit_codes.PARTIAL if refused < result.read else exit_codes.FAILED)


class Summary(msgspec.Struct, frozen=True):
    """How many of a file's rows were used.

    Attributes
    ----------
    unusable
        Rows that cannot be used, ``odd_times`` of them because of their time; ``first_odd`` is an
        example.
    ignored
        Rows that are not newer than their unit's last one.
    jumps
        Unusable rows whose place no vehicle can have reached.
    """

    read: int
    unusable: int
    odd_times: int
    first_odd: str | None
    ignored: int
    jumps: int = 0

    def __str__(self) -> str:
        """Return the summary as one line."""
        why = [f"{self.odd_times} because of their time"] * bool(self.odd_times)
        why += [f"{self.jumps} because they jump"] * bool(self.jumps)
        odd = f" ({', '.join(why)})" if why else ""
        ignored = f", {self.ignored} ignored: not newer than their unit's last" * bool(self.ignored)
        return f"{self.read} rows read, {self.unusable} cannot be used{odd}{ignored}"


class _Writer:
    """Writes events between two times."""

    def __init__(self, start: datetime | None, end: datetime | None, *, as_json: bool) -> None:
        if start is not None and end is not None and end < start:
            raise BadWindow(f"the end {end} is before the start {start}: swap --from and --to")
        self._start, self._end, self._as_json = start, end, as_json

    def __call__(self, event: FenceEvent) -> None:
        if (self._start is not None and event.at < self._start) or (
            self._end is not None and event.at > self._end
        ):
            return
        typer.echo(wire.encode(event).decode() if self._as_json else _line(event))


class _FileWatch:
    """Takes a file's positions as intake does, but of any age."""

    def __init__(self, file: Path, city: CityData, write: _Writer, *, any_unit: bool) -> None:
        limits = limits_of(load(IntakeSettings))
        self.unusable = self.odd = self.jumps = self.ignored = 0
        self.first_odd: str | None = None
        latest = datetime.now(UTC) + timedelta(seconds=limits.future_s)
        self._odd_fixes = OddFixes(latest)
        self._long_ago = latest - LONG_AGO
        self._newest: dict[str, datetime] = {}
        self._file, self._write = file, write
        self._checker = Checker(city, limits)
        self._units = None if any_unit else frozenset(unit.id for unit in city.units)
        self._follower, _ = FenceWatch(city, fence_terms(city, limits)).follow()
        self._fixes: list[Fix] = []
        self._last: datetime | None = None
        self._told = 0

    def begins(self, size: int) -> None:
        """Wait for the first row."""

    def learns(self, table: Table, survey: Survey) -> None:
        """Print what was guessed: it decides which fixes these are."""
        for line in guesses(table, survey):
            typer.echo(f"{self._file}: {line}", err=True)

    def reads(self, position: int, sent: int) -> None:
        """Wait for the next row."""

    def waits(self, until: datetime) -> None:
        """Never happens: nothing is sent."""

    def refuses(self, row: Row, reason: str) -> None:
        self._tell(row.place, reason)

    def sends(self, event: Event, message: Message) -> None:
        assert isinstance(message, UnitPosition), "positions are asked for"
        try:
            if self._units is not None:
                check_unit(message.unit, self._units)
            point = self._checker.point(message.location)
        except BadInput as error:
            self.unusable += 1
            self._tell(event.row.place, str(error))
            return
        fix = Fix(message.unit, event.time, point.lon, point.lat, point.accuracy_m)
        self._judged(self._odd_fixes.take(fix, event.row.line))

    def ends(self) -> None:
        """Write the rest: events of the last rows, and fences that ended after them."""
        self._judged(self._odd_fixes.ends())
        self._take()
        if self._last is not None:
            for event in self._follower.expire(self._last):
                self._write(event)
        if self._told > _SAID:
            typer.echo(f"{self._told - _SAID} more rows cannot be used", err=True)
        self._warn()

    def _warn(self) -> None:
        """Warn of units whose clock may have lost its date: nothing else in the file shows it."""
        old = [unit for unit, newest in self._newest.items() if newest < self._long_ago]
        if old:
            typer.echo(
                f"{self._file}: all times of {len(old)} {'unit' if len(old) == 1 else 'units'} are "
                f"more than {LONG_AGO.days // 365} years ago, such as {old[0]}, last at "
                f"{self._newest[old[0]].isoformat()}: a clock without a date?",
                err=True,
            )

    def _judged(self, fixes: Iterator[tuple[Held, Odd | None]]) -> None:
        for held, fault in fixes:
            if fault is None:
                self._add(held.fix)
                continue
            self.unusable += 1
            if fault.kind == "jump":
                self.jumps += 1
                self._tell(held.line, str(fault))
                continue
            self.odd += 1
            self.first_odd = self.first_odd or f"{self._file}:{held.line}: {fault}"
            self._tell(held.line, str(fault))

    def _add(self, fix: Fix) -> None:
        newest = self._newest.get(fix.unit)
        if newest is not None and fix.at <= newest:
            self.ignored += 1
        else:
            self._newest[fix.unit] = fix.at
        self._fixes.append(fix)
        self._last = max(self._last or fix.at, fix.at)
        if len(self._fixes) >= _AT_ONCE:
            self._take()

    def _take(self) -> None:
        fixes, self._fixes = self._fixes, []
        for event, _ in self._follower.observe(fixes):
            self._write(event)

    def _tell(self, line: int | str, reason: str) -> None:
        self._told += 1
        if self._told <= _SAID:
            typer.echo(f"{self._file}:{line}: {reason}", err=True)


async def _track_archive(settings: Settings, city: Path | None, write: _Writer) -> None:
    endpoints = resolve_endpoints(settings)
    root = archive_root(
        endpoints.archive_dir, await cluster_id(endpoints.bootstrap), endpoints.database_url
    )
    connection = await connect(endpoints.gateway_url, application="jingwei fences")
    try:
        parts, names = await watched(connection, settings.worker.group)
    finally:
        await connection.close()
    await await_archive(root, parts)
    instead, watch_of = None, _kept_watches(endpoints)
    if city is not None:
        data = load_city(city)
        instead = fence_terms(data, limits_of(load(IntakeSettings)))
        only = FenceWatch(data, instead)
        watch_of = lambda _: only  # noqa: E731 - one city for all terms
    ignored: Counter[str] = Counter()
    for event in _by_time(tell_again(root, parts, watch_of, names, instead, ignored=ignored)):
        write(event)
    if ignored:
        most, count = ignored.most_common(1)[0]
        typer.echo(
            f"{ignored.total()} positions ignored: not newer than their unit's last ({count} of "
            f"{most}; was its clock set back?)",
            err=True,
        )


def _kept_watches(endpoints: Endpoints) -> Callable[[FenceTerms], FenceWatch]:
    @cache
    def watch_of(terms: FenceTerms) -> FenceWatch:
        url = endpoints.gateway_url
        city = city_by_digest(endpoints.archive_dir, url, terms.city, load_city)
        return FenceWatch(with_changes(city, changes_now(url, terms.city, terms.fences)), terms)

    return watch_of


def _by_time(events: Iterator[FenceEvent]) -> Sequence[FenceEvent]:
    """Return the events of all partitions by time; a unit's events stay in their order."""
    return sorted(events, key=lambda event: event.at)


def _time(text: str | None) -> datetime | None:
    if text is None:
        return None
    bound = parse_bound(text)
    if isinstance(bound, int):
        raise BadWindow(f"{text!r} is not a time: positions have no common offsets")
    return bound


def _line(event: FenceEvent) -> str:
    return clean(
        f"{event.at:%Y-%m-%dT%H:%M:%S}.{event.at.microsecond // 1000:03}Z {event.unit} "
        f"{event.detect} {event.fence_kind} {event.fence} {event.fence_name} "
        f"{event.lon:.6f},{event.lat:.6f}"
    )
