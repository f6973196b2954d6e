"""Refusals in the audit: the first of a kind at once, further ones counted for a minute.

Whoever knocks ten thousand times makes no ten thousand rows, and nobody waits for the chain.
"""

import logging
import time
from dataclasses import dataclass, field

import asyncpg

from infra.ledger import audit
from infra.ledger.errors import LedgerError
from infra.ledger.pool import transaction

log = logging.getLogger(__name__)
_QUIET_S = 60.0
_MOST = 10_000
"""So many kinds of refusals are remembered; beyond, all are forgotten."""

Kind = tuple[str, str, str, str]
"""Who, what was asked for, the problem, and the address."""


@dataclass
class Refusals:
    """Writes refusals to the audit of a ledger."""

    pool: asyncpg.Pool = field(repr=False)
    _seen: dict[Kind, tuple[float, int]] = field(default_factory=dict, repr=False)

    async def note(
        self, actor: str, asked: str, problem: str, address: str, **detail: object
    ) -> None:
        """Note that somebody was refused; if that cannot be written, the log has it."""
        kind = (actor, asked, problem, address)
        written, since = self._seen.get(kind, (-_QUIET_S, 0))
        now = time.monotonic()
        if now - written < _QUIET_S:
            self._seen[kind] = (written, since + 1)
            return
        if len(self._seen) >= _MOST:
            self._seen.clear()
        self._seen[kind] = (now, 0)
        if since:
            detail["more_before"] = since
        try:
            async with transaction(self.pool) as conn:
                await audit.write(
                    conn, actor, "refused", asked, problem=problem, address=address, **detail
                )
        except LedgerError as error:
            log.warning(
                "%s was refused %s (%s); not in the audit: %s", actor, asked, problem, error
            )
