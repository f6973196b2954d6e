"""What an assigner is asked, and whether its answer is one."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from dispatch.asked import Start
from dispatch.assignment import Choice, Demand, Move, View
from dispatch.errors import WrongMove
from dispatch.sending import stale
from dispatch.state import State
from dispatch.travel import Travel, start_of
from dispatch.under_way import UnderWay
from schemas.records import Reason, Unit


class Question:
    """A `View`, behind which the router is asked when it is needed, once an incident."""

    def __init__(
        self, state: State, travel: Travel, demands: Sequence[Demand], coming: UnderWay
    ) -> None:
        self._state, self._travel = state, travel
        self._coming = [one.unit for one in coming.held]
        self._held_for: dict[str, list[str]] = {}
        for one in coming.held:
            self._held_for.setdefault(one.incident, []).append(one.capability)
        self._remarks: dict[str, Reason] = {}
        self._old: dict[str, Reason | None] = {}
        self._asked: dict[str, tuple[list[Choice], list[Choice]]] = {}
        self._able: dict[frozenset[str], _Able] = {}
        self._demands = [*demands, *coming.others]
        wanted = {capability for demand in self._demands for capability in self._wanted(demand)}
        self.view = View(
            demands=tuple(demands),
            units=tuple(state.free_units(wanted)),
            max_seconds=state.policy.max_eta_s,
            choices=lambda demand: self._choices(demand)[0],
            now=state.now,
            held=coming.held,
            others=coming.others,
            displaced=coming.displaced,
            on_the_way=lambda demand: self._choices(demand)[1],
        )

    def with_remark(self, move: Move) -> Move:
        """Return a move with what the router remarked."""
        remark = self._remarks.get(move.incident)
        return move if remark is None else move._replace(reasons=(*move.reasons, remark))

    def _wanted(self, demand: Demand) -> list[str]:
        own = [requirement.capability for requirement in demand.requirements]
        return own + self._held_for.get(demand.incident, [])

    def _choices(self, demand: Demand) -> tuple[list[Choice], list[Choice]]:
        """Return the free units and those on their way, with their times to a scene."""
        if demand.incident not in self._asked:
            wanted = frozenset(self._wanted(demand))
            # Where all scenes are weighed together, those with the same units follow each other:
            # the router knows then from where it is asked.
            alike = self._alike(wanted) if self._coming else []
            for one in (*alike, demand):
                self._asked[one.incident] = self._ask(one, self._able_to(wanted))
        return self._asked[demand.incident]

    def _alike(self, wanted: frozenset[str]) -> list[Demand]:
        return [one for one in self._demands if frozenset(self._wanted(one)) == wanted]

    def _ask(self, demand: Demand, able: "_Able") -> tuple[list[Choice], list[Choice]]:
        times = self._travel.seconds(self._state, able.starts, demand.scene, demand.severity)
        if times.remark is not None:
            self._remarks[demand.incident] = times.remark
        choices = list(map(Choice, able.units, times.seconds, able.stale))
        return choices[: able.free], choices[able.free :]

    def _able_to(self, wanted: frozenset[str]) -> "_Able":
        """Return who has one of some capabilities: the same for all scenes that want them."""
        known = self._able.get(wanted)
        if known is None:
            free = self._state.free_units(set(wanted))
            coming = [one for one in self._coming if not wanted.isdisjoint(one.capabilities)]
            units = free + coming
            starts = [start_of(unit) for unit in units]
            known = _Able(units, len(free), starts, [self._stale(unit) for unit in units])
            self._able[wanted] = known
        return known

    def _stale(self, unit: Unit) -> Reason | None:
        if unit.id not in self._old:
            self._old[unit.id] = stale(self._state, unit)
        return self._old[unit.id]


class _Able(NamedTuple):
    """Units that have one of some capabilities, the first ``free`` of them free."""

    units: list[Unit]
    free: int
    starts: list[Start]
    stale: list[Reason | None]


def check(view: View, moves: Sequence[Move]) -> None:
    """Raise `WrongMove` where an assigner does not do what it promises."""
    demands = {demand.incident: demand for demand in view.demands}
    others = {demand.incident: demand for demand in view.others}
    answered = [move.incident for move in moves]
    asked = sorted(name for name in answered if name not in others)
    if asked != sorted(demands) or len(answered) != len(set(answered)):
        raise WrongMove(f"moves for {answered}, but the demands are {sorted(demands)}")
    goes = _leaving(view, moves)
    free = {unit.id for unit in view.units}
    sent: set[str] = set()
    for move in moves:
        demand = demands.get(move.incident) or others[move.incident]
        may_take = demand.waits is None and not demand.confirmed
        taken = set(sent) if demand.waits is None else set()
        left = _asked_for(view, demand, move)
        for one in move.chosen:
            left[one.capability] -= 1
            given = may_take and one.unit in goes and goes[one.unit] == move.incident
            may_go = given or one.unit in free
            if not may_go or one.unit in taken or left[one.capability] < 0:
                raise WrongMove(
                    f"{one.unit} for {one.capability} to {move.incident}: it is not free, is sent "
                    "twice, or more go than are asked for"
                )
            taken.add(one.unit)
        if demand.waits is None:
            sent = taken
    lost = sorted(unit for unit, to in goes.items() if to is not None and unit not in sent)
    if lost:
        raise WrongMove(f"{', '.join(lost)}: sent elsewhere, where nobody has chosen them")


def _leaving(view: View, moves: Sequence[Move]) -> dict[str, str | None]:
    """Return where the units go that leave their incidents."""
    at = {one.unit.id: one.incident for one in view.held}
    goes: dict[str, str | None] = {}
    for move in moves:
        for one in move.gives:
            if at.get(one.unit) != move.incident or one.unit in goes or one.to == move.incident:
                raise WrongMove(f"{one.unit} does not leave {move.incident}: it is not held there")
            goes[one.unit] = one.to
    return goes


def _asked_for(view: View, demand: Demand, move: Move) -> Counter[str]:
    """Return by capability how many units may go to a demand."""
    held = {one.unit.id: one.capability for one in view.held}
    counts = Counter(held[one.unit] for one in move.gives)
    for requirement in demand.requirements:
        counts[requirement.capability] += requirement.count
    return counts
