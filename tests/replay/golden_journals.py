"""Journals that earlier versions decided, kept as they were: see ``golden/<version>``.

Each is a run of the demo with operators' commands; 0.2.0's commands, of every kind, were put
between the entries of a run afterwards and decided by that version's core. 0.3.0's is a run of
`sim` (the demo city, 300 events an hour, crews eight times as fast as life) with commands of every
kind, closures, unread reports and sensors that change their category put in while it ran.
``journal.jsonl.gz``
has a line for each message of the journal: its offset, log-append time, headers and value, and
the effects that the version recorded. ``city.tar.xz`` has the city's files.
"""

import gzip
import tarfile
from dataclasses import dataclass
from pathlib import Path

import msgspec

from infra.archive import Kept

FOLDER = Path(__file__).with_name("golden")
VERSIONS = sorted(path.name for path in FOLDER.iterdir())


class About(msgspec.Struct, frozen=True):
    """Where a journal comes from: what decided it, whose it is, over which city."""

    software: str
    region: str
    partition: int
    city: str


class Line(msgspec.Struct, frozen=True):
    """A message of the journal and what was recorded of it."""

    offset: int
    at_ms: int
    headers: list[tuple[str, str]]
    value: str
    effects: str


@dataclass(frozen=True)
class Golden:
    """A journal of an earlier version."""

    folder: Path
    about: About
    lines: list[Line]

    def messages(self) -> list[Kept]:
        """Return the messages as the archive has them."""
        key = self.about.region.encode()
        return [
            Kept(
                line.offset,
                line.at_ms,
                1,
                key,
                line.value.encode(),
                tuple((name, value.encode()) for name, value in line.headers),
            )
            for line in self.lines
        ]

    def unpack_city(self, folder: Path) -> None:
        """Write the city's files."""
        with tarfile.open(self.folder / "city.tar.xz") as archive:
            archive.extractall(folder, filter="data")


def golden(version: str) -> Golden:
    """Return the journal that a version decided."""
    folder = FOLDER / version
    about = msgspec.json.decode((folder / "about.json").read_bytes(), type=About)
    with gzip.open(folder / "journal.jsonl.gz") as file:
        lines = [msgspec.json.decode(line, type=Line) for line in file]
    return Golden(folder, about, lines)
