"""The expanded (edge-based) graph: arcs become nodes, turns become arcs, so turns are exact.

A *lane* is an arc driven in one direction: first all arcs in their own direction, then the one-way
ones against it. A *state* is a position on a lane with the relevant history: one state per lane,
and more after the beginning of a banned sequence of three or more arcs, so that its end differs
from the same turn after another path. (Bans are tracked as in the string search of Aho and
Corasick, 1975: a state stands for the longest suffix of the path that begins a ban.) A *turn* leads
from a state to a state on a lane that begins where the first one ends.

All turns are included for every profile; a profile forbids turns by their weights.
"""

import itertools
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from geo.crs import FloatArray
from geo.errors import BadMap
from geo.streets.columns import Arcs
from geo.streets.graph import StreetGraph
from geo.streets.turns import TurnRules

__all__ = ["BANNED", "EXEMPT", "Expanded", "Lanes"]

IntArray = npt.NDArray[np.int64]
LaneArray = npt.NDArray[np.int32]
IdArray = npt.NDArray[np.uint32]
BoolArray = npt.NDArray[np.bool_]

EXEMPT, BANNED = 1, 2
_CHUNK = 262_144  # turns whose costs are computed at once, to limit memory
_JUNCTION_STREETS = 3

_Sequence = tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Lanes:
    """Driveable directions of arcs, shape (lanes,): all forwards, then one-way ones against."""

    arc: IntArray
    """Index of the arc."""
    tail: IntArray
    """Node where driving begins."""
    head: IntArray
    against: IntArray
    """For each arc, the lane that drives it against its direction, or -1, shape (arcs,)."""

    def __len__(self) -> int:
        return len(self.arc)

    @classmethod
    def of(cls, arcs: Arcs) -> "Lanes":
        """Make the lanes of a street graph's arcs."""
        oneway = np.flatnonzero(arcs.twin < 0)
        against = np.full(len(arcs), -1, dtype=np.int64)
        against[oneway] = len(arcs) + np.arange(len(oneway))
        return cls(
            arc=np.concatenate([np.arange(len(arcs)), oneway]),
            tail=np.concatenate([arcs.tail, arcs.head[oneway]]),
            head=np.concatenate([arcs.head, arcs.tail[oneway]]),
            against=against,
        )


@dataclass(frozen=True, slots=True, eq=False)
class Expanded:
    """States and turns; made by `Expanded.of`.

    The state of a lane without history has the lane's index; turns are ordered by the state they
    leave, then by lane.
    """

    lanes: Lanes
    state_lane: LaneArray
    """Lane of each state, shape (states,)."""
    turn_from: IdArray
    """State that each turn leaves, shape (turns,)."""
    turn_to: IdArray
    turn_ms: npt.NDArray[np.int32]
    """Cost of each turn by the rules."""
    turn_ban: npt.NDArray[np.uint8]
    """`BANNED`, `EXEMPT` if all signs exempt emergency vehicles, or 0."""
    entering: IdArray
    """Turns, ordered by the lane that they enter."""
    entering_first: LaneArray
    """Where each lane's turns begin in `entering`, shape (lanes + 1,)."""

    @classmethod
    def of(cls, streets: StreetGraph, rules: TurnRules) -> "Expanded":
        """Expand a street graph.

        Parameters
        ----------
        streets
            The map.
        rules
            Its turn rules.

        Raises
        ------
        BadMap
            A banned sequence is shorter than two arcs, or its arcs do not follow one another.
        """
        lanes = Lanes.of(streets.arcs)
        bans = _Bans(rules, lanes)
        start, end = _turns(lanes, len(streets.nodes.id))
        ms = _costs(_on_lanes(rules, streets, lanes), start, end)
        ban = np.zeros(len(start), dtype=np.uint8)
        to = end.copy()
        first = np.searchsorted(start, np.arange(len(lanes) + 1))
        for pair, kind in bans.pairs.items():
            ban[_turn_at(pair, first, end)] = kind
        more_from, more_to, more_turn, more_ban = bans.remembered(to, first, end)
        state_lane = np.concatenate([np.arange(len(lanes)), bans.lanes]).astype(np.int32)
        turn_to = np.concatenate([to, more_to]).astype(np.uint32)
        lane_to = state_lane[turn_to]
        counts = np.bincount(lane_to, minlength=len(lanes))
        return cls(
            lanes=lanes,
            state_lane=state_lane,
            turn_from=np.concatenate([start, more_from]).astype(np.uint32),
            turn_to=turn_to,
            turn_ms=np.concatenate([ms, ms[more_turn]]),
            turn_ban=np.concatenate([ban, more_ban]).astype(np.uint8),
            entering=np.argsort(lane_to, kind="stable").astype(np.uint32),
            entering_first=np.concatenate([[0], np.cumsum(counts)]).astype(np.int32),
        )

    def middles(self, streets: StreetGraph) -> tuple[FloatArray, FloatArray]:
        """Return longitude and latitude of the middle between the ends of each state's lane."""
        nodes = streets.nodes
        tail, head = self.lanes.tail[self.state_lane], self.lanes.head[self.state_lane]
        return (nodes.lon[tail] + nodes.lon[head]) / 2.0, (nodes.lat[tail] + nodes.lat[head]) / 2.0

    def turns_into(self, lane: int) -> IdArray:
        """Return the turns that enter a lane, from any state."""
        return self.entering[self.entering_first[lane] : self.entering_first[lane + 1]]

    def turns_into_each(self, lanes: IntArray) -> tuple[IdArray, IntArray]:
        """Return the turns that enter lanes, lane by lane, and the index of each one's lane."""
        start = self.entering_first[lanes]
        count = self.entering_first[lanes + 1] - start
        of = np.repeat(np.arange(len(lanes)), count)
        row = np.arange(len(of)) + (start - np.cumsum(count) + count)[of]
        return self.entering[row], of


class _Bans:
    """Banned sequences, and a state for each beginning of one that must be remembered."""

    def __init__(self, rules: TurnRules, lanes: Lanes) -> None:
        self._kind: dict[_Sequence, int] = {}
        for ban, exempt in zip(rules.banned, rules.emergency_exempt, strict=True):
            _check(ban, lanes)
            self._kind[ban] = EXEMPT if exempt else BANNED
        self._longest = max(map(len, self._kind), default=0)
        self.pairs = {ban: kind for ban, kind in self._kind.items() if len(ban) == 2}  # noqa: PLR2004
        begun = sorted({ban[:n] for ban in self._kind for n in range(2, len(ban))})
        self._state = {way: len(lanes) + i for i, way in enumerate(begun)}
        self.lanes = np.array([way[-1] for way in begun], dtype=np.int64)

    def remembered(
        self, to: LaneArray, first: IntArray, end: LaneArray
    ) -> tuple[IntArray, IntArray, IntArray, IntArray]:
        """Add history to turns: change `to`, and make the turns that leave the added states.

        Returns
        -------
        turn_from, turn_to, turn, ban
            Columns of added turns; `turn` is the turn between the same lanes without history.
        """
        for way, state in self._state.items():
            if len(way) == 2:  # noqa: PLR2004
                to[_turn_at(way, first, end)] = state
        rows = []
        for way, state in self._state.items():
            for turn in range(first[way[-1]], first[way[-1] + 1]):
                driven = (*way, int(end[turn]))
                rows.append((state, self._after(driven), turn, self._broken(driven)))
        table = np.array(rows, dtype=np.int64).reshape(-1, 4)
        return table[:, 0], table[:, 1], table[:, 2], table[:, 3]

    def _after(self, driven: _Sequence) -> int:
        """Return a path's state: of its longest suffix that begins a ban, or of its last lane."""
        for n in range(min(len(driven), self._longest), 1, -1):
            if driven[-n:] in self._state:
                return self._state[driven[-n:]]
        return driven[-1]

    def _broken(self, driven: _Sequence) -> int:
        """Return the strictest ban that the last turn of a path completes, or 0."""
        return max(self._kind.get(driven[-n:], 0) for n in range(2, len(driven) + 1))


def _check(ban: _Sequence, lanes: Lanes) -> None:
    arcs = len(lanes.against)
    if len(ban) < 2 or not all(0 <= arc < arcs for arc in ban):  # noqa: PLR2004
        raise BadMap(f"banned turn {ban}: give two or more arcs, each from 0 to {arcs - 1}")
    for arc, after in itertools.pairwise(ban):
        if lanes.head[arc] != lanes.tail[after]:
            raise BadMap(f"banned turn {ban}: arc {after} does not begin where arc {arc} ends")


def _turns(lanes: Lanes, nodes: int) -> tuple[LaneArray, LaneArray]:
    """Return all pairs of lanes of which the second begins where the first ends, sorted."""
    leaving = np.argsort(lanes.tail, kind="stable").astype(np.int32)
    first = np.concatenate([[0], np.cumsum(np.bincount(lanes.tail, minlength=nodes))])
    low, high = first[lanes.head], first[lanes.head + 1]
    count = high - low
    start = np.repeat(np.arange(len(lanes), dtype=np.int32), count)
    place = np.arange(len(start), dtype=np.int32)
    place += np.repeat((low - np.cumsum(count) + count).astype(np.int32), count)
    return start, leaving[place]


def _costs(rules: TurnRules, start: LaneArray, end: LaneArray) -> npt.NDArray[np.int32]:
    """Return the cost of each turn."""
    ms = np.empty(len(start), dtype=np.int32)
    for low in range(0, len(start), _CHUNK):
        part = slice(low, low + _CHUNK)
        ms[part] = rules.turn_ms(start[part], end[part])
    return ms


def _turn_at(pair: _Sequence, first: IntArray, end: LaneArray) -> int:
    low, high = first[pair[0]], first[pair[0] + 1]
    return int(low + np.searchsorted(end[low:high], pair[1]))


def _on_lanes(rules: TurnRules, streets: StreetGraph, lanes: Lanes) -> TurnRules:
    """Return rules for lanes: lanes against a one-way street are reversed and face no signal."""
    arcs = streets.arcs
    turned = lanes.arc[len(arcs) :]
    node = arcs.tail[turned]
    junction = streets.nodes.street_count[node] >= _JUNCTION_STREETS
    exits = np.bincount(lanes.tail, minlength=len(streets.nodes.id))
    twin = np.where(lanes.against >= 0, lanes.against, rules.twin)
    return replace(
        rules,
        signalled=np.concatenate([rules.signalled, np.zeros(len(turned), dtype=np.bool_)]),
        heading_start=np.concatenate([rules.heading_start, rules.heading_end[turned] + 180.0]),
        heading_end=np.concatenate([rules.heading_end, rules.heading_start[turned] + 180.0]),
        twin=np.concatenate([twin, turned]),
        at_junction=np.concatenate([rules.at_junction, junction]),
        at_dead_end=np.concatenate([rules.at_dead_end, exits[node] == 1]),
    )
