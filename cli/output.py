"""What commands print: tables on a terminal, aligned lines elsewhere, JSON for programs.

Data goes to stdout, progress to stderr. Texts by citizens and operators are cleaned before
they reach a terminal, so that it executes no escape sequence from them.
"""

import os
import sys
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

import msgspec
import typer
from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from schemas import codes, words
from schemas.kinds import UNKNOWN
from schemas.records import Incident, Reason
from schemas.words import Language

SEVERITY_STYLES = {
    "unknown": "bold white on magenta",
    "未知": "bold white on magenta",
    "P1": "bold white on red",
    "P2": "bold red",
    "P3": "yellow",
    "P4": "cyan",
}
"""By what `severity_name` returns."""
_LONG = 120


def progress(line: str) -> None:
    """Write one line of progress to stderr."""
    typer.echo(clean(line), err=True)


def on_terminal() -> bool:
    """Whether stdout is a terminal."""
    return sys.stdout.isatty()


def console() -> Console:
    """Return a console for stdout."""
    return Console(highlight=False, markup=False, emoji=False)


def write_json(value: object) -> None:
    """Write a value as indented JSON; times are ISO 8601 in UTC."""
    text = msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
    typer.echo(text)


def write_table(columns: Sequence[str], rows: Iterable[Sequence[object]], empty: str) -> None:
    """Write rows as a table (terminal) or as aligned plain lines with one heading line.

    Parameters
    ----------
    columns
        Headings.
    rows
        One cell per column; None is an empty cell.
    empty
        Written to stderr if there are no rows.
    """
    cells = [[clean("" if cell is None else str(cell)) for cell in row] for row in rows]
    if not cells:
        progress(empty)
        return
    if on_terminal():
        console().print(rich_table(columns, cells))
        return
    for line in aligned([list(columns), *cells]):
        typer.echo(line)


def rich_table(
    columns: Sequence[str], cells: Iterable[Sequence[str]], title: str = "", *, wrap: bool = True
) -> Table:
    """Return a table of cleaned cells; severities are styled.

    Without ``wrap`` every row is one line, and long cells are cut.
    """
    table = Table(
        box=SIMPLE_HEAD,
        title=title or None,
        title_justify="left",
        title_style="bold",
        pad_edge=False,
    )
    for number, column in enumerate(columns):
        table.add_column(
            column, no_wrap=number == 0 or not wrap, overflow="fold" if wrap else "ellipsis"
        )
    for row in cells:
        table.add_row(*(Text(cell, style=SEVERITY_STYLES.get(cell, "")) for cell in row))
    return table


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return rows as lines with aligned columns; wide characters count two."""
    widths = [max(cell_len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell + " " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=True)
        ).rstrip()
        for row in rows
    ]


def clean(text: str) -> str:
    r"""Return a text with control characters, line ends and bidi overrides escaped.

    Examples
    --------
    >>> clean("fire" + chr(27) + "[2J")
    'fire\\x1b[2J'
    """
    return "".join(
        c if c.isprintable() or c == "\u3000" else c.encode("unicode_escape").decode() for c in text
    )


def shorten(text: str, length: int = _LONG) -> str:
    """Return the first characters of a text, with an ellipsis if it was cut."""
    return text if len(text) <= length else text[: length - 1] + "…"


def local(time: datetime | None, form: str = "%m-%d %H:%M:%S") -> str:
    """Return a time in the city's time zone, empty for None."""
    return "" if time is None else time.astimezone(city_clock()).strftime(form)


def duration(seconds: float) -> str:
    """Return seconds as ``45 s``, ``3:05`` or ``2:03:05``; negative ones with a minus sign."""
    whole = round(abs(seconds))
    sign = "-" if seconds < 0 and whole else ""
    if whole < 60:  # noqa: PLR2004 - seconds in a minute
        return f"{sign}{whole} s"
    hours, rest = divmod(whole, 3600)
    minutes, left = divmod(rest, 60)
    text = f"{hours}:{minutes:02d}:{left:02d}" if hours else f"{minutes}:{left:02d}"
    return sign + text


class _Clock:
    """The city's UTC offset in this process, which uses one ledger."""

    offset: timedelta | None = None


def city_clock() -> timezone:
    """Return the city's offset from UTC; the default policy's until the city's is known."""
    if _Clock.offset is None:
        return timezone(timedelta(minutes=codes.default_policy().utc_offset_minutes))
    return timezone(_Clock.offset)


def set_city_clock(offsets: Collection[int]) -> None:
    """Set the city's offset from the UTC offsets, in minutes, of the regions' policies.

    If regions differ, times are shown in UTC.
    """
    if not offsets:
        _Clock.offset = None
        return
    minutes = next(iter(offsets)) if len(set(offsets)) == 1 else 0
    _Clock.offset = timedelta(minutes=minutes)


class _Reader:
    """The language of whoever reads what this process prints."""

    language: Language | None = None


def set_language(language: Language | None) -> None:
    """Set the reader's language; None leaves it to the environment."""
    _Reader.language = language


def language() -> Language:
    """Return the reader's language: the one set, else Chinese where the locale is, else English."""
    if _Reader.language is not None:
        return _Reader.language
    locale = next(filter(None, map(os.environ.get, ("LC_ALL", "LC_MESSAGES", "LANG"))), "")
    return "zh" if locale.lower().startswith("zh") else "en"


def say(reason: Reason) -> str:
    """Return a reason in the reader's language."""
    return words.render(reason, language())


def severity_name(code: str) -> str:
    """Return a severity as people say it: its code, but for what nobody has read."""
    return codes.severity(code).zh if code == UNKNOWN and language() == "zh" else code


def severity_order(incident: Incident) -> tuple[int, str]:
    """Return what sorts incidents: what nobody has read, then the worst severity first."""
    known = codes.severities().get(incident.severity)
    return len(codes.severities()) if known is None else known.rank, incident.severity


def category_name(code: str) -> str:
    """Return a category's names, Chinese and English: ``火灾 Fire``."""
    return _names(codes.categories(), code)


def incident_state_name(code: str) -> str:
    """Return the names of an incident's state: ``途中 En route``."""
    return _names(codes.incident_states(), code)


def unit_state_name(code: str) -> str:
    """Return the names of a unit's state: ``赶赴 En route``."""
    return _names(codes.unit_states(), code)


def unit_kind_name(code: str) -> str:
    """Return the names of a kind of unit: ``消防车 Fire engine``."""
    return _names(codes.unit_kinds(), code)


def timeline_kind_name(code: str) -> str:
    """Return the names of a kind of timeline entry: ``派警 Unit assigned``."""
    return _names(codes.timeline_kinds(), code)


def capability_name(code: str) -> str:
    """Return the names of a capability: ``灭火 Pump``."""
    return _names(codes.capabilities(), code)


def _names(table: dict[str, Any], code: str) -> str:
    row = table.get(code)
    return code if row is None else f"{row.zh} {row.en}"
