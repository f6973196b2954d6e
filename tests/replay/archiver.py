"""An archiver in a process of its own, for tests."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

_RUN = """
import sys
from pathlib import Path
from streams.archive import Rolling, run_archive
bootstrap, root, group, *names = sys.argv[1:]
rolling = Rolling(journal_s=0.1, input_s=0.1)
datadir = Path(root).parent / "faust"
options = {"group": group, "rolling": rolling, "loglevel": "WARNING"}
run_archive(bootstrap, Path(root), names, datadir=datadir, **options)
"""


def start_archiver(
    bootstrap: str, root: Path, group: str, names: Sequence[str]
) -> subprocess.Popen[bytes]:
    """Start it; it writes ten times a second."""
    arguments = [bootstrap, str(root), group, *names]
    return subprocess.Popen([sys.executable, "-c", _RUN, *arguments], cwd=ROOT)
