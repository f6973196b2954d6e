"""``jingwei worker``: one worker process, for as long as it is wanted."""

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
            help="City to serve; without it the one that the ledger's region is in.",
        ),
    ] = None,
    home: HomeOption = None,
    region: Annotated[
        str | None,
        typer.Option("--region", help="Whose city, without --city; needed if there are several."),
    ] = None,
    group: Annotated[
        str | None,
        typer.Option("--group", help="Consumer group (JINGWEI_WORKER_GROUP, else jingwei)."),
    ] = None,
    instance: Annotated[
        str | None,
        typer.Option(
            "--instance",
            help="Name of this worker in its group; started again under it, it goes on at once.",
        ),
    ] = None,
    *,
    verbose: Annotated[bool, typer.Option("--verbose", help="Log what each part does.")] = False,
) -> None:
    """Run a worker until SIGTERM; several share the work, each with its own --instance.

    The first one needs --city; the ledger keeps that city, and workers on any host find it there.
    Exit codes 70 and 75 say that it should be started again; the log says why.
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
