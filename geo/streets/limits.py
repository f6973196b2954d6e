"""How high, wide, heavy and long a vehicle may be on a street, by its signs.

Tags are as in OpenStreetMap's wiki ("Key:maxheight" and so on): metres and tonnes without a unit,
otherwise ``m``, ``cm``, ``ft`` and ``in`` (``12'6"``), ``t``, ``kg``, ``lbs``, ``st`` (short tons,
0.90718474 t). What is built (``maxheight:physical``) counts like what is signed; the lower decides.
``default``, ``none``, ``unsigned`` and ``below_default`` state no figure.
"""

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

import numpy as np

from geo.crs import FloatArray

__all__ = ["LIMITS", "SIZES", "limits_of", "parse_length_m", "parse_weight_t"]

LIMITS: Final[Mapping[str, tuple[str, ...]]] = {
    "height_m": ("maxheight", "maxheight:physical"),
    "width_m": ("maxwidth", "maxwidth:physical"),
    "weight_t": ("maxweight", "maxweightrating"),
    "length_m": ("maxlength",),
}
"""Tags of each limit."""
SIZES: Final = tuple(LIMITS)
_UNITS_M: Final = {"": 1.0, "m": 1.0, "cm": 0.01, "ft": 0.3048, "in": 0.0254}
_UNITS_T: Final = {
    **dict.fromkeys(("", "t", "to", "tonnes"), 1.0),
    "kg": 0.001,
    **dict.fromkeys(("lb", "lbs"), 0.00045359237),
    "st": 0.90718474,
}
_NUMBER = re.compile(r"(\d+(?:[.,]\d+)?)\s*([a-z]*)")
_FEET = re.compile(r"(\d+(?:\.\d+)?)\s*'\s*(?:(\d+(?:\.\d+)?)\s*(?:\"|''))?")
_INCHES = re.compile(r"(\d+(?:\.\d+)?)\s*(?:\"|'')")


def parse_length_m(value: object) -> float | None:
    """Parse a height, width or length: ``3.8``, ``3.8 m``, ``12'6"``, ``12 ft``.

    Returns
    -------
    float or None
        Metres; None if the value states no figure, or an absurd one.
    """
    return _least(value, _length)


def parse_weight_t(value: object) -> float | None:
    """Parse a weight: ``7.5``, ``7.5 t``, ``35000 kg``, ``10 st``, ``8000 lbs``; tonnes or None."""
    return _least(value, _weight)


def limits_of(edges: Iterable[Mapping[str, Any]]) -> dict[str, FloatArray]:
    """Return the limits of edges with OSMnx's attribute names, by size.

    Returns
    -------
    dict
        For each of `SIZES` that any edge limits, metres or tonnes, shape (edges,); inf without
        a limit.
    """
    columns: dict[str, list[float]] = {size: [] for size in SIZES}
    for data in edges:
        for size, tags in LIMITS.items():
            parse = parse_weight_t if size == "weight_t" else parse_length_m
            found = [x for tag in tags if tag in data and (x := parse(data[tag])) is not None]
            columns[size].append(min(found, default=math.inf))
    arrays = {size: np.array(column, dtype=np.float64) for size, column in columns.items()}
    return {size: column for size, column in arrays.items() if np.isfinite(column).any()}


def _least(value: object, parse: Any) -> float | None:  # noqa: ANN401 - one of two functions below
    values = value if isinstance(value, list | tuple) else [value]
    parts = [part for each in values for part in str(each).split(";")]
    found = [number for part in parts if (number := parse(part)) is not None]
    usable = [number for number in found if 0.0 < number < math.inf]
    return min(usable, default=None)


def _length(text: str) -> float | None:
    text = text.strip().casefold().replace("′", "'").replace("″", '"')
    if found := _FEET.fullmatch(text):
        return float(found[1]) * 0.3048 + float(found[2] or 0.0) * 0.0254
    if found := _INCHES.fullmatch(text):
        return float(found[1]) * 0.0254
    return _with_unit(text, _UNITS_M)


def _weight(text: str) -> float | None:
    return _with_unit(text.strip().casefold(), _UNITS_T)


def _with_unit(text: str, units: Mapping[str, float]) -> float | None:
    found = _NUMBER.fullmatch(text)
    if found is None or found[2] not in units:
        return None
    return float(found[1].replace(",", ".")) * units[found[2]]
