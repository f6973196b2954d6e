"""Write messages to Parquet files and read them, byte for byte."""

import itertools
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from infra.archive.errors import ArchiveDamaged, ArchiveGap
from infra.archive.layout import Segment, make_folder, segment_path, segments, sync_folder

SCHEMA = pa.schema(
    [
        pa.field("topic", pa.dictionary(pa.int32(), pa.string()), nullable=False),
        pa.field("partition", pa.int32(), nullable=False),
        pa.field("offset", pa.int64(), nullable=False),
        pa.field("timestamp", pa.timestamp("ms", tz="UTC"), nullable=False),
        pa.field("timestamp_type", pa.int8(), nullable=False),
        pa.field("key", pa.binary()),
        pa.field("value", pa.binary()),
        pa.field(
            "headers",
            pa.list_(
                pa.struct(
                    [
                        pa.field("name", pa.string(), nullable=False),
                        pa.field("value", pa.binary()),
                    ]
                )
            ),
            nullable=False,
        ),
    ]
)
_WHOLE = b"jingwei.whole"
"""In a file's metadata: the broker had no other messages between the file's two offsets."""

_COLUMNS = ["offset", "timestamp", "timestamp_type", "key", "value", "headers"]
_ROWS_AT_ONCE = 4_096

_drafts = itertools.count()


class Kept(NamedTuple):
    """One message, unchanged.

    Attributes
    ----------
    timestamp_ms
        Milliseconds since 1970 UTC, from the producer (``timestamp_type`` 0) or from the broker
        at the append (1).
    key, value
        Bytes, or None if the message has none.
    headers
        In order, repeated names included; a value may be None.
    """

    offset: int
    timestamp_ms: int
    timestamp_type: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]


def write_segment(
    folder: Path, messages: Sequence[Kept], covers: tuple[int, int] | None = None
) -> Segment:
    """Write messages of one partition, in order of offset, to a new file.

    Parameters
    ----------
    folder
        ``<root>/<topic>/<partition>``; created if missing.
    messages
        At least one; offsets ascend.
    covers
        First and last offset that were read without a break: the broker does not have the
        offsets missing in between (transaction markers, aborted messages, compaction). None if
        this is not known.

    Raises
    ------
    OSError
        The disk is full or not writable. There is then no file with the final name.
    """
    table = table_of(folder, messages)
    first, last = covers or (messages[0].offset, messages[-1].offset)
    return write_tables(folder, first, last, (table,), whole=covers is not None)


def table_of(folder: Path, messages: Sequence[Kept]) -> pa.Table:
    """Return messages of the partition with this folder as a table of `SCHEMA`."""
    return pa.table(
        {
            "topic": pa.DictionaryArray.from_arrays(
                pa.array([0] * len(messages), pa.int32()),
                pa.array([folder.parent.name.partition("@")[0]]),
            ),
            "partition": pa.array([int(folder.name)] * len(messages), pa.int32()),
            "offset": [message.offset for message in messages],
            "timestamp": pa.array(
                [message.timestamp_ms for message in messages], pa.timestamp("ms", tz="UTC")
            ),
            "timestamp_type": [message.timestamp_type for message in messages],
            "key": [message.key for message in messages],
            "value": [message.value for message in messages],
            "headers": [
                [{"name": name, "value": value} for name, value in message.headers]
                for message in messages
            ],
        },
        schema=SCHEMA,
    )


def write_tables(
    folder: Path, first: int, last: int, tables: Iterable[pa.Table], *, whole: bool
) -> Segment:
    """Write tables of `SCHEMA` as one file for the offsets ``first`` to ``last``.

    ``whole`` means that the broker had no other messages between them. The file gets its name
    only when it is complete and on disk.
    """
    make_folder(folder)
    schema = SCHEMA.with_metadata({_WHOLE: b"yes"}) if whole else SCHEMA
    path = segment_path(folder, first, last)
    draft = folder / f".{path.name}.{os.getpid()}.{next(_drafts)}.tmp"
    try:
        with draft.open("xb") as file:
            with pq.ParquetWriter(file, schema, compression="zstd") as writer:
                for table in tables:
                    writer.write_table(table)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    sync_folder(folder)
    return Segment(first, last, path)


def read_kept(folder: Path, start: int | None = None, *, gapless: bool = False) -> Iterator[Kept]:
    """Read the messages of a partition in order of offset, each once.

    Parameters
    ----------
    folder
        ``<root>/<topic>/<partition>``. A writer may be adding to it or compacting it.
    start
        First offset to read; None for all.
    gapless
        Whether nothing may be lost, as in the journal: each offset is archived, or in a file that
        records that the broker did not have it.

    Raises
    ------
    ArchiveGap
        ``gapless``, and an offset was lost; without ``start``, from offset 0.
    ArchiveDamaged
        A file cannot be read.
    """
    expected = start or 0
    while True:
        try:
            for segment in segments(folder):
                if segment.last < expected:
                    continue
                known = gapless and is_whole(segment)
                if known and segment.first > expected:
                    raise ArchiveGap(folder, expected, segment.first - 1)
                for message in read_messages(segment.path):
                    if message.offset < expected:
                        continue
                    if gapless and not known and message.offset > expected:
                        raise ArchiveGap(folder, expected, message.offset - 1)
                    yield message
                    expected = message.offset + 1
                if known:
                    expected = segment.last + 1
        except FileNotFoundError:
            # Since the folder was listed, compaction has joined this file into another.
            continue
        return


def is_whole(segment: Segment) -> bool:
    """Whether a file has all messages that the broker had between the file's offsets.

    Raises
    ------
    ArchiveDamaged
        The file cannot be read.
    FileNotFoundError
        The file has been joined into another.
    """
    return _is_whole(segment.path, segment.span)


@lru_cache(maxsize=4_096)  # a file under its final name never changes, but for damage
def _is_whole(path: Path, span: int) -> bool:
    with _damage_told(path):
        about = pq.read_metadata(path)
        # Older files do not record this; they are whole at least if no offset is missing.
        return _WHOLE in (about.metadata or {}) or about.num_rows == span


def read_messages(path: Path) -> Iterator[Kept]:
    """Read the messages of one file, in order; raises `ArchiveDamaged`."""
    with _damage_told(path), pq.ParquetFile(path) as file:
        for batch in file.iter_batches(_ROWS_AT_ONCE, columns=_COLUMNS):
            yield from _messages(batch)


@contextmanager
def _damage_told(path: Path) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowInvalid, KeyError) as error:
        raise ArchiveDamaged(
            f"{path} cannot be read ({error}): restore it from a backup, or remove it, so that "
            "messages still in the topic are archived again"
        ) from error


def _messages(batch: pa.RecordBatch) -> Iterator[Kept]:
    offset, timestamp, timestamp_type, key, value, headers = batch.columns
    pairs = (
        tuple((header["name"], header["value"]) for header in row) for row in headers.to_pylist()
    )
    columns = (
        offset.to_pylist(),
        timestamp.cast(pa.int64()).to_pylist(),
        timestamp_type.to_pylist(),
        key.to_pylist(),
        value.to_pylist(),
        pairs,
    )
    return itertools.starmap(Kept, zip(*columns, strict=True))
