"""``jingwei worker``: one worker process, until it is stopped."""

import dataclasses
import logging
import sys
from pathlib import Path
from typing import Annotated

import typer

from cli.services import HomeOption
from infra.settings import load_settings


def register(app: typer.Typer) -> None:
    """Add this command to the application."""
    app.command()(worker)


def worker(
    city: Annotated[
        Path | None,
        typer.Option(
            "--city",
            metavar="FOLDER",
            help="City to serve (default: the city of the ledger's region).",
        ),
    ] = None,
    home: HomeOption = None,
    region: Annotated[
        str | None,
        typer.Option(
            "--region", help="Region to serve; needed without --city if there are several."
        ),
    ] = None,
    group: Annotated[
        str | None,
        typer.Option("--group", help="Consumer group (default: JINGWEI_WORKER_GROUP or jingwei)."),
    ] = None,
    instance: Annotated[
        str | None,
        typer.Option(
            "--instance",
            help="Name of this worker in its group; with the same name it continues at once after "
            "a restart.",
        ),
    ] = None,
    *,
    verbose: Annotated[bool, typer.Option("--verbose", help="Log the work of each part.")] = False,
) -> None:
    """Run a worker until SIGTERM; several workers share the work, each with its own --instance.

    The first worker needs --city. It stores that city in the ledger, where workers on any host
    find it. After exit codes 70 and 75, restart the worker; the log says why it exited.
    """
    from streams.worker import run_worker  # noqa: PLC0415 - Faust takes half a second to load

    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING,
        stream=sys.stderr,
        format="%(asctime)s %(levelname)-8s %(name)s: %(message)s",
    )
    logging.getLogger("streams").setLevel(logging.INFO)
    settings = load_settings(home)
    changes = {
        name: value
        for name, value in (("group", group), ("instance_id", instance))
        if value is not None
    }
    settings = dataclasses.replace(settings, worker=settings.worker.model_copy(update=changes))
    raise typer.Exit(run_worker(settings, city, region=region))
