"""An oracle for ways with turns: Dijkstra in NetworkX over ways driven, not over an automaton.

A node is the last few lanes driven, as many as the longest ban needs, so what is banned can be
read off it. It shares nothing with the router but the map and the tables of its turn rules.
"""

import math
from collections import defaultdict
from collections.abc import Sequence

import networkx as nx
import numpy as np

from geo.routing.conditions import Conditions
from geo.routing.profiles import Profile
from geo.streets.graph import StreetGraph
from geo.streets.snap import Snapped
from geo.streets.turns import TurnRules
from tests.geo.maps import arc_ms

Lane = tuple[int, bool]
"""An arc, and whether it is driven against its direction."""
Way = tuple[Lane, ...]


class TurnOracle:
    """Times on a map for one profile under some conditions."""

    def __init__(
        self,
        streets: StreetGraph,
        rules: TurnRules,
        profile: Profile,
        conditions: Conditions,
    ) -> None:
        self.streets, self.rules, self.profile = streets, rules, profile
        self.time = self._lane_times(conditions)
        self.bans = dict(zip(rules.banned, rules.emergency_exempt, strict=True))
        self.window = max([2, *map(len, rules.banned)]) - 1
        self.leaving: dict[int, list[Lane]] = defaultdict(list)
        self.every: dict[int, int] = defaultdict(int)  # lanes that leave, open or not
        for arc in range(len(streets.arcs)):
            for lane in self._lanes(arc):
                self.every[self._ends(lane)[0]] += 1
                if lane in self.time:
                    self.leaving[self._ends(lane)[0]].append(lane)
        # Turned round: from a way to the ways that it may continue.
        self.back = nx.DiGraph()
        todo: list[Way] = [(lane,) for lane in self.time]
        self.back.add_nodes_from(todo)
        seen = set(todo)
        while todo:
            way = todo.pop()
            for lane in self.leaving[self._ends(way[-1])[1]]:
                cost = self.turn(way, lane)
                if math.isinf(cost):
                    continue
                after = (*way, lane)[-self.window :]
                ms = cost + self.time[lane]
                known = self.back.get_edge_data(after, way)
                assert known is None or known["ms"] == ms
                self.back.add_edge(after, way, ms=ms)
                if after not in seen:
                    seen.add(after)
                    todo.append(after)
        self.at: dict[int, list[Way]] = defaultdict(list)
        for way in seen:
            self.at[self._ends(way[-1])[1]].append(way)

    def times(self, sources: Sequence[Snapped], target: Snapped) -> list[float]:
        """Milliseconds driven from each source to the target, inf if no way leads there."""
        goals = self._spots(target)
        self.back.add_node("target")
        for lane, fraction in goals:
            part = float(np.rint(self.time[lane] * fraction))
            for way in self.at[self._ends(lane)[0]]:
                ms = self.turn(way, lane) + part
                known = self.back.get_edge_data("target", way, {"ms": math.inf})["ms"]
                if ms < known:
                    self.back.add_edge("target", way, ms=ms)
        left = nx.single_source_dijkstra_path_length(self.back, "target", weight="ms")
        self.back.remove_node("target")
        answers = []
        for source in sources:
            best = math.inf
            for lane, fraction in self._spots(source):
                rest = float(np.rint(self.time[lane] * (1.0 - fraction)))
                best = min(best, rest + left.get((lane,), math.inf))
                for goal, end in goals:
                    if goal == lane and end >= fraction:
                        best = min(best, float(np.rint(self.time[lane] * (end - fraction))))
            answers.append(best)
        return answers

    def turn(self, way: Way, lane: Lane) -> float:
        """Milliseconds of turning from the end of a way onto a lane; inf if forbidden."""
        total = float(np.rint(self._plain_turn(way[-1], lane) * self.profile.turn_factor))
        driven = (*way, lane)
        broken = [
            exempt
            for ban, exempt in self.bans.items()
            if driven[-len(ban) :] == tuple((arc, False) for arc in ban)
        ]
        if broken and self.profile.ban_penalty_ms is None:
            return math.inf
        return total + (0 if all(broken) else self.profile.ban_penalty_ms or 0)

    def _plain_turn(self, before: Lane, after: Lane) -> int:
        costs, rules = self.rules.costs, self.rules
        arc, against = before
        node = self._ends(before)[1]
        back = before[0] == after[0] and before[1] != after[1]
        back |= not against and not after[1] and self.streets.arcs.twin[arc] == after[0]
        change = self._heading(after, start=True) - self._heading(before, start=False)
        angle = (change + 180.0) % 360.0 - 180.0
        if back or abs(angle) >= 170.0:
            dead_end = self.every[node] == 1 if against else rules.at_dead_end[arc]
            total = costs.dead_end_ms if dead_end else costs.u_turn_ms
        elif self.streets.nodes.street_count[node] < 3:
            total = 0
        elif abs(angle) <= 45.0:
            total = costs.straight_ms
        else:
            total = costs.near_ms if (angle < 0.0) == costs.left_hand else costs.far_ms
        return total + (costs.signal_ms if not against and rules.signalled[arc] else 0)

    def _heading(self, lane: Lane, *, start: bool) -> float:
        arc, against = lane
        table = self.rules.heading_start if start != against else self.rules.heading_end
        return float(table[arc]) + (180.0 if against else 0.0)

    def _lanes(self, arc: int) -> list[Lane]:
        return [(arc, False)] + ([(arc, True)] if self.streets.arcs.twin[arc] < 0 else [])

    def _ends(self, lane: Lane) -> tuple[int, int]:
        tail, head = int(self.streets.arcs.tail[lane[0]]), int(self.streets.arcs.head[lane[0]])
        return (head, tail) if lane[1] else (tail, head)

    def _lane_times(self, conditions: Conditions) -> dict[Lane, float]:
        arcs, profile = self.streets.arcs, self.profile
        found: dict[Lane, float] = {}
        for arc in range(len(arcs)):
            exact = arc_ms(self.streets, profile, conditions, arc)
            if math.isinf(exact):
                continue
            for lane in self._lanes(arc):
                if lane[1] and profile.against_factor is None:
                    continue
                slow = exact * (profile.against_factor or 1.0) if lane[1] else exact
                found[lane] = max(1.0, float(np.rint(slow)))
        return found

    def _spots(self, snapped: Snapped) -> list[tuple[Lane, float]]:
        spots = [
            ((place.arc, against), 1.0 - place.fraction if against else place.fraction)
            for place in snapped.places
            for against in (False, True)
        ]
        return [spot for spot in spots if spot[0] in self.time]
