"""Erasing a reporter from the ledger: the contact's key, the texts, raw messages set aside.

All of one erasure is one transaction of the owner's. What it needs to be repeated stays in the
table ``erasure``: references and places, and nothing of what was said.
"""

from collections.abc import AsyncIterator, Callable, Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import asyncpg
import msgspec

from infra.archive import ERASED, Place, without_text
from infra.ledger.errors import LedgerError
from infra.ledger.statements import statement
from infra.vault import Sealed
from schemas import topics, wire
from schemas.ids import derive
from schemas.records import Evidence

_BLOCK = 500
_REPORTS, _JOURNAL = topics.REPORTS.name, topics.JOURNAL.name

Matches = Callable[[bytes | None, bytes | None, bytes], bool]
"""Whether key, value or headers of a raw report are the reporter's."""


class StillOpen(LedgerError):
    """The reporter told of an incident in which people may still have to call back."""


class Told(NamedTuple):
    """A piece of evidence that a reporter gave, and where it came from."""

    id: str
    reporter: str | None
    place: Place
    journal: Place | None
    received_at: datetime


class Gone(msgspec.Struct, kw_only=True):
    """What an erasure has found, or has changed.

    Attributes
    ----------
    reporters, evidence
        References, and ids of evidence.
    contacts
        How many contacts there were to be erased.
    texts, dead_letters
        How many.
    waiting
        Raw messages that are just on their way to Kafka: erase again in a moment.
    places
        Messages of Kafka and the archive.
    last_at
        When the last of them came; None without any.
    """

    reporters: list[str]
    evidence: list[str]
    contacts: int = 0
    texts: int = 0
    dead_letters: int = 0
    waiting: int = 0
    places: list[Place] = msgspec.field(default_factory=list)
    last_at: datetime | None = None
    archived: int | None = None


async def told_by(
    conn: asyncpg.Connection, refs: Collection[str], evidence: Collection[str]
) -> list[Told]:
    """Return the reports of reporters, and those with these ids.

    Raises
    ------
    StillOpen
        One belongs to an incident that is open, or has no place yet.
    """
    rows = await conn.fetch(statement("erasure.evidence"), list(refs), list(evidence))
    unplaced = [row["id"] for row in rows if row["placed"] is None]
    incidents = [row["incident_id"] for row in rows if row["incident_id"] is not None]
    still = [row["number"] for row in await conn.fetch(statement("erasure.open"), incidents)]
    if still or unplaced:
        which = ", ".join(still) or f"evidence {unplaced[0]} (not yet placed)"
        raise StillOpen(
            f"still open: {which}; somebody may have to call back. Close it first, then erase"
        )
    entries = {derive(row["id"], "entry"): row["id"] for row in rows}
    applied = {
        entries[row["entry_id"]]: row["journal_offset"]
        for row in await conn.fetch(statement("erasure.applied"), list(entries))
    }
    return [_told(row, row["placed_offset"] or applied.get(row["id"])) for row in rows]


def _told(row: asyncpg.Record, journal_offset: int | None) -> Told:
    at_ms = round(row["received_at"].timestamp() * 1_000)
    place = Place(
        topic=row["topic"], partition=row["partition"], offset=row["record_offset"], at_ms=at_ms
    )
    journal = None
    if journal_offset is not None:
        journal = Place(topic=_JOURNAL, partition=None, offset=journal_offset, evidence=row["id"])
    return Told(row["id"], row["reporter_ref"], place, journal, row["received_at"])


async def contacts(
    conn: asyncpg.Connection, refs: Collection[str] | None = None
) -> AsyncIterator[Sealed]:
    """Yield the sealed contacts of reporters, or of all."""
    last, wanted = "", None if refs is None else list(refs)
    while rows := await conn.fetch(statement("erasure.contacts"), wanted, last, _BLOCK):
        for row in rows:
            yield Sealed(*row)
        last = rows[-1]["ref"]


async def known(conn: asyncpg.Connection, refs: Collection[str]) -> set[str]:
    """Return which references have, or had, a contact."""
    rows = await conn.fetch(statement("erasure.known"), list(refs))
    return {row["ref"] for row in rows}


async def erase(
    conn: asyncpg.Connection,
    refs: Collection[str],
    told: Sequence[Told],
    matches: Matches | None,
    letters: Collection[int] = (),
) -> Gone:
    """Erase reporters' contacts, texts, and raw messages of theirs that were set aside.

    Parameters
    ----------
    told
        From `told_by`.
    matches
        Finds raw reports by what the contact says; None finds none.
    letters
        Dead letters of reports that are the reporter's, whatever they say.
    """
    ids = [one.id for one in told]
    gone = Gone(reporters=sorted(refs), evidence=ids)
    gone.places = [place for one in told for place in (one.place, one.journal) if place is not None]
    gone.last_at = max((one.received_at for one in told), default=None)
    shredded: str = await conn.execute(statement("erasure.shred"), list(refs))
    gone.contacts = int(shredded.rpartition(" ")[2])
    await conn.execute(statement("erasure.empty"), list(refs))
    for row in await conn.fetch(statement("erasure.records"), ids, ERASED):
        evidence: Evidence = wire.decode(row["record"], Evidence)
        record = wire.encode(msgspec.structs.replace(evidence, text=ERASED))
        await conn.execute(statement("erasure.blank"), row["id"], ERASED, record)
        gone.texts += 1
    await _erase_letters(conn, gone, matches, letters)
    await _erase_from_outbox(conn, gone, matches)
    return gone


async def _erase_letters(
    conn: asyncpg.Connection, gone: Gone, matches: Matches | None, letters: Collection[int]
) -> None:
    """Delete the reporter's raw reports, and take texts out of journal entries set aside."""
    named = await conn.fetch(statement("erasure.letter"), _REPORTS, list(letters))
    if len(named) < len(set(letters)):
        raise LedgerError("not a dead letter of city.citizen.reports: see `jingwei dlq list`")
    found = {row["id"]: row for row in named}
    async for row in _letters(conn, _REPORTS):
        if matches is not None and matches(row["key"], row["value"], row["headers"]):
            found[row["id"]] = row
    for row in found.values():
        gone.places.append(
            Place(topic=_REPORTS, partition=row["partition"], offset=row["record_offset"])
        )
        gone.last_at = max(gone.last_at or row["at"], row["at"])
    await conn.execute(statement("erasure.delete_letters"), list(found))
    gone.dead_letters = len(found)
    async for row in _letters(conn, _JOURNAL):
        # An entry that was set aside stays: a replay has to leave out the same.
        for evidence in gone.evidence:
            value = without_text(row["value"], evidence)
            if value != row["value"]:
                await conn.execute(statement("erasure.set_letter"), row["id"], value)
                gone.texts += 1


async def _letters(conn: asyncpg.Connection, topic: str) -> AsyncIterator[asyncpg.Record]:
    last = 0
    while rows := await conn.fetch(statement("erasure.letters"), topic, last, _BLOCK):
        for row in rows:
            yield row
        last = rows[-1]["id"]


async def _erase_from_outbox(conn: asyncpg.Connection, gone: Gone, matches: Matches | None) -> None:
    """Delete what the broker refused for good; count what is just being sent."""

    def theirs(row: asyncpg.Record) -> bool:
        told = any(evidence.encode() in (row["value"] or b"") for evidence in gone.evidence)
        return told or (matches is not None and matches(row["key"], row["value"], row["headers"]))

    for topic in (f"dlq.{_REPORTS}", f"dlq.{_JOURNAL}", _JOURNAL):
        refused = await conn.fetch(statement("erasure.refused"), topic)
        lost = [row["id"] for row in refused if theirs(row)]
        await conn.execute(statement("erasure.delete_refused"), lost)
        gone.dead_letters += len(lost)
        waiting = await conn.fetch(statement("erasure.waiting"), topic)
        gone.waiting += sum(map(theirs, waiting))


async def note(conn: asyncpg.Connection, gone: Gone) -> int:
    """Note what was erased, so that it can be erased again; return the note's id."""
    places = msgspec.to_builtins(gone.places)
    number: int = await conn.fetchval(
        statement("erasure.note"), gone.reporters, gone.evidence, places
    )
    return number


async def note_archived(conn: asyncpg.Connection, numbers: Collection[int]) -> None:
    """Note that the archive's files have lost what these notes are of."""
    await conn.execute(statement("erasure.archived"), list(numbers))


class Earlier(NamedTuple):
    """An erasure of before."""

    id: int
    refs: list[str]
    evidence: list[str]
    places: list[Place]


async def earlier(conn: asyncpg.Connection, *, pending: bool = False) -> list[Earlier]:
    """Return all erasures, the first one first; or those that the archive has yet to see."""
    return [_earlier(row) for row in await conn.fetch(statement("erasure.earlier"), pending)]


def _earlier(row: asyncpg.Record) -> Earlier:
    places: Any = msgspec.convert(row["places"], list[Place])
    return Earlier(row["id"], row["refs"], row["evidence_ids"], places)
