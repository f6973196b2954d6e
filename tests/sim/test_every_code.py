"""Each category and each observed property, from a message to the units that are sent.

The sentences are those of ``tests/intake/test_triage.py``: a new category that has one there is
proved here, and a new row of ``observed_properties.json`` is without doing anything.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest

from atlas.city import CityData
from city.make import make_city
from city.simulate.mail import Mail, letter
from dispatch import Region
from dispatch.plans import requirements
from geo.routing.reference import Router
from schemas import codes, topics
from schemas.codes import ObservedProperty
from schemas.effects import AssignmentWritten, Effect, IncidentWritten, Recommended
from schemas.inputs import CitizenReport, Location, SensorReading
from schemas.journal import FleetChanged
from schemas.records import Incident
from sim import scene_of
from sim.senses import ThroughIntake
from tests.intake.test_triage import SPOKEN

AT = datetime(2100, 1, 1, tzinfo=UTC)
"""So late that rows count which begin tomorrow."""


@cache
def scene() -> tuple[CityData, Router, ThroughIntake]:
    made = scene_of(make_city(1))
    return made.city, made.router, ThroughIntake(made.city)


def there() -> Location:
    west, south, east, north = scene()[0].manifest.bounds
    return Location(lon=(west + east) / 2, lat=(south + north) / 2)


def decide(messages: Iterable[tuple[Mail, datetime]]) -> list[Effect]:
    """Return what a region with the default policy and the city's fleet makes of messages."""
    city, router, intake = scene()
    region = Region(city.manifest.region, lambda _: router)
    fleet = FleetChanged(id="f", region=region.region, city=city.digest, units=city.units)
    region.apply(fleet, AT)
    return [
        effect
        for mail, at in messages
        for entry in intake.hear(mail, at)
        for effect in region.apply(entry, at)
    ]


def opened(effects: Iterable[Effect]) -> Incident:
    """Return the one incident, as it is in the end."""
    found = {e.incident.id: e.incident for e in effects if isinstance(e, IncidentWritten)}
    assert len(found) == 1, f"one incident, not {list(found.values())}"
    return next(iter(found.values()))


def picked(effects: Iterable[Effect], incident: Incident) -> Counter[str]:
    """Return the capabilities of the units that are sent, or that an operator may send."""
    policy = codes.default_policy()
    if incident.severity in policy.auto_assign and (
        incident.confidence >= policy.auto_assign_confidence
    ):
        sent = [e.assignment for e in effects if isinstance(e, AssignmentWritten)]
        return Counter(assignment.capability for assignment in sent)
    (last,) = [e.recommendation for e in effects if isinstance(e, Recommended)][-1:]
    return Counter(c.capability for c in last.candidates if c.chosen)


def planned(incident: Incident) -> Counter[str]:
    plan = requirements(codes.default_policy(), incident.category, incident.severity)
    return Counter({requirement.capability: requirement.count for requirement in plan})


@pytest.mark.parametrize(("category", "text"), SPOKEN)
def test_a_report_of_every_category_sends_the_units_of_its_plan(category: str, text: str) -> None:
    report = CitizenReport(
        service_request_id="r1", description=text, requested_datetime=AT, location=there()
    )
    mail = letter(topics.REPORTS, "r1", report, event_id="e1", source="test", at=AT)

    effects = decide([(mail, AT)])

    incident = opened(effects)
    assert incident.category == category
    assert planned(incident)
    assert picked(effects, incident) == planned(incident)


@pytest.mark.parametrize("prop", codes.observed_properties().values(), ids=lambda prop: prop.code)
def test_readings_of_every_observed_property_open_an_incident(prop: ObservedProperty) -> None:
    held = timedelta(seconds=prop.minimum_duration_s)

    effects = decide([(reading(prop, at), at) for at in (AT, AT + held)])

    incident = opened(effects)
    assert (incident.category, incident.severity) == (prop.category, prop.severity)
    assert picked(effects, incident) == planned(incident)


def reading(prop: ObservedProperty, at: datetime) -> Mail:
    """Return a reading, of a sensor that the city does not know, at the opening condition."""
    observed = SensorReading(
        sensor="s1",
        datastream=f"s1/{prop.code}",
        observed_property=prop.code,
        result=prop.opens_at,
        unit_of_measurement=prop.unit_of_measurement,
        phenomenon_time=at,
        location=there(),
    )
    name = f"e{at.timestamp():.0f}"
    return letter(topics.READINGS, "s1", observed, event_id=name, source="test", at=at)
