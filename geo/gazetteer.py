"""From a report's text to a place: streets, crossings, addresses, landmarks and districts.

A report without coordinates still names its place. The search uses Chinese and English names, the
longest first, without overlaps. Case, full-width letters, dots and repeated spaces do not matter,
and usual English abbreviations (`St`, `Ave`, `N`) match the full words.
"""

import itertools
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import shapely

from geo.crs import FloatArray, haversine_m
from geo.fences.index import Fence
from geo.streets.graph import StreetGraph

__all__ = ["AddressPoint", "Gazetteer", "Match", "PointOfInterest"]

_ADDRESS_ACCURACY_M = 20.0
_CROSSING_ACCURACY_M = 30.0
_POINT_ACCURACY_M = 50.0
_SHORTEST_NAME = 2
# Two street names mean their crossing if no more text than this is between them ("at the corner
# of").
_CROSSING_GAP = 16
_CROSSING_WIDTH_M = 60.0
_ABBREVIATIONS = {
    "street": "st",
    "avenue": "ave",
    "road": "rd",
    "boulevard": "blvd",
    "drive": "dr",
    "lane": "ln",
    "court": "ct",
    "place": "pl",
    "highway": "hwy",
    "parkway": "pkwy",
    "square": "sq",
    "north": "n",
    "south": "s",
    "east": "e",
    "west": "w",
}
# "1266号" and "88弄5号" follow a Chinese street name, "1200" precedes an English one.
_NUMBER_BEHIND = re.compile(r" ?(\d+)(?: ?弄 ?\d+)? ?[号號弄]")
_NUMBER_BEFORE = re.compile(r"(?<![\w.])(\d+) $")


@dataclass(frozen=True, slots=True)
class PointOfInterest:
    """A landmark, station or building, WGS-84 degrees."""

    name: str
    kind: str
    lon: float
    lat: float
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AddressPoint:
    """A house number on a street, WGS-84 degrees."""

    street: str
    number: str
    lon: float
    lat: float


@dataclass(frozen=True, slots=True)
class Match:
    """A place that a text names.

    `kind` is ``address``, ``crossing``, ``street``, a kind of fence or a kind of point of
    interest; the place lies within about `accuracy_m` of `lon`, `lat` (WGS-84 degrees); `span` is
    (start, end) in the text.
    """

    name: str
    kind: str
    lon: float
    lat: float
    accuracy_m: float
    span: tuple[int, int]


@dataclass(frozen=True, slots=True)
class _Entry:
    name: str
    kind: str
    lon: float
    lat: float
    accuracy_m: float
    street: str = ""


class Gazetteer:
    """Finds the places that a text names.

    Parameters
    ----------
    streets
        Source of street names and crossings.
    fences, points, addresses
        Sources of all other names.
    """

    def __init__(
        self,
        streets: StreetGraph | None = None,
        fences: Iterable[Fence] = (),
        points: Iterable[PointOfInterest] = (),
        addresses: Iterable[AddressPoint] = (),
    ) -> None:
        self._streets = streets
        self._entries: dict[str, list[_Entry]] = defaultdict(list)
        self._addresses: dict[tuple[str, str], AddressPoint] = {}
        on_street: dict[str, list[AddressPoint]] = defaultdict(list)
        for address in addresses:
            on_street[address.street].append(address)
            key = (_plain(address.street), _plain(address.number).rstrip("号號"))
            self._addresses.setdefault(key, address)
        known = set(streets.names()) if streets is not None else set()
        for name in sorted(known | set(on_street)):
            self._add_street(name, on_street[name])
        for fence in fences:
            self._add(fence.name, _fence_entry(fence))
        for point in points:
            entry = _Entry(point.name, point.kind, point.lon, point.lat, _POINT_ACCURACY_M)
            for name in (point.name, *point.aliases):
                self._add(name, entry)
        self._lengths: dict[str, list[int]] = defaultdict(list)
        for length, prefix in sorted({(len(n), n[:_SHORTEST_NAME]) for n in self._entries})[::-1]:
            self._lengths[prefix].append(length)

    def find(self, text: str) -> list[Match]:
        """Find the places that a text names.

        Returns
        -------
        list of Match
            The most accurate first, then in order of the text; empty if there is no match.
        """
        plain, position = _normalised(text)
        found = self._names_in(plain)
        matches = []
        for start, end in found:
            for entry in self._entries[plain[start:end]]:
                matches.append(_match(entry, (start, end)))
                if entry.kind == "street":
                    matches.extend(self._address(entry, plain, start, end))
        matches.extend(self._crossings(plain, found))
        placed = {
            Match(m.name, m.kind, m.lon, m.lat, m.accuracy_m, _span(m.span, position))
            for m in matches
        }
        return sorted(placed, key=lambda m: (m.accuracy_m, m.span, m.kind, m.name, m.lon, m.lat))

    def names(self) -> Iterator[tuple[str, Match]]:
        """Yield each known name in lower case and half width, with a place that has it."""
        for name, entries in self._entries.items():
            for entry in entries:
                yield name, _match(entry, (0, len(name)))

    def _add(self, name: str, entry: _Entry) -> None:
        plain = _plain(name)
        if len(plain) >= _SHORTEST_NAME and entry not in self._entries[plain]:
            self._entries[plain].append(entry)

    def _add_street(self, name: str, addresses: list[AddressPoint]) -> None:
        local, xy = name, np.array([(a.lon, a.lat) for a in addresses]).reshape(-1, 2)
        if self._streets is not None:
            arcs = self._streets.arcs_by_name(name)
            if arcs.size:
                local = self._streets.arcs.name[arcs[0]]
                xy = shapely.get_coordinates(self._streets.arcs.line[arcs])
        middle = (xy.min(axis=0) + xy.max(axis=0)) / 2.0
        away = haversine_m(xy[:, 0], xy[:, 1], float(middle[0]), float(middle[1]))
        lon, lat = xy[int(np.argmin(away))].tolist()  # on the street, not beside a bent one
        extent = float(haversine_m(xy[:, 0], xy[:, 1], lon, lat).max())
        entry = _Entry(local, "street", lon, lat, max(extent, _CROSSING_ACCURACY_M), street=name)
        for variant in _variants(_plain(name)):
            self._add(variant, entry)

    def _names_in(self, plain: str) -> list[tuple[int, int]]:
        """Yield spans of known names in order of the text; of overlapping ones the longest."""
        candidates = []
        for start in range(len(plain) - 1):
            for length in self._lengths.get(plain[start : start + _SHORTEST_NAME], ()):
                end = start + length
                if end > len(plain):
                    continue
                if plain[start:end] in self._entries and _is_whole(plain, start, end):
                    candidates.append((start, end))
        candidates.sort(key=lambda span: (span[0] - span[1], span[0]))
        chosen: list[tuple[int, int]] = []
        for start, end in candidates:
            if all(end <= s or e <= start for s, e in chosen):
                chosen.append((start, end))
        return sorted(chosen)

    def _address(self, entry: _Entry, plain: str, start: int, end: int) -> Iterator[Match]:
        behind = _NUMBER_BEHIND.match(plain, end)
        before = _NUMBER_BEFORE.search(plain[:start])
        for number, span in (
            (behind, (start, behind.end() if behind else end)),
            (before, (before.start() if before else start, end)),
        ):
            if number is None:
                continue
            address = self._addresses.get((_plain(entry.street), number[1]))
            if address is not None:
                name = plain[slice(*span)] if number is behind else f"{number[1]} {entry.name}"
                yield Match(name, "address", address.lon, address.lat, _ADDRESS_ACCURACY_M, span)

    def _crossings(self, plain: str, found: list[tuple[int, int]]) -> Iterator[Match]:
        named = [
            (span, entry)
            for span in found
            for entry in self._entries[plain[slice(*span)]]
            if entry.kind == "street"
        ]
        for (span_a, a), (span_b, b) in itertools.combinations(named, 2):
            if 0 <= span_b[0] - span_a[1] <= _CROSSING_GAP:
                points = self._shared_nodes(a.street, b.street)
                if len(points):
                    lon, lat = points.mean(axis=0).tolist()
                    spread = float(haversine_m(points[:, 0], points[:, 1], lon, lat).max())
                    accuracy = max(spread, _CROSSING_ACCURACY_M)
                    span = (span_a[0], span_b[1])
                    yield Match(f"{a.name} × {b.name}", "crossing", lon, lat, accuracy, span)

    def _shared_nodes(self, a: str, b: str) -> FloatArray:
        """Return the positions of nodes at which two different streets meet, shape (n, 2).

        If they share no node, return the two nearest ones, if a wide crossing can join them.
        """
        nothing = np.empty((0, 2))
        if self._streets is None:
            return nothing
        arcs_a, arcs_b = self._streets.arcs_by_name(a), self._streets.arcs_by_name(b)
        if np.intersect1d(arcs_a, arcs_b).size:  # one street, named in two languages
            return nothing
        arcs, nodes = self._streets.arcs, self._streets.nodes
        on_a = np.union1d(arcs.tail[arcs_a], arcs.head[arcs_a])
        on_b = np.union1d(arcs.tail[arcs_b], arcs.head[arcs_b])
        meet = np.intersect1d(on_a, on_b)
        if not meet.size and on_a.size and on_b.size:
            apart = haversine_m(
                nodes.lon[on_a][:, None], nodes.lat[on_a][:, None], nodes.lon[on_b], nodes.lat[on_b]
            )
            i, j = np.unravel_index(int(np.argmin(apart)), apart.shape)
            if apart[i, j] <= _CROSSING_WIDTH_M:
                meet = np.array([on_a[i], on_b[j]])
        return np.column_stack([nodes.lon[meet], nodes.lat[meet]])


def _fence_entry(fence: Fence) -> _Entry:
    inside = shapely.point_on_surface(fence.geometry)
    xy = shapely.get_coordinates(fence.geometry)
    extent = float(haversine_m(xy[:, 0], xy[:, 1], inside.x, inside.y).max())
    return _Entry(fence.name, fence.kind, inside.x, inside.y, extent)


def _match(entry: _Entry, span: tuple[int, int]) -> Match:
    return Match(entry.name, entry.kind, entry.lon, entry.lat, entry.accuracy_m, span)


def _span(span: tuple[int, int], position: list[int]) -> tuple[int, int]:
    return position[span[0]], position[span[1] - 1] + 1


def _plain(text: str) -> str:
    return _normalised(text)[0].strip()


def _normalised(text: str) -> tuple[str, list[int]]:
    """Return the text in lower case and half width, with single spaces and no dots.

    Also return the original position of each character.
    """
    plain: list[str] = []
    position: list[int] = []
    for i, char in enumerate(text):
        for part in unicodedata.normalize("NFKC", char).lower():
            blank = part.isspace()
            if part in ".·'’" or (blank and plain and plain[-1] == " "):
                continue
            plain.append(" " if blank else part)
            position.append(i)
    return "".join(plain), position


def _variants(plain: str) -> list[str]:
    """Return a name's variants, with each usual abbreviation written out or not."""
    words = [
        (word, _ABBREVIATIONS[word]) if word in _ABBREVIATIONS else (word,)
        for word in plain.split(" ")
    ]
    return [" ".join(choice) for choice in itertools.islice(itertools.product(*words), 16)]


def _is_whole(plain: str, start: int, end: int) -> bool:
    """Whether a span cuts no word of an alphabet; Chinese has no words to cut."""
    cut_before = start > 0 and _lettered(plain[start - 1]) and _lettered(plain[start])
    cut_behind = end < len(plain) and _lettered(plain[end - 1]) and _lettered(plain[end])
    return not (cut_before or cut_behind)


def _lettered(char: str) -> bool:
    return char.isalnum() and ord(char) < 0x2E80  # noqa: PLR2004 - where CJK begins
