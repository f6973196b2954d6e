"""Idempotency-Keys of commands: which request stands under a key, and whether one waits for it."""

from enum import Enum, auto

import asyncpg

from infra.ledger.statements import statement


class Claim(Enum):
    """What became of the wish to give the command of a key."""

    MINE = auto()
    IN_FLIGHT = auto()
    OTHER_REQUEST = auto()


async def claim(
    conn: asyncpg.Connection, account: str, key: str, digest: bytes, *, command: str, stale_s: float
) -> Claim:
    """Claim a key for a request, until `release`.

    Parameters
    ----------
    digest
        SHA-256 of the request.
    command
        Id of the command, the same each time.
    stale_s
        A claim older than this is of a gateway that is gone.
    """
    mine = await conn.fetchval(
        statement("command_keys.claim"), account, key, digest, command, stale_s
    )
    if mine is not None:
        return Claim.MINE
    known = await conn.fetchval(statement("command_keys.digest"), account, key)
    return Claim.IN_FLIGHT if known == digest else Claim.OTHER_REQUEST


async def release(conn: asyncpg.Connection, account: str, key: str) -> None:
    """Let the key be claimed again: nobody waits any more."""
    await conn.execute(statement("command_keys.release"), account, key)
