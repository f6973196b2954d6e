"""``jingwei users | tokens``: who may come in through the gateway.

Accounts and tokens are written as the ledger's owner: the gateway itself cannot make any.
"""

import re
from collections.abc import Sequence
from typing import Annotated

import asyncpg
import typer

from cli.asking import actor, as_owner
from cli.output import local, progress, write_json, write_table
from cli.services import HomeOption, JsonOption
from cli.sign_in_links import MINUTES, add_link, address_here, link_to
from console.access import NARROWER, Role
from infra.ledger import accounts, audit
from infra.ledger.errors import NotFound
from schemas import codes

COLUMNS = ("name", "role", "of", "made", "password of", "seen", "disabled")
TOKEN_COLUMNS = ("prefix", "account", "role", "label", "made", "expires", "used", "revoked")
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_LONGEST_DAYS = 366
_LONGEST_LINK_MIN = 7 * 24 * 60
_LONGEST_LABEL = 100

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="Name of the account.")]
StdinOption = Annotated[
    bool,
    typer.Option("--password-stdin", help="Read the password from stdin, not make one."),
]


def register(app: typer.Typer) -> None:
    """Add these commands to the application."""
    users = typer.Typer(no_args_is_help=True, help="Manage accounts of the gateway.")
    users.command()(add)
    users.command(name="list")(list_)
    users.command()(password)
    users.command()(disable)
    users.command()(enable)
    users.command()(sign_out)
    users.command()(link)
    tokens = typer.Typer(no_args_is_help=True, help="Manage API tokens of the gateway.")
    tokens.command(name="add")(add_token)
    tokens.command(name="list")(list_tokens)
    tokens.command()(revoke)
    app.add_typer(users, name="users")
    app.add_typer(tokens, name="tokens")


def add(
    name: NameArgument,
    role: Annotated[Role, typer.Option("--role", help="What the account is for.")],
    home: HomeOption = None,
    *,
    department: Annotated[
        str | None, typer.Option(help="Code of the department, for the role department.")
    ] = None,
    unit: Annotated[str | None, typer.Option(help="Id of the unit, for a responder.")] = None,
    password_stdin: StdinOption = False,
) -> None:
    """Add an account, and show its password, once, on stdout."""
    if not _NAME.fullmatch(name):
        raise typer.BadParameter(
            "give 1 to 64 of a-z, 0-9, '.', '_', '-'; a letter or digit first", param_hint="NAME"
        )
    _check_of(role, department, unit)
    secret, hashed = _new_password(given=password_stdin)

    async def work(conn: asyncpg.Connection) -> bool:
        made = await accounts.add_account(
            conn, name, role.value, hashed, department=department, unit=unit
        )
        if made:
            await audit.write(conn, actor(), "add_account", name, role=role.value)
        return made

    if not as_owner(home, work):
        raise typer.BadParameter(f"there is an account {name!r} already", param_hint="NAME")
    _show(secret, given=password_stdin)


def list_(home: HomeOption = None, *, as_json: JsonOption = False) -> None:
    """List accounts."""
    found = as_owner(home, accounts.list_accounts)
    rows = [
        (one.name, one.role, one.department or one.unit, *map(local, times))
        for one in found
        for times in [(one.created_at, one.password_at, one.seen_at, one.disabled_at)]
    ]
    none = "no account yet: `jingwei users add NAME --role administrator`"
    _list(found, COLUMNS, rows, none, as_json=as_json)


def password(
    name: NameArgument, home: HomeOption = None, *, password_stdin: StdinOption = False
) -> None:
    """Set a new password, show it once, and end the account's sessions; its tokens stay."""
    secret, hashed = _new_password(given=password_stdin)

    async def work(conn: asyncpg.Connection) -> None:
        await accounts.set_password(conn, name, hashed)
        await audit.write(conn, actor(), "set_password", name)

    as_owner(home, work)
    _show(secret, given=password_stdin)


def disable(name: NameArgument, home: HomeOption = None) -> None:
    """Let an account in no more: its sessions end, its tokens are not taken."""
    _set_disabled(name, home, disabled=True)


def enable(name: NameArgument, home: HomeOption = None) -> None:
    """Let a disabled account in again."""
    _set_disabled(name, home, disabled=False)


def sign_out(name: NameArgument, home: HomeOption = None) -> None:
    """End all sessions of an account."""

    async def work(conn: asyncpg.Connection) -> None:
        await accounts.end_sessions(conn, name)
        await audit.write(conn, actor(), "end_sessions", name)

    as_owner(home, work)


def link(
    name: NameArgument,
    home: HomeOption = None,
    *,
    minutes: Annotated[
        int, typer.Option(min=1, max=_LONGEST_LINK_MIN, help="Minutes until it expires.")
    ] = MINUTES,
) -> None:
    """Make a link that signs somebody in on the console, once, and show it on stdout."""
    secret = as_owner(home, lambda conn: add_link(conn, name, minutes, actor()))
    address = address_here(home)
    if not address:
        progress("no gateway runs here: put the gateway's address before the link")
    typer.echo(link_to(address, secret))


def add_token(
    account: Annotated[str, typer.Argument(metavar="NAME", help="Account that it acts for.")],
    home: HomeOption = None,
    *,
    role: Annotated[
        Role | None, typer.Option("--role", help="A narrower role (default: the account's).")
    ] = None,
    label: Annotated[str, typer.Option("--label", help="What uses it.")] = "",
    days: Annotated[
        int, typer.Option("--days", min=1, max=_LONGEST_DAYS, help="Days until it expires.")
    ] = 90,
) -> None:
    """Make an API token and show it, once, on stdout."""
    from console.secret import digest, make_token  # noqa: PLC0415 - Argon2 is an extra

    if len(label) > _LONGEST_LABEL:
        raise typer.BadParameter("give at most 100 characters", param_hint="--label")
    token = make_token()

    async def work(conn: asyncpg.Connection) -> None:
        known = next((a for a in await accounts.list_accounts(conn) if a.name == account), None)
        if known is None:
            raise NotFound(f"there is no account {account!r}: `jingwei users list` shows all")
        may = NARROWER[Role(known.role)]
        wanted = role or Role(known.role)
        if wanted not in may:
            raise typer.BadParameter(
                f"a token of a {known.role} can be {', '.join(sorted(may))}", param_hint="--role"
            )
        await accounts.add_token(
            conn,
            account,
            token.prefix,
            digest(token.text),
            role=wanted.value,
            label=label,
            days=days,
        )
        await audit.write(
            conn, actor(), "add_token", account, prefix=token.prefix, role=wanted.value
        )

    as_owner(home, work)
    typer.echo(token.text)


def list_tokens(
    account: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="Only of this account.")
    ] = None,
    home: HomeOption = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """List API tokens by the prefix that names them; the tokens themselves nobody has."""

    async def work(conn: asyncpg.Connection) -> list[accounts.Token]:
        return await accounts.list_tokens(conn, account)

    found = as_owner(home, work)
    rows = [
        (one.prefix, one.account, one.role, one.label, *map(local, times))
        for one in found
        for times in [(one.created_at, one.expires_at, one.used_at, one.revoked_at)]
    ]
    none = "no token yet: `jingwei tokens add NAME`"
    _list(found, TOKEN_COLUMNS, rows, none, as_json=as_json)


def revoke(
    prefix: Annotated[
        str, typer.Argument(metavar="PREFIX", help="The eight characters behind jw_.")
    ],
    home: HomeOption = None,
) -> None:
    """Revoke an API token at once."""

    async def work(conn: asyncpg.Connection) -> None:
        account = await accounts.revoke_token(conn, prefix)
        await audit.write(conn, actor(), "revoke_token", account, prefix=prefix)

    as_owner(home, work)


def _set_disabled(name: str, home: HomeOption, *, disabled: bool) -> None:
    async def work(conn: asyncpg.Connection) -> None:
        await accounts.set_disabled(conn, name, disabled=disabled)
        await audit.write(conn, actor(), "disable" if disabled else "enable", name)

    as_owner(home, work)


def _list(
    found: Sequence[object],
    columns: Sequence[str],
    rows: Sequence[Sequence[object]],
    none: str,
    *,
    as_json: bool,
) -> None:
    """Write what was found as JSON, or its rows as a table."""
    if as_json:
        write_json(found)
    else:
        write_table(columns, rows, none)


def _check_of(role: Role, department: str | None, unit: str | None) -> None:
    if (role is Role.DEPARTMENT) != (department is not None):
        raise typer.BadParameter(
            "the role department needs it, and no other has it", param_hint="--department"
        )
    if department is not None and department not in codes.departments():
        raise typer.BadParameter(
            f"give one of {', '.join(codes.departments())}", param_hint="--department"
        )
    if (role is Role.RESPONDER) != (unit is not None):
        raise typer.BadParameter(
            "a responder needs it, and no other role has it", param_hint="--unit"
        )


def _new_password(*, given: bool) -> tuple[str, str]:
    """Return a password, made or read from stdin, and its hash."""
    from console.secret import (  # noqa: PLC0415 - Argon2 is an extra
        LONGEST,
        SHORTEST,
        hash_password,
        make_password,
    )

    secret = typer.get_text_stream("stdin").readline().rstrip("\r\n") if given else make_password()
    if not SHORTEST <= len(secret) <= LONGEST:
        raise typer.BadParameter(
            f"give {SHORTEST} to {LONGEST} characters", param_hint="--password-stdin"
        )
    return secret, hash_password(secret)


def _show(secret: str, *, given: bool) -> None:
    if not given:
        typer.echo(secret)
