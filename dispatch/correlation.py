"""Is this evidence of an event that we know of already? First version: kind, place and time.

The score is the product of three parts, each 0 to 1:

* how well the categories go together (1 for the same). Words have more than one meaning: where
  what was said may also mean the other's category, that counts by the share of its confidence in
  that of the first reading, and what could not be read may go with anything;
* the place: 1 at the same spot, falling linearly to 0 at twice the category's radius, after
  the accuracies of both places are given the benefit of the doubt;
* the time since the incident was last noticed: 1 at once, falling to 0 at twice the window.

What nobody could read joins nothing unasked (`dispatch.unread`).

Life comes first: evidence of a danger to life joins an incident of another category only where
that one's response covers it. Elsewhere the most that can follow is a question to the operator,
with an incident of its own to which help goes at once.

All numbers and tables are the policy's. Radii and windows started from what is in use elsewhere
(Active911 80 m and 10 min, FixMyStreet 250 m, Signalen 50 m) and from the extent of each kind of
event.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from math import hypot
from types import MappingProxyType
from typing import NamedTuple, Protocol

from dispatch.lifecycle import FINAL
from dispatch.unread import is_joined_unasked, is_urgent
from geo.crs import haversine_m
from schemas import codes
from schemas.kinds import OTHER
from schemas.policy import CorrelationRule, Kinds, Places, Policy
from schemas.records import Evidence, Incident, Note, Point, Reading, Reason
from schemas.words import because


class Match(NamedTuple):
    """The best match of evidence among the incidents; ``incident`` is None without any.

    What is ``urgent`` waits for no answer: somebody may be dying whichever event it is.
    """

    incident: str | None
    score: float
    reasons: tuple[Reason, ...]
    urgent: bool = False


class Known(NamedTuple):
    """What evidence may belong to.

    Attributes
    ----------
    incidents
        At least all those that it could belong to by the policy's kinds, places and times; the
        oldest first, then by id.
    heard
        Ids of those that have evidence of the same alarm of the same datastream. Reports' ids say
        nothing: two call centres may both count to 1001.
    apart
        By id, those that an operator says are not the same event.
    told
        Ids of those that the reporter of evidence of no kind told of before.
    """

    incidents: Sequence[Incident]
    heard: frozenset[str] = frozenset()
    apart: Mapping[str, Iterable[str]] = MappingProxyType({})
    told: frozenset[str] = frozenset()


class Correlator(Protocol):
    """What decides whether evidence belongs to a known incident."""

    def match(self, evidence: Evidence, known: Known, policy: Policy, now: datetime) -> Match:
        """Return the best match; ties go to the older incident, then the smaller id."""


_ROUNDING = 1e-6
"""Scores are rounded to six digits."""


class KindPlaceTime:
    """The `Correlator` described at the top of this module."""

    def match(self, evidence: Evidence, known: Known, policy: Policy, now: datetime) -> Match:
        """Return the best match; ties go to the older incident, then the smaller id."""
        best = doubt = Match(None, 0.0, ())
        scores: dict[str, float] = {}
        told = known.told | known.heard
        for incident in known.incidents:
            if incident.state in FINAL and not _is_late(evidence, incident):
                continue
            if incident.id in known.heard and evidence.category != OTHER:
                reason = because("source_heard_before", source_id=evidence.source_id)
                match = Match(incident.id, 1.0, (reason,))
            elif not is_joined_unasked(evidence, incident, policy, repeats=incident.id in told):
                match = self._score(evidence, incident, policy, now, doubt.score)
                if match.score > doubt.score:
                    doubt = _asked(match, evidence, incident, policy)
                continue
            else:
                # Where incidents are kept apart, the second best counts too.
                floor = 0.0 if known.apart else best.score
                match = self._score(evidence, incident, policy, now, floor)
            if match.score > best.score:
                best = match
            scores[incident.id] = match.score
        # What nobody has read stands in no other's way.
        if doubt.score > best.score and best.score < policy.ask_score:
            return doubt
        return _between(best, scores, known, policy)

    def _score(
        self, evidence: Evidence, incident: Incident, policy: Policy, now: datetime, floor: float
    ) -> Match:
        """Return how well evidence fits; what cannot exceed the ``floor`` is not worked out."""
        nothing = Match(incident.id, 0.0, ())
        rule = _rule(incident, policy)
        seconds = max(0.0, (now - incident.noticed_at).total_seconds())
        time = max(0.0, 1.0 - seconds / (2.0 * rule.window_s))
        if time < floor - _ROUNDING or time == 0.0:
            return nothing
        fit = _kind(evidence, incident, policy.kinds)
        if fit.kind * time < floor - _ROUNDING or fit.kind == 0.0:
            return nothing
        place = _place(evidence.point, incident.point, rule, policy.places, fit.benefit)
        score = fits = round(fit.kind * place.near * time, 6)
        lost = fit.benefit < 1.0 and _would_be_lost(evidence, incident, policy.kinds)
        if lost:
            score = min(score, _below(policy.attach_score))
        urgent = score >= policy.ask_score and _is_more(evidence, incident, policy)
        if urgent:
            score = min(score, _below(policy.attach_score))
        if score <= floor:
            return Match(incident.id, score, (), urgent)
        reasons = [
            fit.reason,
            place.reason(rule),
            because(
                "seconds_since",
                seconds=round(seconds, 1),
                number=incident.number,
                window=rule.window_s,
            ),
            because("score", score=fits),
        ]
        if lost:
            reasons.append(because("may_be_nothing", number=incident.number))
        if urgent:
            reasons.append(
                because(
                    "danger_to_life",
                    category=evidence.category,
                    category_other=incident.category,
                )
            )
        return Match(incident.id, score, tuple(reasons), urgent)


def is_same_alarm(evidence: Evidence, note: Note, policy: Policy) -> bool:
    """Tell whether a device goes on about what it told of before.

    Of the same or a related kind, and not from elsewhere: under one id a device may come to see
    something else, and move.
    """
    one, other = evidence.category, note.category
    if one != other and not policy.kinds.relation(one, other):
        return False
    if evidence.point == note.point:
        return True
    rule = policy.correlation.get(one) or policy.correlation["*"]
    return _place(evidence.point, note.point, rule, policy.places, 1.0).near > 0.0


def is_vague(point: Point | None, places: Places) -> bool:
    """Tell whether a place is known so badly, or not at all, that distances to it say nothing.

    Two places that are not are never vaguer together than ``nowhere_m``.
    """
    return point is None or accuracy_m(point, places) > 0.7 * places.nowhere_m


def _between(best: Match, scores: dict[str, float], known: Known, policy: Policy) -> Match:
    """Let an operator say which it is, where evidence fits two events that he has kept apart.

    Neither is joined unasked, unless it fits one of them clearly better.
    """
    if best.incident is None or best.incident in known.heard:
        return best
    rivals = [
        other
        for other in known.apart.get(best.incident, ())
        if other in scores
        and scores[other] >= policy.ask_score
        and best.score - scores[other] < policy.kinds.clearly_better
    ]
    if not rivals:
        return best
    numbers = {incident.id: incident.number for incident in known.incidents}
    others = ", ".join(sorted(numbers[other] for other in rivals))
    reason = because("kept_apart_from", number=numbers[best.incident], others=others)
    score = min(best.score, _below(policy.attach_score))
    return best._replace(score=score, reasons=(*best.reasons, reason))


def _asked(match: Match, evidence: Evidence, incident: Incident, policy: Policy) -> Match:
    """Return a match that an operator is asked about at most, for a report of no kind."""
    why = because("kind_unread", number=incident.number)
    return Match(
        incident.id,
        min(match.score, _below(policy.attach_score)),
        (*match.reasons, why),
        is_urgent(evidence, policy),
    )


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
    reason: Reason
    benefit: float = 1.0


def _kind(evidence: Evidence, incident: Incident, kinds: Kinds) -> _Fit:
    """Return how well the categories go together, by the best of all readings."""
    if evidence.category == incident.category:
        return _Fit(1.0, _go_together(evidence.category, incident.category, 1.0))
    mine = Reading(category=evidence.category, confidence=evidence.confidence)
    theirs = reading_of(incident)
    related = kinds.relation(mine.category, theirs.category)
    fits = [_Fit(related, _go_together(mine.category, theirs.category, related))]
    unsure = kinds.unread_score
    if _nobody_knows(mine, kinds):
        fits.append(_Fit(unsure, because("report_unread", score=unsure), unsure))
    if _nobody_knows(theirs, kinds):
        reason = because("incident_unread", number=incident.number, score=unsure)
        fits.append(_Fit(unsure, reason, unsure))
    for other in evidence.alternatives:
        if other.category == theirs.category:
            share = kinds.alternative_share * _share(other, mine)
            reason = because(
                "read_as",
                category=mine.category,
                category_other=other.category,
                score=round(share, 2),
            )
            fits.append(_Fit(share, reason))
    for other in incident.readings:
        if other.category == mine.category:
            share = kinds.alternative_share * _share(other, theirs)
            reason = because(
                "incident_read_as",
                number=incident.number,
                category=theirs.category,
                category_other=other.category,
                score=round(share, 2),
            )
            fits.append(_Fit(share, reason))
    return max(fits, key=lambda fit: fit.kind)


def _go_together(one: str, other: str, score: float) -> Reason:
    return because("go_together", category=one, category_other=other, score=round(score, 2))


def _nobody_knows(reading: Reading, kinds: Kinds) -> bool:
    return reading.category == OTHER or reading.confidence < kinds.unread_below


def names(evidence: Evidence | Note, incident: Incident, kinds: Kinds) -> bool:
    """Tell whether an incident should take the category of evidence that joins it.

    One that nobody could classify takes the first that somebody could, which an operator has
    moved there; one that was understood unsurely that of who understands it better, but never a
    milder one.
    """
    said, known = evidence.category, incident.category
    if said in (OTHER, known) or "category" in incident.certain:
        return False
    sure = reading_of(incident).confidence
    unsure = sure < kinds.naming_confidence <= evidence.confidence
    return known == OTHER or (unsure and _usual_rank(said) <= _usual_rank(known))


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


def is_unsure(evidence: Evidence | Note, kinds: Kinds) -> bool:
    """Tell whether nobody could make sure what evidence is about, an exercise included."""
    return evidence.confidence < kinds.unread_below


def _would_be_lost(evidence: Evidence, incident: Incident, kinds: Kinds) -> bool:
    """Tell whether an unread incident would take in, as its own kind, what somebody else read.

    One that may be an exercise or a prank must not hide what is milder and real.
    """
    sure = reading_of(incident).confidence
    unread = incident.category != OTHER and sure < kinds.unread_below
    other = evidence.category not in (OTHER, incident.category)
    if not unread or not other or is_unsure(evidence, kinds):
        return False
    return not names(evidence, incident, kinds)


def surest(readings: Iterable[Reading]) -> tuple[Reading, ...]:
    """Return each category once, by who is surest of it, the surest first."""
    best: dict[str, float] = {}
    for reading in readings:
        best[reading.category] = max(reading.confidence, best.get(reading.category, 0.0))
    ranked = sorted(best.items(), key=lambda item: (-item[1], item[0]))
    return tuple(Reading(category=code, confidence=sure) for code, sure in ranked)


def _share(other: Reading, first: Reading) -> float:
    return min(1.0, other.confidence / first.confidence) if first.confidence > 0.0 else 1.0


def _is_more(evidence: Evidence, incident: Incident, policy: Policy) -> bool:
    """Tell whether evidence is of a danger to life that the incident's response does not cover.

    An incident that nobody could read takes a better reading's category, so nothing is lost in it.
    """
    said, known, life = evidence.category, incident.category, policy.life
    if said == known or said not in life.dangers or said in life.covers.get(known, ()):
        return False
    if names(evidence, incident, policy.kinds):
        return False
    mild = evidence.severity in life.mild_severities and evidence.confidence < life.mild_below
    return not (said in life.mild_categories and mild)


def _below(score: float) -> float:
    return score - 1e-6


class _Place(NamedTuple):
    """How near two places are, 0 to 1; metres apart and metres of doubt where both are known."""

    near: float
    metres: float | None = None
    doubt: float | None = None

    def reason(self, rule: CorrelationRule) -> Reason:
        """Return what to say of it."""
        if self.doubt is None:
            return because("a_place_unknown")
        if self.metres is None:
            return because("a_place_vague", metres=round(self.doubt, 1))
        return because(
            "metres_apart",
            metres=round(self.metres, 1),
            doubt=round(self.doubt, 1),
            radius=rule.radius_m,
        )


def _place(
    here: Point | None, there: Point | None, rule: CorrelationRule, places: Places, benefit: float
) -> _Place:
    if here is None or there is None:
        return _Place(places.unplaced_factor)
    # Errors of two places that know nothing of each other add up in squares.
    doubt = hypot(accuracy_m(here, places), accuracy_m(there, places))
    if doubt > places.nowhere_m:
        return _Place(places.unplaced_factor, None, doubt)
    metres = haversine_m(here.lon, here.lat, there.lon, there.lat)
    apart = max(0.0, metres - benefit * min(doubt, places.most_benefit_m))
    near = max(0.0, 1.0 - apart / (2.0 * rule.radius_m))
    if doubt > places.vague_m:
        near *= places.vague_factor
    return _Place(near, metres, doubt)


def _rule(incident: Incident, policy: Policy) -> CorrelationRule:
    return policy.correlation.get(incident.category) or policy.correlation["*"]


def accuracy_m(point: Point, places: Places) -> float:
    """Return the radius in metres within which a place is, the policy's where nobody told."""
    return places.unknown_accuracy_m if point.accuracy_m is None else point.accuracy_m
