"""Read a street graph from a file, whatever its format."""

from pathlib import Path

from geo.errors import BadMap
from geo.load_graphml import read_graphml
from geo.load_osm import read_osm
from geo.streets import StreetGraph

__all__ = ["is_osm", "load_streets"]

_OSM = (".osm", ".osm.gz", ".osm.bz2", ".osm.xml", ".pbf")


def is_osm(path: Path | str) -> bool:
    """Tell by its name whether a file is an OSM extract, which has more than streets."""
    return Path(path).name.casefold().endswith(_OSM)


def load_streets(path: Path | str) -> StreetGraph:
    """Read OSM XML, OSM PBF, GraphML, GeoPackage or GeoParquet, chosen by the file's suffix.

    Raises
    ------
    BadMap
        The suffix is unknown, or the file cannot be used.
    """
    name = Path(path).name.casefold()
    if is_osm(path):
        return read_osm(path)
    if name.endswith((".graphml", ".graphml.xml")):
        return read_graphml(path)
    if name.endswith((".gpkg", ".parquet")):
        from geo.load_frame import read_frame  # noqa: PLC0415 - GeoPandas takes a second to load

        return read_frame(path)
    raise BadMap(
        f"{path} is no map format known here: give .osm, .osm.pbf, .graphml, .gpkg or .parquet"
    )
