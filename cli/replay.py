"""``jingwei archive | replay``: archive the input and the journal, and replay the journal."""

import asyncio
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from cli import exit_codes
from cli.options import parse_speed
from cli.output import say
from cli.progress import Bar
from cli.services import HomeOption, JsonOption
from geo.errors import GeoError
from infra.archive import ArchiveError, archive_root, cluster_id
from infra.ledger.errors import LedgerError, LedgerUnavailable
from infra.ledger.pool import connect
from infra.settings import Endpoints, load_settings, resolve_endpoints
from replay import errors
from replay.changes import PAGE
from replay.player import Replayed, Window, parse_bound
from schemas import outputs
from schemas.effects import IncidentWritten, TimelineAppended

if TYPE_CHECKING:
    from replay.run import Report

exit_codes.BY_ERROR.update(
    {
        errors.ReplayError: exit_codes.FAILED,
        errors.BadWindow: exit_codes.USAGE,
        ArchiveError: exit_codes.FAILED,
        GeoError: exit_codes.FAILED,
        LedgerError: exit_codes.FAILED,
        LedgerUnavailable: exit_codes.UNREACHABLE,
    }
)


def register(app: typer.Typer) -> None:
    """Add these commands to the application."""
    for command in (archive, replay):
        app.command()(command)


def archive(
    home: HomeOption = None,
    *,
    log_level: Annotated[str, typer.Option("--log-level", help="DEBUG to ERROR.")] = "WARNING",
) -> None:
    """Write the journal and every input message to Parquet files, until interrupted.

    Run one archiver beside the worker; `jingwei demo` does. Stopping it loses nothing: it
    continues where its files end, as long as the topics still have the later messages.
    """
    from streams.archive import run_archive  # noqa: PLC0415 - Faust takes half a second to load

    endpoints = resolve_endpoints(load_settings(home))
    root = asyncio.run(_root(endpoints))
    typer.echo(f"archive {root}", err=True)
    run_archive(endpoints.bootstrap, root, datadir=endpoints.home / "faust", loglevel=log_level)


def replay(
    home: HomeOption = None,
    *,
    region: Annotated[str, typer.Option(help="Code of the region.")] = "310106",
    start: Annotated[
        str | None,
        typer.Option(
            "--from", metavar="T", help="ISO 8601 time (UTC if no offset) or journal offset."
        ),
    ] = None,
    end: Annotated[
        str | None, typer.Option("--to", metavar="T", help="Like --from; inclusive.")
    ] = None,
    speed: Annotated[
        str, typer.Option(metavar="N|max", help="Times faster than real time.")
    ] = "max",
    events: Annotated[bool, typer.Option("--events", help="Write every timeline line.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Replay the journal through the core and compare with the effects the ledger recorded.

    The core always starts at the first applied entry; --from and --to limit which entries are
    paced, shown and compared. Exit code 0 if equal, 6 if different, 4 if broker or ledger does
    not answer, 1 if the archive cannot be read or is behind.
    """
    window = Window(
        None if start is None else parse_bound(start), None if end is None else parse_bound(end)
    )
    factor = parse_speed(speed)
    endpoints = resolve_endpoints(load_settings(home))
    report = asyncio.run(
        _replay(endpoints, region, window, factor, _Watch(events=events, as_json=as_json))
    )
    if as_json:
        typer.echo(msgspec.json.encode(dataclasses.asdict(report)).decode())
    else:
        _print(report)
    if not report.equal:
        raise typer.Exit(exit_codes.DIFFERENT)


class _Watch:
    """Draws the progress bar, and writes timeline lines if asked to."""

    def __init__(self, *, events: bool, as_json: bool) -> None:
        self._events, self._as_json = events, as_json
        self._bar: Bar | None = None
        self._numbers: dict[str, str] = {}

    def begins(self, entries: int) -> None:
        self._bar = Bar("replay", entries).__enter__()
        self._entries = entries

    def passes(self, offset: int) -> None:
        if self._bar is not None:
            self._bar.to(offset + 1, f"{offset + 1}/{self._entries} entries")

    def sees(self, applied: Replayed) -> None:
        if not self._events:
            return
        for effect in applied.effects:
            if isinstance(effect, IncidentWritten):
                self._numbers[effect.incident.id] = effect.incident.number
        for effect in applied.effects:
            if isinstance(effect, TimelineAppended):
                line = effect.entry
                number = self._numbers.get(line.incident, line.incident)
                typer.echo(
                    msgspec.json.encode(outputs.timeline_entry(line)).decode()
                    if self._as_json
                    else f"{line.at:%Y-%m-%dT%H:%M:%S.%f}Z {number} {line.kind}: {say(line.said)}"
                )

    def ends(self) -> None:
        if self._bar is not None:
            self._bar.__exit__(None, None, None)


async def _replay(
    endpoints: Endpoints, region: str, window: Window, speed: float | None, watch: _Watch
) -> "Report":
    # The street graph's libraries take a second to load: import them only here.
    from replay.cities import kept_routers  # noqa: PLC0415
    from replay.run import run_replay  # noqa: PLC0415

    root = await _root(endpoints)
    # The gateway's role may read recorded effects but not write them.
    connection = await connect(endpoints.gateway_url, application="jingwei replay")
    try:
        return await run_replay(
            connection,
            root,
            region,
            kept_routers(endpoints.archive_dir, endpoints.gateway_url),
            watch,
            window=window,
            speed=speed,
        )
    finally:
        watch.ends()
        await connection.close()


async def _root(endpoints: Endpoints) -> Path:
    cluster = await cluster_id(endpoints.bootstrap)
    return archive_root(endpoints.archive_dir, cluster, endpoints.database_url)


def _print(report: "Report") -> None:
    compared = sum(report.entries.values())
    if report.first_at is None or report.last_at is None:
        typer.echo(f"region {report.region}: the window holds no journal entry")
    else:
        typer.echo(
            f"region {report.region}: {compared} journal entries, offsets {report.first_offset} "
            f"to {report.last_offset}, {report.first_at.isoformat()} to "
            f"{report.last_at.isoformat()}, replayed in {report.seconds:.1f} s"
        )
    for title, counts in (("entries", report.entries), ("what happened", report.happened)):
        for name, count in counts.items():
            typer.echo(f"{title:14} {count:>8}  {name}")
    if report.undecodable:
        typer.echo(f"{'dead letters':14} {report.undecodable:>8}  not journal entries")
    if report.buried:
        typer.echo(f"{'dead letters':14} {report.buried:>8}  entries that the worker set aside")
    others = sorted({name for name in report.decided_by.values() if name != report.software})
    if others:
        typer.echo(f"decided by Jingwei {', '.join(others)}; replayed by {report.software}")
    if report.difference is None:
        typer.echo(f"equal, byte for byte: SHA-256 {report.sha256}")
    else:
        typer.echo(f"DIFFERENT: {report.difference['sentence']}")
        if report.changes:
            _print_changes(report)
        elif others:
            typer.echo("Other software may decide differently: replay with the same software.")
        typer.echo(f"SHA-256 recorded {report.recorded_sha256}, replayed {report.sha256}")


def _print_changes(report: "Report") -> None:
    """Print the rules that have changed since an older version decided."""
    typer.echo(f"Rules have changed since this entry or an earlier one was decided ({PAGE}):")
    for change in report.changes:
        typer.echo(f"  {change.version}  {change.rule}")
