"""Turns: banned ones, and the costs of the others.

A rule set belongs to one `StreetGraph` and refers to its arcs and nodes by index. It is data for
routers that work on pairs of arcs; a router over nodes ignores it.

Banned turns come from signs (OpenStreetMap's ``type=restriction`` relations, see
`geo.maps.restrictions`). Costs come from the angle of a turn and from signals.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from geo.streets.lines import Lines

__all__ = ["NO_COSTS", "OSRM_CAR", "Restriction", "TurnCosts", "TurnRules", "banned_of", "headings"]

IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float64]

STRAIGHT_DEGREES: Final = 45.0
"""A change of heading up to this is going straight on."""
U_TURN_DEGREES: Final = 170.0
"""A change of heading from this on is a U-turn, such as round the end of a divider."""
_HEADING_M: Final = 15.0
"""Headings are measured over this length: the last metres of drawn streets are often bent."""


@dataclass(frozen=True, slots=True)
class TurnCosts:
    """Whole milliseconds that a turn adds, by its class.

    `near_ms` is for a turn to the kerb's side (right in right-hand traffic), `far_ms` for a turn
    across the oncoming lane. Both cost only if at least three streets meet. `u_turn_ms` is for a
    U-turn if another arc continues, `dead_end_ms` if none does. `signal_ms` is added to any turn
    if a signal faces the driver.
    """

    name: str
    valid_from: str
    straight_ms: int = 0
    near_ms: int = 0
    far_ms: int = 0
    u_turn_ms: int = 0
    dead_end_ms: int = 0
    signal_ms: int = 0
    left_hand: bool = False
    """Whether traffic keeps left, with the kerb on the left."""

    @property
    def free(self) -> bool:
        """Whether no turn costs anything."""
        return not (
            self.straight_ms
            or self.near_ms
            or self.far_ms
            or self.u_turn_ms
            or self.dead_end_ms
            or self.signal_ms
        )


NO_COSTS: Final = TurnCosts("none", "2026-01-01")

OSRM_CAR: Final = TurnCosts(
    "OSRM car profile",
    "2026-01-01",
    near_ms=2_105,
    far_ms=5_395,
    u_turn_ms=27_500,
    dead_end_ms=7_500,
    signal_ms=2_000,
)
"""Figures of OSRM's ``profiles/car.lua``: turn_penalty 7.5 s by a sigmoid of the angle, turn_bias
1.075, u_turn_penalty 20 s, traffic_light_penalty 2 s. Taken at 90 degrees: 7.5 / (1 + exp(0.941))
= 2.105 s to the right and 7.5 / (1 + exp(-0.941)) = 5.395 s to the left; at 180 degrees 7.5 s,
and 20 s more for a U-turn that nothing forces. As there, junctions of fewer than three roads
cost nothing."""


@dataclass(frozen=True, slots=True)
class Restriction:
    """One sign, and the sequences of arcs that it bans.

    `id` is the source's, such as ``relation/1234``; `kind` is OpenStreetMap's value, such as
    ``no_left_turn``; `exempt` the vehicles of its ``except`` tag; `condition` the text of a
    conditional restriction, which counts as always in force.
    """

    id: str
    kind: str
    bans: tuple[tuple[int, ...], ...]
    exempt: tuple[str, ...] = ()
    condition: str = ""

    @property
    def emergency_exempt(self) -> bool:
        """Whether the sign itself exempts emergency vehicles, with or without siren."""
        return "emergency" in self.exempt


@dataclass(frozen=True, slots=True, eq=False)
class TurnRules:
    """Banned turns and the costs of the others, for the arcs of one street graph.

    Per-arc arrays have shape (arcs,). Do not change a rule set; `with_costs` returns another.
    """

    banned: tuple[tuple[int, ...], ...]
    """Sequences of arc indices that may not be driven in succession, sorted and unique: two arcs
    for a restriction at a node, more for one over via-ways."""
    emergency_exempt: tuple[bool, ...]
    """For each of `banned`, whether its sign exempts emergency vehicles."""
    restrictions: tuple[Restriction, ...]
    signals: IntArray
    """Indices of nodes with traffic signals, sorted."""
    signalled: BoolArray
    """Arcs whose driver faces a signal at the arc's head."""
    heading_start: FloatArray
    """Degrees clockwise from north in which an arc leaves its tail."""
    heading_end: FloatArray
    """Degrees clockwise from north in which an arc reaches its head."""
    twin: IntArray
    """As `Arcs.twin`."""
    at_junction: BoolArray
    """Arcs at whose head at least three streets meet."""
    at_dead_end: BoolArray
    """Arcs that can be left only by turning round."""
    costs: TurnCosts = OSRM_CAR

    def with_costs(self, costs: TurnCosts) -> "TurnRules":
        """Return the same bans with other costs; `NO_COSTS` switches them off."""
        return replace(self, costs=costs)

    def left_hand(self) -> "TurnRules":
        """Return the same rules for a city that drives on the left."""
        return replace(self, costs=replace(self.costs, left_hand=True))

    def angle(self, in_arc: Any, out_arc: Any) -> Any:  # noqa: ANN401 - int or array, as given
        """Return the change of heading from an arc to the next, [-180, 180) degrees, right > 0."""
        change = self.heading_start[out_arc] - self.heading_end[in_arc]
        return (change + 180.0) % 360.0 - 180.0

    def is_u_turn(self, in_arc: Any, out_arc: Any) -> Any:  # noqa: ANN401 - int or array
        """Whether a turn goes back along the same street, or round the end of a divider."""
        back = (self.twin[in_arc] == out_arc) & (np.asarray(out_arc) >= 0)
        return back | (np.abs(self.angle(in_arc, out_arc)) >= U_TURN_DEGREES)

    def turn_ms(self, in_arc: Any, out_arc: Any) -> IntArray:  # noqa: ANN401 - int or array
        """Return the cost of driving from one arc onto the next, ignoring bans.

        Parameters
        ----------
        in_arc, out_arc
            Indices of arcs, int or arrays of one shape; the head of one is the tail of the other.

        Returns
        -------
        array of int64
            Whole milliseconds, of the shape given (a NumPy scalar for integers).
        """
        costs = self.costs
        angle = self.angle(in_arc, out_arc)
        to_kerb = (angle < 0.0) if costs.left_hand else (angle > 0.0)
        side = np.where(to_kerb, costs.near_ms, costs.far_ms)
        turning = np.where(np.abs(angle) <= STRAIGHT_DEGREES, costs.straight_ms, side)
        turning = np.where(self.at_junction[in_arc], turning, 0)
        round_ms = np.where(self.at_dead_end[in_arc], costs.dead_end_ms, costs.u_turn_ms)
        turning = np.where(self.is_u_turn(in_arc, out_arc), round_ms, turning)
        total = turning + np.where(self.signalled[in_arc], costs.signal_ms, 0)
        return np.asarray(total, dtype=np.int64)[()]


def banned_of(
    restrictions: Sequence[Restriction],
) -> tuple[tuple[tuple[int, ...], ...], tuple[bool, ...]]:
    """Return all bans, sorted, and whether every sign of a ban exempts emergency vehicles."""
    exempt: dict[tuple[int, ...], bool] = {}
    for restriction in restrictions:
        for ban in restriction.bans:
            exempt[ban] = exempt.get(ban, True) and restriction.emergency_exempt
    bans = tuple(sorted(exempt))
    return bans, tuple(exempt[ban] for ban in bans)


def headings(lines: Lines) -> tuple[FloatArray, FloatArray]:
    """Return the headings in which lines start and end, over their first and last 15 m.

    Returns
    -------
    start, end
        Degrees clockwise from north in [0, 360), shape (m,); 0 for a line without length.
    """
    first, last = lines.first[:-1], lines.first[1:] - 1
    near, late = lines.along(_HEADING_M), lines.along(_HEADING_M, from_end=True)
    return _heading(lines.xy[first], near), _heading(late, lines.xy[last])


def _heading(a: FloatArray, b: FloatArray) -> FloatArray:
    north = b[:, 1] - a[:, 1]
    east = (b[:, 0] - a[:, 0]) * np.cos(np.radians(a[:, 1]))
    degrees: FloatArray = np.degrees(np.arctan2(east, north)) % 360.0
    return degrees
