"""All that a region's core must know to go on: what the ledger gives it when it starts.

A core restored from a snapshot answers to every later entry with the same bytes as the one
it was taken of.
"""

from datetime import datetime

import msgspec

from schemas.policy import Policy
from schemas.records import Alert, Assignment, Condition, Incident, Merger, Note, Timer, Unit


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """A region's state after some journal entry.

    Every list is sorted by its records' id (timers by kind and subject), but for ``notes`` and
    ``seen``.

    Attributes
    ----------
    clock
        The journal's time so far; None before the first entry.
    city
        Content hash of the city in force.
    fences
        Number of the last change of a fence.
    incidents
        Those open, and those closed for less than the policy's ``closed_memory_s``; one that
        was merged stays as long as the one that took it in.
    assignments
        The active ones of those incidents, and the ended ones.
    alerts
        Those that have not ended.
    numbers
        The running count of incidents by day (``20261124``).
    separations
        Pairs of incidents (smaller id first) an operator said are not the same.
    notes
        Of the evidence of those incidents, in the order in which it was placed.
    mergers
        Those of these incidents that are not undone.
    seen
        Ids of the last entries applied, oldest first.
    """

    region: str
    clock: datetime | None = None
    policy: Policy | None = None
    city: str | None = None
    fences: int = 0
    incidents: tuple[Incident, ...] = ()
    units: tuple[Unit, ...] = ()
    assignments: tuple[Assignment, ...] = ()
    alerts: tuple[Alert, ...] = ()
    conditions: tuple[Condition, ...] = ()
    timers: tuple[Timer, ...] = ()
    numbers: dict[str, int] = {}
    separations: tuple[tuple[str, str], ...] = ()
    notes: tuple[Note, ...] = ()
    mergers: tuple[Merger, ...] = ()
    seen: tuple[str, ...] = ()


SEEN = 65_536
"""How many entry ids are remembered. A relay that crashed between sending and marking sends
its last batches again, so a repeat is never far behind by count, however long the pause."""
