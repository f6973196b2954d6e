"""An OpenStreetMap file in the form that the readers need, whatever the form it came in.

The readers need nodes before ways before relations, each by ascending id, each object once, and
ids above zero. Files of Planet extracts are like that. Others are not:

- Overpass writes ways before nodes (``out body; >; out skel qt;``), may write an object twice, with
  and without its tags, and puts bounds, centres and geometries into ways and relations;
- JOSM gives objects that are not uploaded ids below zero, and keeps deleted ones, marked
  ``action="delete"``, which libosmium does not know.

Such a file is read into memory and written, sorted and renumbered, to a temporary file. An object
with an id below zero gets the id without the sign or, if another one has that, the next free id.
Of an object given twice the newest version is taken, with its tags if only one has tags.
"""

import bz2
import gzip
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from pathlib import Path
from typing import IO, Any, Final, Literal
from xml.etree.ElementTree import Element, ParseError, iterparse

import osmium

from geo.errors import BadMap
from geo.streets.notes import Notes

__all__ = ["OSMIUM_ERRORS", "Extract", "Kind", "open_extract", "unreadable"]

OSMIUM_ERRORS: Final = (RuntimeError, ValueError, TypeError, osmium.InvalidLocationError)
"""What osmium raises for a file that it cannot read."""

Kind = Literal["node", "way", "relation"]
_KINDS: Final[tuple[Kind, ...]] = ("node", "way", "relation")
_LETTER: Final[Mapping[str, str]] = {"node": "n", "way": "w", "relation": "r"}
_DEGREES: Final = Decimal(10_000_000)
"""Units of OpenStreetMap's coordinates in a degree."""
_EAST, _NORTH = 180 * 10_000_000, 90 * 10_000_000
_LONGEST_REASON = 160

Tags = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Extract:
    """A file to read with osmium: in order, each object once, all ids above zero."""

    path: Path
    """The file itself, or a temporary one."""
    name: Path
    """The file that was given, to name in messages."""
    notes: Notes
    """What was renumbered or left out on the way."""
    original: Mapping[tuple[str, int], int]
    """Ids in the given file, by kind and new id, of objects that got another one."""

    def label(self, kind: Kind, number: int) -> str:
        """Return the id of an object as the given file has it, such as ``way/-12``."""
        return f"{kind}/{self.original.get((kind, number), number)}"


@dataclass(frozen=True, slots=True, order=True)
class _Version:
    """One version of an object; of several, the greatest is taken, in whatever order they came."""

    version: int
    deleted: bool
    tags: Tags
    refs: tuple[Any, ...]
    """A way's nodes; a relation's (kind, ref, role)."""
    x: int | None = None
    y: int | None = None


@dataclass(slots=True)
class _Objects:
    """All objects of a file."""

    found: dict[str, dict[int, _Version]] = field(
        default_factory=lambda: {kind: {} for kind in _KINDS}
    )
    drawn: dict[int, tuple[int, int]] = field(default_factory=dict)
    """Places of nodes that stand only in a way, as Overpass writes them with ``out geom``."""
    twice: Notes = field(default_factory=Notes)

    def add(self, kind: Kind, number: int, version: _Version) -> None:
        known = self.found[kind].get(number)
        if known is None:
            self.found[kind][number] = version
            return
        if known != version:
            self.twice.note("objects given in several versions read once", f"{kind}/{number}")
        self.found[kind][number] = max(known, version, key=_rank)


def _rank(version: _Version) -> tuple[Any, ...]:
    plain = [(str(x), str(y)) for x, y in version.tags]
    where = (version.x is not None, version.x or 0, version.y or 0)
    return (version.version, version.deleted, len(plain), len(version.refs), plain, where,
            str(version.refs))  # fmt: skip


@contextmanager
def open_extract(path: Path | str) -> Iterator[Extract]:
    """Give a file in order, a temporary one if need be; it is gone afterwards.

    Parameters
    ----------
    path
        ``.osm``, ``.osm.gz``, ``.osm.bz2`` (XML) or ``.osm.pbf``.

    Raises
    ------
    BadMap
        The file is missing or unreadable.
    """
    path = Path(path)
    if not path.is_file():
        raise BadMap(f"no map file {path}: check the path")
    if _is_in_order(path):
        yield Extract(path, path, Notes(), {})
        return
    objects = _of_pbf(path) if _is_pbf(path) else _of_xml(path)
    notes = Notes()
    with tempfile.TemporaryDirectory(prefix="jingwei-map-") as folder:
        whole = Path(folder) / "sorted.osm.pbf"
        try:
            original = _write(objects, whole, notes)
        except (*OSMIUM_ERRORS, OSError) as error:
            raise unreadable(path, error) from error
        yield Extract(whole, path, notes, original)


def unreadable(path: Path, error: Exception) -> BadMap:
    """Return the error for a file that a library refused, in words fit for a user."""
    text = " ".join(str(error).split())
    if "pybind" in text.casefold() or "c++" in text.casefold() or not text:
        text = "an id or a value is out of range"
    return BadMap(
        f"{path} cannot be read as OSM data ({text:.{_LONGEST_REASON}}): download it again"
    )


def _is_pbf(path: Path) -> bool:
    return path.name.casefold().endswith(".pbf")


class _Order:
    """Sees whether a file is in order, object by object."""

    def __init__(self) -> None:
        self.good = True
        self._last = (0, 0)

    def _see(self, kind: int, thing: Any) -> None:  # noqa: ANN401 - osmium has no types
        here = (kind, thing.id)
        if thing.id <= 0 or here <= self._last or not thing.visible:
            self.good = False
        self._last = here

    def node(self, thing: Any) -> None:  # noqa: ANN401
        self._see(0, thing)

    def way(self, thing: Any) -> None:  # noqa: ANN401
        self._see(1, thing)
        # With their geometry, as `out geom` writes them: the nodes may be missing.
        if len(thing.nodes) and thing.nodes[0].location.valid():
            self.good = False

    def relation(self, thing: Any) -> None:  # noqa: ANN401
        self._see(2, thing)


def _is_in_order(path: Path) -> bool:
    """Whether osmium can read a file as it is; one that osmium refuses is not."""
    try:
        if _is_pbf(path):
            return _is_pbf_in_order(path)
        if _has_deleted(path):
            return False
        order = _Order()
        osmium.apply(str(path), order)
    except (*OSMIUM_ERRORS, EOFError, OSError) as error:
        if _is_pbf(path):
            raise unreadable(path, error) from error
        return False
    return order.good


def _is_pbf_in_order(path: Path) -> bool:
    with osmium.io.Reader(str(path), osmium.osm.NOTHING) as reader:
        header = reader.header()
        sorted_by_writer = header.get("sorting") == "Type_then_ID"
        sorted_by_writer &= not header.has_multiple_object_versions
    if not sorted_by_writer:
        order = _Order()
        osmium.apply(str(path), order)
        return order.good
    # In that order ids below zero come first.
    for entity in (osmium.osm.NODE, osmium.osm.WAY, osmium.osm.RELATION):
        for first in osmium.FileProcessor(str(path), entity):
            if first.id <= 0:
                return False
            break
    return True


def _has_deleted(path: Path) -> bool:
    """Whether an XML file has objects that JOSM marks as deleted."""
    end = b""
    with _opened(path) as stream:
        while chunk := stream.read(1 << 20):
            text = end + chunk
            if b"action='delete'" in text or b'action="delete"' in text:
                return True
            end = text[-20:]
    return False


def _opened(path: Path) -> IO[bytes]:
    name = path.name.casefold()
    openers: dict[str, Callable[..., Any]] = {".gz": gzip.open, ".bz2": bz2.open}
    opener = openers.get(name[name.rfind(".") :], open)
    stream: IO[bytes] = opener(path, "rb")
    return stream


def _of_pbf(path: Path) -> _Objects:
    objects = _Objects()
    try:
        for thing in osmium.FileProcessor(str(path)):
            kind: Kind
            refs: tuple[Any, ...] = ()
            x = y = None
            if isinstance(thing, osmium.osm.Node):
                kind = "node"
                if thing.location.valid():
                    x, y = thing.location.x, thing.location.y
            elif isinstance(thing, osmium.osm.Way):
                kind, refs = "way", tuple(node.ref for node in thing.nodes)
            elif isinstance(thing, osmium.osm.Relation):
                kind, refs = "relation", tuple((m.type, m.ref, m.role) for m in thing.members)
            else:
                continue
            tags = tuple(sorted((tag.k, tag.v) for tag in thing.tags))
            objects.add(
                kind, thing.id, _Version(thing.version, not thing.visible, tags, refs, x, y)
            )
    except OSMIUM_ERRORS as error:
        raise unreadable(path, error) from error
    return objects


def _of_xml(path: Path) -> _Objects:
    """Read OSM XML: libosmium knows neither JOSM's deletions nor what Overpass puts into ways."""
    objects = _Objects()
    open_elements: list[Element] = []
    try:
        with _opened(path) as stream:
            # The user's own map; expat itself bounds the expansion of entities.
            for event, element in iterparse(stream, events=("start", "end")):  # noqa: S314
                if event == "start":
                    open_elements.append(element)
                    continue
                open_elements.pop()
                if element.tag in _KINDS and open_elements:
                    within_delete = any(above.tag == "delete" for above in open_elements)
                    _take(objects, element, deleted=within_delete)
                    open_elements[-1].remove(element)
    except (ParseError, OSError, EOFError, ValueError) as error:
        raise unreadable(path, error) from error
    return objects


def _take(objects: _Objects, element: Element, *, deleted: bool) -> None:
    kind: Kind = next(kind for kind in _KINDS if kind == element.tag)
    number = _id(element, "id", kind)
    deleted |= element.get("action") == "delete" or element.get("visible") == "false"
    tags = tuple(sorted((tag.get("k", ""), tag.get("v", "")) for tag in element.iterfind("tag")))
    refs: tuple[Any, ...] = ()
    if kind == "way":
        nodes = [nd for nd in element.iterfind("nd") if nd.get("ref")]
        refs = tuple(_id(nd, "ref", kind) for nd in nodes)
        for ref, nd in zip(refs, nodes, strict=True):
            if (place := _place(nd)) is not None:
                objects.drawn[ref] = max(place, objects.drawn.get(ref, place))
    elif kind == "relation":
        refs = tuple(
            (
                _LETTER.get(member.get("type", ""), "n"),
                _id(member, "ref", kind),
                member.get("role", ""),
            )
            for member in element.iterfind("member")
        )
    x, y = (_place(element) if kind == "node" else None) or (None, None)
    version = element.get("version", "0")
    objects.add(
        kind, number, _Version(int(version) if version.isdigit() else 0, deleted, tags, refs, x, y)
    )


def _id(element: Element, name: str, kind: str) -> int:
    text = element.get(name, "")
    try:
        number = int(text)
    except ValueError:
        raise ValueError(f"a {kind} has the {name} {text!r:.40}, which is not a number") from None
    if abs(number) >= 2**62:
        raise ValueError(f"a {kind} has the {name} {text:.40}, which is too large")
    return number


def _place(element: Element) -> tuple[int, int] | None:
    try:
        x, y = (
            int((Decimal(element.get(name, "")) * _DEGREES).to_integral_value(ROUND_HALF_UP))
            for name in ("lon", "lat")
        )
    except (InvalidOperation, ValueError, OverflowError):
        return None
    return (x, y) if abs(x) <= _EAST and abs(y) <= _NORTH else None


class _Numbers:
    """Ids above zero for all objects of a kind; what has one keeps it."""

    def __init__(self, numbers: Sequence[int]) -> None:
        self._taken = {number for number in numbers if number > 0}
        self._next = max(self._taken, default=0) + 1
        below = sorted((number for number in numbers if number <= 0), reverse=True)
        self._given = {n: -n for n in below if n < 0 and -n not in self._taken}
        self._taken |= set(self._given.values())
        for number in below:
            self[number]

    def __getitem__(self, number: int) -> int:
        if number > 0:
            return number
        if number not in self._given:
            while self._next in self._taken:
                self._next += 1
            self._taken.add(self._next)
            self._given[number] = self._next
        return self._given[number]


def _write(objects: _Objects, path: Path, notes: Notes) -> dict[tuple[str, int], int]:
    """Write objects in order; return the ids that they had."""
    live = _live(objects, notes)
    new = {kind: _Numbers(list(live[kind])) for kind in _KINDS}
    original: dict[tuple[str, int], int] = {}
    for kind in _KINDS:
        for number in sorted((n for n in live[kind] if n <= 0), reverse=True):
            original[kind, new[kind][number]] = number
            what = f"{kind}s with an id below zero (not uploaded) renumbered"
            notes.note(what, f"{kind}/{number}")
    of_letter = {_LETTER[kind]: new[kind] for kind in _KINDS}
    with osmium.SimpleWriter(str(path)) as writer:
        for number, version in _ordered(live["node"], new["node"]):
            writer.add_node(
                osmium.osm.mutable.Node(
                    id=new["node"][number],
                    version=1,
                    location=osmium.osm.Location((version.x or 0) / 1e7, (version.y or 0) / 1e7),
                    tags=list(version.tags),
                )
            )
        for number, version in _ordered(live["way"], new["way"]):
            nodes = [new["node"][ref] for ref in version.refs]
            writer.add_way(
                osmium.osm.mutable.Way(
                    id=new["way"][number], version=1, nodes=nodes, tags=list(version.tags)
                )
            )
        for number, version in _ordered(live["relation"], new["relation"]):
            members = [(kind, of_letter[kind][ref], role) for kind, ref, role in version.refs]
            writer.add_relation(
                osmium.osm.mutable.Relation(
                    id=new["relation"][number], version=1, members=members, tags=list(version.tags)
                )
            )
    return original


def _live(objects: _Objects, notes: Notes) -> dict[str, dict[int, _Version]]:
    """Return the objects that exist, by kind and id; say which do not."""
    notes.also(objects.twice)
    for ref, (x, y) in sorted(objects.drawn.items()):
        if ref not in objects.found["node"]:
            objects.found["node"][ref] = _Version(0, deleted=False, tags=(), refs=(), x=x, y=y)
    live: dict[str, dict[int, _Version]] = {kind: {} for kind in _KINDS}
    for kind in _KINDS:
        for number, version in sorted(objects.found[kind].items()):
            if version.deleted:
                notes.note("deleted objects left out", f"{kind}/{number}")
            elif kind == "node" and (version.x is None or version.y is None):
                notes.note("nodes without a usable position left out", f"node/{number}")
            else:
                live[kind][number] = version
    return live


def _ordered(versions: Mapping[int, _Version], new: _Numbers) -> Iterator[tuple[int, _Version]]:
    return iter(sorted(versions.items(), key=lambda item: new[item[0]]))
