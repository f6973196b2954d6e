"""Which software decides: a name that differs wherever our part in a decision does.

Python and the machine's time-zone data are not in it: hours of the week depend on the latter.

A replay is exact for the software that decided. The ledger keeps this name beside the journal's
effects, so that a replay by another one can say so.
"""

import hashlib
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from importlib.resources.abc import Traversable

__all__ = ["deciding_software"]

_ROOMS = ("dispatch", "geo", "schemas")
_LIBRARIES = (
    "msgspec",
    "networkx",
    "numpy",
    "pyproj",
    "routingkit-cch",
    "scipy",
    "shapely",
)
"""Those that the deciding rooms count with; GEOS and PROJ come in the wheels of theirs."""

_APART = ("__pycache__", "generated", "released")
_KINDS = (".py", ".json", ".jsonl", ".yaml", ".toml", ".csv")


@cache
def deciding_software() -> str:
    """Return Jingwei's version and a digest of the rooms and libraries that decide.

    Returns
    -------
    str
        Such as ``0.1.0+3f5a0c62b1d4``: 12 hexadecimal digits of a SHA-256 over the sources and
        data of the deciding rooms and the versions of the libraries that they count with.
    """
    digest = hashlib.sha256()
    for room in _ROOMS:
        _add(digest, room, files(room))
    for library in _LIBRARIES:
        digest.update(f"{library} {version(library)}\n".encode())
    return f"{version('jingwei')}+{digest.hexdigest()[:12]}"


def _add(digest: "hashlib._Hash", path: str, place: Traversable) -> None:
    for item in sorted(place.iterdir(), key=lambda found: found.name):
        name = f"{path}/{item.name}"
        if item.is_dir():
            if item.name not in _APART:
                _add(digest, name, item)
        elif item.name.endswith(_KINDS):
            content = item.read_bytes()
            digest.update(f"{name} {len(content)}\n".encode() + content)
