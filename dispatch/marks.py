"""What an entry has touched, to be settled once at its end.

Nothing here outlives an entry: `dispatch.settle` takes the marks and leaves none.
"""

from collections.abc import Iterable
from typing import NamedTuple

from schemas.records import Merger, Reason


class Confirmation(NamedTuple):
    """An operator says: send what is recommended."""

    operator: str
    reason: str


class Merging(NamedTuple):
    """A merge whose consequences are not settled yet, with the assignments of before them."""

    merger: Merger
    before: frozenset[str]


class Marks:
    """Marks of one entry, each in the order in which it was first made.

    Attributes
    ----------
    incidents
        Those whose demand may have changed.
    ways
        By incident, why the ways of its units are to be found again.
    streets
        Why the ways of all units are to be found again.
    freed
        Capabilities for whose units work is to be found; None for whoever is free.
    taken
        Units that were free and are not any more.
    behind
        Incidents behind which an earlier look for work is to be gone on with.
    plans
        Whether open incidents may lack what they did not before.
    confirmed
        By incident, who says that the recommended units are to be sent.
    mergings
        Merges of this entry.
    named
        Incidents of no kind that have been given one.
    surplus
        Incidents that may have more units than their plans ask for.
    """

    def __init__(self) -> None:
        self.incidents: dict[str, None] = {}
        self.ways: dict[str, dict[Reason, None]] = {}
        self.streets: dict[Reason, None] = {}
        self.freed: dict[str, None] | None = {}
        self.taken: dict[str, None] = {}
        self.behind: list[str] = []
        self.plans = False
        self.confirmed: dict[str, Confirmation] = {}
        self.mergings: list[Merging] = []
        self.named: dict[str, None] = {}
        self.surplus: dict[str, None] = {}

    def incident(self, incident: str) -> None:
        """Settle an incident: its demand may have changed."""
        self.incidents[incident] = None

    def way(self, incident: str, why: Reason) -> None:
        """Find the ways of an incident's units again."""
        self.ways.setdefault(incident, {})[why] = None

    def street(self, why: Reason) -> None:
        """Find the ways of all units again, and look at what is short."""
        self.streets[why] = None
        self.free(None)

    def free(self, capabilities: Iterable[str] | None) -> None:
        """Find work for units with these capabilities; for whoever is free if None."""
        if capabilities is None:
            self.freed = None
        elif self.freed is not None:
            self.freed.update(dict.fromkeys(capabilities))

    def any(self) -> bool:
        """Tell whether there is anything to settle."""
        return bool(
            self.freed is None
            or self.freed
            or self.taken
            or self.incidents
            or self.ways
            or self.streets
            or self.behind
            or self.plans
            or self.mergings
            or self.surplus
        )
