"""A street graph compiled: made once for a map and its turn rules, shared by all profiles."""

from dataclasses import dataclass
from pathlib import Path

from geo.expanded import Expanded
from geo.hierarchy import Hierarchy
from geo.order_cache import cached_order
from geo.streets import StreetGraph
from geo.turns import TurnRules

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
            Folder in which the order of contraction is kept, the part that takes seconds.

        Raises
        ------
        BadMap
            The rules ban what is no way through this map.
        """
        expanded = Expanded.of(streets, rules or streets.turns)
        tail, head = expanded.turn_from, expanded.turn_to
        order = cached_order(cache, tail, head, *expanded.middles(streets))
        return cls(expanded, Hierarchy(tail, head, order))
