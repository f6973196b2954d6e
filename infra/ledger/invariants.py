"""Invariants that can be checked inside the ledger, without the code that writes it.

Each is a statement of ``sql/invariants.sql`` that returns one sentence per violation.
"""

import asyncpg

from infra.ledger.statements import statement

NAMES = (
    "unit_once",
    "unit_agrees_with_assignment",
    "timeline_gapless",
    "timeline_in_order",
    "states_follow_one_another",
    "stamps_in_order",
    "closed_have_no_units",
    "closed_have_disposition",
    "evidence_counted",
    "every_incident_has_evidence",
    "numbers_gapless",
    "nothing_refused",
)
SETTLING = ("evidence_placed", "outbox_drained")
"""Invariants that work in progress breaks for a moment."""


async def violations(conn: asyncpg.Connection, settled_s: float = 30) -> dict[str, list[str]]:
    """Return the violations of each invariant, one sentence each, at most 20.

    Parameters
    ----------
    settled_s
        Seconds that evidence may wait to be placed, and a message to be sent.
    """
    found = {}
    for name in NAMES:
        found[name] = [row[0] for row in await conn.fetch(statement(f"invariants.{name}"))]
    for name in SETTLING:
        rows = await conn.fetch(statement(f"invariants.{name}"), settled_s)
        found[name] = [row[0] for row in rows]
    return found


async def check(conn: asyncpg.Connection, settled_s: float = 30) -> dict[str, bool]:
    """Return whether each invariant holds; `violations` lists the violations."""
    return {name: not broken for name, broken in (await violations(conn, settled_s)).items()}
