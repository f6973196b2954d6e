"""Runs of the benchmark of dispatch that are kept, so that a run that was stopped goes on.

Each run of a policy is a file, named by all that it depends on: the settings, and the text of all
that decides. So a run of other code is never taken for one of this, and two processes may fill one
folder.
"""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import msgspec

from sim.calls import Outcome

_ROOT = Path(__file__).parent.parent
_ROOMS = ("schemas", "geo", "dispatch", "sim", "city")
_SUFFIXES = (".py", ".json", ".yaml")


def code_digest() -> str:
    """Return a digest of the text of all that a run depends on."""
    found = hashlib.sha256()
    files = [path for room in _ROOMS for path in (_ROOT / room).rglob("*")]
    files += [_ROOT / "bench" / f"_dispatch_{name}.py" for name in ("auckland", "city", "peers")]
    for path in sorted(path for path in files if path.suffix in _SUFFIXES):
        found.update(f"{path.relative_to(_ROOT)}\0".encode())
        found.update(path.read_bytes())
    return found.hexdigest()


class Kept:
    """Runs in a folder; with None nothing is kept."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._code = "" if folder is None else code_digest()

    def run(self, settings: object, play: Callable[[], Outcome]) -> tuple[Outcome, bool]:
        """Return the run of some settings, played if it is not there, and whether it was there."""
        if self._folder is None:
            return play(), False
        named = hashlib.sha256(self._code.encode() + msgspec.json.encode(settings)).hexdigest()
        path = self._folder / f"{named[:32]}.json"
        if path.exists():
            return msgspec.json.decode(path.read_bytes(), type=Outcome), True
        outcome = play()
        self._folder.mkdir(parents=True, exist_ok=True)
        # Whole or not at all, whenever it is stopped.
        part = path.with_suffix(f".{os.getpid()}.part")
        part.write_bytes(msgspec.json.encode(outcome))
        part.replace(path)
        return outcome, False
