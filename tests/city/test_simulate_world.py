"""The simulated world: the same for the same seed, and such that a score can be fair."""

import functools
import itertools
import math

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from city.simulate import Event, Setting, happenings
from city.simulate.reports import Report
from city.simulate.words import LANGUAGES, phrases
from city.simulate.world import _USUAL_RANGE_M, EXTENT, RANGE_M, apart
from geo.crs import haversine_m, to_wgs84
from schemas.codes import categories, observed_property, severities
from tests.city.toy import toy_city

SETTING = Setting(toy_city())
SEEDS = st.integers(0, 15)  # few, so that the tests share the worlds they look at
fewer = settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)


@functools.cache
def events(seed: int, minutes: float = 15.0, rate: float = 12.0, speed: float = 10.0):
    found = happenings(SETTING, seed=seed, rate=rate, speed=speed)
    return list(itertools.takewhile(lambda event: event.at_s <= 60.0 * minutes, found))


def reports(found: list[Event]) -> list[tuple[Event, Report]]:
    return [(event, report) for event in found for report in event.reports]


def test_the_same_seed_is_the_same_world():
    first = events(7, minutes=5)
    again = list(
        itertools.islice(happenings(Setting(toy_city()), seed=7, rate=12.0, speed=10.0), len(first))
    )
    assert msgspec.json.encode(first) == msgspec.json.encode(again)
    assert events(8, minutes=5) != first


def test_no_rate_is_no_events():
    assert list(happenings(SETTING, seed=1, rate=0.0)) == []


@fewer
@given(SEEDS)
def test_sites_are_apart_and_inside(seed: int):
    true = [event for event in events(seed) if not event.false_alarm]
    for a, b in itertools.combinations(true, 2):
        if b.at_s - a.at_s <= 1_800.0:
            assert apart(a.category, a.site.spot, b.category, b.site.spot), (a.id, b.id)
            if a.category == b.category:
                metres = haversine_m(a.site.lon, a.site.lat, b.site.lon, b.site.lat)
                extent = EXTENT.get(a.category)
                assert metres >= 2.0 * (100.0 if extent is None else extent.radius_m)
    assert all(SETTING.inside(event.site.lon, event.site.lat) for event in true)


@fewer
@given(SEEDS, st.sampled_from([1.0, 10.0, 60.0]))
def test_sensors_notice_what_is_near(seed: int, speed: float):
    sensors = {sensor.id: sensor for sensor in SETTING.city.sensors}
    for event in events(seed, speed=speed):
        assert len(event.sightings) <= 3
        assert not (event.false_alarm and event.sightings)
        for sighting in event.sightings:
            sensor = sensors[sighting.sensor]
            row = observed_property(sighting.observed_property)
            assert (sensor.observed_property, sensor.datastream) == (row.code, sighting.datastream)
            assert row.category == event.category
            metres = haversine_m(sensor.point.lon, sensor.point.lat, event.site.lon, event.site.lat)
            assert metres <= RANGE_M.get(row.code, _USUAL_RANGE_M)
            assert sighting.until_s - sighting.at_s > row.minimum_duration_s + 10.0
            assert event.at_s < sighting.at_s < event.at_s + 10.0
            assert row.minimum <= sighting.result <= row.maximum
            beyond = sighting.result - row.opens_at
            assert beyond <= 0.0 if row.direction == "below" else beyond >= 0.0


@fewer
@given(SEEDS)
def test_reports_are_where_they_say(seed: int):
    for event, report in reports(events(seed)):
        if report.lon is None or report.lat is None:
            assert report.wrong is None
            assert min(event.site.near_m, event.site.crossing_m) <= 40.0
            continue
        lon, lat = to_wgs84(report.lon, report.lat, report.crs)
        metres = haversine_m(lon, lat, event.site.lon, event.site.lat)
        if report.wrong == "place":
            assert metres > 900.0
        else:
            assert 4.0 < metres < 42.0


@fewer
@given(SEEDS)
def test_every_event_is_rightly_told_by_somebody(seed: int):
    found = events(seed)
    for event in found:
        assert event.category in categories()
        assert event.severity in severities()
        assert math.isfinite(event.at_s)
        wrong = [report.wrong for report in event.reports]
        if event.false_alarm:
            assert wrong == ["prank"]
        else:
            assert 1 <= len(wrong) <= 5
            assert None in wrong
        assert all(0.0 < r.at_s - event.at_s <= 45.1 for r in event.reports)
        assert all(again.at_s > r.at_s for r in event.reports for again in r.again)
    ids = [report.id for _, report in reports(found)]
    assert len(ids) == len(set(ids))


def test_reports_are_of_every_kind():
    said = [report for _, report in reports(events(3, minutes=25))]
    assert {report.wrong for report in said} == {None, "place", "category", "prank"}
    assert {"app", "web", "119", "120", "110", "12345"} == {report.channel for report in said}
    assert {"WGS-84", "GCJ-02", "BD-09"} == {report.crs for report in said}
    assert {again.same_event for report in said for again in report.again} == {True, False}
    assert {report.service_code is None for report in said} == {True, False}
    assert any(report.lon is None for report in said)
    phones = [report.phone for report in said if report.phone]
    assert phones
    assert all(phone.startswith(("000-0000-", "+1-202-555-01")) for phone in phones)


@fewer
@given(SEEDS)
def test_words_alone_are_enough_for_who_knows_the_city(seed: int):
    for event, report in reports(events(seed)):
        if report.lon is not None:
            continue
        text = f"{report.description} {report.address_string}"
        best = SETTING.city.gazetteer.find(text)[0]
        assert haversine_m(best.lon, best.lat, event.site.lon, event.site.lat) <= 80.0, text


def test_phrases_are_many_and_name_the_place():
    told = phrases()
    assert set(told) <= set(categories())
    for category, by_language in told.items():
        assert set(by_language) == set(LANGUAGES), category
        for language, sentences in by_language.items():
            assert len(set(sentences)) >= 6, (category, language)
            assert all(sentence.count("{place}") == 1 for sentence in sentences)


@pytest.mark.parametrize(
    ("first", "second", "metres", "told_apart"),
    [
        ("fire", "fire", 290.0, False),
        ("fire", "fire", 310.0, True),
        ("fire", "explosion", 200.0, False),
        ("fire", "explosion", 260.0, True),
        ("fire", "flood", 5.0, True),
    ],
)
def test_apart(first: str, second: str, metres: float, told_apart: bool):
    a = (121.46, 31.24)
    b = (121.46, 31.24 + metres / 111_195.0)
    assert apart(first, a, second, b) is told_apart
