"""``jingwei sources``: producers, their messages, and the skew of their clocks."""

from typing import Annotated

import typer

from cli.asking import ask
from cli.output import duration, local, progress, shorten, write_json, write_table
from cli.services import HomeOption, JsonOption
from infra.ledger.sources import Source, list_sources

COLUMNS = ("source", "topic", "messages", "refused", "not newer", "last", "skew", "worst", "steps")
LOUD_S = 60.0
"""Clocks with a larger skew are also named on stderr."""
_SHORT = 60


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(sources)


def sources(
    home: HomeOption = None,
    *,
    off: Annotated[
        float | None,
        typer.Option("--off", metavar="SECONDS", min=0, help="Only with at least this skew."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """List the sources of the input topics with the skew of their clocks against the broker's.

    The skew is how far the times of a source's latest messages are ahead of their arrival (+) or
    behind it (-, also if messages are slow to arrive). It changes no decision.
    """
    found = [one for one in ask(home, list_sources) if off is None or _is_off(one, off)]
    if as_json:
        write_json(found)
    else:
        write_table(
            COLUMNS, map(row, found), "no messages from any source yet: is a worker running?"
        )
    for one in found:
        if _is_off(one, LOUD_S):
            progress(f"{shorten(one.source, _SHORT)} on {one.topic}: {_fault(one)}")


def row(one: Source) -> tuple[object, ...]:
    """Return a source's cells under `COLUMNS`."""
    return (
        shorten(one.source, _SHORT),
        one.topic,
        one.messages,
        one.refused,
        one.not_newer,
        local(one.last_arrival),
        _signed(one.skew_s),
        _signed(one.worst_s),
        one.steps,
    )


def _signed(seconds: float | None) -> str | None:
    if seconds is None:
        return None
    text = duration(seconds)
    return text if text.startswith("-") or round(seconds) == 0 else f"+{text}"


def _is_off(one: Source, seconds: float) -> bool:
    return one.skew_s is not None and abs(one.skew_s) >= seconds


def _fault(one: Source) -> str:
    seconds = one.skew_s or 0.0
    if seconds > 0:
        return f"its clock is {duration(seconds)} fast: correct it"
    return (
        f"its clock is {duration(-seconds)} slow, or its messages arrive late: correct the clock, "
        "or find what delays the messages"
    )
