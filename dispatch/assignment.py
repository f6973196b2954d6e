"""Who should go where: the `Assigner`, and the first one, `FewestSeconds`.

When an entry's own changes are done, the core settles what they touched. It asks the assigner once,
with a `View` of every demand that is to be settled now and every unit that could serve one of them,
and gets a `Move` for each demand. (Before it accepts an operator's "send what is recommended", it
asks about that demand alone, to refuse where nobody can be sent.)

An assigner is pure: it reads the view and nothing else, and the same view gives the same moves.
What follows from a move (assignments, the question to an operator, alerts, timers, the timeline) is
`dispatch.settle`'s business.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import NamedTuple, Protocol

from schemas.policy import Requirement
from schemas.records import Candidate, Point, Reason, Shortage, Unit
from schemas.words import because

_ALTERNATIVES = 3


class Demand(NamedTuple):
    """What one incident lacks.

    Attributes
    ----------
    incident
        Its id.
    severity, rank, opened_at
        How bad it is (``rank`` 1 is the worst), and since when.
    scene
        Where; WGS-84 degrees. An incident without a place makes no demand.
    requirements
        What its plans ask for beyond the units already sent, most important first; never empty.
    waits
        Why an operator must confirm: then the move is a recommendation, and its units stay free
        for other demands. None where the units of the move are sent at once.
    confirmed
        Whether an operator has confirmed it: only free units go, as he was shown.
    number
        The incident's number, to be named in reasons.
    """

    incident: str
    severity: str
    rank: int
    opened_at: datetime
    scene: Point
    requirements: tuple[Requirement, ...]
    waits: Reason | None = None
    confirmed: bool = False
    number: str = ""


class Choice(NamedTuple):
    """A unit that may be sent to a demand, with what is known of it now.

    ``seconds`` to the scene, infinite when it cannot get there within the policy's ``max_eta_s``;
    ``stale`` says why its position is not to be relied on, if it is not.
    """

    unit: Unit
    seconds: float
    stale: Reason | None


class Held(NamedTuple):
    """A unit that is on its way to an incident and may be sent elsewhere.

    The policy has sent it, for ``capability`` to ``incident``, which waits for no operator; it has
    not arrived. ``calm`` tells that it was sent elsewhere within the policy's ``calm_s``.
    ``leaves_in_s`` seconds it still needs until it leaves, 0 on the road.
    """

    unit: Unit
    capability: str
    incident: str
    calm: bool
    leaves_in_s: float


def nobody_on_the_way(_demand: Demand) -> Sequence[Choice]:
    """Return no unit on its way: for a view in which nobody may be re-assigned."""
    return ()


class View(NamedTuple):
    """What is to be settled now.

    Attributes
    ----------
    demands
        The worst first, then the oldest, then by id; one an incident.
    units
        Free units with a capability that some demand asks for, by id.
    max_seconds
        The policy's ``max_eta_s``: whoever is farther away is not considered.
    choices
        Returns the units with a capability that a demand asks for, by id, with their travel
        times. The router is asked at the first call for a demand and not again, so ask only for
        demands that some unit may go to.
    now
        The journal's clock.
    held
        Units on their way that may be re-assigned, by id; none unless the assigner ``reassigns``.
    others
        Demands of the incidents of ``held`` that are not among ``demands``, in the same order.
        Their ``requirements`` may be empty.
    displaced
        By incident of ``held``, how many units it has lost on their way.
    on_the_way
        Returns the units of ``held`` with a capability that a demand, or one of ``others``, asks
        for or has on its way, with their travel times.
    """

    demands: tuple[Demand, ...]
    units: tuple[Unit, ...]
    max_seconds: float
    choices: Callable[[Demand], Sequence[Choice]]
    now: datetime
    held: tuple[Held, ...] = ()
    others: tuple[Demand, ...] = ()
    displaced: Mapping[str, int] = MappingProxyType({})
    on_the_way: Callable[[Demand], Sequence[Choice]] = nobody_on_the_way


class Given(NamedTuple):
    """A unit on its way that leaves its incident, and why.

    ``to`` is the incident that it goes to; None where somebody nearer takes its place and it is
    free.
    """

    unit: str
    to: str | None
    reasons: tuple[Reason, ...]


class Move(NamedTuple):
    """Who should go to one demand, and why.

    Attributes
    ----------
    incident
        The demand's.
    candidates
        The units looked at, each for one capability: those ``chosen``, and the best others, so
        that an operator sees the alternatives.
    short
        What nobody was found for.
    reasons
        How it was chosen. Their words are in the table ``reasons``.
    gives
        Units on their way to the incident that leave it. What they were sent for is demanded again,
        so that ``candidates`` and ``short`` are about it, too.
    """

    incident: str
    candidates: tuple[Candidate, ...]
    short: tuple[Shortage, ...]
    reasons: tuple[Reason, ...]
    gives: tuple[Given, ...] = ()

    @property
    def chosen(self) -> tuple[Candidate, ...]:
        """The candidates who should go."""
        return tuple(candidate for candidate in self.candidates if candidate.chosen)


class Assigner(Protocol):
    """What picks units for all demands together.

    ``reassigns`` tells whether it may send units elsewhere that are on their way. Then it is asked
    when a unit becomes free, too, although no incident lacks one.
    """

    reassigns: bool

    def moves(self, view: View) -> Sequence[Move]:
        """Return one move for each demand, and for each of ``others`` that is concerned.

        In any order. Never more units than a demand asks for, only units of the view, and none
        twice among the demands that do not wait. A unit of ``held`` is chosen where one other move
        ``gives`` it, and by no demand that waits or is confirmed. Anything else raises
        `dispatch.errors.WrongMove`.
        """


class FewestSeconds:
    """The fewest seconds to the scene: greedy, one demand and one requirement after the other.

    The worst and oldest demand is served first, each of its requirements in turn. Units whose
    position is not to be relied on come last; ties in time go to the smaller id. Units on their way
    go on.
    """

    reassigns = False

    def moves(self, view: View) -> Sequence[Move]:
        """Return one move for each demand, in their order."""
        able = by_capability(view.units)
        sent: set[str] = set()
        moves = []
        for demand in view.demands:
            move = serve(view, demand, able, sent)
            if demand.waits is None:
                sent.update(candidate.unit for candidate in move.chosen)
            moves.append(move)
        return moves


def by_capability(units: Iterable[Unit]) -> dict[str, list[str]]:
    """Return the ids of units by each of their capabilities, in the order of the units."""
    able: dict[str, list[str]] = defaultdict(list)
    for unit in units:
        for capability in unit.capabilities:
            able[capability].append(unit.id)
    return able


def serve(view: View, demand: Demand, able: Mapping[str, Sequence[str]], sent: set[str]) -> Move:
    """Return the move with the fewest seconds for one demand.

    ``able`` are free units by capability, of which those ``sent`` go elsewhere.
    """
    taken = set(sent)
    candidates: list[Candidate] = []
    short: list[Shortage] = []
    for requirement in demand.requirements:
        free = {unit for unit in able.get(requirement.capability, ()) if unit not in taken}
        ready: list[Choice] = []
        if free:
            ready = sorted(
                (
                    choice
                    for choice in view.choices(demand)
                    if choice.unit.id in free and choice.seconds <= view.max_seconds
                ),
                key=lambda choice: (choice.stale is not None, choice.seconds, choice.unit.id),
            )
        chosen = ready[: requirement.count]
        taken.update(choice.unit.id for choice in chosen)
        candidates += shown(requirement.capability, ready, chosen)
        short += lacking(requirement, len(free), ready, chosen)
    return Move(
        incident=demand.incident,
        candidates=tuple(candidates),
        short=tuple(short),
        reasons=(because("fewest_seconds"),),
    )


def shown(
    capability: str,
    ready: Sequence[Choice],
    chosen: Sequence[Choice],
    known: Mapping[str, Reason] = MappingProxyType({}),
) -> list[Candidate]:
    """Return the candidates for one capability: the chosen units, then the best others.

    Parameters
    ----------
    ready
        All units that can get there, the best first.
    chosen
        Those of them that should go, the best first.
    known
        By unit what else is to be said of it, such as why it does not go.
    """
    going = {choice.unit.id for choice in chosen}
    others = [choice for choice in ready if choice.unit.id not in going][:_ALTERNATIVES]
    last = chosen[-1] if chosen else None

    def why(choice: Choice) -> tuple[Reason, ...]:
        told = known.get(choice.unit.id)
        return () if told is None else (told,)

    return [
        *(_candidate(capability, choice, chosen=True, reasons=why(choice)) for choice in chosen),
        *(
            _candidate(
                capability, choice, chosen=False, reasons=why(choice) or _why_not(choice, last)
            )
            for choice in others
        ),
    ]


def lacking(
    requirement: Requirement, able: int, ready: Sequence[Choice], chosen: Sequence[Choice]
) -> list[Shortage]:
    """Return what a requirement is short of: nothing, or one shortage with its reason.

    ``able`` units have the capability and are free; ``ready`` and ``chosen`` as for `shown`.
    """
    count = requirement.count - len(chosen)
    if not count:
        return []
    why = _why_short(able, len(ready))
    return [Shortage(capability=requirement.capability, count=count, why=why)]


def _candidate(
    capability: str, choice: Choice, *, chosen: bool, reasons: tuple[Reason, ...]
) -> Candidate:
    seconds = round(choice.seconds, 3)
    stale = () if choice.stale is None else (choice.stale,)
    return Candidate(
        unit=choice.unit.id,
        capability=capability,
        seconds=seconds,
        chosen=chosen,
        reasons=(because("seconds_away", seconds=seconds), *stale, *reasons),
    )


def _why_not(choice: Choice, last: Choice | None) -> tuple[Reason, ...]:
    """Return why a unit is not chosen although the last chosen one is."""
    if last is None:
        return ()
    if choice.stale is not None and last.stale is None:
        return (because("position_unreliable"),)
    if choice.seconds < last.seconds:
        return ()  # an assigner of all demands together has its own reason for that
    later = round(choice.seconds - last.seconds, 3)
    return (because("later_than", unit=last.unit.id, seconds=later),)


def _why_short(able: int, ready: int) -> Reason:
    if able == 0:
        return because("none_free")
    if ready == 0:
        return because("none_can_get_there", able=able)
    return because("too_few_can_get_there", ready=ready, able=able)
