"""Closest unit with greedy diversion: the usual rule, and JEMSS's default."""

from collections import Counter
from collections.abc import Sequence

from dispatch.assignment import Choice, Demand, Given, Move, View, lacking, shown
from schemas.policy import Requirement
from schemas.words import because

_WORST = 1
_MOST_LOST = 2
"""The core lets no incident lose more."""


class GreedyDiversion:
    """The worst and oldest first, the fewest seconds; a P1 may take the unit of a milder one.

    What has lost its unit gets the nearest one that is free then.
    """

    reassigns = True

    def moves(self, view: View) -> Sequence[Move]:
        """Return a move for each demand, and for each incident that loses a unit."""
        return _Greedy(view).moves()


class _Greedy:
    def __init__(self, view: View) -> None:
        self._view = view
        self._asked = {demand.incident for demand in view.demands}
        self._rank = {one.incident: one.rank for one in (*view.demands, *view.others)}
        self._held = {one.unit.id: one for one in view.held}
        self._lost = Counter(view.displaced)
        self._gives: dict[str, list[Given]] = {}
        self._taken: set[str] = set()

    def moves(self) -> list[Move]:
        both = [*self._view.demands, *self._view.others]
        moves = []
        for demand in sorted(both, key=lambda one: (one.rank, one.opened_at, one.incident)):
            gives = self._gives.get(demand.incident, [])
            if demand.incident in self._asked or gives:
                moves.append(self._serve(demand, gives))
        return moves

    def _serve(self, demand: Demand, gives: list[Given]) -> Move:
        counts: Counter[str] = Counter()
        for requirement in demand.requirements if demand.incident in self._asked else ():
            counts[requirement.capability] += requirement.count
        counts.update(self._held[one.unit].capability for one in gives)
        sent = set(self._taken)
        candidates, short = [], []
        for capability, count in counts.items():
            ready = self._ready(demand, capability, sent)
            chosen: list[Choice] = []
            for choice in ready:
                if len(chosen) < count and self._may_take(demand, choice.unit.id):
                    chosen.append(choice)
                    sent.add(choice.unit.id)
                    self._take(demand, choice.unit.id)
            candidates += shown(capability, ready, chosen)
            requirement = Requirement(capability=capability, count=count)
            short += lacking(requirement, len(ready), ready, chosen)
        if demand.waits is None:
            self._taken = sent
        because_ = (because("fewest_seconds"),)
        return Move(demand.incident, tuple(candidates), tuple(short), because_, tuple(gives))

    def _ready(self, demand: Demand, capability: str, sent: set[str]) -> list[Choice]:
        choices = list(self._view.choices(demand))
        if demand.rank == _WORST and demand.waits is None and not demand.confirmed:
            choices += self._view.on_the_way(demand)
        able = [
            choice
            for choice in choices
            if capability in choice.unit.capabilities
            and choice.unit.id not in sent
            and choice.seconds <= self._view.max_seconds
        ]
        return sorted(able, key=lambda c: (c.stale is not None, c.seconds, c.unit.id))

    def _may_take(self, demand: Demand, unit: str) -> bool:
        held = self._held.get(unit)
        if held is None:
            return True
        milder = self._rank[held.incident] > demand.rank
        return milder and self._lost[held.incident] < _MOST_LOST

    def _take(self, demand: Demand, unit: str) -> None:
        held = self._held.get(unit)
        if held is not None:
            self._lost[held.incident] += 1
            self._gives.setdefault(held.incident, []).append(Given(unit, demand.incident, ()))
