"""Read and write a city's historic speeds: a Parquet table of arc, hour, kph and samples.

``arc`` is an arc's id (text), ``hour`` the hour of the week (0 to 167, Monday 00:00 first), ``kph``
a civilian speed, ``samples`` its number of drives. Tables from other sources may be in any order
and without ``samples``.
"""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from geo.errors import BadSpeeds, UnknownArc
from geo.routing.arc_speeds import ArcSpeeds
from geo.streets.graph import StreetGraph

__all__ = ["read_speeds", "write_speeds"]

_COLUMNS = {"arc": pa.string(), "hour": pa.int64(), "kph": pa.float64(), "samples": pa.int64()}


def read_speeds(path: Path, streets: StreetGraph, timezone: str) -> ArcSpeeds:
    """Read a table of speeds for a map.

    Raises
    ------
    BadSpeeds
        The file cannot be read, or its rows do not fit the map.
    """
    try:
        with pq.ParquetFile(path) as file:
            table = file.read()
        columns = {
            name: table[name].cast(kind).to_numpy()
            for name, kind in _COLUMNS.items()
            if name != "samples" or name in table.column_names
        }
        if any(table[name].null_count for name in columns):
            raise ValueError("a value is missing")  # noqa: TRY301 - one sentence for all faults
    except (OSError, KeyError, ValueError, pa.ArrowException) as error:
        raise BadSpeeds(
            f"{path} is not a table of speeds with the columns arc, hour and kph: {error}"
        ) from error
    try:
        return ArcSpeeds.of(
            streets,
            timezone,
            arc_ids=columns["arc"].tolist(),
            hours=columns["hour"],
            kph=columns["kph"],
            samples=columns.get("samples"),
        )
    except (BadSpeeds, UnknownArc, ValueError) as error:
        raise BadSpeeds(
            f"{path} does not fit the city's streets: {error}; learn the speeds again, or remove "
            "the file to use the map's speeds"
        ) from error


def write_speeds(speeds: ArcSpeeds, streets: StreetGraph, path: Path) -> None:
    """Write a table of speeds, completely or not at all; replace an existing one.

    Raises
    ------
    OSError
    """
    ids = streets.arcs.id
    table = pa.table(
        {
            "arc": pa.array([ids[i] for i in speeds.arc.tolist()], pa.string()),
            "hour": pa.array(speeds.hour, pa.int64()),
            "kph": pa.array(speeds.kph, pa.float64()),
            "samples": pa.array(speeds.samples, pa.int64()),
        }
    )
    draft = path.with_name(f".{path.name}.new")
    try:
        pq.write_table(table, draft, compression="zstd")
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
