"""Reporters' contacts: sealed when they come, opened for somebody who says why."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import asyncpg

from infra.ledger import audit
from infra.ledger.pool import connect, reading, transaction
from infra.ledger.statements import statement
from infra.vault import Sealed, Vault, VaultLocked, load_vault, make_key_file

_BLOCK = 500


class Revealed(NamedTuple):
    """What the ledger has of a reporter: the sealed contact, or when it was erased."""

    sealed: Sealed | None
    erased_at: datetime | None


async def open_vault(source: asyncpg.Pool | asyncpg.Connection, path: Path) -> Vault:
    """Return the vault of this ledger; for a ledger that has none yet a key file is made.

    Raises
    ------
    VaultLocked
        The key file is missing or cannot be used, or is another ledger's.
    LedgerError
        The ledger does not answer.
    """
    async with reading(source) as conn:
        known = await conn.fetchval(statement("reporters.fingerprint"))
    if known is None:
        make_key_file(path)
    vault = load_vault(path)
    if known is None:
        async with transaction(source) as conn:
            await conn.execute(statement("reporters.settle"), vault.fingerprint)
            known = await conn.fetchval(statement("reporters.fingerprint"))
    if known != vault.fingerprint:
        raise VaultLocked(
            f"{path} is not the key under which this ledger's contacts are sealed: copy the file "
            "from a host whose worker runs, or name it in JINGWEI_KEY_FILE"
        )
    return vault


async def insert_reporters(conn: asyncpg.Connection, reporters: Sequence[Sealed]) -> None:
    """Write contacts where the reference is new; what was erased stays erased."""
    await conn.executemany(statement("reporters.insert"), reporters)


async def seal_clear_contacts(url: str, path: Path) -> int:
    """Seal the contacts that an earlier version kept in clear; return how many there were.

    ``url`` is the owner's. It may be called again, and is done in small transactions.
    """
    conn = await connect(url, "jingwei seal")
    done = 0
    try:
        vault = await open_vault(conn, path)
        while True:
            async with transaction(conn) as tx:
                rows = await tx.fetch(statement("reporters.clear"), _BLOCK)
                sealed = [vault.seal(row["ref"], row["contact"]) for row in rows]
                await tx.executemany(statement("reporters.seal"), sealed)
            done += len(rows)
            if len(rows) < _BLOCK:
                break
        if done:
            await conn.execute("VACUUM reporter")  # no dead row keeps the clear text
    finally:
        await conn.close()
    return done


async def reporter_of(conn: asyncpg.Connection, evidence: str) -> str | None:
    """Return the reference of who told of some evidence, None if nobody is known."""
    ref: str | None = await conn.fetchval(statement("reporters.of_evidence"), evidence)
    return ref


async def reveal(
    conn: asyncpg.Connection, ref: str, actor: str, purpose: str, evidence: str
) -> Revealed:
    """Return a sealed contact; the same transaction writes to the audit who wanted it and why."""
    row = await conn.fetchrow(statement("reporters.reveal"), ref, actor, purpose, evidence)
    sealed = None if row["key"] is None else Sealed(ref, row["key"], row["sealed"])
    return Revealed(sealed, row["erased_at"])


async def revealed_lately(conn: asyncpg.Connection, actor: str, within_s: float) -> int:
    """Return how many contacts somebody has been shown in the last seconds."""
    return await audit.lately(conn, actor, "reveal", within_s)
