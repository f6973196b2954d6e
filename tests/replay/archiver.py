"""An archiver in a process of its own, for tests."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from tests import nursery


def run() -> None:
    """Be an archiver that writes ten times a second."""
    from streams.archive import Rolling, run_archive  # noqa: PLC0415 - Faust, for this process only

    bootstrap, root, group, *names = sys.argv[1:]
    run_archive(
        bootstrap,
        Path(root),
        names,
        group=group,
        rolling=Rolling(journal_s=0.1, input_s=0.1),
        datadir=Path(root).parent / "faust",
        loglevel="WARNING",
    )


def start_archiver(bootstrap: str, root: Path, group: str, names: Sequence[str]) -> nursery.Child:
    """Start it."""
    arguments = [bootstrap, str(root), group, *names]
    return nursery.start("tests.replay.archiver:run", arguments, None, os.environ)
