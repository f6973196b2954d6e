"""The ``jingwei`` command: data on stdout, progress and errors on stderr."""

import os
import sys
from importlib import import_module
from typing import Annotated

import typer

from cli.exit_codes import BY_ERROR, code_of

_MODULES = {
    "services": ("up", "down", "status", "doctor", "psql"),
    "city": ("city",),
    "worker": ("worker",),
    "replay": ("archive", "replay"),
    "ingest": ("ingest",),
    "incidents": ("incidents",),
    "units": ("units",),
    "dlq": ("dlq",),
    "sources": ("sources",),
    "outbox": ("outbox",),
    "map": ("map",),
    "streets": ("route", "isochrone"),
    "fences": ("fences",),
    "demo": ("demo",),
}
"""Each module of commands, and their names."""

_DEBUG = "JINGWEI_DEBUG"


def application(command: str | None = None) -> typer.Typer:
    """Return the application, with one command's module only if that command is named.

    Geometry, Kafka and drawing take seconds to load: an operator who acknowledges an
    incident does not wait for what only the map needs.
    """
    app = typer.Typer(
        name="jingwei",
        help="A city's sensors and citizens' reports become dispatched responders.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        add_completion=False,
    )
    app.callback()(_jingwei)
    wanted = [module for module, names in _MODULES.items() if command in names]
    for module in wanted or _MODULES:
        import_module(f"cli.{module}").register(app)
    return app


def _jingwei(
    *,
    debug: Annotated[bool, typer.Option("--debug", help="Show where an error was raised.")] = False,
) -> None:
    """A city's sensors and citizens' reports become dispatched responders."""
    if debug:
        os.environ[_DEBUG] = "1"


def main() -> None:
    """Run the command line; an expected error is one sentence and a documented exit code."""
    words = (word for word in sys.argv[1:] if not word.startswith("-"))
    app = application(next(words, None))
    try:
        app()
    except tuple(BY_ERROR) as error:
        if os.environ.get(_DEBUG):
            raise
        print(f"jingwei: {error}", file=sys.stderr)  # noqa: T201 - this is the command's stderr
        sys.exit(code_of(error))


if __name__ == "__main__":
    main()
