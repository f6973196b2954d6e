"""Who should go: first version, the fewest seconds to the scene for each requirement.

Deterministic: ties in time go to the smaller unit id. Every unit that was looked at is in
the answer with the reason for or against it, so that an operator sees the alternatives.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from schemas.policy import Requirement
from schemas.records import Candidate, Recommendation, Unit

_ALTERNATIVES = 3


class Choice(NamedTuple):
    """A unit that may be sent, with what is known of it now.

    ``seconds`` to the scene, infinite when it cannot get there; ``stale`` says why its
    position is not to be relied on, if it is not.
    """

    unit: Unit
    seconds: float
    stale: str | None


class Assigner(Protocol):
    """What picks units for requirements."""

    def recommend(
        self,
        wanted: Sequence[Requirement],
        choices: Sequence[Choice],
        policy: str,
        max_seconds: float,
    ) -> Recommendation:
        """Return who should go; never more than wanted, no unit twice."""


class FewestSeconds:
    """The `Assigner` described at the top of this module."""

    def recommend(
        self,
        wanted: Sequence[Requirement],
        choices: Sequence[Choice],
        policy: str,
        max_seconds: float,
    ) -> Recommendation:
        """Return who should go; never more than wanted, no unit twice."""
        taken: set[str] = set()
        candidates: list[Candidate] = []
        short: list[str] = []
        for requirement in wanted:
            able = [
                choice
                for choice in choices
                if requirement.capability in choice.unit.capabilities
                and choice.unit.id not in taken
            ]
            ready = sorted(
                (choice for choice in able if choice.seconds <= max_seconds),
                key=lambda choice: (choice.stale is not None, choice.seconds, choice.unit.id),
            )
            chosen = ready[: requirement.count]
            taken.update(choice.unit.id for choice in chosen)
            candidates += [
                _candidate(requirement, choice, chosen)
                for choice in ready[: len(chosen) + _ALTERNATIVES]
            ]
            lacking = requirement.count - len(chosen)
            if lacking:
                short.append(
                    f"{requirement.capability}×{lacking}: {_why_short(len(able), len(ready))}"
                )
        return Recommendation(
            policy=policy,
            requirements=tuple(f"{r.capability}×{r.count}" for r in wanted),
            candidates=tuple(candidates),
            short=tuple(short),
            reasons=("fewest seconds to the scene for each requirement in turn",),
        )


def _candidate(requirement: Requirement, choice: Choice, chosen: Sequence[Choice]) -> Candidate:
    is_chosen = choice in chosen
    reason = f"{choice.seconds:.0f} s away"
    if choice.stale is not None:
        reason += f"; {choice.stale}"
    if not is_chosen:
        last = chosen[-1]
        later = choice.seconds - last.seconds
        reason += (
            "; position not to be relied on"
            if choice.stale is not None and last.stale is None
            else f"; {later:.0f} s later than {last.unit.id}"
        )
    return Candidate(
        unit=choice.unit.id,
        capability=requirement.capability,
        seconds=round(choice.seconds, 3),
        chosen=is_chosen,
        reason=reason,
    )


def _why_short(able: int, ready: int) -> str:
    if able == 0:
        return "no free unit has it"
    if ready == 0:
        return f"none of {able} free units can get there"
    return f"only {ready} of {able} free units can get there"
