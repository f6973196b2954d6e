"""The live view of a city: open incidents, units on their way, newest lines, alerts.

On a terminal it redraws a screen; elsewhere it prints one plain line per change. It reads
everything from the ledger and keeps nothing, so a view that starts late shows the same.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import typer
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from cli.asking import where
from cli.output import (
    category_name,
    clean,
    console,
    duration,
    incident_state_name,
    local,
    on_terminal,
    rich_table,
    say,
    set_city_clock,
    severity_name,
    severity_order,
    shorten,
    timeline_kind_name,
    unit_state_name,
)
from infra.ledger.live import (
    AssignmentLine,
    EntryLine,
    active_alerts,
    active_assignments,
    entries_since,
)
from infra.ledger.pool import connect, reading
from infra.ledger.queries import (
    IncidentFilter,
    IncidentLine,
    list_incidents,
    list_units,
    utc_offsets,
)
from infra.settings import Endpoints
from schemas.records import Alert, Unit

_BACK = timedelta(seconds=60)
_SHOWN, _NEWEST = 500, 60
_ROWS = (0.34, 0.26, 0.26, 0.14)
"""Shares of the screen: incidents, units, lines, alerts."""
_FRAME = 4
"""Lines of a table besides its rows: title, heading, rule, space."""
_LEAST = 3


@dataclass(frozen=True)
class Look:
    """The state of the city at one moment."""

    at: datetime
    incidents: list[IncidentLine]
    units: list[Unit]
    assignments: list[AssignmentLine]
    entries: list[EntryLine]
    alerts: list[Alert]


class Lines:
    """New timeline lines, in order, from a moment on."""

    def __init__(self, since: datetime) -> None:
        self._since = since
        self._newest = since
        self._seen: dict[tuple[str, int], datetime] = {}

    async def fresh(self, conn: asyncpg.Connection) -> list[EntryLine]:
        """Return the new lines.

        Reads back a little, because lines of several regions become visible in any order.
        """
        found = await entries_since(conn, max(self._since, self._newest - _BACK))
        fresh = [line for line in found if _key(line) not in self._seen]
        for line in fresh:
            self._seen[_key(line)] = line.entry.at
            self._newest = max(self._newest, line.entry.at)
        horizon = self._newest - 2 * _BACK
        self._seen = {key: at for key, at in self._seen.items() if at >= horizon}
        return fresh


def watch(home: Path | None, *, every_s: float, for_s: float | None) -> None:
    """Show the city until interrupted, or for some seconds."""
    endpoints = where(home)

    async def looking() -> None:
        over = asyncio.Event()
        if for_s is not None:
            asyncio.get_running_loop().call_later(for_s, over.set)
        await (show if on_terminal() else tell)(endpoints, over, every_s)

    asyncio.run(looking())


async def show(
    endpoints: Endpoints,
    over: asyncio.Event,
    every_s: float = 1.0,
    *,
    heading: str = "Jingwei 经纬",
    speed: float = 1.0,
    region: str | None = None,
) -> None:
    """Draw the live view on the terminal until ``over``.

    ``speed`` is how many times faster than real ones units drive, for the countdowns; with
    ``region`` other regions are left out.
    """
    screen = console()
    async with _ledger(endpoints) as ledger:
        with Live(console=screen, auto_refresh=False, transient=True) as live:
            while not over.is_set():
                live.update(draw(await look(ledger, region), screen, heading, speed), refresh=True)
                await _pause(every_s, over)


async def tell(
    endpoints: Endpoints,
    over: asyncio.Event,
    every_s: float = 1.0,
    *,
    since: datetime | None = None,
    say: Callable[[EntryLine], str | None] | None = None,
) -> None:
    """Write one plain line per change to stdout until ``over``, from ``since`` (default now) on."""
    lines = Lines(since or datetime.now(UTC) - timedelta(seconds=1))
    say = say or plain
    async with _ledger(endpoints) as ledger:
        last = False
        while not last:
            last = over.is_set()  # once more after the end, for lines that came meanwhile
            async with reading(ledger) as conn:
                fresh = await lines.fresh(conn)
            for line in fresh:
                text = say(line)
                if text is not None:
                    typer.echo(text)
            if not last:
                await _pause(every_s, over)


def plain(line: EntryLine) -> str:
    """Return a timeline line as one line of text."""
    entry = line.entry
    why = f"  because: {say(entry.reasons[0])}" if entry.reasons else ""
    return clean(
        f"{local(entry.at, '%H:%M:%S')}  {line.number}  {severity_name(line.severity)}"
        f"  {timeline_kind_name(entry.kind)}  [{entry.actor}]  {say(entry.said)}{why}"
    )


async def look(ledger: asyncpg.Connection, region: str | None = None) -> Look:
    """Read the current state of one region or of all."""
    now = datetime.now(UTC)
    async with reading(ledger) as conn:
        incidents = [
            line
            for line in await list_incidents(conn, IncidentFilter(open=True, limit=_SHOWN))
            if region in (None, line.incident.region)
        ]
        ids = {line.incident.id for line in incidents}
        lines = await entries_since(conn, now - timedelta(minutes=10), 2 * _NEWEST)
        return Look(
            at=now,
            incidents=incidents,
            units=[unit for unit in await list_units(conn) if region in (None, unit.region)],
            assignments=[a for a in await active_assignments(conn) if a.assignment.incident in ids],
            entries=[line for line in lines if of_region(line.number, region)][-_NEWEST:],
            alerts=[alert for alert in await active_alerts(conn) if alert.incident in ids],
        )


def of_region(number: str, region: str | None) -> bool:
    """Whether an incident's number belongs to a region; None stands for any region."""
    return region is None or number.rsplit("-", 2)[0] == region


def draw(seen: Look, screen: Console, heading: str, speed: float = 1.0) -> RenderableType:
    """Return the live view of one state, as high as the screen."""
    free = screen.height - 2 - len(_ROWS) * _FRAME
    rows = [max(_LEAST, int(free * share)) for share in _ROWS]
    return Group(
        _summary(seen, heading),
        _incidents(seen, rows[0]),
        _on_the_way(seen, rows[1], speed),
        _newest(seen, rows[2]),
        _alerts(seen, rows[3]),
    )


def _summary(seen: Look, heading: str) -> Text:
    busy = sum(unit.assignment is not None for unit in seen.units)
    return Text(
        clean(
            f"{heading}  {local(seen.at, '%H:%M:%S')}   open incidents 未结 {len(seen.incidents)}"
            f"   units busy 出动 {busy}/{len(seen.units)}   alerts 告警 {len(seen.alerts)}"
        ),
        style="bold",
        no_wrap=True,
        overflow="ellipsis",
    )


def _incidents(seen: Look, rows: int) -> RenderableType:
    worst = sorted(seen.incidents, key=lambda line: severity_order(line.incident))
    cells = [
        (
            line.incident.number.rpartition("-")[2],
            severity_name(line.incident.severity),
            category_name(line.incident.category),
            incident_state_name(line.incident.state),
            clean(shorten(line.incident.title.partition(": ")[2] or line.incident.title, 40)),
            duration((seen.at - line.incident.opened_at).total_seconds()),
            _sent(line),
        )
        for line in worst[:rows]
    ]
    columns = ("no.", "", "category 类别", "state 状态", "where 地点", "age", "units 单位")
    return rich_table(columns, cells, _more("Open incidents 未结警情", worst, rows), wrap=False)


def _sent(line: IncidentLine) -> str:
    names = [unit.removeprefix(f"{line.incident.region}-") for unit in line.units]
    short = "short 缺力量" if line.incident.short else ""
    return " ".join(part for part in (f"{len(names)}:" if names else "", *names, short) if part)


def _on_the_way(seen: Look, rows: int, speed: float) -> RenderableType:
    moving = [line for line in seen.assignments if line.assignment.on_scene is None]
    cells = [
        (
            line.assignment.unit.removeprefix(f"{line.number.rsplit('-', 2)[0]}-"),
            clean(line.unit_name),
            unit_state_name(line.unit_state),
            line.number.rpartition("-")[2],
            _countdown(line, seen.at, speed),
            clean(shorten(_way(line), 50)),
        )
        for line in moving[:rows]
    ]
    columns = ("unit", "name 名称", "state 状态", "to", "there in", "by way of 途经")
    return rich_table(columns, cells, _more("On the way 赶赴中", moving, rows), wrap=False)


def _countdown(line: AssignmentLine, now: datetime, speed: float) -> str:
    left = line.assignment.eta_s / speed - (now - line.assignment.dispatched).total_seconds()
    return duration(left) if left > 0 else "due"


def _way(line: AssignmentLine) -> str:
    route = line.assignment.route
    return "" if route is None else " → ".join(route.streets)


def _newest(seen: Look, rows: int) -> RenderableType:
    cells = [
        (
            local(line.entry.at, "%H:%M:%S"),
            line.number.rpartition("-")[2],
            timeline_kind_name(line.entry.kind),
            clean(shorten(say(line.entry.said), 80)),
        )
        for line in reversed(seen.entries[-rows:])
    ]
    return rich_table(
        ("time", "no.", "what 事项", "text"), cells, "Newest lines 最新经过", wrap=False
    )


def _alerts(seen: Look, rows: int) -> RenderableType:
    cells = [
        (
            str(alert.priority),
            local(alert.raised_at, "%H:%M:%S"),
            clean(shorten(say(alert.said), 90)),
        )
        for alert in seen.alerts[:rows]
    ]
    title = _more("Alerts 告警", seen.alerts, rows)
    return rich_table(("!", "since", "alert"), cells, title, wrap=False)


def _more(
    title: str, items: list[IncidentLine] | list[AssignmentLine] | list[Alert], rows: int
) -> str:
    return title if len(items) <= rows else f"{title} ({rows} of {len(items)})"


def _key(line: EntryLine) -> tuple[str, int]:
    return line.entry.incident, line.entry.seq


async def _pause(seconds: float, over: asyncio.Event) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(over.wait(), seconds)


@contextlib.asynccontextmanager
async def _ledger(endpoints: Endpoints) -> AsyncIterator[asyncpg.Connection]:
    connection = await connect(endpoints.worker_url, application="jingwei-watch")
    try:
        async with reading(connection) as conn:
            set_city_clock(await utc_offsets(conn))
        yield connection
    finally:
        await connection.close()
