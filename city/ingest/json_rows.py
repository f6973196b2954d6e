"""Rows of JSON: one object a line, a list of objects, a collection of features."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec

from city.ingest.csv_rows import taken_fault
from city.ingest.errors import UnreadableFile
from city.ingest.lines import Lines
from city.ingest.rows import Row, flat

_MAX_ELEMENT = 4_000_000
_MAX_WRAPPED = 100_000_000
"""This many characters are held in memory if the list of objects is not outermost."""
_FEATURES = re.compile(r'"features"\s*:\s*\[')
_CRS = re.compile(r'"crs"\s*:\s*')
_SEPARATORS = re.compile(r"[\s,]*")
_HELD = 2
"""Lists of objects are looked for to this depth."""


def json_lines(lines: Lines) -> Iterator[Row]:
    """Read JSON Lines: one object a line."""
    for text in lines:
        fault = taken_fault(lines)
        if fault:
            yield Row(lines.number, fault=fault)
        elif text.strip():
            yield _row_of_line(text, lines.number)


def json_elements(lines: Lines) -> Iterator[Row]:
    """Read JSON of any form: a list of objects, features, an object with one list, or lines.

    Raises
    ------
    UnreadableFile
        It is damaged, or has no list of objects, or several ones.
    """
    pieces, buffer = lines.pieces(), ""
    while not buffer.strip():
        more = next(pieces, None)
        if more is None:
            raise UnreadableFile("the file is empty: JSON needs a list of objects")
        buffer += more
    if buffer.lstrip().startswith("["):
        line = 1 + buffer[: buffer.index("[")].count("\n")
        yield from _elements(pieces, buffer[buffer.index("[") + 1 :], line)
        return
    while _FEATURES.search(buffer) is None and len(buffer) <= _MAX_WRAPPED:
        more = next(pieces, None)
        if more is None:
            yield from _wrapped(buffer)
            return
        buffer += more
    found = _FEATURES.search(buffer)
    if found is None:
        raise UnreadableFile(
            f"the file has more than {_MAX_WRAPPED:,} characters, and its list of objects is not "
            "outermost: take the list out, or write one object a line (--format jsonl)"
        )
    yield from _elements(
        pieces, buffer[found.end() :], 1 + buffer.count("\n", 0, found.end()), features=True
    )


def geojson_features(lines: Lines) -> Iterator[Row]:
    """Read the features of a FeatureCollection piece by piece.

    Raises
    ------
    UnreadableFile
        It has no features, or is damaged.
    """
    pieces, buffer = lines.pieces(), ""
    while (start := _FEATURES.search(buffer)) is None:
        more = next(pieces, None)
        if more is None or len(buffer) > _MAX_ELEMENT:
            raise UnreadableFile(
                "the file is not a GeoJSON FeatureCollection: it has no list of features. For one "
                "feature per line use --format jsonl, for other JSON --format json"
            )
        buffer += more
    line = 1 + buffer.count("\n", 0, start.end())
    yield from _elements(pieces, buffer[start.end() :], line, features=True)


def declared_crs(path: Path, encoding: str | None = None) -> str | None:
    """Return the reference system that a GeoJSON file names before its features, if any.

    RFC 7946 has removed it (always WGS-84), but older files and GIS exports have it.
    """
    with Lines(path, encoding) as lines:
        head = ""
        for piece in lines.pieces():
            head += piece
            if _FEATURES.search(head) or len(head) > _MAX_ELEMENT:
                break
    features = _FEATURES.search(head)
    if features is None:
        return None
    found = _CRS.search(head, 0, features.start())
    if found is None:
        return None
    try:
        crs, _ = json.JSONDecoder().raw_decode(head, found.end())
        return None if crs is None else str(crs["properties"]["name"])
    except (ValueError, KeyError, TypeError) as error:
        raise UnreadableFile(
            "the GeoJSON file's crs has no name: give --crs, which overrides it"
        ) from error


def _elements(
    pieces: Iterator[str], buffer: str, line: int, *, features: bool = False
) -> Iterator[Row]:
    """Read the elements of a list whose opening bracket has been read."""
    decoder, number = json.JSONDecoder(), 0
    while True:
        between = _SEPARATORS.match(buffer)
        assert between is not None, "the pattern matches the empty text"
        line += buffer.count("\n", 0, between.end())
        buffer = buffer[between.end() :]
        if buffer.startswith("]"):
            return
        try:
            element, end = decoder.raw_decode(buffer)
        except (ValueError, RecursionError):
            more = next(pieces, None)
            if more is None or len(buffer) > _MAX_ELEMENT:
                what = "feature" if features else "element"
                raise UnreadableFile(
                    f"line {line}: {what} {number + 1} is not JSON, or the file is cut short: "
                    f"{buffer[:40]!r}"
                ) from None
            buffer += more
            continue
        number += 1
        yield _feature(element, line) if features else _object(element, line, number)
        line += buffer.count("\n", 0, end)
        buffer = buffer[end:]


def _wrapped(text: str) -> Iterator[Row]:
    """Read an object that holds one list of objects, or is a row itself; or JSON Lines."""
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        first, *rest = text.strip().splitlines()
        if rest and not _row_of_line(first, 1).fault:
            for number, line in enumerate(text.splitlines(), start=1):
                if line.strip():
                    yield _row_of_line(line, number)
            return
        raise UnreadableFile(f"the file is not JSON: {error}") from None
    lists = dict(_lists(value)) if isinstance(value, dict) else {}
    if len(lists) > 1:
        raise UnreadableFile(
            f"the file has several lists of objects, {', '.join(map(repr, lists))}: copy the "
            "one to ingest into a separate file"
        )
    elements = next(iter(lists.values())) if lists else [value]
    for number, element in enumerate(elements, start=1):
        yield _object(element, 1, number)


def _lists(
    value: dict[str, object], prefix: str = "", depth: int = 1
) -> Iterator[tuple[str, list[object]]]:
    for name, inner in value.items():
        if isinstance(inner, list) and inner and all(isinstance(one, dict) for one in inner):
            yield prefix + name, inner
        elif isinstance(inner, dict) and depth < _HELD:
            yield from _lists(inner, f"{prefix}{name}.", depth + 1)


def _row_of_line(text: str, line: int) -> Row:
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        return Row(line, fault=f"not JSON: {error}")
    if not isinstance(value, dict):
        return Row(line, fault="the line is not a JSON object")
    return _feature(value, line) if value.get("type") == "Feature" else Row(line, flat(value))


def _object(element: object, line: int, number: int) -> Row:
    if not isinstance(element, dict):
        return Row(line, fault=f"{element!r:.40} is not a JSON object", element=number)
    if element.get("type") == "Feature":
        row = _feature(element, line)
        return Row(line, row.values, row.fault, number)
    return Row(line, flat(element), element=number)


def _feature(feature: object, line: int) -> Row:
    if not isinstance(feature, dict):
        return Row(line, fault="this is not a GeoJSON feature")
    if feature.get("type") != "Feature":
        return _arcgis(feature, line)
    properties = feature.get("properties")
    values = flat(properties) if isinstance(properties, dict) else {}
    if feature.get("id") is not None:
        values.setdefault("id", feature["id"])
    geometry = feature.get("geometry")
    if geometry is None:
        return Row(line, values)
    match geometry:
        case {"type": "Point", "coordinates": [lon, lat, *_]}:
            return Row(line, values | {"geometry.lon": lon, "geometry.lat": lat})
        case {"type": str(kind)} if kind != "Point":
            return Row(line, values, f"its geometry is a {kind}, not a Point")
        case _:
            return Row(line, values, "its geometry is not a Point with coordinates")


def _arcgis(feature: dict[str, object], line: int) -> Row:
    """Return the row of a feature as ArcGIS servers answer it."""
    match feature:
        case {"attributes": dict(values), "geometry": {"x": x, "y": y}}:
            return Row(line, flat(values) | {"geometry.lon": x, "geometry.lat": y})
        case {"attributes": dict(values)} if feature.get("geometry") is None:
            return Row(line, flat(values))
        case {"attributes": dict(values)}:
            return Row(line, flat(values), "its geometry is not a point")
        case _:
            return Row(line, fault="this is not a GeoJSON feature")
