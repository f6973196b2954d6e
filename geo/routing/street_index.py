"""A compiled street graph: built once for a map and its turn rules, shared by all profiles."""

from dataclasses import dataclass
from pathlib import Path

from geo.routing.expanded import Expanded
from geo.routing.hierarchy import Hierarchy
from geo.routing.order_cache import cached_order
from geo.streets.graph import StreetGraph
from geo.streets.turns import TurnRules

__all__ = ["StreetIndex"]


@dataclass(frozen=True, slots=True, eq=False)
class StreetIndex:
    """The expanded graph of a map and a contraction hierarchy of it; made by `StreetIndex.of`."""

    expanded: Expanded
    hierarchy: Hierarchy

    @classmethod
    def of(
        cls, streets: StreetGraph, rules: TurnRules | None = None, cache: Path | None = None
    ) -> "StreetIndex":
        """Compile a street graph.

        Parameters
        ----------
        streets
            The map.
        rules
            Turn rules instead of the map's own.
        cache
            Folder for the contraction order, the part that takes seconds.

        Raises
        ------
        BadMap
            The rules ban a sequence of arcs that this map does not have.
        """
        expanded = Expanded.of(streets, rules or streets.turns)
        tail, head = expanded.turn_from, expanded.turn_to
        order = cached_order(cache, tail, head, *expanded.middles(streets))
        return cls(expanded, Hierarchy(tail, head, order))
