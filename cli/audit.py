"""``jingwei audit verify | export``: the audit's chain, checked and taken out."""

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from cli import exit_codes
from cli.asking import actor, as_owner, where
from cli.output import progress, write_json
from cli.services import HomeOption, JsonOption
from infra.audit_chain import Chain, Head, Link
from infra.ledger import audit
from infra.ledger.pool import connect, reading


class AuditBroken(RuntimeError):
    """A row of the audit was changed, removed or moved."""


class NotAnExport(ValueError):
    """A file that is not what `jingwei audit export` writes, or no anchor."""


exit_codes.BY_ERROR.update(
    {AuditBroken: exit_codes.DIFFERENT, NotAnExport: exit_codes.USAGE},
)


def register(app: typer.Typer) -> None:
    """Add these commands to the application."""
    group = typer.Typer(no_args_is_help=True, help="Check and export the audit.")
    group.command()(verify)
    group.command()(export)
    app.add_typer(group, name="audit")


def verify(
    file: Annotated[
        Path | None,
        typer.Argument(metavar="[FILE]", help="An export (default: the ledger's own audit)."),
    ] = None,
    home: HomeOption = None,
    *,
    anchor: Annotated[
        Path | None,
        typer.Option(
            "--anchor",
            metavar="FILE",
            help="Where the last row is noted: it must still be there, and the new last row is "
            "noted. Keep it on another machine.",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Check that no row was changed, removed or moved; exit code 6 names the first that was."""
    chain = Chain(None if anchor is None else _noted(anchor))
    if file is None:
        asyncio.run(_follow_ledger(home, chain))
    else:
        for link in _lines(file):
            _follow(chain, link)
    fault = chain.end()
    if fault is not None:
        raise AuditBroken(fault)
    if anchor is not None:
        _note(anchor, chain.head)
    if as_json:
        write_json({"rows": chain.rows, "head": chain.head})
        return
    typer.echo(f"{chain.rows} rows, unbroken; the last is {chain.head.id}, {chain.head.hash}")


def export(home: HomeOption = None) -> None:
    """Write the whole audit to stdout, a row with its hashes a line; that is audited, too.

    `jingwei audit verify FILE` checks such a file on any machine, without a ledger.
    """
    as_owner(home, lambda conn: audit.write(conn, actor(), "export_audit", "audit"))

    async def run() -> None:
        async for link in _ledger(home):
            sys.stdout.buffer.write(msgspec.json.encode(link) + b"\n")

    asyncio.run(run())
    sys.stdout.buffer.flush()


async def _follow_ledger(home: Path | None, chain: Chain) -> None:
    async for link in _ledger(home):
        _follow(chain, link)


async def _ledger(home: Path | None) -> AsyncIterator[Link]:
    connection = await connect(where(home).gateway_url, application="jingwei-cli")
    try:
        async with reading(connection) as conn:
            async for link in audit.links(conn):
                yield link
    finally:
        await connection.close()


def _follow(chain: Chain, link: Link) -> None:
    fault = chain.follow(link)
    if fault is not None:
        raise AuditBroken(fault)


def _lines(file: Path) -> Iterator[Link]:
    try:
        with file.open("rb") as lines:
            for number, line in enumerate(lines, 1):
                try:
                    yield msgspec.json.decode(line, type=Link)
                except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                    raise NotAnExport(
                        f"{file}, line {number}: not a row of `jingwei audit export` ({error})"
                    ) from None
    except OSError as error:
        raise NotAnExport(f"{file} cannot be read: {error.strerror}") from None


def _noted(anchor: Path) -> Head | None:
    try:
        return msgspec.json.decode(anchor.read_bytes(), type=Head)
    except FileNotFoundError:
        progress(f"{anchor} is not there yet: the last row is noted in it for the first time")
        return None
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise NotAnExport(f"{anchor} is not an anchor of `jingwei audit verify`: {error}") from None


def _note(anchor: Path, head: Head) -> None:
    draft = anchor.with_name(f".{anchor.name}.tmp")
    try:
        draft.write_bytes(msgspec.json.encode(head) + b"\n")
        draft.replace(anchor)
    except OSError as error:
        raise NotAnExport(f"{anchor} cannot be written: {error.strerror}") from None
