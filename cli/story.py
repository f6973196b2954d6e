"""An incident in full: everything that answers "why was this done?"."""

from collections.abc import Iterable, Iterator

from cli.output import (
    aligned,
    capability_name,
    category_name,
    clean,
    duration,
    incident_state_name,
    language,
    local,
    say,
    severity_name,
    timeline_kind_name,
)
from dispatch.opinions import told
from infra.ledger.queries import EvidenceLine, IncidentWhole
from schemas import outputs, words
from schemas.records import Alert, Reason

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
    """Yield the lines of an incident's story, cleaned for the terminal."""
    for heading, lines in (
        ("", _head(whole)),
        ("Timeline 经过", _timeline(whole)),
        ("Recommendations 推荐", _recommendations(whole)),
        ("Assignments 派警", _assignments(whole)),
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


def as_published(whole: IncidentWhole) -> dict[str, object]:
    """Return an incident's story for programs: English sentences, and the data beside them."""
    known = {name: getattr(whole, name) for name in whole.__struct_fields__}
    return known | {
        "incident": outputs.incident(whole.incident),
        "timeline": tuple(map(outputs.timeline_entry, whole.timeline)),
        "assignments": tuple(map(outputs.assignment, whole.assignments)),
        "alerts": tuple(map(outputs.alert, whole.alerts)),
        "recommendations": [
            {"at": line.at, "recommendation": outputs.recommendation(line.recommendation)}
            for line in whole.recommendations
        ],
    }


def _head(whole: IncidentWhole) -> Iterator[str]:
    incident = whole.incident
    yield f"{incident.number}  {severity_name(incident.severity)}  {incident.title}"
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
        ("short of", words.short_of(incident.short, language())),
        ("duplicate of?", _number(whole, incident.possible_duplicate_of)),
        ("merged into", _number(whole, incident.merged_into)),
        ("version", str(incident.version)),
    ]
    for name, value in facts:
        if value:
            yield f"  {name:14}{value}"


def _timeline(whole: IncidentWhole) -> Iterator[str]:
    for entry in whole.timeline:
        yield (
            f"  {entry.seq:>3}  {local(entry.at, '%H:%M:%S')}  {timeline_kind_name(entry.kind)}"
            f"  [{entry.actor}]  {say(entry.said)}"
        )
        yield from _why(entry.reasons)


def _recommendations(whole: IncidentWhole) -> Iterator[str]:
    for line in whole.recommendations:
        what = line.recommendation
        yield (
            f"  {local(line.at, '%H:%M:%S')}  needs {', '.join(what.requirements)}"
            f"  (policy {what.policy})"
        )
        yield from _why(what.reasons)
        rows = [
            (
                "    send" if candidate.chosen else "    could go",
                candidate.unit,
                whole.unit_names.get(candidate.unit, ""),
                capability_name(candidate.capability),
                "" if candidate.seconds is None else duration(candidate.seconds),
                words.together(candidate.reasons, language()),
            )
            for candidate in what.candidates
        ]
        yield from aligned(rows) if rows else ()
        for short in what.short:
            yield f"    short of {words.shortage(short, language())}"


def _assignments(whole: IncidentWhole) -> Iterator[str]:
    for one in whole.assignments:
        ended = one.ended or "active"
        way = "" if one.route is None else f", {one.route.metres / 1000:.1f} km"
        who = f"{one.unit}  {whole.unit_names.get(one.unit, '')}"
        yield (
            f"  {who}  {capability_name(one.capability)}  by {one.by}: {ended};"
            f" {duration(one.eta_s)} away{way}"
        )
        if one.route is not None and one.route.streets:
            yield f"         by way of {' → '.join(one.route.streets)}"
        yield from _why(one.reasons)
        times = [(name, getattr(one, name)) for name in _STAMPS]
        stamps = [f"{name} {local(time, '%H:%M:%S')}" for name, time in times if time is not None]
        yield f"         {', '.join(stamps)}"


def _evidence(lines: tuple[EvidenceLine, ...]) -> Iterator[str]:
    for line in lines:
        one = line.evidence
        score = "" if line.score is None else f", score {line.score:.2f}"
        yield (
            f"  {local(one.received_at, '%H:%M:%S')}  {one.source} {one.source_id} {one.phase}:"
            f" {category_name(one.category)} {severity_name(one.severity)},"
            f" confidence {one.confidence:.2f};"
            f" {line.placed or 'not placed yet'}{score}"
        )
        yield f"         {one.id}"
        yield f"         “{one.text}”"
        yield from _why((*one.reasons, *line.because))
        if line.opinion is not None:
            yield f"         {say(told(line.opinion))}"


def _alerts(alerts: tuple[Alert, ...]) -> Iterator[str]:
    for alert in alerts:
        end = "active"
        if alert.ended_at is not None:
            why = f": {say(alert.ended)}" if alert.ended else ""
            end = f"ended {local(alert.ended_at, '%H:%M:%S')}{why}"
        since = local(alert.raised_at, "%H:%M:%S")
        yield f"  {since}  {alert.priority}  {say(alert.said)}  ({end})"


def _links(whole: IncidentWhole) -> Iterator[str]:
    for link in whole.links:
        pair = f"{_number(whole, link.incident)} → {_number(whole, link.other)}"
        yield f"  {local(link.at, '%H:%M:%S')}  {link.kind}  {pair}"


def _number(whole: IncidentWhole, incident: str | None) -> str | None:
    """Return an incident's number; its id where the ledger has no such incident."""
    return None if incident is None else whole.numbers.get(incident, incident)


def _shown(whole: IncidentWhole) -> str:
    """Return how many pieces of evidence are shown, or nothing if all are."""
    shown, count = len(whole.evidence), whole.incident.evidence_count
    return "" if shown >= count else f" ({shown} of {count}: --page shows the others)"


def _why(reasons: Iterable[Reason]) -> Iterator[str]:
    for reason in reasons:
        yield f"         because: {say(reason)}"


def _because(disposition: str | None) -> str:
    return f" ({disposition})" if disposition else ""
