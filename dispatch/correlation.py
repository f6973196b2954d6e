"""Is this evidence of an event that we know of already? First version: kind, place and time.

The score is the product of three parts, each 0 to 1:

* how well the categories go together (1 for the same);
* the place: 1 at the same spot, falling linearly to 0 at twice the category's radius, after
  the accuracies of both places are given the benefit of the doubt;
* the time since the incident was last noticed: 1 at once, falling to 0 at twice the window.

Radii and windows are the policy's, started from what is in use elsewhere (Active911 80 m and
10 min, FixMyStreet 250 m, Signalen 50 m) and from the extent of each kind of event.
"""

from datetime import datetime
from typing import NamedTuple, Protocol

from dispatch.transitions import FINAL
from geo.crs import haversine_m
from schemas.policy import CorrelationRule, Policy
from schemas.records import Evidence, Incident

RELATED: dict[frozenset[str], float] = {
    frozenset(("fire", "explosion")): 0.85,
    frozenset(("gas_leak", "explosion")): 0.8,
    frozenset(("fire", "gas_leak")): 0.6,
    frozenset(("chemical_spill", "gas_leak")): 0.7,
    frozenset(("fire", "air_pollution")): 0.5,
    frozenset(("traffic_crash", "medical")): 0.6,
    frozenset(("traffic_crash", "road_obstruction")): 0.8,
    frozenset(("flood", "pipe_burst")): 0.75,
    frozenset(("flood", "manhole_hazard")): 0.5,
    frozenset(("flood", "road_obstruction")): 0.5,
    frozenset(("storm_damage", "road_obstruction")): 0.6,
    frozenset(("crowd_crush", "public_disorder")): 0.6,
    frozenset(("crowd_crush", "medical")): 0.5,
    frozenset(("structure_collapse", "explosion")): 0.7,
}
"""How well two different categories describe one event; pairs not named do not."""

_UNSURE = 0.6
"""What ``other``, the category of those that triage could not read, goes with anything."""

_MAX_BENEFIT_M = 150.0
"""A vague place is given the benefit of the doubt for this many metres and no more."""

_NOWHERE_M = 500.0
"""A place vaguer than this (a long road's middle) says as much as none."""

_VAGUE_M = 100.0
_VAGUE_FACTOR = 0.85
_UNPLACED_FACTOR = 0.45
"""Without a place, kind and time alone reach the band in which an operator is asked."""


class Match(NamedTuple):
    """The best match of evidence among the incidents; ``incident`` is None without any."""

    incident: str | None
    score: float
    reasons: tuple[str, ...]


class Correlator(Protocol):
    """What decides whether evidence belongs to a known incident."""

    def match(
        self, evidence: Evidence, incidents: list[Incident], policy: Policy, now: datetime
    ) -> Match:
        """Return the best match; ties go to the older incident, then the smaller id."""


class KindPlaceTime:
    """The `Correlator` described at the top of this module."""

    def match(
        self, evidence: Evidence, incidents: list[Incident], policy: Policy, now: datetime
    ) -> Match:
        """Return the best match; ties go to the older incident, then the smaller id."""
        best = Match(None, 0.0, ())
        for incident in sorted(incidents, key=lambda i: (i.opened_at, i.id)):
            if incident.state in FINAL and not _is_late(evidence, incident):
                continue
            match = self._score(evidence, incident, policy, now)
            if match.score > best.score:
                best = match
        return best

    def _score(
        self, evidence: Evidence, incident: Incident, policy: Policy, now: datetime
    ) -> Match:
        # Two call centres may both count to 1001; a datastream is one thing in the city.
        if evidence.source == "sensor" and evidence.source_id in incident.sources:
            return Match(
                incident.id, 1.0, (f"the same source {evidence.source_id} has reported it before",)
            )
        kind = _kind(evidence.category, incident.category)
        if kind == 0.0:
            return Match(incident.id, 0.0, ())
        rule = policy.correlation.get(incident.category) or policy.correlation["*"]
        seconds = max(0.0, (now - incident.noticed_at).total_seconds())
        time = max(0.0, 1.0 - seconds / (2.0 * rule.window_s))
        if time == 0.0:
            return Match(incident.id, 0.0, ())
        place, place_reason = _place(evidence, incident, rule)
        score = round(kind * place * time, 6)
        reasons = (
            f"{evidence.category} and {incident.category} go together at {kind:.2f}",
            place_reason,
            f"{seconds:.0f} s since {incident.number} was noticed (window {rule.window_s:.0f} s)",
            f"score {score:.2f}",
        )
        return Match(incident.id, score, reasons)


def _is_late(evidence: Evidence, incident: Incident) -> bool:
    """Tell whether evidence was under way when its incident was closed.

    Such evidence belongs to what is over. What came in afterwards may be a new event, whatever
    time its source's clock says, and nobody's help may wait because an older one was closed.
    """
    closed = incident.closed_at if incident.state == "closed" else None
    return closed is not None and max(evidence.observed_at, evidence.received_at) < closed


def _kind(one: str, other: str) -> float:
    if one == other:
        return 1.0
    if "other" in (one, other):
        return _UNSURE
    return RELATED.get(frozenset((one, other)), 0.0)


def _place(evidence: Evidence, incident: Incident, rule: CorrelationRule) -> tuple[float, str]:
    if evidence.point is None or incident.point is None:
        return _UNPLACED_FACTOR, "one of the places is unknown"
    doubt = (evidence.point.accuracy_m or 0.0) + (incident.point.accuracy_m or 0.0)
    if doubt > _NOWHERE_M:
        return _UNPLACED_FACTOR, f"one of the places is known to {doubt:.0f} m only"
    metres = float(
        haversine_m(evidence.point.lon, evidence.point.lat, incident.point.lon, incident.point.lat)
    )
    apart = max(0.0, metres - min(doubt, _MAX_BENEFIT_M))
    near = max(0.0, 1.0 - apart / (2.0 * rule.radius_m))
    if doubt > _VAGUE_M:
        near *= _VAGUE_FACTOR
    return near, f"{metres:.0f} m apart, give or take {doubt:.0f} m (radius {rule.radius_m:.0f} m)"
