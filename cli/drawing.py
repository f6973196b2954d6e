"""The picture of a city: streets, stations, incidents, units and routes on one sheet.

Drawn in the metric projection of the city's UTM zone. A severity has a shape and a number
beside its colour, a unit's state a shape beside its colour.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any
from zoneinfo import ZoneInfo

import geopandas
import matplotlib as mpl
import numpy as np
import numpy.typing as npt
import shapely
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from atlas.city import CityData
from cli.map_margin import Margin
from cli.map_symbols import (
    CLOSED,
    LIKE,
    ROUTE,
    SEVERITIES,
    STATIONS,
    UNITS,
    Words,
    active,
    chinese_font,
    severity_letter,
)
from cli.output import clean, severity_order
from geo.crs import FloatArray
from schemas import codes
from schemas.snapshot import Snapshot

DPI = 150
_WGS84 = "EPSG:4326"
_WHEN = "%Y-%m-%d %H:%M:%S %z"
_HEIGHT, _SIDE, _EDGES, _HEAD = 10.0, 4.4, 0.15, 0.6
"""Inches: height of the sheet, column beside the map, margins, title."""
_WIDTHS = (5.6, 12.0)
"""Least and greatest width of the map in inches; in between, it follows the city's shape."""
_PAPER, _LAND, _EDGE = "#eef0f2", "#fbfaf7", "#8d99a6"
_WARDS = ("#fdfcf9", "#f5f3ec", "#f0f3ee", "#f4f1f3")
_HALO = [patheffects.withStroke(linewidth=2.2, foreground="white")]

# By road class, the widest last: width in points, fill, casing.
_STREETS: tuple[tuple[tuple[str, ...], float, str, str], ...] = (
    (("service", "living_street", "unclassified", "residential", "busway"), 0.6, "#d4d7da", ""),
    (("tertiary", "tertiary_link"), 1.0, "#c3c8cd", ""),
    (("secondary", "secondary_link"), 1.7, "#ffffff", "#b9c0c7"),
    (("primary", "primary_link"), 2.4, "#fdeecb", "#c9b98c"),
    (("motorway", "trunk", "motorway_link", "trunk_link"), 3.0, "#f7d69b", "#b8965a"),
)
_CLOSE_UP_M, _CLOSE_PAD_M = 600.0, 150.0


def draw(
    city: CityData,
    snapshot: Snapshot,
    incident: str | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Figure:
    """Return the picture of a city at a moment.

    Parameters
    ----------
    snapshot
        Incidents, units, assignments and conditions to show.
    incident
        Id of the incident to zoom in on; None for the whole city.
    say
        Called with a line if there is no font for Chinese.
    """
    chinese = chinese_font(say)
    with mpl.rc_context({"font.family": [*chinese, "DejaVu Sans"], "axes.unicode_minus": False}):
        sheet = _Sheet(city, snapshot, chinese=bool(chinese))
        sheet.ground()
        sheet.streets()
        sheet.closures()
        sheet.stations()
        sheet.routes()
        sheet.units()
        sheet.incidents()
        sheet.frame(incident)
        sheet.margin()
    return sheet.figure


class _Sheet:
    """One picture being drawn, layer by layer, the lowest first."""

    def __init__(self, city: CityData, snapshot: Snapshot, *, chinese: bool) -> None:
        self.city, self.snapshot, self.words = city, snapshot, Words(chinese=chinese)
        self.crs = self._series([shapely.box(*city.manifest.bounds)]).estimate_utm_crs()
        west, south, east, north = self._extent(None)
        high = _HEIGHT - _HEAD - _EDGES
        wide = float(np.clip(high * (east - west) / (north - south), *_WIDTHS))
        self.ratio = wide / high
        sheet = wide + _SIDE + 3 * _EDGES
        self.figure = Figure(figsize=(sheet, _HEIGHT), facecolor="white")
        bottom, height = _EDGES / _HEIGHT, high / _HEIGHT
        self.axes: Axes = self.figure.add_axes((_EDGES / sheet, bottom, wide / sheet, height))
        self.side: Axes = self.figure.add_axes(
            ((wide + 2 * _EDGES) / sheet, bottom, _SIDE / sheet, height)
        )
        self.open = [i for i in snapshot.incidents if codes.incident_state(i.state).open]
        self.open.sort(key=lambda i: (severity_order(i), i.opened_at, i.id))
        self._taken: list[tuple[float, float, float, float]] = []

    def ground(self) -> None:
        """Draw the district and its sub-districts with their names."""
        self.axes.set_facecolor(_PAPER)
        for kind, edge, width, style in (
            ("district", _EDGE, 1.8, "-"),
            ("subdistrict", _EDGE, 0.7, (0, (5, 3))),
        ):
            shapes = [fence for fence in self.city.fences if fence.kind == kind]
            if not shapes:
                continue
            fills = (
                [_LAND]
                if kind == "district"
                else [_WARDS[n % len(_WARDS)] for n in range(len(shapes))]
            )
            self._metric([fence.geometry for fence in shapes]).plot(
                ax=self.axes,
                color=fills,
                edgecolor=edge,
                linewidth=width,
                linestyle=style,
                zorder=1 if kind == "district" else 2,
            )

    def names(self) -> None:
        """Write the sub-districts' names, if there is room."""
        for fence in self.city.fences:
            if fence.kind != "subdistrict":
                continue
            spot = self._metric([fence.geometry.representative_point()]).iloc[0]
            name = fence.name if self.words.chinese else str(fence.attributes.get("name_en") or "")
            if name and self._free(
                (spot.x, spot.y), 6.5 * len(name) * (2 if self.words.chinese else 1)
            ):
                self.axes.text(
                    spot.x,
                    spot.y,
                    clean(name),
                    fontsize=9,
                    color="#69747f",
                    ha="center",
                    va="center",
                    clip_on=True,
                    zorder=6,
                    path_effects=_HALO,
                )

    def streets(self) -> None:
        """Draw the streets by class, two-way streets once."""
        arcs = self.city.streets.arcs
        once = (arcs.twin < 0) | (np.arange(len(arcs)) < arcs.twin)
        classes = self._classes()
        lines = self._metric(list(arcs.line))
        for rank, (names, width, fill, casing) in enumerate(_STREETS):
            chosen = once & np.isin(classes, names)
            if rank == 0:
                known = [name for group in _STREETS for name in group[0]]
                chosen |= once & ~np.isin(classes, known)
            if not chosen.any():
                continue
            part = lines[chosen]
            if casing:
                part.plot(ax=self.axes, color=casing, linewidth=width + 1.0, zorder=3 + rank / 10)
            part.plot(ax=self.axes, color=fill, linewidth=width, zorder=3.05 + rank / 10)

    def closures(self) -> None:
        """Draw streets that are closed or slowed down at the snapshot's time."""
        closed, slowed = self._conditions()
        for arcs, style in ((closed, "-"), (slowed, ":")):
            lines = [self.city.streets.arc_line(i) for i in arcs]
            if lines:
                shape = self._metric(lines)
                shape.plot(ax=self.axes, color="white", linewidth=4.5, zorder=7)
                shape.plot(ax=self.axes, color=CLOSED, linewidth=2.6, linestyle=style, zorder=7.1)
        if closed:
            middle = [self.city.streets.arc_line(closed[len(closed) // 2]).centroid]
            xy = shapely.get_coordinates(self._metric(middle))
            self.axes.scatter(
                xy[:, 0], xy[:, 1], marker="o", s=110, c=CLOSED, edgecolors="white", zorder=12
            )
            self.axes.scatter(
                xy[:, 0], xy[:, 1], marker="_", s=45, c="white", linewidths=2.4, zorder=12.1
            )

    def stations(self) -> None:
        """Draw stations, posts and hospitals."""
        for kind, (marker, colour, letter, _) in STATIONS.items():
            places = [place for place in self.city.places if place.kind == kind]
            xy = self._points([(p.point.lon, p.point.lat) for p in places])
            if not len(xy):
                continue
            self.axes.scatter(
                xy[:, 0], xy[:, 1], marker=marker, s=58, c="white" if letter else colour,
                edgecolors=colour if letter else "white", linewidths=1.2, zorder=8,
            )  # fmt: skip
            for x, y in xy if letter else ():
                self._letter(x, y, letter, colour, size=6.5, zorder=8.1)

    def routes(self) -> None:
        """Draw the routes of units that have not arrived."""
        ways = [
            shapely.LineString(a.route.coordinates)
            for a in active(self.snapshot)
            if a.on_scene is None and a.route is not None and len(a.route.coordinates) > 1
        ]
        if ways:
            shape = self._metric(ways)
            shape.plot(ax=self.axes, color="white", linewidth=5.0, zorder=9)
            shape.plot(ax=self.axes, color=ROUTE, linewidth=2.6, alpha=0.85, zorder=9.1)

    def units(self) -> None:
        """Draw units by state."""
        for state, (marker, colour, _) in UNITS.items():
            units = [u for u in self.snapshot.units if LIKE.get(u.state, u.state) == state]
            xy = self._points([(u.position.lon, u.position.lat) for u in units])
            if not len(xy):
                continue
            busy = state not in ("available", "returning", "out_of_service")
            edge = None if marker == "x" else "white"
            self.axes.scatter(
                xy[:, 0], xy[:, 1], marker=marker, s=80 if busy else 34, c=colour,
                zorder=11 if busy else 10, edgecolors=edge,
                linewidths=1.4 if marker == "x" else 0.9,
            )  # fmt: skip

    def incidents(self) -> None:
        """Draw open incidents by severity, the worst on top."""
        for incident in reversed(self.open):
            if incident.point is None:
                continue
            marker, colour, size = SEVERITIES[incident.severity]
            ((x, y),) = self._points([(incident.point.lon, incident.point.lat)])
            rank = codes.severity(incident.severity).rank
            self.axes.scatter(
                [x], [y], marker=marker, s=size, c=colour, edgecolors="white", linewidths=1.4,
                zorder=20 - rank,
            )  # fmt: skip
            drop = 0.0 if marker != "^" else 1.6
            self._letter(x, y, severity_letter(incident.severity), "white", 7.5, 20.5 - rank, drop)

    def frame(self, incident: str | None) -> None:
        """Choose the visible part of the city, then write labels and scale, which depend on it."""
        west, south, east, north = self._extent(incident)
        ratio = self.ratio
        width, height = (east - west) * 1.06, (north - south) * 1.06
        width, height = max(width, height * ratio), max(height, width / ratio)
        x, y = (west + east) / 2, (south + north) / 2
        self.axes.set_xlim(x - width / 2, x + width / 2)
        self.axes.set_ylim(y - height / 2, y + height / 2)
        self.axes.set_aspect("equal")
        self.axes.set_xticks([])
        self.axes.set_yticks([])
        self.axes.set_xlabel("")
        self.axes.set_ylabel("")
        for spine in self.axes.spines.values():
            spine.set_color("#c5ccd3")
        self._labels(incident)
        self.names()
        self._scale_bar()

    def margin(self) -> None:
        """Write the title, the legend and the list of the worst incidents."""
        manifest, when = self.city.manifest, self.snapshot.clock
        both = dict.fromkeys((manifest.name, manifest.name_en)) if self.words.chinese else ()
        name = " ".join(both) or manifest.name_en
        schematic = self.words.say("示意图 schematic", "schematic") if manifest.schematic else ""
        out = sum(unit.assignment is not None for unit in self.snapshot.units)
        facts = [
            "" if when is None else f"{when.astimezone(ZoneInfo(manifest.timezone)):{_WHEN}}",
            self.words.say("未结 ", "") + f"{len(self.open)} open incidents",
            self.words.say("出动 ", "") + f"{out}/{len(self.snapshot.units)} units out",
            schematic,
        ]
        left = _EDGES / self.figure.get_figwidth()
        middle = 1 - _HEAD / 2 / _HEIGHT
        self.figure.text(left, middle, clean(name), fontsize=17, weight="bold", va="center")
        self.figure.text(
            1 - left, middle, "    ".join(fact for fact in facts if fact),
            fontsize=10.5, va="center", ha="right", color="#3c4650",
        )  # fmt: skip
        Margin(self.side, self.city, self.snapshot, self.open, self.words).write()

    def _labels(self, closer: str | None) -> None:
        """Write numbers beside incidents (and ids beside units when zoomed in) if there is room."""
        for incident in self.open:
            if incident.point is None:
                continue
            ((x, y),) = self._points([(incident.point.lon, incident.point.lat)])
            kind = codes.category(incident.category)
            name = kind.zh if self.words.chinese else kind.en
            self._label(x, y, f"{incident.number.rpartition('-')[2]} {name}", 8.5, "bold")
        for unit in self.snapshot.units if closer else ():
            ((x, y),) = self._points([(unit.position.lon, unit.position.lat)])
            self._label(x, y, unit.id.removeprefix(f"{unit.region}-"), 7.5, "normal")

    def _label(self, x: float, y: float, text: str, size: float, weight: str) -> None:
        ends, sides = self.axes.transData.inverted(), ((11, 0), (-11, 0), (0, 15), (0, -15))
        at = self.axes.transData.transform((x, y))
        pixels = size * self.figure.dpi / 72
        wide = pixels * sum(1.0 if ord(char) > 0x2E7F else 0.6 for char in text)  # noqa: PLR2004 - CJK
        high = pixels * 1.25
        for dx, dy in sides:
            left = at[0] + dx - (0 if dx > 0 else wide if dx < 0 else wide / 2)
            box = (left, at[1] + dy - high / 2, left + wide, at[1] + dy + high / 2)
            inside = self.axes.bbox.contains(box[0], box[1]) and self.axes.bbox.contains(*box[2:])
            if not inside or any(_overlap(box, other) for other in self._taken):
                continue
            self._taken.append(box)
            spot = ends.transform(((box[0] + box[2]) / 2, at[1] + dy))
            self.axes.text(
                spot[0], spot[1], clean(text), fontsize=size, weight=weight, ha="center",
                va="center", zorder=30, path_effects=_HALO, clip_on=True,
            )  # fmt: skip
            return

    def _free(self, spot: tuple[float, float], wide: float) -> bool:
        x, y = self.axes.transData.transform(spot)
        box = (x - wide / 2, y - 7, x + wide / 2, y + 7)
        return not any(_overlap(box, other) for other in self._taken)

    def _letter(
        self, x: float, y: float, letter: str, colour: str, size: float, zorder: float,
        drop: float = 0.0,
    ) -> None:  # fmt: skip
        self.axes.annotate(
            letter, (x, y), xytext=(0, -drop - 0.4), textcoords="offset points", color=colour,
            fontsize=size, weight="bold", ha="center", va="center", zorder=zorder,
            family="DejaVu Sans",
        )  # fmt: skip

    def _scale_bar(self) -> None:
        west, east = self.axes.get_xlim()
        south, north = self.axes.get_ylim()
        metres = next(m for m in (5000, 2000, 1000, 500, 200, 100, 50, 1) if m <= (east - west) / 5)
        x, y = west + (east - west) * 0.03, south + (north - south) * 0.03
        tick = (north - south) * 0.006
        for colour, width in (("white", 5.0), ("#1d242b", 1.8)):
            self.axes.plot(
                [x, x, x + metres, x + metres], [y + tick, y, y, y + tick],
                color=colour, linewidth=width, zorder=40, solid_capstyle="butt",
            )  # fmt: skip
        label = f"{metres // 1000} km" if metres >= 1000 else f"{metres} m"  # noqa: PLR2004
        self.axes.text(
            x + metres / 2, y + 1.6 * tick, label, ha="center", va="bottom", fontsize=9,
            zorder=40, path_effects=_HALO,
        )  # fmt: skip
        self.axes.annotate(
            "N", (0.04, 0.978), (0.04, 0.93), xycoords="axes fraction", ha="center", fontsize=10,
            weight="bold", arrowprops={"arrowstyle": "->", "color": "#1d242b", "linewidth": 1.4},
            zorder=40,
        )  # fmt: skip

    def _extent(self, incident: str | None) -> tuple[float, float, float, float]:
        """Return west, south, east, north in metres."""
        if incident is None:
            shapes = [f.geometry for f in self.city.fences if f.kind == "district"] or [
                shapely.box(*self.city.manifest.bounds)
            ]
            west, south, east, north = self._metric(shapes).total_bounds
            return west, south, east, north
        seen = [
            (u.position.lon, u.position.lat) for u in self.snapshot.units if u.incident == incident
        ]
        record = next((i for i in self.snapshot.incidents if i.id == incident), None)
        if record is not None and record.point is not None:
            seen.append((record.point.lon, record.point.lat))
        for assignment in self.snapshot.assignments:
            if assignment.incident == incident and assignment.ended is None and assignment.route:
                seen += assignment.route.coordinates
        if not seen:
            return self._extent(None)
        xy = self._points(seen)
        (west, south), (east, north) = xy.min(axis=0), xy.max(axis=0)
        x, y = (
            max(0.0, _CLOSE_UP_M - (east - west) / 2),
            max(0.0, _CLOSE_UP_M - (north - south) / 2),
        )
        pad = 150.0
        return west - max(pad, x), south - max(pad, y), east + max(pad, x), north + max(pad, y)

    def _conditions(self) -> tuple[list[int], list[int]]:
        """Return the indices of closed arcs and of slowed arcs."""
        closed: list[int] = []
        slowed: list[int] = []
        now, streets = self.snapshot.clock, self.city.streets
        for condition in self.snapshot.conditions:
            if now is None or condition.valid_from > now:
                continue
            if condition.valid_until is not None and condition.valid_until <= now:
                continue
            arcs = closed if condition.speed_factor is None else slowed
            arcs += [streets.arc_index(arc) for arc in condition.segments if streets.has_arc(arc)]
        return closed, slowed

    def _classes(self) -> npt.NDArray[np.str_]:
        """Return each arc's OSM road class; the first one if there are several."""
        graph = self.city.streets.graph
        found = []
        for arc in self.city.streets.arcs.id:
            u, v, key = (int(part) for part in _parts(arc))
            value = graph.edges[u, v, key].get("highway", "")
            found.append(value if isinstance(value, str) else str(next(iter(value), "")))
        return np.array(found, dtype=np.str_)

    def _series(self, shapes: Iterable[Any]) -> geopandas.GeoSeries:
        return geopandas.GeoSeries(list(shapes), crs=_WGS84)

    def _metric(self, shapes: Iterable[Any]) -> geopandas.GeoSeries:
        return self._series(shapes).to_crs(self.crs)

    def _points(self, lonlats: Sequence[tuple[float, float]]) -> FloatArray:
        """Return points as metres, shape (n, 2)."""
        if not lonlats:
            return np.empty((0, 2))
        found: FloatArray = shapely.get_coordinates(self._metric(map(shapely.Point, lonlats)))
        return found


def _parts(arc: str) -> list[str]:
    """Split an arc's id ``u-v-key``; node ids of OSM may be negative."""
    head, _, key = arc.rpartition("-")
    cut = head.index("-", 1)
    return [head[:cut], head[cut + 1 :], key]


def _overlap(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
