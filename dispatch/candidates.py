"""Which incidents evidence may belong to: an index by kind, place and time.

Whatever it leaves out would score nothing by the policy's rules (see `dispatch.correlation`), so
a region with 10,000 open incidents compares a report with a handful of them.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from dispatch.correlation import is_vague, reading_of
from dispatch.indexes import Shelf
from dispatch.lifecycle import FINAL
from schemas.policy import CorrelationRule, Policy
from schemas.records import Evidence, Incident, Point


class Candidates:
    """Incidents that evidence can still join.

    An incident stands on the shelf of its category; on one of those for each other category that
    its evidence may mean; and with the unread ones where nobody could read what it is about.
    """

    def __init__(self, policy: Policy, incidents: Iterable[Incident]) -> None:
        self._policy = policy
        rules = policy.correlation.values()
        self._widest = CorrelationRule(
            radius_m=max(rule.radius_m for rule in rules),
            window_s=max(rule.window_s for rule in rules),
        )
        self._by_category: dict[str, _Kind] = {}
        self._by_other_reading: dict[str, _Kind] = {}
        self._unread = self._kind(self._widest)
        self._stands: dict[str, _Stands] = {}
        self._akin: dict[str, tuple[str, ...]] = {}
        for incident in incidents:
            self.put(incident)

    def put(self, incident: Incident) -> None:
        """Take an incident in, or its change."""
        if incident.state in FINAL and incident.state != "closed":
            self.drop(incident.id)
            return
        vague = is_vague(incident.point, self._policy.places)
        point, at = None if vague else incident.point, incident.noticed_at
        stands = _Stands(tuple(self._belongs_to(incident)), point, at)
        if self._stands.get(incident.id) == stands:
            return
        self.drop(incident.id)
        for kind in stands.kinds:
            kind.shelf.put(incident.id, point, at)
        self._stands[incident.id] = stands

    def drop(self, incident: str) -> None:
        """Take an incident out, if it is there."""
        stands = self._stands.pop(incident, None)
        for kind in () if stands is None else stands.kinds:
            kind.shelf.drop(incident)

    def of(self, evidence: Evidence, now: datetime) -> set[str]:
        """Return all incidents that evidence of now can score with, and some others."""
        point = None if is_vague(evidence.point, self._policy.places) else evidence.point
        found: set[str] = set()
        for kind in self._fitting(evidence):
            found.update(kind.shelf.around(point, now - kind.memory))
        return found

    def _fitting(self, evidence: Evidence) -> Iterator["_Kind"]:
        """Yield the shelves on which what evidence may belong to stands."""
        said = evidence.category
        if _is_unread(said, evidence.confidence, self._policy):
            yield from self._by_category.values()
            return
        others = (other.category for other in evidence.alternatives)
        for category in dict.fromkeys((said, *others, *self._related(said))):
            if category in self._by_category:
                yield self._by_category[category]
        if said in self._by_other_reading:
            yield self._by_other_reading[said]
        yield self._unread

    def _belongs_to(self, incident: Incident) -> Iterator["_Kind"]:
        category = incident.category
        if category not in self._by_category:
            rules = self._policy.correlation
            self._by_category[category] = self._kind(rules.get(category) or rules["*"])
        yield self._by_category[category]
        for reading in incident.readings:
            if reading.category != category:
                if reading.category not in self._by_other_reading:
                    self._by_other_reading[reading.category] = self._kind(self._widest)
                yield self._by_other_reading[reading.category]
        known = reading_of(incident)
        if _is_unread(known.category, known.confidence, self._policy):
            yield self._unread

    def _kind(self, rule: CorrelationRule) -> "_Kind":
        """Return an empty shelf for what has this rule."""
        reach_m = 2.0 * rule.radius_m + self._policy.places.most_benefit_m
        return _Kind(Shelf(reach_m), timedelta(seconds=2.0 * rule.window_s))

    def _related(self, category: str) -> tuple[str, ...]:
        """Return the categories that may describe the same event as this one."""
        if category not in self._akin:
            related = self._policy.kinds.related
            others = [*related.get(category, ()), *(k for k, v in related.items() if category in v)]
            self._akin[category] = tuple(dict.fromkeys(others))
        return self._akin[category]


class _Kind(NamedTuple):
    """Incidents of a kind, and how long after they were noticed last evidence can join them."""

    shelf: Shelf
    memory: timedelta


class _Stands(NamedTuple):
    """Where an incident stands in the index."""

    kinds: tuple[_Kind, ...]
    point: Point | None
    at: datetime


def _is_unread(category: str, confidence: float, policy: Policy) -> bool:
    return category == "other" or confidence < policy.kinds.unread_below
