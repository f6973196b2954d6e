"""Erasing messages from the archive: their files are written anew without what is erased.

What the archive has yet to get is listed in ``<root>/erased.jsonl``, by place and without content:
the archiver reads the list, and never writes such a message in clear.
Rewriting and the archiver's own writing exclude one another by a lock of the folder, which the
kernel drops with the process.
"""

import fcntl
import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pyarrow.parquet as pq

from infra.archive.layout import Segment, kept_partitions, segments, sync_folder
from infra.archive.segment import (
    Kept,
    is_whole,
    read_messages,
    table_of,
    write_tables,
)
from schemas import wire
from schemas.errors import SchemaError
from schemas.journal import Entry, EvidenceNoted

ERASED = "[erased]"
"""Stands for a text that was erased."""
_GONE = b'{"erased":true}'
_LIST = "erased.jsonl"
_LOCK = "rewrite.lock"
_LOG_APPEND_TIME = 1


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where an erased message stood.

    Attributes
    ----------
    partition
        None is any: ``evidence`` tells which message is meant.
    at_ms
        Kafka's timestamp, where it is the broker's; None is any. It tells apart logs of one name.
    evidence
        Of a journal entry: whose text is erased. None: the whole message is.
    """

    topic: str
    partition: int | None
    offset: int
    at_ms: int | None = None
    evidence: str | None = None


class Erased:
    """Takes what was erased out of messages.

    Attributes
    ----------
    met
        Places whose messages it has seen.
    """

    def __init__(self, places: Iterable[Place]) -> None:
        self.met: set[Place] = set()
        self._places: dict[tuple[str, int], list[Place]] = {}
        for place in places:
            self._places.setdefault((place.topic, place.offset), []).append(place)

    def without(self, topic: str, partition: int, messages: Sequence[Kept]) -> list[Kept]:
        """Return messages of a partition, the erased ones without what is erased."""
        if not self._places:
            return list(messages)
        return [self._one(topic, partition, message) for message in messages]

    def _one(self, topic: str, partition: int, message: Kept) -> Kept:
        for place in self._places.get((topic, message.offset), ()):
            if place.partition in (None, partition) and _is_of(place, message):
                message, met = _blank(message, place)
                if met:
                    self.met.add(place)
        return message


def _is_of(place: Place, message: Kept) -> bool:
    brokers = message.timestamp_type == _LOG_APPEND_TIME
    return not brokers or place.at_ms in (None, message.timestamp_ms)


def _blank(message: Kept, place: Place) -> tuple[Kept, bool]:
    """Return what is left of a message, and whether it was the one that is meant.

    Of a journal entry all is left but the text, of any other message its place.
    """
    if place.evidence is None:
        return message._replace(key=None, value=_GONE, headers=()), True
    value = without_text(message.value, place.evidence)
    return message._replace(value=value), place.evidence.encode() in (message.value or b"")


def without_text(value: bytes | None, evidence: str) -> bytes | None:
    """Return a journal entry without the text of this evidence; any other as it is.

    The core takes a report's text for nothing: a replay without it has the same effects.
    """
    try:
        entry: Entry = wire.decode(value or b"", Entry)
    except SchemaError:
        return value
    if not isinstance(entry, EvidenceNoted) or entry.evidence.id != evidence:
        return value
    told = msgspec.structs.replace(entry.evidence, text=ERASED)
    return wire.encode(msgspec.structs.replace(entry, evidence=told))


def listed(root: Path) -> list[Place]:
    """Return the places of erased messages that the archive has yet to get, or had."""
    try:
        lines = (root / _LIST).read_bytes().splitlines()
    except FileNotFoundError:
        return []
    return [msgspec.json.decode(line, type=Place) for line in lines]


@contextmanager
def rewriting(root: Path) -> Iterator[None]:
    """Let nobody else write or join the archive's files."""
    descriptor = os.open(root / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def erase_messages(root: Path, places: Iterable[Place]) -> int:
    """Erase messages from an archive; those that it has yet to get are listed for the archiver.

    Returns
    -------
    int
        How many messages of its files were changed; those that had been are not.

    Raises
    ------
    ArchiveDamaged
        A file cannot be read.
    OSError
        The disk is full or not writable.
    """
    with rewriting(root):
        wanted = list(places)
        erased, changed = Erased(wanted), 0
        for topic in dict.fromkeys(place.topic for place in wanted):
            offsets = {place.offset for place in wanted if place.topic == topic}
            for folder in logs_of(root, topic):
                for partition in kept_partitions(root, folder):
                    for segment in segments(root / folder / str(partition)):
                        if any(segment.first <= offset <= segment.last for offset in offsets):
                            changed += _rewrite(segment, topic, partition, offsets, erased)
        _add(root, [place for place in wanted if place not in erased.met])
    return changed


def logs_of(root: Path, topic: str) -> list[str]:
    """Return the folders of a topic: the present one's, and those of topics made anew since."""
    return [topic, *sorted(path.name for path in root.glob(f"{topic}@*"))]


def _rewrite(
    segment: Segment, topic: str, partition: int, offsets: Collection[int], erased: Erased
) -> int:
    new: dict[int, Kept] = {}
    for message in read_messages(segment.path):
        if message.offset in offsets:
            (without,) = erased.without(topic, partition, [message])
            if without != message:
                new[message.offset] = without
    if not new:
        return 0
    whole = is_whole(segment)
    folder = segment.path.parent
    with pq.ParquetFile(segment.path) as file:
        table = file.read()
    places = {offset: row for row, offset in enumerate(table["offset"].to_pylist())}
    pieces, done = [], 0
    for offset in sorted(new):
        row = places[offset]
        pieces += [table.slice(done, row - done), table_of(folder, [new[offset]])]
        done = row + 1
    pieces.append(table.slice(done))
    write_tables(folder, segment.first, segment.last, pieces, whole=whole)
    return len(new)


def _add(root: Path, places: Iterable[Place]) -> None:
    known = set(listed(root))
    new = [place for place in dict.fromkeys(places) if place not in known]
    if not new:
        return
    path = root / _LIST
    draft = root / f".{_LIST}.tmp"
    before = path.read_bytes() if path.exists() else b""
    with draft.open("wb") as file:
        file.write(before + b"".join(msgspec.json.encode(place) + b"\n" for place in new))
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    sync_folder(root)
