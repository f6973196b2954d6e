"""Turn-by-turn instructions of a route, in Chinese and English."""

import enum
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from geo.crs import haversine_m
from geo.routing.reference import Route
from geo.streets.graph import StreetGraph
from geo.streets.turns import STRAIGHT_DEGREES, U_TURN_DEGREES

__all__ = ["Manoeuvre", "Step", "steps"]

_SLIGHT_DEGREES: Final = 20.0
_SHARP_DEGREES: Final = 120.0
_JUNCTION_STREETS: Final = 3
_KILOMETRE: Final = 1000
_COMPASS_ZH: Final = ("北", "东北", "东", "东南", "南", "西南", "西", "西北")
_COMPASS_EN: Final = (
    *("north", "northeast", "east", "southeast"),
    *("south", "southwest", "west", "northwest"),
)


class Manoeuvre(enum.StrEnum):
    """The driver's manoeuvre."""

    DEPART = "depart"
    STRAIGHT = "straight"
    SLIGHT_LEFT = "slight_left"
    LEFT = "left"
    SHARP_LEFT = "sharp_left"
    SLIGHT_RIGHT = "slight_right"
    RIGHT = "right"
    SHARP_RIGHT = "sharp_right"
    U_TURN = "u_turn"
    ARRIVE = "arrive"


_WORDS: Final = {
    Manoeuvre.STRAIGHT: ("直行", "Continue straight"),
    Manoeuvre.SLIGHT_LEFT: ("向左前方行驶", "Bear left"),
    Manoeuvre.LEFT: ("左转", "Turn left"),
    Manoeuvre.SHARP_LEFT: ("向左后方转弯", "Turn sharp left"),
    Manoeuvre.SLIGHT_RIGHT: ("向右前方行驶", "Bear right"),
    Manoeuvre.RIGHT: ("右转", "Turn right"),
    Manoeuvre.SHARP_RIGHT: ("向右后方转弯", "Turn sharp right"),
    Manoeuvre.U_TURN: ("掉头", "Make a U-turn"),
}


@dataclass(frozen=True, slots=True)
class Step:
    """One instruction, and the stretch until the next one.

    `first_arc` is the first arc of the stretch, `metres` and `milliseconds` are its length and
    time; their sums are those of the route, without walking.
    """

    manoeuvre: Manoeuvre
    first_arc: int
    metres: float
    milliseconds: int
    street: str
    street_en: str
    against: bool
    """Against a one-way street."""
    at_signal: bool
    zh: str
    en: str


@dataclass(slots=True)
class _Stretch:
    """Arcs of a route that one instruction covers."""

    manoeuvre: Manoeuvre
    first: int
    heading: float
    at_signal: bool = False
    metres: float = 0.0
    ms: int = 0


def steps(route: Route, streets: StreetGraph) -> tuple[Step, ...]:
    """Return the instructions of a route.

    Parameters
    ----------
    route
        A route over `streets`.
    streets
        The map.

    Returns
    -------
    tuple of Step
        The first is the departure, the last the arrival.

    Raises
    ------
    UnknownArc
        The route belongs to another map.
    """
    arcs = [streets.arc_index(arc_id) for arc_id in route.arcs]
    told = [_told(stretch, route, arcs, streets) for stretch in _stretches(route, arcs, streets)]
    arrival = Step(
        manoeuvre=Manoeuvre.ARRIVE,
        first_arc=len(arcs) - 1,
        metres=0.0,
        milliseconds=0,
        street=told[-1].street,
        street_en=told[-1].street_en,
        against=False,
        at_signal=False,
        zh="到达目的地",
        en="Arrive at the destination",
    )
    return (*told, arrival)


def _stretches(route: Route, arcs: list[int], streets: StreetGraph) -> Iterator[_Stretch]:
    """Join arcs that need no instruction in between."""
    metres = _metres(route)
    start = _heading(streets, arcs[0], route.against[0], start=True)
    stretch = _Stretch(Manoeuvre.DEPART, 0, start)
    for i in range(len(arcs)):
        turn = _turn(route, arcs, i, streets) if i else None
        if turn is not None:
            yield stretch
            facing = bool(streets.turns.signalled[arcs[i - 1]]) and not route.against[i - 1]
            heading = _heading(streets, arcs[i], route.against[i], start=True)
            stretch = _Stretch(turn, i, heading, at_signal=facing)
        stretch.metres += metres[i]
        stretch.ms += route.arc_ms[i]
    yield stretch


def _metres(route: Route) -> list[float]:
    """Return the driven metres of each arc, from the drawn line at the times between arcs."""
    xy = np.array(route.coordinates)
    step = haversine_m(xy[:-1, 0], xy[:-1, 1], xy[1:, 0], xy[1:, 1])
    along = np.concatenate([[0.0], np.cumsum(step)])
    between = np.interp(np.cumsum([0, *route.arc_ms]), route.times_ms, along)
    metres: list[float] = np.diff(between).tolist()
    return metres


def _turn(route: Route, arcs: list[int], i: int, streets: StreetGraph) -> Manoeuvre | None:
    """Return the manoeuvre before an arc; None if the driver just continues."""
    before, after = arcs[i - 1], arcs[i]
    end = _heading(streets, before, route.against[i - 1], start=False)
    start = _heading(streets, after, route.against[i], start=True)
    angle = (start - end + 180.0) % 360.0 - 180.0
    node = streets.arcs.tail[before] if route.against[i - 1] else streets.arcs.head[before]
    back = before == after or streets.arcs.twin[before] == after
    if back or abs(angle) >= U_TURN_DEGREES:
        return Manoeuvre.U_TURN
    renamed = _names(streets, before) != _names(streets, after)
    junction = streets.nodes.street_count[node] >= _JUNCTION_STREETS
    if abs(angle) <= STRAIGHT_DEGREES or not junction:
        if not renamed and route.against[i - 1] == route.against[i]:
            return None
        return _slight(angle) if junction else Manoeuvre.STRAIGHT
    if abs(angle) >= _SHARP_DEGREES:
        return Manoeuvre.SHARP_RIGHT if angle > 0.0 else Manoeuvre.SHARP_LEFT
    return Manoeuvre.RIGHT if angle > 0.0 else Manoeuvre.LEFT


def _slight(angle: float) -> Manoeuvre:
    if abs(angle) < _SLIGHT_DEGREES:
        return Manoeuvre.STRAIGHT
    return Manoeuvre.SLIGHT_RIGHT if angle > 0.0 else Manoeuvre.SLIGHT_LEFT


def _heading(streets: StreetGraph, arc: int, against: bool, *, start: bool) -> float:
    """Return the heading at the start or end of a driven arc, degrees clockwise from north."""
    rules = streets.turns
    table = rules.heading_start if start != against else rules.heading_end
    return (float(table[arc]) + (180.0 if against else 0.0)) % 360.0


def _names(streets: StreetGraph, arc: int) -> tuple[str, str]:
    """Return a street's name in the local language and in English, if the map has it."""
    names = streets.arcs.names[arc]
    if not names:
        return "", ""
    return names[0], next((name for name in names if name.isascii()), names[0])


def _told(stretch: _Stretch, route: Route, arcs: list[int], streets: StreetGraph) -> Step:
    zh, en = _names(streets, arcs[stretch.first])
    against = route.against[stretch.first]
    return Step(
        manoeuvre=stretch.manoeuvre,
        first_arc=stretch.first,
        metres=stretch.metres,
        milliseconds=stretch.ms,
        street=zh,
        street_en=en,
        against=against,
        at_signal=stretch.at_signal,
        zh=_chinese(stretch, zh) + ("（逆行，注意对向来车）" if against else ""),
        en=_english(stretch, en)
        + (" (against the one-way: watch for oncoming traffic)" if against else ""),
    )


def _chinese(stretch: _Stretch, street: str) -> str:
    far = _far(stretch.metres, "米", "公里")
    if stretch.manoeuvre is Manoeuvre.DEPART:
        along = f"沿{street}" if street else ""
        return f"{along}向{_COMPASS_ZH[_eighth(stretch.heading)]}行驶 {far}"
    where = "在信号灯处" if stretch.at_signal else ""
    onto = f"进入{street}" if street else ""
    return f"{where}{_WORDS[stretch.manoeuvre][0]}{onto}，行驶 {far}"


def _english(stretch: _Stretch, street: str) -> str:
    far = _far(stretch.metres, "m", "km")
    if stretch.manoeuvre is Manoeuvre.DEPART:
        along = f" along {street}" if street else ""
        return f"Drive {_COMPASS_EN[_eighth(stretch.heading)]}{along} for {far}"
    where = " at the signal" if stretch.at_signal else ""
    onto = f" onto {street}" if street else ""
    return f"{_WORDS[stretch.manoeuvre][1]}{where}{onto}, then {far}"


def _eighth(heading: float) -> int:
    """Return the nearest of the eight points of the compass."""
    return round(heading / 45.0) % 8


def _far(metres: float, short: str, long: str) -> str:
    """Return a distance in tens of metres below a kilometre, in tenths of a kilometre above."""
    tens = max(round(metres / 10.0), 1) * 10
    return f"{tens} {short}" if tens < _KILOMETRE else f"{metres / _KILOMETRE:.1f} {long}"
