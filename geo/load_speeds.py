"""Read and write a city's historic speeds: a Parquet table of arc, hour, kph and samples.

``arc`` is an arc's id (text), ``hour`` that of the week (0 to 167, Monday 00:00 first), ``kph`` a
civilian speed, ``samples`` the number of drives behind it. Tables from elsewhere may come without
the last, and in any order.
"""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from geo.arc_speeds import ArcSpeeds
from geo.errors import BadSpeeds, CityError, UnknownArc
from geo.streets import StreetGraph

__all__ = ["read_speeds", "write_speeds"]

_COLUMNS = {"arc": pa.string(), "hour": pa.int64(), "kph": pa.float64(), "samples": pa.int64()}


def read_speeds(path: Path, streets: StreetGraph, timezone: str) -> ArcSpeeds:
    """Read a table of speeds for a map.

    Raises
    ------
    CityError
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
        raise CityError(
            f"{path} is no table of speeds with the columns arc, hour and kph: {error}"
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
        raise CityError(
            f"{path} does not fit the city's streets: {error}; learn the speeds again, or take "
            "the file away to do without"
        ) from error


def write_speeds(speeds: ArcSpeeds, streets: StreetGraph, path: Path) -> None:
    """Write a table of speeds, whole or not at all; one that is there already is replaced.

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
