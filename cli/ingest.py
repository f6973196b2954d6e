"""``jingwei ingest``: a city's own open data through the real pipeline."""

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

from city.ingest import errors
from city.ingest.messages import Event, Message
from city.ingest.rows import Row
from city.ingest.run import Ingest, Result, run_ingest
from city.ingest.schedule import Limits
from cli import exit_codes
from cli.options import (
    ColumnsOption,
    CrsOption,
    DefaultsOption,
    EncodingOption,
    FormatOption,
    ZoneOption,
    parse_speed,
)
from cli.progress import Bar
from cli.services import HomeOption, JsonOption
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
"""So many rows that cannot be used are told one by one; the others are counted."""
_SAMPLES = 3


class KindName(StrEnum):
    """What a file holds."""

    READINGS = "readings"
    REPORTS = "reports"
    POSITIONS = "positions"


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(ingest)


def ingest(
    kind: Annotated[KindName, typer.Argument(help="What the file holds.")],
    file: Annotated[Path, typer.Argument(help="CSV, JSON Lines or GeoJSON; gzip or not.")],
    home: HomeOption = None,
    *,
    form: FormatOption = None,
    columns: ColumnsOption = None,
    defaults: DefaultsOption = None,
    crs: CrsOption = None,
    tz: ZoneOption = None,
    encoding: EncodingOption = "utf-8",
    speed: Annotated[
        str | None,
        typer.Option(
            metavar="N|max",
            help="Times faster than it was; max without --shift-to-now, 1 with it, if not given.",
        ),
    ] = None,
    shift: Annotated[
        bool,
        typer.Option(
            "--shift-to-now",
            help="The file's first time becomes now; intervals are kept, divided by --speed.",
        ),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Read and check everything, send nothing.")
    ] = False,
    limit: Annotated[int | None, typer.Option(min=1, help="Stop after so many good rows.")] = None,
    run: Annotated[
        str,
        typer.Option(
            help="The same file gives the same events, which count once; under another name of a "
            "run they are new."
        ),
    ] = "",
    refused_to: Annotated[
        Path | None,
        typer.Option("--errors", metavar="FILE", help="Write rows that cannot be used as CSV."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Send a file's rows into the city's input topics, as any producer outside would.

    Rows that cannot be used are told with line and reason, and the others are sent. Exit code
    0 when all rows were sent, 7 when some were, 1 when none was.
    """
    plan = Ingest(
        path=file,
        kind=kind.value,
        form=None if form is None else form.value,
        columns=tuple(columns or ()),
        defaults=tuple(defaults or ()),
        crs=crs,
        zone=tz,
        encoding=encoding,
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
        typer.echo(msgspec.json.encode(dataclasses.asdict(result)).decode())
    else:
        _print(result, plan)
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
            refused_to.chmod(0o600)  # its rows may say who called
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
            where = "the file of --errors has them all" if self._writer else "see --errors FILE"
            typer.echo(f"{self._told - _SAID} more rows cannot be used: {where}", err=True)

    def begins(self, size: int) -> None:
        self._size = size
        self._bar = Bar(self._file.name, size).__enter__()

    def reads(self, position: int, sent: int) -> None:
        if self._bar is not None:
            self._bar.to(min(position, self._size), f"{sent} sent")

    def waits(self, until: datetime) -> None:
        if self._bar is not None:
            self._bar.note(f"next at {until:%H:%M:%S} UTC")

    def refuses(self, row: Row, reason: str) -> None:
        self._told += 1
        if self._told <= _SAID:
            typer.echo(f"{self._file}:{row.line}: {reason}", err=True)
        if self._writer is not None:
            values = msgspec.json.encode(dict(row.values)).decode()
            self._writer.writerow([row.line, reason, values])

    def sends(self, event: Event, message: Message) -> None:
        if self._samples > 0:
            self._samples -= 1
            typer.echo(msgspec.json.encode({"id": event.id, "message": message}).decode())


def _limits() -> Limits:
    settings = IntakeSettings()
    return Limits(past_s=settings.past_s, future_s=settings.future_s)


def _print(result: Result, plan: Ingest) -> None:
    done = "would be sent" if plan.dry_run else "sent"
    typer.echo(f"{result.read} rows read, {result.sent} {done}, {result.refused} cannot be used")
    if result.first is not None and result.last is not None:
        typer.echo(f"times {result.first.isoformat()} to {result.last.isoformat()}")
