"""``jingwei ingest``: send a city's own data files through the real pipeline."""

import asyncio
import csv
import dataclasses
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Annotated, Self

import msgspec
import typer

from atlas.call_types import CallTypes
from city.ingest import errors
from city.ingest.messages import Event, Message
from city.ingest.rows import Row
from city.ingest.run import Ingest, Result, run_ingest
from city.ingest.schedule import Limits
from city.ingest.survey import Survey
from city.ingest.table import Table
from cli import exit_codes
from cli.call_types import by_call_type, examples, find_call_types
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
    parse_speed,
)
from cli.progress import Bar
from cli.services import HomeOption, JsonOption
from infra.environment import load
from infra.settings import load_settings, resolve_endpoints
from streams.limits import IntakeSettings

exit_codes.BY_ERROR.update(
    {
        errors.IngestError: exit_codes.FAILED,
        errors.BadMapping: exit_codes.USAGE,
        errors.BadOption: exit_codes.USAGE,
        errors.HistoricTimes: exit_codes.USAGE,
        errors.NotSent: exit_codes.UNREACHABLE,
    }
)

_SAID = 20
"""This many unusable rows are reported one by one; further ones are only counted."""
_SAMPLES = 3


class KindName(StrEnum):
    """The kind of rows in a file."""

    READINGS = "readings"
    REPORTS = "reports"
    POSITIONS = "positions"


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(ingest)


def ingest(
    kind: Annotated[KindName, typer.Argument(help="Kind of rows in the file.")],
    file: Annotated[Path, typer.Argument(help="CSV, JSON, GeoJSON, workbook or Parquet.")],
    home: HomeOption = None,
    *,
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
    speed: Annotated[
        str | None,
        typer.Option(
            metavar="N|max",
            help="Times faster than the file's times (default: max, with --shift-to-now 1).",
        ),
    ] = None,
    shift: Annotated[
        bool,
        typer.Option(
            "--shift-to-now",
            help="Move the file's first time to now; keep intervals, divided by --speed.",
        ),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Read and check all rows, send nothing.")
    ] = False,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Stop after this many good rows.")
    ] = None,
    run: Annotated[
        str,
        typer.Option(
            help="Name of the run. The same file sent twice counts once, except under another name."
        ),
    ] = "",
    call_types: Annotated[
        str | None,
        typer.Option(
            "--call-types",
            metavar="NAME|FILE|FOLDER",
            help="Table to report codes by: a city's folder, a file, or a shipped example "
            f"({', '.join(examples())}).",
        ),
    ] = None,
    refused_to: Annotated[
        Path | None,
        typer.Option("--errors", metavar="FILE", help="Write unusable rows to this CSV file."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Send a file's rows to the city's input topics, like any outside producer.

    Unusable rows are reported with line and reason; the other rows are sent. Exit code 0 if all
    rows were sent, 7 if some were, 1 if none was.
    """
    table = None if call_types is None else find_call_types(call_types)
    plan = Ingest(
        path=file,
        kind=kind.value,
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
        speed=parse_speed(speed or ("1" if shift else "max")),
        shift=shift,
        dry_run=dry_run,
        limit=limit,
        run=run,
        limits=_limits(),
    )
    bootstrap, idempotent = None, True
    if not dry_run:
        endpoints = resolve_endpoints(load_settings(home))
        bootstrap, idempotent = endpoints.bootstrap, endpoints.broker_idempotent
    with _Watch(file, refused_to, samples=_SAMPLES if dry_run and not as_json else 0) as watch:
        result = asyncio.run(run_ingest(plan, watch, bootstrap, idempotent=idempotent))
    if as_json:
        typer.echo(msgspec.json.encode(_as_json(result, table)).decode())
    else:
        _print(result, plan, table)
    if result.refused:
        raise typer.Exit(exit_codes.PARTIAL if result.sent else exit_codes.FAILED)


class _Watch:
    """Draws the bar and reports the rows that cannot be used."""

    def __init__(self, file: Path, refused_to: Path | None, samples: int) -> None:
        self._file, self._samples, self._told = file, samples, 0
        self._bar: Bar | None = None
        try:
            self._refused = refused_to and refused_to.open("w", encoding="utf-8", newline="")
        except OSError as error:
            raise errors.BadOption(f"--errors {refused_to}: {error.strerror}") from error
        if refused_to is not None:
            refused_to.chmod(0o600)  # its rows may contain callers' data
        self._writer = csv.writer(self._refused) if self._refused else None
        if self._writer is not None:
            self._writer.writerow(["line", "reason", "row"])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.__exit__(kind, error, trace)
        if self._refused:
            self._refused.close()
        if self._told > _SAID:
            where = (
                "the file of --errors has all" if self._writer else "see them with --errors FILE"
            )
            typer.echo(f"{self._told - _SAID} more rows cannot be used: {where}", err=True)

    def begins(self, size: int) -> None:
        self._size = size
        self._bar = Bar(self._file.name, size).__enter__()

    def learns(self, table: Table, survey: Survey) -> None:
        """Print the columns of the fields: all in a dry run, otherwise those that were guessed."""
        self._survey = survey
        if self._samples:
            for line in mapping(survey):
                typer.echo(line)
            for note in (*table.notes, *survey.notes):
                typer.echo(note)
            return
        for line in guesses(table, survey):
            typer.echo(line, err=True)

    def reads(self, position: int, sent: int) -> None:
        if self._bar is not None:
            self._bar.to(min(position, self._size), f"{sent} sent")

    def waits(self, until: datetime) -> None:
        if self._bar is not None:
            self._bar.note(f"next at {until:%H:%M:%S} UTC")

    def refuses(self, row: Row, reason: str) -> None:
        self._told += 1
        if self._told <= _SAID:
            typer.echo(f"{self._file}:{row.place}: {reason}", err=True)
        if self._writer is not None:
            values = msgspec.json.encode(dict(row.values)).decode()
            self._writer.writerow([row.place, reason, values])

    def sends(self, event: Event, message: Message) -> None:
        if self._samples > 0:
            self._samples -= 1
            value = self._survey.sources.value(event.row.values, "time")
            typer.echo(
                f"line {event.row.place}: the time {str(value)!r} is {event.time.isoformat()}"
            )
            typer.echo(msgspec.json.encode({"id": event.id, "message": message}).decode())


def guesses(table: Table, survey: Survey) -> list[str]:
    """Return what was not said by the user, one line each."""
    columns = survey.sources.columns
    guessed = ", ".join(
        f"{name}={'+'.join(columns[name])}" for name in columns if name in survey.sources.guessed
    )
    mapped = [f"columns taken by their names: {guessed}"] if guessed else []
    return [*mapped, *table.notes, *survey.notes]


def mapping(survey: Survey) -> list[str]:
    """Return the columns of the fields, one a line."""
    sources = survey.sources
    width = max(map(len, (*sources.columns, *sources.defaults)), default=0)
    lines = []
    for name, columns in sources.columns.items():
        guess = "  (by its name)" if name in sources.guessed else ""
        other = f", or {sources.instead[name]}" if name in sources.instead else ""
        lines.append(f"{name:<{width}}  {' + '.join(columns)}{other}{guess}")
    lines += [f"{name:<{width}}  always {value!r}" for name, value in sources.defaults.items()]
    return lines


def _limits() -> Limits:
    settings = load(IntakeSettings)
    return Limits(past_s=settings.past_s, future_s=settings.future_s)


def _as_json(result: Result, table: CallTypes | None) -> dict[str, object]:
    found = dataclasses.asdict(result) | {"codes": len(result.codes)}
    if table is not None:
        mapped, unmapped = by_call_type(result.codes, table)
        found["mapped"] = {f"{category} {severity}": n for (category, severity), n in mapped}
        found["unmapped"] = dict(unmapped)
    return found


def _print(result: Result, plan: Ingest, table: CallTypes | None) -> None:
    done = "would be sent" if plan.dry_run else "sent"
    typer.echo(f"{result.read} rows read, {result.sent} {done}, {result.refused} cannot be used")
    if result.first is not None and result.last is not None:
        typer.echo(f"times {result.first.isoformat()} to {result.last.isoformat()}")
    for disorder in result.disorders:
        typer.echo(f"{disorder.count} × {disorder.what}, such as line {', '.join(disorder.lines)}")
    if table is not None:
        _print_codes(result, table)


def _print_codes(result: Result, table: CallTypes) -> None:
    mapped, unmapped = by_call_type(result.codes, table)
    total = sum(count for _, count in mapped)
    typer.echo(f"{total} rows have a code that the table knows")
    for (category, severity), count in mapped:
        typer.echo(f"  {count:>6}  {category} {severity}")
    if unmapped:
        rows = sum(count for _, count in unmapped)
        typer.echo(f"{rows} rows have a code that it does not know, {len(unmapped)} codes in all:")
        for code, count in unmapped[:_SAID]:
            typer.echo(f"  {count:>6}  {code}")
        if len(unmapped) > _SAID:
            typer.echo(f"  and {len(unmapped) - _SAID} more codes (--json has all)")
