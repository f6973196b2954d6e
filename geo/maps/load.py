"""Read a street graph from a file, whatever its format."""

from pathlib import Path
from typing import Literal

from geo.errors import BadMap
from geo.maps.graphml import read_graphml
from geo.streets.graph import StreetGraph

__all__ = ["is_osm", "load_streets"]

_OSM = (".osm", ".osm.gz", ".osm.bz2", ".osm.xml", ".pbf")


def is_osm(path: Path | str) -> bool:
    """Whether a file is, by its name, an OSM extract, which has more than streets."""
    return Path(path).name.casefold().endswith(_OSM)


def load_streets(
    path: Path | str, *, driving_side: Literal["left", "right"] | None = None
) -> StreetGraph:
    """Read OSM XML, OSM PBF, GraphML, GeoPackage or GeoParquet, chosen by the file's suffix.

    Parameters
    ----------
    driving_side
        The side of the street that traffic keeps to; by default what an OSM file tells
        (`geo.maps.driving_side`) or a GraphML file states, otherwise right.

    Raises
    ------
    BadMap
        The suffix is unknown, or the file cannot be used.
    """
    name = Path(path).name.casefold()
    if is_osm(path):
        from geo.maps.osm import read_osm  # noqa: PLC0415 - a worker needs no osmium

        return read_osm(path, driving_side=driving_side)
    if name.endswith((".graphml", ".graphml.xml")):
        return read_graphml(path, driving_side=driving_side)
    if name.endswith((".gpkg", ".parquet")):
        from geo.maps.frame import read_frame  # noqa: PLC0415 - GeoPandas takes a second to load

        return read_frame(path, driving_side=driving_side)
    raise BadMap(
        f"{path} has an unknown map format: give .osm, .osm.pbf, .graphml, .gpkg or .parquet"
    )
