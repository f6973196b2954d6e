"""The ``jingwei`` command: data on stdout, progress and errors on stderr."""

import os
import sys
from typing import Annotated

import typer

from cli import city, demo, dlq, incidents, ingest, replay, services, simulate, units, worker
from cli import map as drawn
from cli.exit_codes import BY_ERROR, code_of

app = typer.Typer(
    name="jingwei",
    help="A city's sensors and citizens' reports become dispatched responders.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
_DEBUG = "JINGWEI_DEBUG"

services.register(app)
city.register(app)
simulate.register(city.city)
replay.register(app)
ingest.register(app)
incidents.register(app)
drawn.register(app)
demo.register(app)
units.register(app)
dlq.register(app)
worker.register(app)


@app.callback()
def jingwei(
    *,
    debug: Annotated[bool, typer.Option("--debug", help="Show where an error was raised.")] = False,
) -> None:
    """A city's sensors and citizens' reports become dispatched responders."""
    if debug:
        os.environ[_DEBUG] = "1"


def main() -> None:
    """Run the command line; an expected error is one sentence and a documented exit code."""
    try:
        app()
    except tuple(BY_ERROR) as error:
        if os.environ.get(_DEBUG):
            raise
        print(f"jingwei: {error}", file=sys.stderr)  # noqa: T201 - this is the command's stderr
        sys.exit(code_of(error))


if __name__ == "__main__":
    main()
