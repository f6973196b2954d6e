"""A city's folder: everything that Jingwei knows about a place.

::

    city.json         format version and manifest
    streets.graphml   the street graph, OSMnx's attribute names
    fences.geojson    district, sub-districts, beats, hazard zones
    places.geojson    stations, hospitals, landmarks and other places that people name
    sensors.geojson   sensors, with their places and observed properties
    units.json        the fleet
    speeds.parquet    speeds of streets by hour of the week; optional
    call_types.csv    what the services' own codes mean (`atlas.call_types`); optional
    demand.csv        where calls come from (`atlas.demand`); optional

Everything is WGS-84. `digest` names a city by its content, so that a journal can say in which
city a decision was made.
"""

import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec
from shapely.geometry import mapping

from atlas.call_types import read_call_types, write_call_types
from atlas.city import CityData, Manifest, Place, Sensor
from atlas.demand import read_demand, write_demand
from atlas.errors import CityError
from geo.errors import GeoError
from geo.fences.index import FenceIndex, fences_from_geojson
from geo.maps.graphml import read_graphml, write_graphml
from geo.routing.arc_speeds import ArcSpeeds
from geo.streets.graph import StreetGraph
from schemas.records import Unit

__all__ = ["FORMAT", "city_files", "load_city", "save_city"]

FORMAT: Final = 1
"""Version of the folder's layout; a reader refuses a newer one."""

_FILES: Final = (
    "city.json",
    "streets.graphml",
    "fences.geojson",
    "places.geojson",
    "sensors.geojson",
    "units.json",
)

_SPEEDS: Final = "speeds.parquet"
_CALL_TYPES: Final = "call_types.csv"
_DEMAND: Final = "demand.csv"

T = TypeVar("T")


def city_files(folder: Path | str) -> tuple[str, ...]:
    """Return the names of the files in a folder that `load_city` reads."""
    names = (*_FILES, _SPEEDS, _CALL_TYPES, _DEMAND)
    return tuple(name for name in names if (Path(folder) / name).is_file())


def load_city(folder: Path | str) -> CityData:
    """Read a city's folder.

    Raises
    ------
    CityError
        The folder or one of its files is missing, of a newer format, unreadable, or its parts
        do not fit together.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise CityError(
            f"no city folder {folder}: make one with `jingwei city make` or `jingwei city import`"
        )
    for name in _FILES:
        if not (folder / name).is_file():
            raise CityError(
                f"{folder} is not a complete city, {name} is missing: make or import it again"
            )
    manifest = _read_manifest(folder / "city.json")
    try:
        streets = read_graphml(folder / "streets.graphml")
        fences = fences_from_geojson(_read_json(folder / "fences.geojson", dict[str, Any]))
        FenceIndex(fences)
    except CityError:
        raise
    except GeoError as error:
        raise CityError(f"the city in {folder} cannot be used: {error}") from error
    try:
        speeds, call_types, demand = (folder / name for name in (_SPEEDS, _CALL_TYPES, _DEMAND))
        return CityData.of(
            manifest,
            streets,
            speeds=_read_speeds(speeds, streets, manifest.timezone) if speeds.exists() else None,
            call_types=read_call_types(call_types) if call_types.exists() else (),
            demand=read_demand(demand) if demand.exists() else (),
            fences=fences,
            places=_read_points(folder / "places.geojson", Place),
            sensors=_read_points(folder / "sensors.geojson", Sensor),
            units=_read_json(folder / "units.json", list[Unit]),
        )
    except GeoError as error:
        raise CityError(f"the city in {folder} cannot be used: {error}") from error


def save_city(city: CityData, folder: Path | str) -> None:
    """Write a city's folder, completely or not at all; replace an existing city.

    Raises
    ------
    CityError
        The folder contains something other than a city, or cannot be written.
    """
    folder = Path(folder).absolute()
    if folder.exists() and not folder.is_dir():
        raise CityError(f"{folder} is a file: name a folder for the city")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / "city.json").is_file():
        raise CityError(f"{folder} is not empty and not a city: name an empty or new folder")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as scratch:
            fresh = Path(scratch) / "new"
            fresh.mkdir()
            _write(city, fresh)
            if folder.exists():
                folder.rename(Path(scratch) / "old")
            fresh.rename(folder)
    except (OSError, shutil.Error) as error:
        raise CityError(f"cannot write the city to {folder}: {error}") from error


class _CityFile(msgspec.Struct, frozen=True):
    format: int
    manifest: Manifest


def _read_manifest(path: Path) -> Manifest:
    version = _read_json(path, dict[str, Any]).get("format")
    if not isinstance(version, int):
        raise CityError(f"{path} has no format version: it is not a city's manifest")
    if version > FORMAT:
        raise CityError(
            f"{path} has format {version}, which is too new: this Jingwei reads up to format "
            f"{FORMAT}; use a newer Jingwei or make the city again"
        )
    return _read_json(path, _CityFile).manifest


def _read_json(path: Path, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, OSError) as error:
        raise CityError(f"{path} cannot be read: {error}") from error


def _read_speeds(path: Path, streets: StreetGraph, timezone: str) -> ArcSpeeds:
    from geo.speeds.files import read_speeds  # noqa: PLC0415 - PyArrow is 40 MB in every worker

    return read_speeds(path, streets, timezone)


def _read_points(path: Path, kind: type[T]) -> list[T]:
    """Read GeoJSON points; their properties are the other fields of the record."""
    features = _read_json(path, dict[str, Any]).get("features")
    if not isinstance(features, list):
        raise CityError(f"{path} is not a GeoJSON FeatureCollection: 'features' is missing")
    found = []
    for number, feature in enumerate(features):
        try:
            lon, lat = feature["geometry"]["coordinates"]
            fields = {
                **feature["properties"],
                "id": feature["id"],
                "point": {"lon": lon, "lat": lat},
            }
            found.append(msgspec.convert(fields, kind))
        except (KeyError, TypeError, ValueError) as error:
            raise CityError(
                f"feature {number} of {path} is not a {kind.__name__.lower()}: {error}"
            ) from error
    return found


def _write(city: CityData, folder: Path) -> None:
    write_graphml(city.streets, folder / "streets.graphml")
    fences = [
        _feature(f.id, mapping(f.geometry), {"kind": f.kind, "name": f.name, **f.attributes})
        for f in city.fences
    ]
    texts: dict[str, bytes] = {
        "city.json": msgspec.json.format(
            msgspec.json.encode(_CityFile(FORMAT, city.manifest)), indent=1
        )
        + b"\n",
        "fences.geojson": _collection(fences),
        "places.geojson": _collection(map(_point_feature, city.places)),
        "sensors.geojson": _collection(map(_point_feature, city.sensors)),
        "units.json": _lines(b"[", city.units, b"]"),
    }
    for name, text in texts.items():
        (folder / name).write_bytes(text)
    if city.speeds is not None:
        from geo.speeds.files import write_speeds  # noqa: PLC0415 - it needs PyArrow, as below

        write_speeds(city.speeds, city.streets, folder / _SPEEDS)
    if city.call_types:
        write_call_types(city.call_types, folder / _CALL_TYPES)
    if city.demand:
        write_demand(city.demand, folder / _DEMAND)


def _point_feature(record: Place | Sensor) -> dict[str, Any]:
    fields = {name: getattr(record, name) for name in record.__struct_fields__}
    point = fields.pop("point")
    geometry = {"type": "Point", "coordinates": [point.lon, point.lat]}
    return _feature(fields.pop("id"), geometry, fields)


def _feature(
    feature_id: str, geometry: Mapping[str, Any], properties: Mapping[str, Any]
) -> dict[str, Any]:
    return {"type": "Feature", "id": feature_id, "geometry": geometry, "properties": properties}


def _collection(features: Iterable[dict[str, Any]]) -> bytes:
    return _lines(b'{"type":"FeatureCollection","features":[', features, b"]}")


def _lines(
    opening: bytes,
    items: Iterable[object],
    closing: bytes,
    encode: Callable[[object], bytes] = msgspec.json.encode,
) -> bytes:
    """Return JSON with one item per line, so that a changed city makes a short diff."""
    return opening + b"\n" + b",\n".join(map(encode, items)) + b"\n" + closing + b"\n"
