"""Ingest one file, from beginning to end: once to learn what its columns are, once to send."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from city.ingest.errors import BadOption, RowFault
from city.ingest.fields import STAMPS, TOPICS, Kind
from city.ingest.mapping import parse_pairs
from city.ingest.messages import Event, Message, Reader, shifted
from city.ingest.numbers import Mark
from city.ingest.places import placer
from city.ingest.responses import Disorder, Responses
from city.ingest.rows import Format, Row
from city.ingest.schedule import Limits, Schedule
from city.ingest.send import Sender, source_of
from city.ingest.survey import Survey, survey
from city.ingest.table import Table, open_table
from city.ingest.times.column import TimeOptions
from city.ingest.times.zones import Repeated
from schemas.inputs import CitizenReport


@dataclass(frozen=True)
class Ingest:
    """The file to ingest, with its options.

    Attributes
    ----------
    form
        Format; None to go by the file's first bytes and name.
    columns
        ``--map`` texts, ``defaults`` are ``--default`` texts.
    crs
        None for WGS-84, or the system that the file names.
    zone
        IANA name of the time zone of times without an offset.
    repeated
        Which time is meant in the hour that clocks repeat; None refuses it.
    date_order, time_format
        See `TimeOptions`; None for what the column tells.
    decimal
        Decimal mark; None for what the file's numbers tell.
    encoding
        Of text; None for what the file's bytes tell.
    sheet
        Of a workbook; None for the first one with rows.
    speed
        None for as fast as the broker accepts.
    shift
        Whether to move the file's first time to now.
    dry_run
        Read everything, send nothing.
    limit
        Stop after this many good rows.
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
    repeated: Repeated | None = None
    date_order: str | None = None
    time_format: str | None = None
    decimal: Mark | None = None
    encoding: str | None = None
    sheet: str | None = None
    speed: float | None = None
    shift: bool = False
    dry_run: bool = False
    limit: int | None = None
    run: str = ""
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True)
class Result:
    """Number of rows read, sent (or that would be sent) and refused; first and last time.

    Attributes
    ----------
    columns
        The columns of each field.
    notes
        What was found out about the file, one sentence each.
    disorders
        What is wrong with stamps of responses; such rows are sent all the same.
    codes
        How often the file has each service code.
    """

    read: int
    sent: int
    refused: int
    first: datetime | None
    last: datetime | None
    columns: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    disorders: tuple[Disorder, ...] = ()
    codes: dict[tuple[str, str], int] = field(default_factory=dict)


class Watch(Protocol):
    """Observer of a running ingest."""

    def begins(self, size: int) -> None:
        """Report the file's size in bytes."""

    def learns(self, table: Table, survey: Survey) -> None:
        """Report what was found out about the file, before its rows are read."""

    def reads(self, position: int, sent: int) -> None:
        """Report the read position."""

    def waits(self, until: datetime) -> None:
        """Report when the next message is due."""

    def refuses(self, row: Row, reason: str) -> None:
        """Report a row that cannot be used."""

    def sends(self, event: Event, message: Message) -> None:
        """Report a message."""


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
        See ``city.ingest.errors``. Messages sent before the error stay sent; ingesting the file
        again sends the same ids.
    """
    schedule = Schedule(ingest.speed, shift=ingest.shift, limits=ingest.limits)
    told = parse_pairs(ingest.columns, "--map", ingest.kind)
    defaults = _at_once(parse_pairs(ingest.defaults, "--default", ingest.kind))
    options = TimeOptions(
        ingest.date_order, ingest.time_format, _zone(ingest.zone), ingest.repeated
    )
    placer(ingest.crs or "WGS-84")  # a wrong option is reported before the file is read
    with _open(ingest) as table:
        found = survey(table, ingest.kind, told, defaults, options, mark=ingest.decimal)
    with _open(ingest) as table:
        watch.begins(table.size)
        if found is None:
            return _refuse_all(table.rows, watch)
        watch.learns(table, found)
        place = placer(ingest.crs or table.crs or "WGS-84")
        reader = Reader(
            ingest.kind, found.sources, place, found.times["time"], found.decimals, run=ingest.run
        )
        async with contextlib.AsyncExitStack() as stack:
            sender = None
            if not ingest.dry_run:
                assert bootstrap is not None, "only a dry run needs no broker"
                topic, source = TOPICS[ingest.kind], source_of(ingest.path.name)
                sender = await stack.enter_async_context(
                    Sender(bootstrap, topic, source, idempotent=idempotent)
                )
            return await _Run(ingest, table, found, reader, schedule, sender, watch).of()


def _at_once(defaults: dict[str, str]) -> dict[str, str]:
    """Return the defaults, with the time of now where one of a time is ``now``."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return {
        name: now if name in ("time", *STAMPS) and value.strip().casefold() == "now" else value
        for name, value in defaults.items()
    }


def _open(ingest: Ingest) -> contextlib.AbstractContextManager[Table]:
    return open_table(ingest.path, ingest.form, ingest.encoding, ingest.sheet)


@dataclass
class _Run:
    ingest: Ingest
    table: Table
    survey: Survey
    reader: Reader
    schedule: Schedule
    sender: Sender | None
    watch: Watch
    read: int = 0
    sent: int = 0
    refused: int = 0
    first: datetime | None = None
    last: datetime | None = None
    responses: Responses = field(default_factory=Responses)
    codes: Counter[tuple[str, str]] = field(default_factory=Counter)

    async def of(self) -> Result:
        position = self.table.position
        for row in self.table.rows:
            self.read += 1
            try:
                await self._send(row)
            except RowFault as fault:
                self.refused += 1
                self.watch.refuses(row, str(fault))
            self.watch.reads(self.read if position is None else position(), self.sent)
            if self.sent == self.ingest.limit:
                break
        columns = {name: " + ".join(of) for name, of in self.survey.sources.columns.items()}
        return Result(
            self.read,
            self.sent,
            self.refused,
            self.first,
            self.last,
            columns,
            (*self.table.notes, *self.survey.notes),
            tuple(self.responses.disorders()),
            dict(self.codes),
        )

    async def _send(self, row: Row) -> None:
        event = self.reader.event(row)
        due = self.schedule.due(event)
        message = shifted(event.message, due.time) if self.ingest.shift else event.message
        self._look_at(row, message)
        if self.sender is not None:
            wait_s = (due.at - datetime.now(UTC)).total_seconds()
            if wait_s > 0:
                self.watch.waits(due.at)
                # Due messages have to leave before the pause, not after it.
                await self.sender.flush()
                await asyncio.sleep(wait_s)
            await self.sender.send(replace(event, time=due.time), message)
        self.watch.sends(event, message)
        self.sent += 1
        self.first = min(self.first or due.time, due.time)
        self.last = max(self.last or due.time, due.time)

    def _look_at(self, row: Row, message: Message) -> None:
        """Count the row's service code, and look at its stamps: they are not sent."""
        if isinstance(message, CitizenReport) and message.service_code:
            self.codes[message.channel, message.service_code] += 1
        stamps = {}
        for name in STAMPS:
            value = self.survey.sources.value(row.values, name)
            if value is None or name not in self.survey.times:
                continue
            try:
                stamps[name] = self.survey.times[name].read(value)
            except (RowFault, BadOption):
                continue
        if stamps:
            unit = self.survey.sources.value(row.values, "unit")
            self.responses.add(row.place, row.line, stamps, None if unit is None else str(unit))


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
            f"unknown time zone --tz {name!r}: use a name such as Asia/Shanghai or UTC"
        ) from None
