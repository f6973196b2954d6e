"""``jingwei gateway``: one gateway process, until it is stopped."""

import logging
import sys
from typing import Annotated

import typer

from cli.output import progress
from cli.services import HomeOption
from infra.environment import load
from infra.settings import load_settings, resolve_endpoints


def register(app: typer.Typer) -> None:
    """Add this command to the application."""
    app.command()(gateway)


def gateway(
    home: HomeOption = None,
    host: Annotated[
        str | None,
        typer.Option("--host", help="Address to listen at (default: JINGWEI_GATEWAY_HOST)."),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option("--port", min=0, max=65_535, help="Port; 0 is any free one (default: 8470)."),
    ] = None,
) -> None:
    """Run a gateway until SIGTERM: REST under /api/v1, for pages and programs.

    Any number of them may run, on any host. Accounts: `jingwei users`; tokens: `jingwei tokens`.
    """
    from console.server import run_gateway  # noqa: PLC0415 - FastAPI is an extra
    from console.settings import GatewaySettings, OidcSettings  # noqa: PLC0415

    logging.basicConfig(
        level=logging.WARNING,
        stream=sys.stderr,
        format="%(asctime)s %(levelname)-8s %(name)s: %(message)s",
    )
    given = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    settings = load(GatewaySettings, **given)
    run_gateway(resolve_endpoints(load_settings(home)), settings, progress, load(OidcSettings))
