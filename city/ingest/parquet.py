"""Rows of Parquet and GeoParquet files, a batch at a time."""

import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import shapely

from city.ingest.errors import UnreadableFile
from city.ingest.rows import Row, flat

_AT_ONCE = 1_000
_LON_LAT = {("OGC", "CRS84"), ("EPSG", "4326")}


class ParquetRows:
    """The rows of a file.

    Attributes
    ----------
    crs
        Reference system that the geometry column names, such as ``EPSG:25832``; None for WGS-84.
    total
        Number of rows.

    Raises
    ------
    UnreadableFile
        It is no Parquet file, or is damaged.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._file = pq.ParquetFile(path)
        except OSError as error:
            why = (
                "there is no such file"
                if isinstance(error, FileNotFoundError)
                else "see its rights"
            )
            raise UnreadableFile(f"{path} cannot be read: {why}") from None
        except pa.ArrowException:
            raise UnreadableFile(
                f"{path} is not a Parquet file, or is damaged: write it again"
            ) from None
        self.total = self._file.metadata.num_rows
        self._geometry, self.crs = self._geo()
        self.geometry = bool(self._geometry)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def rows(self) -> Iterator[Row]:
        """Read the rows; points of the geometry column become ``geometry.lon``, ``geometry.lat``.

        Raises
        ------
        UnreadableFile
            The file is damaged beyond some row.
        """
        number = 0
        try:
            for batch in self._file.iter_batches(_AT_ONCE):
                for values in _plain(batch).to_pylist():
                    number += 1
                    yield self._row(number, values)
        except (OSError, pa.ArrowException, UnicodeDecodeError):
            raise UnreadableFile(
                f"{self._path} cannot be read beyond row {number}: it is damaged (write it again)"
            ) from None

    def _row(self, number: int, values: dict[str, object]) -> Row:
        if self._geometry not in values:
            return Row(number, flat(values))
        shape = values.pop(self._geometry)
        found = flat(values)
        if shape is None:
            return Row(number, found)
        try:
            point = shapely.from_wkb(shape)
        except (shapely.errors.ShapelyError, TypeError):
            return Row(number, found, f"its {self._geometry} is not WKB")
        if point.geom_type != "Point" or point.is_empty:
            return Row(number, found, f"its geometry is a {point.geom_type}, not a Point")
        return Row(number, found | {"geometry.lon": point.x, "geometry.lat": point.y})

    def _geo(self) -> tuple[str, str | None]:
        """Return the geometry column and its reference system, by GeoParquet's metadata."""
        try:
            geo = json.loads((self._file.schema_arrow.metadata or {})[b"geo"])
            name = str(geo["primary_column"])
            column = geo["columns"][name]
        except KeyError:
            return "", None
        except (ValueError, TypeError):
            raise UnreadableFile(
                f"{self._path}: its GeoParquet metadata is damaged: write it again"
            ) from None
        crs = column.get("crs")
        if crs is None:
            return name, None
        where = crs.get("id") or {} if isinstance(crs, dict) else {}
        authority = (str(where.get("authority")), str(where.get("code")))
        if authority in _LON_LAT:
            return name, None
        if authority[0] != "EPSG":
            raise UnreadableFile(
                f"{self._path}: the reference system of {name} has no EPSG code: give --crs"
            )
        return name, f"EPSG:{authority[1]}"


def _plain(batch: pa.RecordBatch) -> pa.Table:
    """Return a batch with times to the microsecond: Python's have no nanoseconds."""
    table = pa.Table.from_batches([batch])
    for place, column in enumerate(table.schema):
        if pa.types.is_timestamp(column.type) and column.type.unit == "ns":
            cast = table.column(place).cast(pa.timestamp("us", column.type.tz), safe=False)
            table = table.set_column(place, column.name, cast)
        elif pa.types.is_dictionary(column.type):
            table = table.set_column(
                place, column.name, table.column(place).cast(column.type.value_type)
            )
    return table
