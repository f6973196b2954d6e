"""``jingwei reader``: the second reader, until it is stopped."""

import logging
import os
import sys
from typing import Annotated

import typer

from cli import exit_codes
from cli.services import HomeOption
from infra.settings import load_settings, resolve_endpoints
from reader.errors import ReaderError

exit_codes.BY_ERROR.update({ReaderError: exit_codes.MISSING})

_NICENESS = 10


def register(app: typer.Typer) -> None:
    """Add this command to the application."""
    app.command()(reader)


def reader(
    home: HomeOption = None,
    *,
    group: Annotated[
        str, typer.Option("--group", help="Consumer group; readers of one group share the work.")
    ] = "jingwei-reader",
) -> None:
    """Read reports a second time with a language model, beside the worker, until SIGTERM.

    Optional: without it the lexicon reads alone. It never delays a dispatch and lowers nothing; it
    names unread reports, raises a severity, or asks an operator. Exit code 3 if the model is not
    installed, 4 if the broker does not answer: restart it then.
    """
    from streams.second_reader import run_second_reader  # noqa: PLC0415 - numpy takes its time

    logging.basicConfig(
        level=logging.WARNING,
        stream=sys.stderr,
        format="%(asctime)s %(levelname)-8s %(name)s: %(message)s",
    )
    logging.getLogger("streams").setLevel(logging.INFO)
    if os.nice(0) < _NICENESS:
        os.nice(_NICENESS - os.nice(0))  # the worker comes first where processors are short
    raise typer.Exit(run_second_reader(resolve_endpoints(load_settings(home)), group=group))
