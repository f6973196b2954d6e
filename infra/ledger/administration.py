"""What an administrator does through the gateway: functions of the ledger, which write the audit.

The gateway's role can write no account, token or dead letter but by them: see the migration.
"""

from datetime import datetime
from typing import Literal

import asyncpg
import msgspec

from infra.ledger.pages import Found
from infra.ledger.statements import statement

Deed = Literal["set_role", "set_password", "disable", "enable", "end_sessions"]
Added = Literal["added", "taken", "administrator"]
Done = Literal["done", "unknown", "administrator", "federated"]


class LetterLine(msgspec.Struct, frozen=True, kw_only=True):
    """A dead letter without what came: where it stands, and why it could not be used.

    Personal data is taken out of ``reason`` before it is stored.
    """

    id: int
    topic: str
    partition: int
    offset: int
    error: str
    reason: str
    agent: str
    at: datetime
    redriven_at: datetime | None
    value_bytes: int | None


class Connected(msgspec.Struct, frozen=True, kw_only=True):
    """A part of Jingwei that is connected to the ledger: on how many hosts, how often."""

    part: str
    hosts: int
    connections: int


class Backlog(msgspec.Struct, frozen=True, kw_only=True):
    """What waits in the ledger.

    Attributes
    ----------
    outbox, outbox_oldest
        Messages that are written and not sent yet, and since when the oldest one waits.
    outbox_refused
        Messages that the broker refused.
    dead_letters
        Those that nobody has sent again.
    """

    outbox: int
    outbox_oldest: datetime | None
    outbox_refused: int
    dead_letters: int


async def add_account(  # noqa: PLR0917 - an account
    conn: asyncpg.Connection,
    actor: str,
    name: str,
    role: str,
    department: str | None,
    unit: str | None,
    password: str,
) -> Added:
    """Add an account; ``password`` is its Argon2id hash."""
    found: Added = await conn.fetchval(
        statement("administration.add_account"), actor, name, role, department, unit, password
    )
    return found


async def change_account(
    conn: asyncpg.Connection,
    actor: str,
    name: str,
    deed: Deed,
    *,
    role: str | None = None,
    department: str | None = None,
    unit: str | None = None,
    password: str | None = None,
) -> Done:
    """Do something with an account; nothing else than ``done`` has changed it."""
    found: Done = await conn.fetchval(
        statement("administration.account"), actor, name, deed, role, department, unit, password
    )
    return found


async def add_token(  # noqa: PLR0917 - a token
    conn: asyncpg.Connection,
    actor: str,
    account: str,
    prefix: str,
    digest: bytes,
    role: str,
    label: str,
    days: int,
) -> datetime | None:
    """Add a token and return when it expires; None if the account may have none from here."""
    expires: datetime | None = await conn.fetchval(
        statement("administration.add_token"), actor, account, prefix, digest, role, label, days
    )
    return expires


async def revoke_token(conn: asyncpg.Connection, actor: str, prefix: str) -> str | None:
    """Revoke a token and return its account; None if there is none."""
    account: str | None = await conn.fetchval(
        statement("administration.revoke_token"), actor, prefix
    )
    return account


async def redrive(conn: asyncpg.Connection, actor: str, letter: int) -> bool:
    """Put a dead letter into the outbox, once; return whether there is one."""
    return bool(await conn.fetchval(statement("administration.redrive"), actor, letter))


async def letters(
    conn: asyncpg.Connection,
    before: int | None,
    limit: int,
    *,
    topic: str | None = None,
    error: str | None = None,
    redriven: bool | None = None,
) -> Found[LetterLine]:
    """Return a page of dead letters, the latest first."""
    rows = await conn.fetch(
        statement("administration.letters"), before, topic, error, redriven, limit + 1
    )
    items = tuple(LetterLine(**row) for row in rows[:limit])
    return Found(items, (items[-1].id,) if len(rows) > limit else None)


async def backlog(conn: asyncpg.Connection) -> Backlog:
    """Return what waits."""
    waiting = await conn.fetchrow(statement("administration.waiting"))
    return Backlog(
        outbox=waiting["messages"],
        outbox_oldest=waiting["oldest"],
        outbox_refused=await conn.fetchval(statement("administration.refused")),
        dead_letters=await conn.fetchval(statement("administration.letters_waiting")),
    )


async def connected(conn: asyncpg.Connection) -> list[Connected]:
    """Return who is connected."""
    rows = await conn.fetch(statement("administration.clients"))
    return [Connected(**row) for row in rows]
