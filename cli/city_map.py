"""A picture of a city's streets to check a map: classes, disconnected parts, turn restrictions."""

from pathlib import Path
from typing import Final

import geopandas as gpd
import matplotlib as mpl
import numpy as np
import shapely
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from atlas.city import CityData
from cli.map import MapNotWritten
from geo.streets.columns import BoolArray

__all__ = ["write_city_map"]

_DPI: Final = 150
_INCHES: Final = 11.0
# Road classes by name, colour and width in points; the last is for all other classes.
_CLASSES: Final = (
    ("expressways", ("motorway", "trunk", "motorway_link", "trunk_link"), "#b8651b", 2.2),
    ("primary", ("primary", "primary_link"), "#d9a441", 1.8),
    ("secondary", ("secondary", "secondary_link"), "#7d8ca3", 1.5),
    ("tertiary", ("tertiary", "tertiary_link"), "#a3afc0", 1.1),
    ("other streets", (), "#c9cfd6", 0.7),
)
_CREW: Final = "#2f6fb0"
_CUT_OFF: Final = "#c62828"
_BANNED: Final = "#7b1fa2"
_SIGNAL: Final = "#2e7d32"


def write_city_map(city: CityData, out: Path) -> None:
    """Draw a city's streets to a PNG file, completely or not at all.

    Raises
    ------
    MapNotWritten
    """
    with mpl.rc_context({"font.family": "DejaVu Sans"}):
        figure = _drawn(city)
        partial = out.with_name(f".{out.name}.partial")
        try:
            figure.savefig(partial, format="png", dpi=_DPI)
            partial.replace(out)
        except OSError as error:
            raise MapNotWritten(
                f"cannot write the picture to {out}: {error}; name another file"
            ) from error


def _drawn(city: CityData) -> Figure:
    streets = city.streets
    arcs, nodes = streets.arcs, streets.nodes
    once = (arcs.twin < 0) | (arcs.twin > np.arange(len(arcs)))
    cut_off = ~(nodes.in_largest[arcs.tail] & nodes.in_largest[arcs.head])
    lines = gpd.GeoSeries(arcs.line[:], crs="EPSG:4326")
    lines = lines.to_crs(lines.estimate_utm_crs())
    west, south, east, north = lines.total_bounds
    share = float(np.clip((north - south) / max(east - west, 1.0), 0.4, 1.6))
    figure = Figure(figsize=(_INCHES, _INCHES * share + 1.5), layout="constrained")
    axes: Axes = figure.add_subplot()
    legend: list[Line2D] = []
    for name, chosen, colour, width in _by_class(city):
        _plot(axes, lines[chosen & once & ~cut_off], colour, width)
        legend.append(Line2D([], [], color=colour, linewidth=width, label=name))
    for name, chosen, colour in (
        ("outside the largest part", cut_off, _CUT_OFF),
        ("emergency vehicles only", arcs.emergency_only, _CREW),
    ):
        _plot(axes, lines[chosen & once], colour, 1.3)
        legend.append(Line2D([], [], color=colour, linewidth=1.3, label=name))
    banned = sorted({ban[-1] for ban in streets.turns.banned})
    for name, points, colour, marker, size in (
        ("signals", np.flatnonzero(nodes.signal), _SIGNAL, "o", 9.0),
        ("a turn is banned", np.unique(arcs.tail[banned]), _BANNED, "X", 34.0),
    ):
        spots = gpd.GeoSeries(
            shapely.points(nodes.lon[points], nodes.lat[points]), crs="EPSG:4326"
        ).to_crs(lines.crs)
        if len(spots):
            spots.plot(ax=axes, color=colour, marker=marker, markersize=size, zorder=6)
        legend.append(
            Line2D(
                [], [], color=colour, marker=marker, linestyle="", label=f"{name} ({len(spots)})"
            )
        )
    _frame(axes, city, legend)
    return figure


def _by_class(city: CityData) -> list[tuple[str, BoolArray, str, float]]:
    """Return name, arcs, colour and width of each road class, the smallest streets first."""
    edges = sorted(city.streets.graph.edges(keys=True, data=True), key=lambda edge: edge[:3])
    given = [data.get("highway") for *_, data in edges]
    kinds = np.array([str(kind[0] if isinstance(kind, list) and kind else kind) for kind in given])
    left = np.ones(len(kinds), dtype=np.bool_)
    found = []
    for name, members, colour, width in _CLASSES:
        chosen = left & np.isin(kinds, members) if members else left
        left = left & ~chosen
        found.append((name, chosen, colour, width))
    return found[::-1]


def _plot(axes: Axes, lines: gpd.GeoSeries, colour: str, width: float) -> None:
    if len(lines):
        lines.plot(ax=axes, color=colour, linewidth=width, zorder=3)


def _frame(axes: Axes, city: CityData, legend: list[Line2D]) -> None:
    report = city.streets.report
    axes.set_axis_off()
    axes.set_aspect("equal")
    axes.set_title(
        f"{city.manifest.name_en or city.manifest.region}: {report.nodes} crossings, "
        f"{report.arcs} arcs, {report.components} part(s), {report.restrictions} restrictions "
        f"({len(report.unresolved)} unresolved)",
        fontsize=11,
    )
    axes.legend(
        handles=legend, loc="upper center", bbox_to_anchor=(0.5, 0.0), ncols=5, fontsize=8,
        frameon=False,
    )  # fmt: skip
