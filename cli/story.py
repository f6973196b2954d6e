"""An incident told in full: everything that answers "why was this done?"."""

from collections.abc import Iterator

from cli.output import (
    aligned,
    capability_name,
    category_name,
    clean,
    duration,
    incident_state_name,
    local,
    timeline_kind_name,
)
from infra.ledger.queries import EvidenceLine, IncidentWhole, RecommendationLine
from schemas.records import Alert, Assignment, Incident

_STAMPS = (
    "dispatched",
    "acknowledged",
    "en_route",
    "on_scene",
    "to_facility",
    "at_facility",
    "clear",
)


def tell(whole: IncidentWhole) -> Iterator[str]:
    """Yield the lines of an incident's story, safe to print."""
    for heading, lines in (
        ("", _head(whole.incident)),
        ("Timeline 经过", _timeline(whole)),
        ("Recommendations 推荐", _recommendations(whole.recommendations)),
        ("Assignments 派警", _assignments(whole.assignments)),
        (f"Evidence 线索{_shown(whole)}", _evidence(whole.evidence)),
        ("Alerts 告警", _alerts(whole.alerts)),
        ("Links 关联", _links(whole)),
    ):
        body = [clean(line) for line in lines]
        if not body:
            continue
        if heading:
            yield ""
            yield heading
        yield from body


def _head(incident: Incident) -> Iterator[str]:
    yield f"{incident.number}  {incident.severity}  {incident.title}"
    place = incident.point
    facts = [
        ("id", incident.id),
        ("state", incident_state_name(incident.state) + _because(incident.disposition)),
        ("category", f"{category_name(incident.category)}, confidence {incident.confidence:.2f}"),
        (
            "place",
            "unknown"
            if place is None
            else f"{place.lon:.6f}, {place.lat:.6f}"
            + (f" ± {place.accuracy_m:.0f} m" if place.accuracy_m is not None else ""),
        ),
        ("address", incident.where.address),
        ("sub-district", incident.where.subdistrict),
        ("beat", incident.where.beat),
        ("hazard zones", ", ".join(incident.where.hazard_zones)),
        ("opened", local(incident.opened_at, "%Y-%m-%d %H:%M:%S %z")),
        (
            "acknowledged",
            incident.acknowledged_at
            and f"{local(incident.acknowledged_at)} by {incident.acknowledged_by}",
        ),
        ("fully staffed", local(incident.resourced_at)),
        ("closed", local(incident.closed_at)),
        ("short of", "; ".join(incident.short)),
        ("duplicate of?", incident.possible_duplicate_of),
        ("merged into", incident.merged_into),
        ("version", str(incident.version)),
    ]
    for name, value in facts:
        if value:
            yield f"  {name:14}{value}"


def _timeline(whole: IncidentWhole) -> Iterator[str]:
    for entry in whole.timeline:
        yield (
            f"  {entry.seq:>3}  {local(entry.at, '%H:%M:%S')}  {timeline_kind_name(entry.kind)}"
            f"  [{entry.actor}]  {entry.text}"
        )
        for reason in entry.reasons:
            yield f"         because: {reason}"


def _recommendations(lines: tuple[RecommendationLine, ...]) -> Iterator[str]:
    for line in lines:
        what = line.recommendation
        yield (
            f"  {local(line.at, '%H:%M:%S')}  needs {', '.join(what.requirements)}"
            f"  (policy {what.policy})"
        )
        for reason in what.reasons:
            yield f"         because: {reason}"
        rows = [
            (
                "    send" if candidate.chosen else "    could go",
                candidate.unit,
                capability_name(candidate.capability),
                "" if candidate.seconds is None else duration(candidate.seconds),
                candidate.reason,
            )
            for candidate in what.candidates
        ]
        yield from aligned(rows) if rows else ()
        for short in what.short:
            yield f"    short of {short}"


def _assignments(assignments: tuple[Assignment, ...]) -> Iterator[str]:
    for one in assignments:
        ended = one.ended or "active"
        way = "" if one.route is None else f", {one.route.metres / 1000:.1f} km"
        yield (
            f"  {one.unit}  {capability_name(one.capability)}  by {one.by}: {ended};"
            f" {duration(one.eta_s)} away{way}"
        )
        if one.route is not None and one.route.streets:
            yield f"         by way of {' → '.join(one.route.streets)}"
        for reason in one.reasons:
            yield f"         because: {reason}"
        times = [(name, getattr(one, name)) for name in _STAMPS]
        stamps = [f"{name} {local(time, '%H:%M:%S')}" for name, time in times if time is not None]
        yield f"         {', '.join(stamps)}"


def _evidence(lines: tuple[EvidenceLine, ...]) -> Iterator[str]:
    for line in lines:
        one = line.evidence
        score = "" if line.score is None else f", score {line.score:.2f}"
        yield (
            f"  {local(one.received_at, '%H:%M:%S')}  {one.source} {one.source_id} {one.phase}:"
            f" {category_name(one.category)} {one.severity}, confidence {one.confidence:.2f};"
            f" {line.placed or 'not placed yet'}{score}"
        )
        yield f"         {one.id}"
        yield f"         “{one.text}”"
        for reason in (*one.reasons, *line.reasons):
            yield f"         because: {reason}"


def _alerts(alerts: tuple[Alert, ...]) -> Iterator[str]:
    for alert in alerts:
        end = (
            "active"
            if alert.ended_at is None
            else f"ended {local(alert.ended_at, '%H:%M:%S')} by {alert.ended_by}"
        )
        yield f"  {local(alert.raised_at, '%H:%M:%S')}  {alert.priority}  {alert.text}  ({end})"


def _links(whole: IncidentWhole) -> Iterator[str]:
    for link in whole.links:
        yield f"  {local(link.at, '%H:%M:%S')}  {link.kind}  {link.incident} → {link.other}"


def _shown(whole: IncidentWhole) -> str:
    """Return how many of all pieces of evidence are shown, where they are not all."""
    shown, count = len(whole.evidence), whole.incident.evidence_count
    return "" if shown >= count else f" ({shown} of {count}: --page shows the others)"


def _because(disposition: str | None) -> str:
    return f" ({disposition})" if disposition else ""
