"""Names and folders of the archive, and the facts that follow from them."""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaConnectionError
from aiokafka.protocol.metadata import MetadataRequest

from infra.local.errors import Unreachable

_NAME = re.compile(r"(\d{20})-(\d{20})\.parquet")
_TOPIC_ID = "topic-id"
_UNSAFE = re.compile(r"[^A-Za-z0-9_-]")


@dataclass(frozen=True, order=True)
class Segment:
    """One file: its first and last offset, both inclusive."""

    first: int
    last: int
    path: Path

    @property
    def span(self) -> int:
        """Number of offsets it covers; compacted topics have fewer messages."""
        return self.last - self.first + 1


def archive_root(archive_dir: Path, cluster: str, database_url: str) -> Path:
    """Return the folder for one broker and ledger; create it, readable by its owner only.

    Parameters
    ----------
    archive_dir
        ``Endpoints.archive_dir``.
    cluster
        The broker's cluster id, see `cluster_id`.
    database_url
        The ledger's URL; its database name distinguishes runs of the embedded broker, which
        counts offsets from 0 again after each start.
    """
    database = urlsplit(database_url).path.strip("/") or "jingwei"
    root = archive_dir / f"{_UNSAFE.sub('_', cluster)}-{_UNSAFE.sub('_', database)}"
    make_folder(root)
    # Journal and reports carry personal data.
    archive_dir.chmod(0o700)
    root.chmod(0o700)
    return root


async def cluster_id(bootstrap: str) -> str:
    """Return the cluster id of a broker.

    Raises
    ------
    infra.local.errors.Unreachable
        If no broker answers at ``bootstrap``.
    """
    client = AIOKafkaClient(bootstrap_servers=bootstrap)
    try:
        await client.bootstrap()
        answer = await client.send(client.get_random_node(), MetadataRequest([]))
    except KafkaConnectionError as error:
        raise Unreachable(
            f"no Kafka broker answers at {bootstrap}: start one with `jingwei up`, or correct "
            "JINGWEI_KAFKA_BOOTSTRAP"
        ) from error
    finally:
        await client.close()
    return str(getattr(answer, "cluster_id", None) or "cluster")


def partition_folder(root: Path, topic: str, partition: int) -> Path:
    """Return the folder of a partition's files."""
    return root / topic / str(partition)


def kept_partitions(root: Path, topic: str) -> list[int]:
    """Return the archived partitions of a topic, in order."""
    folder = root / topic
    if not folder.is_dir():
        return []
    return sorted(
        int(child.name) for child in folder.iterdir() if child.name.isdigit() and segments(child)
    )


def segments(folder: Path) -> list[Segment]:
    """Return the files of a partition by first offset; if equal, the longest first."""
    if not folder.is_dir():
        return []
    names, again = None, _names(folder)
    while names != again:
        # A listing during compaction may have neither the new file nor the old ones. The new one
        # exists before the first old one is removed, so a second listing has it.
        names, again = again, _names(folder)
    found = [
        Segment(int(name[1]), int(name[2]), folder / name[0])
        for name in map(_NAME.fullmatch, again)
        if name is not None
    ]
    return sorted(found, key=lambda segment: (segment.first, -segment.last))


def _names(folder: Path) -> frozenset[str]:
    return frozenset(path.name for path in folder.iterdir())


def segment_path(folder: Path, first: int, last: int) -> Path:
    """Return the file name for these offsets."""
    return folder / f"{first:020d}-{last:020d}.parquet"


def next_offset(folder: Path) -> int | None:
    """Return the offset after the last archived one, or None if nothing is archived."""
    return max((segment.last + 1 for segment in segments(folder)), default=None)


def set_aside_other_log(root: Path, topic: str, topic_id: str) -> Path | None:
    """Record which log of a topic is archived; move aside files of another one.

    Parameters
    ----------
    topic_id
        The broker's present id of the topic.

    Returns
    -------
    Path or None
        New folder of the other log's files; None if there are no files of another log.
    """
    folder = root / topic
    make_folder(folder)
    note = folder / _TOPIC_ID
    before = note.read_text(encoding="ascii").strip() if note.exists() else None
    if before == topic_id:
        return None
    aside = None
    if before is not None:
        aside = root / f"{topic}@{before}"
        folder.rename(aside)
        make_folder(folder)
    draft = folder / f".{_TOPIC_ID}.tmp"
    draft.write_text(f"{topic_id}\n", encoding="ascii")
    draft.replace(note)
    sync_folder(folder)
    return aside


def make_folder(folder: Path) -> None:
    """Create a folder and its parents; on return they are on disk."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(mode=0o700, exist_ok=True)
    sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Sync a folder's entries (created, renamed or removed names) to disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
