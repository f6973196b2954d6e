"""The ``jingwei`` command: data on stdout, progress and errors on stderr."""

import os
import sys
from importlib import import_module
from typing import Annotated

import typer

from cli.exit_codes import BY_ERROR, MISSING, code_of
from cli.extras import lacking
from console.settings import GatewaySettings, OidcSettings
from infra.environment import unknown_variables
from infra.settings import GROUPS
from streams.limits import IntakeSettings

_MODULES = {
    "services": ("up", "down", "status", "doctor", "psql"),
    "city": ("city",),
    "worker": ("worker",),
    "reader": ("reader",),
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
    "gateway": ("gateway",),
    "users": ("users", "tokens"),
    "audit": ("audit",),
    "erase": ("erase",),
    "retention": ("retention",),
    "demo": ("demo",),
}
"""The commands of each module."""

_DEBUG = "JINGWEI_DEBUG"
_NO_SETTINGS = (
    _DEBUG,
    "JINGWEI_SECRET",  # docker-compose.yml and the database's bootstrap
    "JINGWEI_DATABASE",
    "JINGWEI_SHARED_DATA",  # the tests'
)
"""Variables that are read elsewhere."""


def application(command: str | None = None) -> typer.Typer:
    """Return the application; if a command is named, only with that command's module.

    Geometry, Kafka and drawing libraries take seconds to load. An operator who acknowledges an
    incident must not wait for libraries that only the map needs.
    """
    app = typer.Typer(
        name="jingwei",
        help="Turn a city's sensor readings and citizens' reports into dispatched responders.",
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
    debug: Annotated[bool, typer.Option("--debug", help="Show an error's traceback.")] = False,
) -> None:
    """Turn a city's sensor readings and citizens' reports into dispatched responders."""
    if debug:
        os.environ[_DEBUG] = "1"


def main() -> None:
    """Run the command line; an expected error prints one sentence and sets the exit code."""
    words = (word for word in sys.argv[1:] if not word.startswith("-"))
    app = application(next(words, None))
    _warn_of_unknown()
    try:
        app()
    except tuple(BY_ERROR) as error:
        if os.environ.get(_DEBUG):
            raise
        print(f"jingwei: {error}", file=sys.stderr)  # noqa: T201 - this is the command's stderr
        sys.exit(code_of(error))
    except ModuleNotFoundError as error:
        sentence = lacking(error)
        if sentence is None or os.environ.get(_DEBUG):
            raise
        print(f"jingwei: {sentence}", file=sys.stderr)  # noqa: T201 - this is the command's stderr
        sys.exit(MISSING)


def _warn_of_unknown() -> None:
    """Name variables that look like settings and are none: a slip would be ignored silently."""
    groups = (*GROUPS, IntakeSettings, GatewaySettings, OidcSettings)
    for name, near in unknown_variables(groups, _NO_SETTINGS):
        meant = f"; did you mean {near}?" if near else ""
        print(f"jingwei: {name} is not a setting and is ignored{meant}", file=sys.stderr)  # noqa: T201 - this is the command's stderr


if __name__ == "__main__":
    main()
