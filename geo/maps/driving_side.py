"""On which side of the street traffic keeps, told from the map.

In this order; the first that says something decides:

1. ``driving_side`` of boundaries and other relations, if all of them agree;
2. the country of boundaries, by their ISO 3166 codes, if all of them drive on one side; a map near
   a border often has parts of both;
3. ``driving_side`` of ways, if more than half of the map's streets have the same one (single ones
   are exceptions, such as the crossed carriageways of a junction);
4. the country of most addresses (``addr:country``);
5. where the map lies: ``left_hand.json`` has the lands that drive on the left.

Otherwise traffic keeps right. The lands are those of Wikipedia's "Left- and right-hand traffic"
(edition of 2026-10). Their outlines are drawn by hand around their coasts and along their land
borders, exact to about 10 km there (1 km for Hong Kong and Macao), so a map of a border town should
have a boundary, or be given a side.
"""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any, Final, Literal, get_args

import numpy as np
import osmium
import shapely

from geo.maps.extract import Extract

__all__ = ["Side", "side_of", "side_there"]

Side = Literal["left", "right"]
_SIDES: Final = get_args(Side)
_COUNTRY_KEYS: Final = (
    *("ISO3166-1:alpha2", "ISO3166-1", "country_code_iso3166_1_alpha_2"),
    *("ISO3166-2", "is_in:country_code"),
)
_CODE_LETTERS: Final = 2
# Parts of a country that drive on its other side, by their ISO 3166-2 codes.
_PARTS: Final = {"CN-HK": "HK", "CN-MO": "MO", "US-VI": "VI"}


def side_of(extract: Extract, places: Mapping[int, tuple[float, float]]) -> tuple[Side, str]:
    """Return the side on which a map's traffic keeps, and what says so.

    Parameters
    ----------
    extract
        The map.
    places
        Longitude and latitude of the nodes of its streets.

    Raises
    ------
    RuntimeError, ValueError
        The file cannot be read.
    """
    said = _Said()
    objects = osmium.FileProcessor(str(extract.path))
    for thing in objects.with_filter(
        osmium.filter.KeyFilter("driving_side", "addr:country", "highway", *_COUNTRY_KEYS)
    ):
        said.hear(thing)
    for what, found in (
        ("driving_side of its boundaries", said.relations),
        ("its country", said.countries),
    ):
        if len(found) == 1:
            return found.pop(), what
    for way_side, count in said.ways.items():
        if 2 * count > said.streets:
            return way_side, "driving_side of its streets"
    codes = {code: n for code, n in said.addresses.items() if len(code) == _CODE_LETTERS}
    if codes:
        return _side_in(min(codes, key=lambda code: (-codes[code], code))), "its addresses"
    if not places:
        return "right", "by default"
    middle = np.median(np.array(sorted(places.values())), axis=0)
    return side_there(float(middle[0]), float(middle[1])), "where it lies"


@dataclass(slots=True)
class _Said:
    """What the tags of a map say."""

    relations: set[Side] = field(default_factory=set)
    countries: set[Side] = field(default_factory=set)
    ways: Counter[Side] = field(default_factory=Counter)
    streets: int = 0
    addresses: Counter[str] = field(default_factory=Counter)

    def hear(self, thing: Any) -> None:  # noqa: ANN401 - osmium has no types
        tags = thing.tags
        side = _as_side(tags.get("driving_side", ""))
        if thing.is_way() and "highway" in tags:
            self.streets += 1
            if side is not None:
                self.ways[side] += 1
        if thing.is_relation():
            if side is not None:
                self.relations.add(side)
            code = _country({key: tags.get(key, "") for key in _COUNTRY_KEYS})
            if code:
                self.countries.add(_side_in(code))
        if "addr:country" in tags:
            self.addresses[tags.get("addr:country", "").strip().upper()] += 1


def side_there(lon: float, lat: float) -> Side:
    """Return the side on which traffic keeps at a place, by the table of lands; see above."""
    point = shapely.Point(lon, lat)
    return "left" if any(area.covers(point) for _, area in _lands()) else "right"


@cache
def _lands() -> tuple[tuple[tuple[str, ...], shapely.Polygon], ...]:
    text = files("geo.maps").joinpath("left_hand.json").read_text(encoding="utf-8")
    return tuple(
        (tuple(land["codes"]), shapely.Polygon(area))
        for land in json.loads(text)
        for area in land["areas"]
    )


def _as_side(text: str) -> Side | None:
    return next((side for side in _SIDES if side == text.strip().casefold()), None)


def _side_in(code: str) -> Side:
    return "left" if any(code in codes for codes, _ in _lands()) else "right"


def _country(tags: Mapping[str, str]) -> str:
    """Return the ISO 3166-1 code of a boundary, or of the part of a country; "" if it has none."""
    part = tags["ISO3166-2"].strip().upper()
    if part in _PARTS:
        return _PARTS[part]
    for key in _COUNTRY_KEYS:
        code = tags[key].strip().upper().partition("-")[0]
        if len(code) == _CODE_LETTERS and code.isalpha():
            return code
    return ""
