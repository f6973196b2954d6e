"""Messages, journals and ledgers for tests of archive and replay."""

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

import msgspec

from dispatch import Region
from infra.archive import Kept, partition_folder, write_segment
from infra.ledger.effects import Applied
from schemas import journal, topics, wire
from schemas.envelope import Envelope
from tests.dispatch.dispatch_world import REGION, Journal, place, routers

PARTITION = 3


class Silent:
    """Looks on at a replay and says nothing."""

    def __init__(self) -> None:
        self.seen = []

    def begins(self, entries):
        self.entries = entries

    def passes(self, offset):
        self.last = offset

    def sees(self, applied):
        self.seen.append(applied)


def kept(offset: int, value: bytes | None = b"v", key: bytes | None = b"k") -> Kept:
    return Kept(offset, 1_700_000_000_000 + offset, 1, key, value, ())


def story() -> list[tuple[journal.Entry, datetime]]:
    """Entries of some minutes in a small city, with the times they were appended at."""
    made = Journal()
    entries: list[tuple[journal.Entry, datetime]] = []

    def then(entry: journal.Entry) -> None:
        entries.append((entry, made.wait(2.0)))

    then(made.fleet())
    then(made.policy())
    for column in range(4):
        then(made.evidence("fire", "P2", place(column, 1)))
        then(made.evidence("medical", "P2", place(column, 6)))
        then(made.evidence("fire", "P2", place(column + 0.1, 1)))
    then(made.stamp("U00", "en_route"))
    then(made.stamp("U01", "no such status"))
    repeated = entries[4][0]
    then(repeated)
    return entries


def keep_journal(root: Path, entries: Iterable[tuple[journal.Entry, datetime]]) -> None:
    """Write entries to the archive, among messages of another region and a broken one."""
    folder = partition_folder(root, topics.JOURNAL.name, PARTITION)
    messages: list[Kept] = []
    for entry, at in entries:
        for region in ("elsewhere", REGION):
            there = msgspec.structs.replace(entry, region=region)
            if isinstance(there, journal.FleetChanged):
                units = tuple(msgspec.structs.replace(u, region=region) for u in there.units)
                there = msgspec.structs.replace(there, units=units)
            messages.append(_kept(len(messages), there, at))
    last = messages[-1]
    messages.append(last._replace(offset=len(messages), value=b"{"))
    half = len(messages) // 2
    write_segment(folder, messages[:half])
    write_segment(folder, messages[half:])


def recorded(entries: Iterable[tuple[journal.Entry, datetime]]) -> list[Applied]:
    """What a worker would write to the ledger of the same journal."""
    core = Region(REGION, routers)
    return [
        Applied(
            offset=2 * index + 1,
            entry_id=entry.id,
            entry_kind=str(entry.__struct_config__.tag),
            at=at,
            effects=core.apply(entry, at),
        )
        for index, (entry, at) in enumerate(entries)
    ]


def _kept(offset: int, entry: journal.Entry, at: datetime) -> Kept:
    envelope = Envelope(id=entry.id, source="test", type=topics.JOURNAL.type)
    key, value = entry.region.encode(), wire.encode(entry)
    return Kept(offset, _ms(at), 1, key, value, tuple(envelope.headers()))


def _ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)
