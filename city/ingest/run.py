"""One file from end to end."""

import asyncio
import contextlib
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from city.ingest.errors import BadOption, RowFault
from city.ingest.fields import TOPICS, Kind, make_mapping, parse_pairs
from city.ingest.lines import Lines
from city.ingest.messages import Event, Message, Reader, shifted
from city.ingest.places import placer
from city.ingest.rows import Format, Row, declared_crs, format_of, read_rows
from city.ingest.schedule import Limits, Schedule
from city.ingest.send import Sender, source_of

_LOOK_AHEAD = 100
"""JSON rows may leave fields out: the columns are those of so many rows."""


@dataclass(frozen=True)
class Ingest:
    """What to ingest, and how.

    Attributes
    ----------
    form
        None goes by the file's name.
    columns
        ``--map`` texts, ``defaults`` are ``--default`` texts.
    crs
        None is WGS-84, or what a GeoJSON file says.
    zone
        IANA name of the time zone of times without an offset.
    speed
        None is as fast as the broker takes it.
    shift
        Whether the file's first time becomes now.
    dry_run
        Read everything, send nothing.
    limit
        Stop after so many good rows.
    run
        Part of every id, see ``messages.Reader``.
    """

    path: Path
    kind: Kind
    form: Format | None = None
    columns: tuple[str, ...] = ()
    defaults: tuple[str, ...] = ()
    crs: str | None = None
    zone: str | None = None
    encoding: str = "utf-8"
    speed: float | None = None
    shift: bool = False
    dry_run: bool = False
    limit: int | None = None
    run: str = ""
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True)
class Result:
    """How many rows were read, sent (or would have been) and refused; first and last time."""

    read: int
    sent: int
    refused: int
    first: datetime | None
    last: datetime | None


class Watch(Protocol):
    """Who looks on."""

    def begins(self, size: int) -> None:
        """Tell the file's size in bytes."""

    def reads(self, position: int, sent: int) -> None:
        """Tell how far the file has been read."""

    def waits(self, until: datetime) -> None:
        """Tell that the next message is due then."""

    def refuses(self, row: Row, reason: str) -> None:
        """Report a row that cannot be used."""

    def sends(self, event: Event, message: Message) -> None:
        """Show a message."""


async def run_ingest(
    ingest: Ingest, watch: Watch, bootstrap: str | None = None, *, idempotent: bool = True
) -> Result:
    """Send a file's rows to their topic.

    Memory does not grow with the file; reading waits for the broker.

    Parameters
    ----------
    bootstrap
        The broker; not needed for a dry run.

    Raises
    ------
    IngestError
        See ``city.ingest.errors``. What was sent before stays sent; the same file again sends
        the same ids.
    """
    form = ingest.form or format_of(ingest.path)
    crs = ingest.crs
    if crs is None and form == "geojson":
        crs = declared_crs(ingest.path, ingest.encoding)
    schedule = Schedule(ingest.speed, shift=ingest.shift, limits=ingest.limits)
    place, zone = placer(crs or "WGS-84"), _zone(ingest.zone)
    told = parse_pairs(ingest.columns, "--map", ingest.kind)
    defaults = parse_pairs(ingest.defaults, "--default", ingest.kind)
    with Lines(ingest.path, ingest.encoding) as lines:
        watch.begins(lines.size)
        rows, columns = _look_ahead(read_rows(lines, form), form)
        if not columns:
            return _refuse_all(rows, watch)
        reader = Reader(
            ingest.kind, make_mapping(ingest.kind, columns, told, defaults), place, zone, ingest.run
        )
        async with contextlib.AsyncExitStack() as stack:
            sender = None
            if not ingest.dry_run:
                assert bootstrap is not None, "only a dry run needs no broker"
                topic, source = TOPICS[ingest.kind], source_of(ingest.path.name)
                sender = await stack.enter_async_context(
                    Sender(bootstrap, topic, source, idempotent=idempotent)
                )
            return await _Run(ingest, lines, reader, schedule, sender, watch).of(rows)


@dataclass
class _Run:
    ingest: Ingest
    lines: Lines
    reader: Reader
    schedule: Schedule
    sender: Sender | None
    watch: Watch
    read: int = 0
    sent: int = 0
    refused: int = 0
    first: datetime | None = None
    last: datetime | None = None

    async def of(self, rows: Iterator[Row]) -> Result:
        for row in rows:
            self.read += 1
            try:
                await self._send(row)
            except RowFault as fault:
                self.refused += 1
                self.watch.refuses(row, str(fault))
            self.watch.reads(self.lines.bytes_read, self.sent)
            if self.sent == self.ingest.limit:
                break
        return Result(self.read, self.sent, self.refused, self.first, self.last)

    async def _send(self, row: Row) -> None:
        event = self.reader.event(row)
        due = self.schedule.due(event)
        message = shifted(event.message, due.time) if self.ingest.shift else event.message
        if self.sender is not None:
            wait_s = (due.at - datetime.now(UTC)).total_seconds()
            if wait_s > 0:
                self.watch.waits(due.at)
                # What is due has to leave before the pause, not after it.
                await self.sender.flush()
                await asyncio.sleep(wait_s)
            await self.sender.send(replace(event, time=due.time), message)
        self.watch.sends(event, message)
        self.sent += 1
        self.first = min(self.first or due.time, due.time)
        self.last = max(self.last or due.time, due.time)


def _look_ahead(rows: Iterator[Row], form: Format) -> tuple[Iterator[Row], list[str]]:
    """Return the rows, all of them, and the columns that the first ones have."""
    ahead = list(itertools.islice(rows, _LOOK_AHEAD))
    columns = list(dict.fromkeys(name for row in ahead for name in row.values))
    if form == "geojson" and columns:
        columns = list(dict.fromkeys([*columns, "geometry.lon", "geometry.lat"]))
    return itertools.chain(ahead, rows), columns


def _refuse_all(rows: Iterator[Row], watch: Watch) -> Result:
    refused = 0
    for row in rows:
        refused += 1
        watch.refuses(row, row.fault or "the row is empty")
    return Result(refused, 0, refused, None, None)


def _zone(name: str | None) -> tzinfo | None:
    if name is None:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise BadOption(
            f"--tz {name!r} is no time zone: use a name such as Asia/Shanghai or UTC"
        ) from None
