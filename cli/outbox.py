"""``jingwei outbox list | resend | discard``: messages that the broker refused for good."""

import asyncio
import getpass
from typing import Annotated, Literal

import asyncpg
import msgspec
import typer

from cli.asking import ask, where
from cli.output import local, shorten, write_json, write_table
from cli.services import HomeOption, JsonOption
from infra.ledger import outbox
from infra.ledger.outbox import Refused
from infra.ledger.pool import connect, transaction
from infra.settings import Endpoints

COLUMNS = ("id", "topic", "bytes", "refused", "reason", "settled", "by", "why")
_SHORT = 60

IdArgument = Annotated[int, typer.Argument(metavar="ID", help="Id in `jingwei outbox list`.")]
ByOption = Annotated[str, typer.Option("--by", help="Who decides.", show_default=False)]
WhyOption = Annotated[str, typer.Option("--why", help="Reason; kept in the ledger.")]


def register(app: typer.Typer) -> None:
    """Add these commands to the application."""
    group = typer.Typer(
        no_args_is_help=True, help="List, resend or discard messages that the broker refused."
    )
    group.command(name="list")(list_)
    group.command()(resend)
    group.command()(discard)
    app.add_typer(group, name="outbox")


def list_(
    home: HomeOption = None,
    *,
    limit: Annotated[int, typer.Option(min=1, help="At most this many, latest first.")] = 50,
    settled: Annotated[
        bool, typer.Option("--settled", help="Include resent and discarded ones.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """List messages that the broker refused for good, with the broker's reason."""

    async def question(conn: asyncpg.Connection) -> list[Refused]:
        return await outbox.refused(conn, limit, settled=settled)

    found = ask(home, question)
    if as_json:
        write_json([msgspec.structs.asdict(one) for one in found])
        return
    write_table(
        COLUMNS,
        (
            (
                one.id,
                one.topic,
                one.value_bytes,
                local(one.refused_at),
                shorten(one.reason, _SHORT),
                one.settlement,
                one.settled_by,
                shorten(one.settled_why or "", _SHORT),
            )
            for one in found
        ),
        "the broker refused nothing",
    )


def resend(
    message: IdArgument,
    home: HomeOption = None,
    *,
    by: ByOption = "",
    why: WhyOption = "the cause is fixed",
) -> None:
    """Put a message into its lane again, for the worker to send. Fix the cause first."""
    _settle(where(home), message, "resent", by, why)
    typer.echo(f"{message} is in the outbox again: the worker sends it within seconds")


def discard(
    message: IdArgument, home: HomeOption = None, *, by: ByOption = "", why: WhyOption
) -> None:
    """Discard a message: it is never sent. The ledger keeps it, with name and reason."""
    _settle(where(home), message, "discarded", by, why)
    typer.echo(f"{message} is discarded")


def _settle(
    endpoints: Endpoints,
    message: int,
    settlement: Literal["resent", "discarded"],
    by: str,
    why: str,
) -> None:
    async def settle() -> None:
        ledger = await connect(endpoints.worker_url, application="jingwei-cli")
        try:
            async with transaction(ledger) as conn:
                await outbox.settle(conn, message, settlement, by or getpass.getuser(), why)
        finally:
            await ledger.close()

    if not why.strip():
        raise typer.BadParameter(
            "give a reason: receivers who miss the message will ask", param_hint="--why"
        )
    asyncio.run(settle())
