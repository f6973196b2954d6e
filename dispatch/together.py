"""The assigner ``joint``: the least lateness over all incidents together.

Units on their way may be re-assigned within the rules of the policy. `dispatch.costs` says what
lateness costs, `dispatch.joint` solves; here a `View` becomes slots with costs, and the solution
becomes moves with reasons. ``docs/dispatch.md`` has the whole.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from dispatch.assignment import (
    Choice,
    Demand,
    Given,
    Held,
    Move,
    View,
    by_capability,
    lacking,
    serve,
    shown,
)
from dispatch.costs import Costs, milliseconds
from dispatch.joint import Key, Slot, solve
from geo.crs import haversine_m
from schemas.policy import Joint, Requirement
from schemas.records import Reason, Unit
from schemas.words import because

_AT_HOME_M = 150.0
"""A free unit so near to where it waits stands there, and has to leave first."""


class JointAssigner:
    """All demands together, units on their way included, by the rules of a policy."""

    reassigns = True

    def __init__(self, rules: Joint) -> None:
        self._rules = rules
        self._costs = Costs(rules)

    def moves(self, view: View) -> Sequence[Move]:
        """Return a move for each demand, and for each other incident that gives or gets a unit."""
        cases = self.cases(view)
        found = solve(self.slots(cases), self._costs.least_gain)
        told = _Told(view, cases, found.units)
        moves = [move for case in cases if (move := told.move(case)) is not None]
        return [*moves, *_recommended(view, moves)]

    def cases(self, view: View) -> list["Case"]:
        """Return what is to be weighed, the worst first: all demands that wait for nobody."""
        demands = [demand for demand in (*view.demands, *view.others) if demand.waits is None]
        able = by_capability(view.units)
        leaves_ms = self._leaves_ms(view)
        return [
            self._case(view, demand, able, leaves_ms)
            for demand in sorted(demands, key=lambda one: (one.rank, one.opened_at, one.incident))
        ]

    def slots(self, cases: Sequence["Case"]) -> list[Slot]:
        """Return the slots of all cases with their costs."""
        severity = {case.demand.incident: case.demand.severity for case in cases}
        may_go = {one.unit.id: one for case in cases for one in case.may_go}
        most = sum(len(case.may_go) + _count(case.demand.requirements) for case in cases)
        return [
            slot
            for case in cases
            for slot in self._slots(case, _Takeable(may_go, severity, self._rules), most)
        ]

    def _leaves_ms(self, view: View) -> dict[str, int]:
        """Return by unit how long it takes until it is on the road."""
        turnout_ms = milliseconds(self._rules.turnout_s)
        free = {unit.id: turnout_ms if _is_at_home(unit) else 0 for unit in view.units}
        return free | {one.unit.id: milliseconds(one.leaves_in_s) for one in view.held}

    def _case(
        self,
        view: View,
        demand: Demand,
        able: Mapping[str, Sequence[str]],
        leaves_ms: Mapping[str, int],
    ) -> "Case":
        held = [one for one in view.held if one.incident == demand.incident]
        if not demand.requirements and not self._may_lose(view, demand.incident, held):
            return Case(demand, 0, {}, {}, ())
        asked = {one.capability for one in demand.requirements} | {one.capability for one in held}
        someone = any(able.get(capability) for capability in asked)
        free = view.choices(demand) if someone else ()
        on_the_way = view.on_the_way(demand) if view.held else ()
        most = view.max_seconds
        choices = {
            choice.unit.id: choice
            for choice in (*free, *on_the_way)
            if choice.seconds <= most and not asked.isdisjoint(choice.unit.capabilities)
        }
        waited_ms = milliseconds((view.now - demand.opened_at).total_seconds())
        costs = self._arrivals(demand, choices, leaves_ms, waited_ms)
        may_go = self._may_go(view, demand.incident, held, choices)
        return Case(demand, waited_ms, choices, costs, may_go)

    def _arrivals(
        self,
        demand: Demand,
        choices: Mapping[str, Choice],
        leaves_ms: Mapping[str, int],
        waited_ms: int,
    ) -> dict[str, int]:
        travels_ms = (
            leaves_ms[name] + milliseconds(choice.seconds) for name, choice in choices.items()
        )
        found = self._costs.arrivals(demand.severity, waited_ms, travels_ms)
        costs = dict(zip(choices, found, strict=True))
        for name, choice in choices.items():
            if choice.stale is not None:
                costs[name] += self._costs.stale
        return costs

    def _may_go(
        self,
        view: View,
        incident: str,
        held: Sequence[Held],
        choices: Mapping[str, Choice],
    ) -> tuple[Held, ...]:
        """Return the units of an incident that may leave it: the farthest, and not too many."""
        far = [
            (-choices[one.unit.id].seconds, one.unit.id, one)
            for one in held
            if not one.calm
            and one.unit.id in choices
            and choices[one.unit.id].seconds >= self._rules.lock_s
        ]
        return tuple(one for *_, one in sorted(far)[: self._may_lose(view, incident, held)])

    def _may_lose(self, view: View, incident: str, held: Sequence[Held]) -> int:
        """Return how many units may leave an incident, before anybody asks how far they are."""
        left = self._rules.most_displacements - view.displaced.get(incident, 0)
        return max(0, min(left, sum(not one.calm for one in held)))

    def _slots(self, case: "Case", takeable: "_Takeable", most: int) -> Iterable[Slot]:
        demand = case.demand
        for requirement in demand.requirements:
            costs = self._options(case, requirement.capability, takeable, most)
            queued = self._costs.queued(demand.severity, case.waited_ms, emptied=False)
            for number in range(requirement.count):
                yield Slot(case.key(requirement.capability, number), None, costs, queued)
        queued = self._costs.queued(demand.severity, case.waited_ms, emptied=True)
        for number, held in enumerate(case.may_go):
            present = held.unit.id
            costs = self._options(case, held.capability, takeable, most)
            others = {unit: cost + self._costs.switch for unit, cost in costs.items()}
            own = {present: case.costs[present]}
            yield Slot(case.key(held.capability, -1 - number), present, others | own, queued)

    def _options(
        self, case: "Case", capability: str, takeable: "_Takeable", most: int
    ) -> dict[str, int]:
        """Return the costs of the units that may be sent for a capability.

        Of free units the ``most`` cheapest: with so many slots in all, nobody needs another one.
        """
        free, on_the_way = [], {}
        for name, choice in case.choices.items():
            if capability not in choice.unit.capabilities:
                continue
            if choice.unit.assignment is None:
                free.append((case.costs[name], name))
            elif takeable.by(case.demand, name):
                on_the_way[name] = case.costs[name]
        return {name: cost for cost, name in sorted(free)[:most]} | on_the_way


class Case(NamedTuple):
    """A demand with all that can be sent to it.

    Attributes
    ----------
    waited_ms
        Since it was opened.
    choices, costs
        By unit that can get there, free or on its way, to here or elsewhere.
    may_go
        Units on their way here that may be sent elsewhere.
    """

    demand: Demand
    waited_ms: int
    choices: dict[str, Choice]
    costs: dict[str, int]
    may_go: tuple[Held, ...]

    def key(self, capability: str, number: int) -> Key:
        """Return the key of a slot."""
        demand = self.demand
        return demand.rank, demand.opened_at, demand.incident, capability, number


class _Takeable(NamedTuple):
    """Units on their way that may leave, with the severities of their incidents."""

    may_go: dict[str, Held]
    severity: dict[str, str]
    rules: Joint

    def by(self, demand: Demand, unit: str) -> bool:
        """Tell whether a demand may take a unit that is on its way elsewhere."""
        held = self.may_go.get(unit)
        if held is None or held.incident == demand.incident or demand.confirmed:
            return False
        return self.severity[held.incident] in self.rules.may_take.get(demand.severity, ())


class _Told:
    """What is said of a solution.

    ``units`` are those of the slots; whoever is not in them is where he was.
    """

    def __init__(self, view: View, cases: Sequence[Case], units: Mapping[Key, str | None]) -> None:
        self._asked = {demand.incident for demand in view.demands}
        self._able = by_capability(view.units)
        self._cases = {case.demand.incident: case for case in cases}
        self._held = {one.unit.id: one for one in view.held}
        self._goes = {
            unit: incident for (_, _, incident, *_), unit in units.items() if unit is not None
        }
        self._units = units

    def move(self, case: Case) -> Move | None:
        """Return who goes to a case and who leaves it; None if it is not asked about and nobody."""
        demand = case.demand
        gone = [one for one in case.may_go if self._goes.get(one.unit.id) != demand.incident]
        coming = self._coming(case)
        if not gone and not coming and demand.incident not in self._asked:
            return None
        counts: Counter[str] = Counter()
        for requirement in demand.requirements:
            counts[requirement.capability] += requirement.count
        counts.update(one.capability for one in gone)
        candidates, short = [], []
        for capability, count in counts.items():
            ready = self._ready(case, capability)
            names = coming.get(capability, ())
            chosen = [choice for choice in ready if choice.unit.id in names]
            free = [one for one in ready if self._is_free(one.unit)]
            far = max((choice.seconds for choice in chosen), default=0.0)
            nearer = [one for one in ready if one in chosen or one in free or one.seconds < far]
            candidates += shown(capability, nearer, chosen, self._known(case))
            requirement = Requirement(capability=capability, count=count)
            able = sum(unit not in self._goes for unit in self._able.get(capability, ()))
            short += lacking(requirement, able, free, chosen)
        return Move(
            incident=demand.incident,
            candidates=tuple(candidates),
            short=tuple(short),
            reasons=(because("least_lateness", incidents=len(self._cases)),),
            gives=tuple(self._given(case, one) for one in gone),
        )

    def _is_free(self, unit: Unit) -> bool:
        return unit.assignment is None and unit.id not in self._goes

    def _coming(self, case: Case) -> dict[str, set[str]]:
        """Return by capability the units that are sent to a case now."""
        coming: dict[str, set[str]] = {}
        for (_, _, incident, capability, _), unit in self._units.items():
            held = None if unit is None else self._held.get(unit)
            stays = held is not None and held.incident == incident
            if unit is not None and incident == case.demand.incident and not stays:
                coming.setdefault(capability, set()).add(unit)
        return coming

    def _ready(self, case: Case, capability: str) -> list[Choice]:
        """Return the units that could serve a case, the nearest first, but for its own."""
        choices = [
            choice
            for choice in case.choices.values()
            if capability in choice.unit.capabilities
            and choice.unit.incident != case.demand.incident
        ]
        return sorted(choices, key=lambda c: (c.stale is not None, c.seconds, c.unit.id))

    def _known(self, case: Case) -> dict[str, Reason]:
        """Return by unit where it comes from, goes to or stays, of those that are needed twice."""
        here = case.demand.incident
        known = {}
        for unit in case.choices:
            held, goes = self._held.get(unit), self._goes.get(unit)
            if goes == here and held is not None:
                known[unit] = because("leaves_for_this", number=self._number(held.incident))
            elif goes not in (None, here):
                known[unit] = because("goes_to", number=self._number(goes))
            elif held is not None:
                known[unit] = because("goes_to", number=self._number(held.incident))
        return known

    def _given(self, case: Case, held: Held) -> Given:
        unit = held.unit.id
        to = self._goes.get(unit)
        here = case.choices[unit].seconds
        reasons = []
        if to is not None:
            there = self._cases[to]
            seconds = round(there.choices[unit].seconds, 3)
            severity = there.demand.severity
            reasons.append(
                because("needed_there", number=self._number(to), severity=severity, seconds=seconds)
            )
        coming = sorted(self._coming(case).get(held.capability, ()))
        for other in coming:
            later = round(case.choices[other].seconds - here, 3)
            if later < 0:
                reasons.append(because("replaced_nearer", unit=other, seconds=-later))
            else:
                reasons.append(because("replaced_by", unit=other, seconds=later))
        if not coming:
            reasons.append(because("not_replaced", capability=held.capability))
        return Given(unit, to, tuple(reasons))

    def _number(self, incident: str | None) -> str:
        case = self._cases.get(incident or "")
        return "" if case is None else case.demand.number


def _recommended(view: View, moves: Iterable[Move]) -> list[Move]:
    """Return what is recommended to those that wait for an operator: who is free still."""
    sent = {one.unit for move in moves for one in move.chosen}
    able = by_capability(view.units)
    return [serve(view, demand, able, sent) for demand in view.demands if demand.waits is not None]


def _is_at_home(unit: Unit) -> bool:
    place, home = unit.position, unit.standby.point if unit.standby else unit.home
    metres = haversine_m(place.lon, place.lat, home.lon, home.lat)
    return bool(metres <= _AT_HOME_M)


def _count(requirements: Iterable[Requirement]) -> int:
    return sum(requirement.count for requirement in requirements)
