"""What places are covered from, worked out once: it depends on streets, bases and policy only."""

from collections.abc import Mapping
from typing import NamedTuple

from dispatch.asked import Place
from dispatch.coverage import Cover
from dispatch.state import State
from dispatch.travel import Travel
from schemas.policy import Coverage, Joint


class _Of(NamedTuple):
    """What a cover was made of."""

    city: str | None
    rules: Coverage
    joint: Joint
    bases: Mapping[str, Place]


class Covers:
    """The cover of each kind of unit. It never changes an answer, so it is in no snapshot."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[_Of, Cover]] = {}

    def of(self, state: State, travel: Travel, kind: str, bases: Mapping[str, Place]) -> Cover:
        """Return the cover of a kind for which the policy has rules, over bases in this order.

        Travel is as usual: what is closed today does not move whole fleets.
        """
        policy = state.policy
        made_of = _Of(state.city, policy.coverage[kind], policy.joint, bases)
        known = self._known.get(kind)
        if known is not None and _same(known[0], made_of):
            return known[1]
        places = list(bases.values())
        cells = made_of.rules.cells
        seconds = [travel.usually(state, places, (cell.lon, cell.lat)) for cell in cells]
        cover = Cover(made_of.rules, policy.joint, seconds)
        self._known[kind] = made_of, cover
        return cover


def _same(one: _Of, other: _Of) -> bool:
    """Tell whether they are of the same values; the rules are long, and stay the same object."""
    return (
        one.city == other.city
        and one.rules is other.rules
        and one.joint is other.joint
        and list(one.bases.items()) == list(other.bases.items())
    )
