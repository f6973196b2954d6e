"""Incidents to which a report may belong, as the core's correlation scores them."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from console.compute.cities import Cities
from console.compute.errors import Unanswerable
from console.compute.reports import judge
from console.compute.shapes import Duplicate, Duplicates
from dispatch.correlation import KindPlaceTime, Known, Match
from dispatch.lifecycle import FINAL
from geo.crs import to_wgs84
from intake.privacy import redact
from schemas import codes, wire
from schemas.errors import UnknownCode
from schemas.inputs import Location
from schemas.policy import Policy
from schemas.records import Evidence, Incident, Point, Where

__all__ = ["likely_duplicates"]

_JUST_BEFORE = timedelta(milliseconds=1)


def likely_duplicates(  # noqa: PLR0917 - what a report says
    cities: Cities,
    location: Location,
    category: str | None,
    text: str | None,
    at: datetime,
    incidents: Mapping[str, Sequence[bytes]],
    apart: Mapping[str, Sequence[str]],
    policies: Mapping[str, Policy],
) -> Duplicates:
    """Return the incidents to which a report of now may belong, the likeliest first.

    Parameters
    ----------
    location
        Where, in its own reference system.
    category, text
        What it is about; without a category triage reads the text.
    at
        When it arrives.
    incidents, policies
        By region: records of those that are open, and those closed lately; the policy in force.
    apart
        By id, incidents that an operator keeps apart.
    """
    lon, lat = to_wgs84(location.lon, location.lat, location.crs)
    point = Point(lon=lon, lat=lat, accuracy_m=location.accuracy_m)
    region = cities.at(point.lon, point.lat).region
    policy = policies.get(region) or codes.default_policy()
    evidence = _evidence(cities, point, category, text, at)
    correlator = KindPlaceTime()
    scored = []
    known: list[Incident] = [wire.decode(record, Incident) for record in incidents.get(region, ())]
    for incident in known:
        one = evidence
        if incident.closed_at is not None and incident.state == "closed":
            # As if it had arrived before the close: what comes later opens an incident.
            one = msgspec.structs.replace(evidence, received_at=incident.closed_at - _JUST_BEFORE)
        match = correlator.match(one, Known([incident]), policy, at)
        if match.incident is not None and match.score > 0.0:
            scored.append(_duplicate(incident, match, policy))
    opened = [incident for incident in known if incident.state not in FINAL]
    opened.sort(key=lambda incident: (incident.opened_at, incident.id))
    best = correlator.match(evidence, Known(opened, apart=apart), policy, at)
    # Alone it may fit well enough to be joined, and beside another that is kept apart not.
    scored = [_asked(one, best, policy) for one in scored]
    scored.sort(key=lambda found: (-found.score, found.incident))
    would = _would(best, policy)
    return Duplicates(
        would=would,
        incident=None if would == "open" else best.incident,
        category=evidence.category,
        confidence=evidence.confidence,
        policy=policy.version,
        items=tuple(scored),
    )


def _evidence(
    cities: Cities, point: Point, category: str | None, text: str | None, at: datetime
) -> Evidence:
    said = redact(text or "", None)
    read = judge(cities, said, None, "phone")
    severity, confidence, alternatives = read.severity, read.confidence, read.alternatives
    if category is not None:
        try:
            usual = codes.category(category).default_severity
        except UnknownCode as error:
            raise Unanswerable("invalid", f"category: {error}") from None
        if category != read.category:
            severity, confidence, alternatives = usual, 1.0, ()
        else:
            confidence = 1.0
    return Evidence(
        id="tried",
        source="report",
        source_id="tried",
        phase="opened",
        category=category or read.category,
        severity=severity,
        confidence=confidence,
        point=point,
        where=Where(),
        observed_at=at,
        received_at=at,
        text=said,
        alternatives=alternatives,
    )


def _duplicate(incident: Incident, match: Match, policy: Policy) -> Duplicate:
    return Duplicate(
        incident=incident.id,
        number=incident.number,
        title=incident.title,
        state=incident.state,
        category=incident.category,
        severity=incident.severity,
        score=match.score,
        would="open" if incident.state in FINAL else _would(match, policy),
        reasons=match.reasons,
    )


def _asked(one: Duplicate, best: Match, policy: Policy) -> Duplicate:
    if one.incident != best.incident or best.score >= one.score:
        return one
    return msgspec.structs.replace(
        one, score=best.score, would=_would(best, policy), reasons=best.reasons
    )


def _would(match: Match, policy: Policy) -> Literal["attach", "ask", "open"]:
    """Return what the core does with evidence that fits so well (`dispatch.notice`)."""
    if match.incident is None or match.score < policy.ask_score:
        return "open"
    return "attach" if match.score >= policy.attach_score else "ask"
