"""What operators asked for, and what the core answered.

The core's answer to a command is one row of the table ``command``. When rows are written,
PostgreSQL notifies `ANSWERED`, once a transaction and without a payload.
"""

from collections.abc import Collection
from datetime import datetime

import asyncpg
import msgspec

from infra.ledger.rows import reasons_of
from infra.ledger.statements import statement
from schemas.journal import Action
from schemas.records import Reason

ANSWERED = "command_answered"
"""The channel to ``LISTEN`` on."""


class _Answered(msgspec.Struct, frozen=True, kw_only=True, tag_field="outcome"):
    """Base: a command, and the core's answer.

    Attributes
    ----------
    incident, number
        The incident that the command named; None if the ledger has no such incident.
    action
        What was asked; None where a version before 0.3.0 answered.
    reason
        Why it was refused, or what it was applied to in place of the incident named; in English.
    said
        The same as data; None where there is nothing to say.
    version
        Of the incident after the command; None if the core does not know the incident.
    at
        By the journal's clock.
    changes
        What a command that was only tried would have changed, in English.
    differences
        The same as data.
    """

    command: str
    incident: str
    number: str | None = None
    operator: str
    action: Action | None = None
    expected_version: int | None = None
    reason: str
    version: int | None
    at: datetime
    changes: tuple[str, ...] = ()
    said: Reason | None = None
    differences: tuple[Reason, ...] = ()


class Accepted(_Answered, tag="accepted", frozen=True, kw_only=True):
    """The command was carried out."""


class Refused(_Answered, tag="refused", frozen=True, kw_only=True):
    """The command changed nothing; ``reason`` says why."""


class Tried(_Answered, tag="tried", frozen=True, kw_only=True):
    """A dry run: nothing was changed, ``changes`` says in sentences what would have been."""


Answer = Accepted | Refused | Tried


async def command_answers(conn: asyncpg.Connection, commands: Collection[str]) -> dict[str, Answer]:
    """Return the answers to commands, by command's id; those without an answer are left out."""
    rows = await conn.fetch(statement("commands.answers"), list(commands))
    return {row["command"]: answer_of(row) for row in rows}


async def command_history(
    conn: asyncpg.Connection,
    *,
    operator: str | None = None,
    incident: str | None = None,
    limit: int = 50,
) -> list[Answer]:
    """Return answered commands of an operator, on an incident (by id) or all, the latest first."""
    rows = await conn.fetch(statement("commands.history"), operator, incident, limit)
    return [answer_of(row) for row in rows]


def answer_of(row: asyncpg.Record) -> Answer:
    """Return an answer from a row of ``commands.answers`` or of a statement with its columns."""
    known = dict(row)
    data = known.pop("reason_data")
    told = reasons_of(None if data is None else [data], filter(None, [row["reason"]]))
    known["differences"] = reasons_of(known.pop("changes_data"), row["changes"])
    known["said"] = told[0] if told else None
    answer: Answer = msgspec.convert(known, Answer)
    return answer
