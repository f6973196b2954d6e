"""Is this evidence of an event that we know of already? First version: kind, place and time.

The score is the product of three parts, each 0 to 1:

* how well the categories go together (1 for the same). Words have more than one meaning: where
  what was said may also mean the other's category, that counts by the share of its confidence in
  that of the first reading, and what could not be read goes with anything;
* the place: 1 at the same spot, falling linearly to 0 at twice the category's radius, after
  the accuracies of both places are given the benefit of the doubt;
* the time since the incident was last noticed: 1 at once, falling to 0 at twice the window.

Life comes first: evidence of a danger to life joins an incident of another category only where
that one's response covers it. Elsewhere the most that can follow is a question to the operator,
with an incident of its own to which help goes at once.

Radii and windows are the policy's, started from what is in use elsewhere (Active911 80 m and
10 min, FixMyStreet 250 m, Signalen 50 m) and from the extent of each kind of event.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from math import hypot
from types import MappingProxyType
from typing import NamedTuple, Protocol

from dispatch.transitions import FINAL
from geo.crs import haversine_m
from schemas import codes
from schemas.policy import CorrelationRule, Policy
from schemas.records import Evidence, Incident, Note, Point, Reading

RELATED: dict[frozenset[str], float] = {
    frozenset(("fire", "explosion")): 0.85,
    frozenset(("gas_leak", "explosion")): 0.8,
    frozenset(("fire", "gas_leak")): 0.6,
    frozenset(("chemical_spill", "gas_leak")): 0.7,
    frozenset(("fire", "air_pollution")): 0.5,
    frozenset(("traffic_crash", "medical")): 0.6,
    frozenset(("traffic_crash", "road_obstruction")): 0.8,
    frozenset(("traffic_crash", "chemical_spill")): 0.6,
    frozenset(("storm_damage", "power_outage")): 0.6,
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
"""What triage could not read goes with anything: ``other``, or a confidence below ``_UNREAD``.

Of the benefit of the doubt about the place it is given this share only: two doubts are too many.
"""

_UNREAD = 0.35
_OTHERWISE = 0.9
"""The most that a second reading counts."""

_LIFE = frozenset(
    (
        *("fire", "explosion", "gas_leak", "chemical_spill", "structure_collapse", "epidemic"),
        *("medical", "lift_entrapment", "water_rescue", "crowd_crush", "traffic_crash"),
    )
)
"""Categories in which somebody may be dying."""

_COVERS: dict[str, tuple[str, ...]] = {
    "explosion": ("fire", "gas_leak", "structure_collapse", "medical"),
    "fire": ("explosion", "gas_leak"),
    "gas_leak": ("chemical_spill",),
    "chemical_spill": ("gas_leak",),
    "structure_collapse": ("medical",),
    "traffic_crash": ("medical",),
    "crowd_crush": ("medical",),
}
"""By an incident's category, the dangers to life that its response is meant for as well."""

_NAMING = 0.5
"""An incident known less surely takes the category of evidence that is at least so sure."""

_MILD = ("P3", "P4")
_SURE = 0.6

_UNKNOWN_ACCURACY_M = 30.0
"""Of a place whose accuracy nobody told: what a phone is good for, and how far a sensor hears."""

_MAX_BENEFIT_M = 150.0
"""A vague place is given the benefit of the doubt for this many metres and no more."""

_NOWHERE_M = 500.0
"""A place vaguer than this (a long road's middle) says as much as none."""

_CLEARLY_BETTER = 0.1
"""Evidence joins one of two events that are kept apart where its score is so much higher."""

_VAGUE_AT_M = 100.0
_VAGUE_FACTOR = 0.85
_UNPLACED_FACTOR = 0.45
"""Without a place, kind and time alone reach the band in which an operator is asked."""


class Match(NamedTuple):
    """The best match of evidence among the incidents; ``incident`` is None without any.

    What is ``urgent`` waits for no answer: somebody may be dying whichever event it is.
    """

    incident: str | None
    score: float
    reasons: tuple[str, ...]
    urgent: bool = False


class Known(NamedTuple):
    """What evidence may belong to.

    Attributes
    ----------
    incidents
        At least all those that it could belong to.
    heard
        Ids of those that have evidence of the same datastream. Reports' ids say nothing: two call
        centres may both count to 1001.
    apart
        By id, those that an operator says are not the same event.
    """

    incidents: Sequence[Incident]
    heard: frozenset[str] = frozenset()
    apart: Mapping[str, Iterable[str]] = MappingProxyType({})


class Correlator(Protocol):
    """What decides whether evidence belongs to a known incident."""

    def match(self, evidence: Evidence, known: Known, policy: Policy, now: datetime) -> Match:
        """Return the best match; ties go to the older incident, then the smaller id."""


class KindPlaceTime:
    """The `Correlator` described at the top of this module."""

    def match(self, evidence: Evidence, known: Known, policy: Policy, now: datetime) -> Match:
        """Return the best match; ties go to the older incident, then the smaller id."""
        best = Match(None, 0.0, ())
        scores: dict[str, float] = {}
        for incident in sorted(known.incidents, key=lambda i: (i.opened_at, i.id)):
            if incident.state in FINAL and not _is_late(evidence, incident):
                continue
            if incident.id in known.heard:
                reason = f"the same source {evidence.source_id} has reported it before"
                match = Match(incident.id, 1.0, (reason,))
            else:
                match = self._score(evidence, incident, policy, now)
            if match.score > best.score:
                best = match
            scores[incident.id] = match.score
        return _between(best, scores, known, policy)

    def _score(
        self, evidence: Evidence, incident: Incident, policy: Policy, now: datetime
    ) -> Match:
        fit = _kind(evidence, incident)
        if fit.kind == 0.0:
            return Match(incident.id, 0.0, ())
        rule = policy.correlation.get(incident.category) or policy.correlation["*"]
        seconds = max(0.0, (now - incident.noticed_at).total_seconds())
        time = max(0.0, 1.0 - seconds / (2.0 * rule.window_s))
        if time == 0.0:
            return Match(incident.id, 0.0, ())
        place, place_reason = _place(evidence, incident, rule, fit.benefit)
        score = round(fit.kind * place * time, 6)
        reasons: tuple[str, ...] = (
            fit.reason,
            place_reason,
            f"{seconds:.0f} s since {incident.number} was noticed (window {rule.window_s:.0f} s)",
            f"score {score:.2f}",
        )
        if fit.benefit < 1.0 and _would_be_lost(evidence, incident):
            score = min(score, _below(policy.attach_score))
            reasons = (*reasons, f"{incident.number} may be nothing: not joined unasked")
        urgent = score >= policy.ask_score and _is_more(evidence, incident)
        if urgent:
            score = min(score, _below(policy.attach_score))
            danger = f"{evidence.category} is a danger to life that {incident.category} is not"
            reasons = (*reasons, f"{danger}: not joined unasked")
        return Match(incident.id, score, reasons, urgent)


def reach_m(policy: Policy) -> float:
    """Return how far from an incident evidence can be and still score, in metres.

    Where both places are known to within `VAGUE_M`.
    """
    radius = max(rule.radius_m for rule in policy.correlation.values())
    return 2.0 * radius + _MAX_BENEFIT_M


VAGUE_M = 350.0
"""Two places known to within this are never vaguer together than `_NOWHERE_M`."""


def is_vague(point: Point | None) -> bool:
    """Tell whether a place is known so badly, or not at all, that distances to it say nothing."""
    return point is None or _accuracy(point) > VAGUE_M


def _between(best: Match, scores: dict[str, float], known: Known, policy: Policy) -> Match:
    """Let an operator say which it is, where evidence fits two events that he has kept apart.

    Neither is joined unasked, unless it fits one of them clearly better.
    """
    if best.incident is None or best.incident in known.heard:
        return best
    rivals = [
        other
        for other in known.apart.get(best.incident, ())
        if scores.get(other, 0.0) >= policy.ask_score
        and best.score - scores[other] < _CLEARLY_BETTER
    ]
    if not rivals:
        return best
    numbers = {incident.id: incident.number for incident in known.incidents}
    others = ", ".join(sorted(numbers[other] for other in rivals))
    reason = f"an operator keeps {numbers[best.incident]} apart from {others}, which it fits too"
    score = min(best.score, _below(policy.attach_score))
    return best._replace(score=score, reasons=(*best.reasons, f"{reason}: not joined unasked"))


def _is_late(evidence: Evidence, incident: Incident) -> bool:
    """Tell whether evidence had arrived when its incident was closed.

    Such evidence belongs to what is over. What came in afterwards may be a new event, and
    nobody's help may wait because an older one was closed. Arrival and close are both times of
    the broker; what the source's clock says has no part in it, be it fast or slow.
    """
    closed = incident.closed_at if incident.state == "closed" else None
    return closed is not None and evidence.received_at < closed


class _Fit(NamedTuple):
    """How well kinds go together and why; ``benefit`` of the doubt that the place is given.

    The benefit is less than 1 where they go together only since nobody could read one of them.
    """

    kind: float
    reason: str
    benefit: float = 1.0


def _kind(evidence: Evidence, incident: Incident) -> _Fit:
    """Return how well the categories go together, by the best of all readings."""
    mine = Reading(category=evidence.category, confidence=evidence.confidence)
    theirs = reading_of(incident)
    if mine.category == theirs.category:
        return _Fit(1.0, f"{mine.category} and {theirs.category} go together at 1.00")
    related = RELATED.get(frozenset((mine.category, theirs.category)), 0.0)
    fits = [_Fit(related, f"{mine.category} and {theirs.category} go together at {related:.2f}")]
    for what, reading in (("the report", mine), (incident.number, theirs)):
        if reading.category == "other" or reading.confidence < _UNREAD:
            reason = f"nobody knows what {what} is about: {_UNSURE:.2f}"
            fits.append(_Fit(_UNSURE, reason, _UNSURE))
    for other in evidence.alternatives:
        if other.category == theirs.category:
            share = _OTHERWISE * _share(other, mine)
            reason = f"read as {mine.category}, may also be {other.category}: {share:.2f}"
            fits.append(_Fit(share, reason))
    for other in incident.readings:
        if other.category == mine.category:
            share = _OTHERWISE * _share(other, theirs)
            said = f"{incident.number} is read as {theirs.category}, may also be {other.category}"
            fits.append(_Fit(share, f"{said}: {share:.2f}"))
    return max(fits, key=lambda fit: fit.kind)


def names(evidence: Evidence | Note, incident: Incident) -> bool:
    """Tell whether an incident should take the category of evidence that joins it.

    One that nobody could classify takes the first that somebody could; one that was understood
    unsurely that of who understands it better, but never a milder one.
    """
    said, known = evidence.category, incident.category
    if said in ("other", known) or "category" in incident.certain:
        return False
    unsure = reading_of(incident).confidence < _NAMING <= evidence.confidence
    return known == "other" or (unsure and _usual_rank(said) <= _usual_rank(known))


def _usual_rank(category: str) -> int:
    return codes.severity(codes.category(category).default_severity).rank


def reading_of(incident: Incident) -> Reading:
    """Return an incident's category with the confidence of the surest who said it.

    An operator's word is the surest.
    """
    for reading in incident.readings:
        if reading.category == incident.category and "category" not in incident.certain:
            return reading
    return Reading(category=incident.category, confidence=incident.confidence)


def is_unread(evidence: Evidence | Note) -> bool:
    """Tell whether nobody could make sure what evidence is about, an exercise included."""
    return evidence.confidence < _UNREAD


def _would_be_lost(evidence: Evidence, incident: Incident) -> bool:
    """Tell whether an unread incident would take in, as its own kind, what somebody else read.

    One that may be an exercise or a prank must not hide what is milder and real.
    """
    unread = incident.category != "other" and reading_of(incident).confidence < _UNREAD
    other = evidence.category not in ("other", incident.category)
    return unread and other and not is_unread(evidence) and not names(evidence, incident)


def surest(readings: Iterable[Reading]) -> tuple[Reading, ...]:
    """Return each category once, by who is surest of it, the surest first."""
    best: dict[str, float] = {}
    for reading in readings:
        best[reading.category] = max(reading.confidence, best.get(reading.category, 0.0))
    ranked = sorted(best.items(), key=lambda item: (-item[1], item[0]))
    return tuple(Reading(category=code, confidence=sure) for code, sure in ranked)


def _share(other: Reading, first: Reading) -> float:
    return min(1.0, other.confidence / first.confidence) if first.confidence > 0.0 else 1.0


def _is_more(evidence: Evidence, incident: Incident) -> bool:
    """Tell whether evidence is of a danger to life that the incident's response does not cover.

    What is read as a crash, unsurely and with nobody hurt, may be something else. An incident that
    nobody could read takes a better reading's category, so nothing is lost in it.
    """
    said, known = evidence.category, incident.category
    if said == known or said not in _LIFE or said in _COVERS.get(known, ()):
        return False
    if names(evidence, incident):
        return False
    mild = evidence.severity in _MILD and evidence.confidence < _SURE
    return not (said == "traffic_crash" and mild)


def _below(score: float) -> float:
    return score - 1e-6


def _place(
    evidence: Evidence, incident: Incident, rule: CorrelationRule, benefit: float
) -> tuple[float, str]:
    if evidence.point is None or incident.point is None:
        return _UNPLACED_FACTOR, "one of the places is unknown"
    # Errors of two places that know nothing of each other add up in squares.
    doubt = hypot(_accuracy(evidence.point), _accuracy(incident.point))
    if doubt > _NOWHERE_M:
        return _UNPLACED_FACTOR, f"one of the places is known to {doubt:.0f} m only"
    metres = float(
        haversine_m(evidence.point.lon, evidence.point.lat, incident.point.lon, incident.point.lat)
    )
    apart = max(0.0, metres - benefit * min(doubt, _MAX_BENEFIT_M))
    near = max(0.0, 1.0 - apart / (2.0 * rule.radius_m))
    if doubt > _VAGUE_AT_M:
        near *= _VAGUE_FACTOR
    return near, f"{metres:.0f} m apart, give or take {doubt:.0f} m (radius {rule.radius_m:.0f} m)"


def _accuracy(point: Point) -> float:
    return _UNKNOWN_ACCURACY_M if point.accuracy_m is None else point.accuracy_m
