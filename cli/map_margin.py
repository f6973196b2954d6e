"""The column beside the map: the legend, and the worst open incidents with their units."""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from atlas.city import CityData
from cli.map_symbols import (
    CLOSED,
    LIKE,
    ROUTE,
    SEVERITIES,
    STATIONS,
    UNITS,
    Words,
    active,
    mark,
    severity_letter,
)
from cli.output import clean, shorten
from schemas import codes
from schemas.records import Incident, Unit
from schemas.snapshot import Snapshot

_LISTED, _NAMED = 16, 2


class Margin:
    """Writes the column on its axes.

    Parameters
    ----------
    incidents
        Open incidents, the worst first.
    """

    def __init__(
        self,
        side: Axes,
        city: CityData,
        snapshot: Snapshot,
        incidents: Sequence[Incident],
        words: Words,
    ) -> None:
        self.side, self.city, self.snapshot = side, city, snapshot
        self.open, self.words = incidents, words

    def write(self) -> None:
        """Write the whole column."""
        self.side.set_axis_off()
        self._legend()
        self._list()

    def _legend(self) -> None:
        severities = [
            mark(marker, colour, f"{code} " + self.words.names(codes.severity(code)), 11)
            for code, (marker, colour, _) in SEVERITIES.items()
        ]
        present = {LIKE.get(unit.state, unit.state) for unit in self.snapshot.units}
        units = [
            mark(marker, colour, self.words.only(label), 8)
            for state, (marker, colour, label) in UNITS.items()
            if state in present
        ]
        here = {place.kind for place in self.city.places}
        places = [
            mark(marker, colour, self.words.only(label), 8, hollow=bool(letter), letter=letter)
            for kind, (marker, colour, letter, label) in STATIONS.items()
            if kind in here
        ]
        lines = [
            Line2D([], [], color=colour, linewidth=2.6, label=self.words.only(label))
            for colour, label in ((ROUTE, "行车路线 Route"), (CLOSED, "封路 Closure"))
        ]
        left = self._box(severities, self.words.say("警情 Incidents", "Incidents"), (0.0, 1.0))
        self.side.add_artist(left)
        right = self._box(units, self.words.say("单位 Units", "Units"), (0.52, 1.0))
        self.side.add_artist(right)
        self._box([*places, *lines], self.words.only("地点 Places"), (0.0, 0.83), columns=2)

    def _box(
        self, marks: Sequence[Line2D], title: str, corner: tuple[float, float], columns: int = 1
    ) -> Any:  # noqa: ANN401 - matplotlib's Legend is untyped
        return self.side.legend(
            handles=list(marks), title=title, loc="upper left", bbox_to_anchor=corner,
            frameon=False, fontsize=9, title_fontproperties={"size": 10.5, "weight": "bold"},
            alignment="left", borderaxespad=0.0, handletextpad=0.6, labelspacing=0.55,
            ncols=columns, columnspacing=1.2,
        )  # fmt: skip

    def _list(self) -> None:
        """Write the worst open incidents with their state and units."""
        top, step = 0.655, 0.0385
        self._side_text(
            0.0, top, self.words.say("未结警情 Open incidents", "Open incidents"), 10.5, "bold"
        )
        units = {unit.id: unit for unit in self.snapshot.units}
        for row, incident in enumerate(self.open[:_LISTED]):
            y = top - 0.03 - row * step
            marker, colour, _ = SEVERITIES[incident.severity]
            self.side.scatter(
                [0.022], [y], marker=marker, s=95, c=colour, transform=self.side.transAxes,
                clip_on=False,
            )  # fmt: skip
            self.side.text(
                0.022, y - (0.0015 if marker == "^" else 0.0), severity_letter(incident.severity),
                color="white", fontsize=7, weight="bold", ha="center", va="center_baseline",
                transform=self.side.transAxes, family="DejaVu Sans",
            )  # fmt: skip
            sent = [units[a.unit] for a in active(self.snapshot, incident) if a.unit in units]
            self._side_text(0.06, y + 0.009, self._line(incident), 8.6)
            self._side_text(
                0.06, y - 0.0085, self._second_line(incident, sent), 7.4, colour="#5a6570"
            )
        rest = len(self.open) - _LISTED
        if rest > 0:
            self._side_text(0.06, top - 0.03 - _LISTED * step, f"+ {rest}", 8.6)
        if not self.open:
            self._side_text(0.0, top - 0.035, self.words.say("无 none", "none"), 9)

    def _line(self, incident: Incident) -> str:
        place = incident.title.partition(": ")[2] or incident.where.address or ""
        number = incident.number.rpartition("-")[2]
        kind = self.words.names(codes.category(incident.category))
        where = shorten(self.words.readable(place), 30 if place.isascii() else 16)
        return f"{number}  {kind}  {where}"

    def _second_line(self, incident: Incident, sent: list[Unit]) -> str:
        state = self.words.names(codes.incident_state(incident.state))
        named = [unit.id.removeprefix(f"{unit.region}-") for unit in sent]
        more = f" + {len(named) - _NAMED}" if len(named) > _NAMED else ""
        who = ", ".join(named[:_NAMED]) + more
        short = self.words.say("  缺力量 short", "  short") if incident.short else ""
        return f"{state}   {who}{short}"

    def _side_text(
        self, x: float, y: float, text: str, size: float, weight: str = "normal",
        colour: str = "#1d242b",
    ) -> None:  # fmt: skip
        self.side.text(
            x, y, clean(text), fontsize=size, weight=weight, color=colour, va="center",
            transform=self.side.transAxes,
        )  # fmt: skip
