"""Turn rules for tests."""

from collections.abc import Iterable
from dataclasses import replace

from geo.streets.graph import StreetGraph
from geo.streets.turns import NO_COSTS, TurnCosts, TurnRules


def rules_of(
    streets: StreetGraph,
    banned: Iterable[tuple[int, ...]] = (),
    exempt: Iterable[tuple[int, ...]] = (),
    costs: TurnCosts = NO_COSTS,
) -> TurnRules:
    """Rules of a map with these bans only."""
    exempted = set(exempt)
    bans = tuple(sorted({*banned, *exempted}))
    return replace(
        streets.turns,
        banned=bans,
        emergency_exempt=tuple(ban in exempted for ban in bans),
        costs=costs,
    )
