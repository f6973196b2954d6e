"""Offsets that hold no message: markers of transactions, and what was aborted.

Only who reads the log knows them from messages that are missing, so the archiver writes them down
beside its files: a line of first and last offset each.
"""

import os
from pathlib import Path

from infra.archive.layout import make_folder, sync_folder

_NAME = "holes"


def note_hole(folder: Path, first: int, last: int) -> None:
    """Write down that a partition's offsets from ``first`` to ``last`` hold no message."""
    make_folder(folder)
    new = not (folder / _NAME).exists()
    with (folder / _NAME).open("a", encoding="ascii") as file:
        file.write(f"{first} {last}\n")
        file.flush()
        os.fsync(file.fileno())
    if new:
        sync_folder(folder)


def is_hole(folder: Path, first: int, last: int) -> bool:
    """Whether none of these offsets holds a message, as far as was written down."""
    for begin, end in sorted(_holes(folder)):
        if begin <= first <= end:
            first = end + 1
    return first > last


def _holes(folder: Path) -> list[tuple[int, int]]:
    path = folder / _NAME
    if not path.exists():
        return []
    lines = path.read_text(encoding="ascii").split("\n")[:-1]  # the last may be cut short
    pairs = [line.split(" ") for line in lines]
    return [(int(pair[0]), int(pair[1])) for pair in pairs]
