"""Name of the software that decides; it differs if the code or libraries that decide differ.

It covers the modules that the core consists of, found by their imports: the room ``dispatch``, the
router, the reader of a city's folder, the encoding of effects, and everything that these import. It
does not cover intake, which makes evidence before it enters the journal, nor the texts of
directions.

It does not include Python and the machine's time zone data, on which hours of the week depend.

A replay is exact for the software that decided. The ledger stores this name beside the journal's
effects, so that a replay by other software can say so.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from importlib.resources.abc import Traversable

__all__ = ["deciding_modules", "deciding_software"]

_ROOTS = ("dispatch", "atlas.deciding", "atlas.folder", "schemas.wire")
"""The core, the router that it asks, the reading of a city, the encoding of effects."""
_ROOMS = ("dispatch", "atlas", "geo", "schemas")
"""Rooms whose modules are followed."""
_LIBRARIES = (
    "msgspec",
    "networkx",
    "numpy",
    "pyproj",
    "routingkit-cch",
    "scipy",
    "shapely",
)
"""Libraries used by the deciding modules; GEOS and PROJ are in the wheels of some of them."""

_TEXT = re.compile(r'"""(?s:.*?)"""')
_IMPORT = re.compile(
    r"^[ \t]*(?:from[ \t]+(?P<origin>[\w.]+)[ \t]+)?import[ \t]+(?P<names>\([^)]*\)|[^\n#]+)",
    re.MULTILINE,
)
_NAME = re.compile(r"(?<!\bas )\b(?!as\b)[A-Za-z_][\w.]*")
_TABLES = (".json", ".jsonl", ".yaml", ".toml", ".csv")


@dataclass(frozen=True)
class _Module:
    """A module's source, and the folder that it lies in."""

    source: bytes
    folder: Traversable
    is_package: bool


@cache
def deciding_software() -> str:
    """Return Jingwei's version and a digest of the modules and libraries that decide.

    Returns
    -------
    str
        Such as ``0.1.0+3f5a0c62b1d4``: 12 hexadecimal digits of a SHA-256 over the sources of the
        deciding modules, the tables in their folders, and the versions of the libraries that they
        use.
    """
    digest = hashlib.sha256()
    for name, content in sorted(_contents().items()):
        digest.update(f"{name} {len(content)}\n".encode() + content)
    for library in _LIBRARIES:
        digest.update(f"{library} {version(library)}\n".encode())
    return f"{version('jingwei')}+{digest.hexdigest()[:12]}"


def deciding_modules() -> tuple[str, ...]:
    """Return the names of the modules that decide, sorted."""
    return tuple(sorted(_modules()))


def _contents() -> dict[str, bytes]:
    """Return the sources of the deciding modules and the tables beside them, by name."""
    found: dict[str, bytes] = {}
    for name, module in _modules().items():
        found[name] = module.source
        package = name if module.is_package else name.rpartition(".")[0]
        for item in module.folder.iterdir():
            key = f"{package}/{item.name}"
            if key not in found and item.name.endswith(_TABLES):
                found[key] = item.read_bytes()
    return found


def _modules() -> dict[str, _Module]:
    """Return the deciding modules by name: the roots, and what is imported from there on."""
    found: dict[str, _Module] = {}
    waiting = list(_ROOTS)
    while waiting:
        name = waiting.pop()
        module = None if name in found else _read(name)
        if module is not None:
            found[name] = module
            waiting += _imports(module.source)
            waiting += [name.rpartition(".")[0]] if "." in name else []
    if missing := set(_ROOTS) - found.keys():
        raise ModuleNotFoundError(f"what decides is not where it was: {sorted(missing)}")
    return found


def _read(name: str) -> _Module | None:
    """Return a module of our rooms; None where a name is none, as of a function in a module."""
    room, *parts = name.split(".")
    if room not in _ROOMS:
        return None
    folder = files(room)
    for part in parts[:-1]:
        folder /= part
    if parts and (file := folder / f"{parts[-1]}.py").is_file():
        return _Module(file.read_bytes(), folder, is_package=False)
    if parts:
        folder /= parts[-1]
    file = folder / "__init__.py"
    return _Module(file.read_bytes(), folder, is_package=True) if file.is_file() else None


def _imports(source: bytes) -> Iterator[str]:
    """Yield what a module imports; of ``from a import b`` both ``a`` and ``a.b``.

    By its text: parsing them all takes six times as long, at a worker's start.
    """
    for found in _IMPORT.finditer(_TEXT.sub("", source.decode())):
        origin, names = found["origin"], _NAME.findall(found["names"])
        if origin is None:
            yield from names
        else:
            yield origin
            yield from (f"{origin}.{name}" for name in names)
