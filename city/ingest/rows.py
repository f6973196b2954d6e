"""CSV, JSON Lines and GeoJSON as rows: names to values, and the line each begins on."""

import csv
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import msgspec

from city.ingest.errors import BadOption, UnreadableFile
from city.ingest.lines import Lines

Format = Literal["csv", "jsonl", "geojson"]

_SUFFIXES: dict[str, Format] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".geojson": "geojson",
    ".geojsonl": "jsonl",
    ".json": "geojson",
}
_MAX_FEATURE = 4_000_000
_FEATURES = re.compile(r'"features"\s*:\s*\[')
_CRS = re.compile(r'"crs"\s*:\s*')
_SEPARATORS = re.compile(r"[\s,]*")


@dataclass(frozen=True)
class Row:
    """One row.

    Attributes
    ----------
    line
        Where it begins, from 1.
    values
        Texts from CSV; JSON values otherwise, objects flattened to ``outer.inner``.
    fault
        Why it cannot be used, empty if it can.
    """

    line: int
    values: Mapping[str, object] = field(default_factory=dict)
    fault: str = ""


def format_of(path: Path) -> Format:
    """Return the format that a file's name says.

    Raises
    ------
    BadOption
    """
    suffixes = [suffix.lower() for suffix in path.suffixes if suffix.lower() != ".gz"]
    found = _SUFFIXES.get(suffixes[-1]) if suffixes else None
    if found is None:
        raise BadOption(
            f"the name {path.name} does not say its format: give --format csv, jsonl or geojson"
        )
    return found


def read_rows(lines: Lines, form: Format) -> Iterator[Row]:
    """Read a file's rows one after the other.

    Raises
    ------
    UnreadableFile
        No header, or no features; or a damaged file.
    """
    reader = {"csv": _csv_rows, "jsonl": _json_rows, "geojson": _features}[form]
    return reader(lines)


def declared_crs(path: Path, encoding: str = "utf-8") -> str | None:
    """Return the reference system that a GeoJSON file names before its features, if any.

    RFC 7946 has none any more (WGS-84 always); older files and GIS exports do.
    """
    with Lines(path, encoding) as lines:
        head = ""
        for piece in lines.pieces():
            head += piece
            if _FEATURES.search(head) or len(head) > _MAX_FEATURE:
                break
    features = _FEATURES.search(head)
    found = _CRS.search(head, 0, features.start() if features else len(head))
    if found is None:
        return None
    try:
        crs, _ = json.JSONDecoder().raw_decode(head, found.end())
        return None if crs is None else str(crs["properties"]["name"])
    except (ValueError, KeyError, TypeError) as error:
        raise UnreadableFile(
            "the GeoJSON file's crs has no name: give --crs, which goes before it"
        ) from error


def _csv_rows(lines: Lines) -> Iterator[Row]:
    source = iter(lines)
    header = next((line for line in source if line.strip()), None)
    if header is None:
        raise UnreadableFile("the file is empty: a CSV file begins with a line of column names")
    if lines.faults:
        raise UnreadableFile(f"line {lines.number}: {lines.faults[lines.number]}")
    delimiter = max(",;\t|", key=header.count)
    names = [name.strip() for name in next(csv.reader([header], delimiter=delimiter))]
    if len(set(names)) != len(names):
        twice = sorted({name for name in names if names.count(name) > 1})
        raise UnreadableFile(
            f"line {lines.number}: the column names {', '.join(map(repr, twice))} stand there "
            "twice: rename them"
        )
    reader = csv.reader(source, delimiter=delimiter)
    while True:
        line = lines.number + 1
        try:
            values = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Row(line, fault=f"no CSV: {error}")
            continue
        fault = _taken_fault(lines)
        if fault:
            yield Row(line, dict(zip(names, values, strict=False)), fault)
        elif values and len(values) != len(names):
            yield Row(line, fault=f"{len(values)} values for {len(names)} columns")
        elif values:
            yield Row(line, dict(zip(names, values, strict=True)))


def _json_rows(lines: Lines) -> Iterator[Row]:
    for text in lines:
        fault = _taken_fault(lines)
        if fault:
            yield Row(lines.number, fault=fault)
        elif text.strip():
            yield _json_row(text, lines.number)


def _json_row(text: str, line: int) -> Row:
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        return Row(line, fault=f"no JSON: {error}")
    if not isinstance(value, dict):
        return Row(line, fault="the line is no JSON object")
    return _feature_row(value, line) if value.get("type") == "Feature" else Row(line, _flat(value))


def _features(lines: Lines) -> Iterator[Row]:
    """Read the features of a FeatureCollection without holding more than a piece of them."""
    pieces, decoder = lines.pieces(), json.JSONDecoder()
    buffer = ""
    while (start := _FEATURES.search(buffer)) is None:
        more = next(pieces, None)
        if more is None or len(buffer) > _MAX_FEATURE:
            raise UnreadableFile(
                "the file is no GeoJSON FeatureCollection: it has no list of features. One "
                "feature a line is --format jsonl"
            )
        buffer += more
    line = 1 + buffer.count("\n", 0, start.end())
    buffer = buffer[start.end() :]
    while True:
        between = _SEPARATORS.match(buffer)
        assert between is not None, "the pattern matches the empty text"
        line += buffer.count("\n", 0, between.end())
        buffer = buffer[between.end() :]
        if buffer.startswith("]"):
            return
        try:
            feature, end = decoder.raw_decode(buffer)
        except (ValueError, RecursionError) as error:
            more = next(pieces, None)
            if more is None or len(buffer) > _MAX_FEATURE:
                raise UnreadableFile(
                    f"line {line}: the feature there is no JSON: {error}"
                ) from None
            buffer += more
            continue
        yield _feature_row(feature, line)
        line += buffer.count("\n", 0, end)
        buffer = buffer[end:]


def _feature_row(feature: object, line: int) -> Row:
    if not isinstance(feature, dict) or feature.get("type") != "Feature":
        return Row(line, fault="this is no GeoJSON feature")
    properties = feature.get("properties")
    values = _flat(properties) if isinstance(properties, dict) else {}
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
            return Row(line, values, "its geometry is no Point with coordinates")


def _flat(value: Mapping[str, object], prefix: str = "") -> dict[str, object]:
    flat: dict[str, object] = {}
    for name, inner in value.items():
        if isinstance(inner, dict):
            flat |= _flat(inner, f"{prefix}{name}.")
        else:
            flat[prefix + name] = inner
    return flat


def _taken_fault(lines: Lines) -> str:
    fault = "; ".join(lines.faults.values())
    lines.faults.clear()
    return fault
