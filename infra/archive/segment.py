"""Messages to and from Parquet files, byte for byte."""

import itertools
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from infra.archive.errors import ArchiveDamaged, ArchiveGap
from infra.archive.holes import is_hole
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
_COLUMNS = ["offset", "timestamp", "timestamp_type", "key", "value", "headers"]
_ROWS_AT_ONCE = 4_096

_drafts = itertools.count()


class Kept(NamedTuple):
    """One message as it came.

    Attributes
    ----------
    timestamp_ms
        Milliseconds since 1970 UTC, by the producer (``timestamp_type`` 0) or by the broker
        when it was appended (1).
    key, value
        Bytes, or None where the message has none.
    headers
        In order, repeated names included; a value may be None.
    """

    offset: int
    timestamp_ms: int
    timestamp_type: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]


def write_segment(folder: Path, messages: Sequence[Kept]) -> Segment:
    """Write messages of one partition, in order of offset, to a new file.

    Parameters
    ----------
    folder
        ``<root>/<topic>/<partition>``; made when it is not there.
    messages
        At least one; offsets ascend.

    Raises
    ------
    OSError
        The disk is full or not writable. No file under its final name is left.
    """
    table = pa.table(
        {
            "topic": pa.DictionaryArray.from_arrays(
                pa.array([0] * len(messages), pa.int32()), pa.array([folder.parent.name])
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
    return write_tables(folder, messages[0].offset, messages[-1].offset, (table,))


def write_tables(folder: Path, first: int, last: int, tables: Iterable[pa.Table]) -> Segment:
    """Write tables of `SCHEMA` as one file that holds the offsets ``first`` to ``last``.

    The file appears under its name only when it is whole and on disk.
    """
    make_folder(folder)
    path = segment_path(folder, first, last)
    draft = folder / f".{path.name}.{os.getpid()}.{next(_drafts)}.tmp"
    try:
        with draft.open("xb") as file:
            with pq.ParquetWriter(file, SCHEMA, compression="zstd") as writer:
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
        First offset wanted; all when None.
    gapless
        Whether every offset must be there, or be known to hold no message (`note_hole`). So it
        is in the journal; compacted topics have gaps by nature.

    Raises
    ------
    ArchiveGap
        ``gapless``, and an offset is missing; without ``start``, from offset 0.
    ArchiveDamaged
        A file cannot be read.
    """
    expected = start or 0
    while True:
        try:
            for segment in segments(folder):
                if segment.last < expected:
                    continue
                for message in _read_segment(segment.path):
                    if message.offset < expected:
                        continue
                    gap = expected, message.offset - 1
                    if gapless and message.offset > expected and not is_hole(folder, *gap):
                        raise ArchiveGap(folder, *gap)
                    yield message
                    expected = message.offset + 1
        except FileNotFoundError:
            # Compaction has joined this file into another since the folder was listed.
            continue
        return


def _read_segment(path: Path) -> Iterator[Kept]:
    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(_ROWS_AT_ONCE, columns=_COLUMNS):
                yield from _messages(batch)
    except (pa.ArrowInvalid, KeyError) as error:
        raise ArchiveDamaged(
            f"{path} cannot be read ({error}): restore it from a backup, or remove it and have "
            "what the topic still holds archived again"
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
