"""Accounts, sessions and API tokens of the gateway.

No secret comes here in clear: passwords come as Argon2id, cookies and tokens as SHA-256. All times
are the database's. Accounts and tokens are written by the owner; the gateway's role only reads
them, and writes sessions and failed attempts.
"""

from datetime import datetime

import asyncpg
import msgspec

from infra.ledger.errors import NotFound
from infra.ledger.statements import statement


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """An account as it is listed.

    Attributes
    ----------
    issuer
        The identity provider that vouches for it; None for an account with a password.
    seen_at
        When one of its sessions was last used.
    """

    name: str
    role: str
    department: str | None
    unit: str | None
    created_at: datetime
    password_at: datetime
    disabled_at: datetime | None
    issuer: str | None
    seen_at: datetime | None


class Entered(msgspec.Struct, frozen=True, kw_only=True):
    """Whose a session or token is.

    Attributes
    ----------
    scope
        The role of the token; that of the account for a session.
    stale
        Its last use was noted more than a minute ago.
    """

    name: str
    role: str
    department: str | None
    unit: str | None
    scope: str
    expires_at: datetime
    stale: bool


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """An API token as it is listed."""

    prefix: str
    account: str
    role: str
    label: str
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    used_at: datetime | None


async def add_account(
    conn: asyncpg.Connection,
    name: str,
    role: str,
    password: str,
    *,
    department: str | None = None,
    unit: str | None = None,
) -> bool:
    """Add an account; False if there is one with this name, which stays as it is."""
    row = await conn.fetchval(statement("accounts.add"), name, role, department, unit, password)
    return row is not None


async def list_accounts(conn: asyncpg.Connection) -> list[Account]:
    """Return all accounts by name."""
    return [Account(**row) for row in await conn.fetch(statement("accounts.all"))]


async def has_accounts(conn: asyncpg.Connection) -> bool:
    """Return whether there is any account."""
    return bool(await conn.fetchval(statement("accounts.any")))


async def set_password(conn: asyncpg.Connection, name: str, password: str) -> None:
    """Replace an account's password and end its sessions.

    Raises
    ------
    NotFound
        There is no such account, or an identity provider vouches for it.
    """
    if await conn.fetchval(statement("accounts.set_password"), name, password) is None:
        raise NotFound(
            f"there is no account {name!r} with a password: `jingwei users list` shows all"
        )
    await end_sessions(conn, name)


async def set_disabled(conn: asyncpg.Connection, name: str, *, disabled: bool) -> None:
    """Disable an account, which ends its sessions, or enable it; raises `NotFound`."""
    _found(name, await conn.fetchval(statement("accounts.set_disabled"), name, disabled))
    if disabled:
        await end_sessions(conn, name)


async def end_sessions(conn: asyncpg.Connection, name: str) -> None:
    """End all sessions of an account, and the links that would open one."""
    await conn.execute(statement("accounts.end_sessions"), name)
    await conn.execute(statement("accounts.drop_links"), name)


async def add_link(conn: asyncpg.Connection, name: str, digest: bytes, minutes: int) -> datetime:
    """Add a link that signs somebody in once, under the digest of its secret; return its end.

    Raises
    ------
    NotFound
        There is no such account, it is disabled, or an identity provider vouches for it.
    """
    await conn.execute(statement("accounts.forget_links"))
    expires: datetime | None = await conn.fetchval(
        statement("accounts.add_link"), digest, name, minutes
    )
    if expires is None:
        raise NotFound(
            f"there is no enabled account {name!r} with a password: `jingwei users list` shows all"
        )
    return expires


async def use_link(conn: asyncpg.Connection, digest: bytes) -> str | None:
    """Use a link up and return its account; None if it is unknown, used or expired."""
    name: str | None = await conn.fetchval(statement("accounts.use_link"), digest)
    return name


async def password_of(conn: asyncpg.Connection, name: str) -> str | None:
    """Return an account's password hash; None if there is no such account or it may use none."""
    row = await conn.fetchrow(statement("accounts.get"), name)
    hashed: str | None = None if row is None else row["password"]
    return None if row is None or row["disabled_at"] is not None else hashed


async def enter_federated(
    conn: asyncpg.Connection,
    issuer: str,
    subject: str,
    name: str,
    *,
    role: str,
    department: str | None,
    unit: str | None,
) -> str | None:
    """Return the name of the account of somebody whom a provider vouches for, made if need be.

    Its role becomes the given one. The name is the given one for a new account if that is free,
    else one derived from it; None if that is taken, too.
    """
    found: str | None = await conn.fetchval(
        statement("accounts.enter_federated"), issuer, subject, name, role, department, unit
    )
    return found


async def open_session(conn: asyncpg.Connection, digest: bytes, name: str) -> bool:
    """Open a session under the digest of its secret; False if the account is gone or disabled."""
    return await conn.fetchval(statement("accounts.open_session"), digest, name) is not None


async def session(
    conn: asyncpg.Connection, digest: bytes, idle_s: float, longest_s: float
) -> Entered | None:
    """Return whose session this is; None if it is unknown, revoked, idle or too old."""
    row = await conn.fetchrow(statement("accounts.session"), digest, idle_s, longest_s)
    return None if row is None else Entered(**row, scope=row["role"])


async def see_session(conn: asyncpg.Connection, digest: bytes) -> None:
    """Note that a session is in use."""
    await conn.execute(statement("accounts.see_session"), digest)


async def end_session(conn: asyncpg.Connection, digest: bytes) -> None:
    """End a session; an unknown one is no error."""
    await conn.execute(statement("accounts.end_session"), digest)


async def add_token(
    conn: asyncpg.Connection,
    account: str,
    prefix: str,
    digest: bytes,
    *,
    role: str,
    label: str,
    days: int,
) -> datetime:
    """Add a token and return when it expires; raises `NotFound` without such an account."""
    expires: datetime | None = await conn.fetchval(
        statement("accounts.add_token"), prefix, digest, account, role, label, days
    )
    if expires is None:
        raise _unknown(account)
    return expires


async def token(conn: asyncpg.Connection, prefix: str) -> tuple[Entered, bytes] | None:
    """Return whose token this is and the digest to compare; None if unknown or not valid."""
    row = await conn.fetchrow(statement("accounts.token"), prefix)
    if row is None:
        return None
    known = dict(row)
    digest: bytes = known.pop("hash")
    return Entered(**known), digest


async def use_token(conn: asyncpg.Connection, prefix: str) -> bool:
    """Note that a token is in use; return whether it was never used before."""
    return bool(await conn.fetchval(statement("accounts.use_token"), prefix))


async def list_tokens(conn: asyncpg.Connection, account: str | None = None) -> list[Token]:
    """Return the tokens of an account or of all, the oldest first."""
    return [Token(**row) for row in await conn.fetch(statement("accounts.tokens"), account)]


async def revoke_token(conn: asyncpg.Connection, prefix: str) -> str:
    """Revoke a token and return its account; raises `NotFound`."""
    account: str | None = await conn.fetchval(statement("accounts.revoke_token"), prefix)
    if account is None:
        raise NotFound(f"there is no token {prefix!r}: `jingwei tokens list` shows all prefixes")
    return account


async def failures(
    conn: asyncpg.Connection, name: str, address: str, within_s: float
) -> tuple[int, int]:
    """Return how many sign-ins failed lately from an address: with this name, and with any."""
    row = await conn.fetchrow(statement("accounts.failures"), name, address, within_s)
    return row["of_pair"], row["of_address"]


async def add_failure(conn: asyncpg.Connection, name: str, address: str) -> None:
    """Note a sign-in that failed."""
    await conn.execute(statement("accounts.add_failure"), name, address)


async def clear_failures(conn: asyncpg.Connection, name: str, address: str) -> None:
    """Forget the failures of a name from an address, after a success; and all that are old."""
    await conn.execute(statement("accounts.clear_failures"), name, address)
    await conn.execute(statement("accounts.forget_failures"))
    await conn.execute(statement("accounts.forget_sessions"))


def _found(name: str, row: str | None) -> None:
    if row is None:
        raise _unknown(name)


def _unknown(name: str) -> NotFound:
    return NotFound(f"there is no account {name!r}: `jingwei users list` shows all")
