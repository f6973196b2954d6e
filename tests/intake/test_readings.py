"""What a sensor's readings become; what is remembered of a datastream is handed in and out."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atlas.city import CityData
from intake import (
    BadInput,
    Datastream,
    Datastreams,
    Fault,
    IntakeLimits,
    Observed,
    Readings,
    noted,
)
from schemas import codes, topics
from schemas.inputs import Location, SensorReading
from schemas.records import Evidence
from tests.city.toy import lonlat
from tests.intake.messages import AT, sent

SMOKE = codes.observed_property("smoke")
LOUD, CALM = 40.0, 1.0
NAME = "smoke-5/smoke"
MINUTE = timedelta(minutes=1)


@pytest.fixture(scope="module")
def readings(city: CityData) -> Readings:
    return Readings(city, IntakeLimits())


def smoke(at: datetime, result: float, **more: object) -> SensorReading:
    usual: dict[str, object] = {
        "sensor": "smoke-5",
        "datastream": NAME,
        "observed_property": "smoke",
        "result": result,
        "unit_of_measurement": "%/m",
        "phenomenon_time": at,
    }
    return SensorReading(**(usual | more))  # type: ignore[arg-type]


def take(
    readings: Readings, reading: SensorReading, known: Datastream | None = None, name: str = "e1"
) -> Observed:
    opened = readings.open(sent(topics.READINGS, reading, name))
    return readings.take(opened, reading.phenomenon_time, known)


def rising(readings: Readings, name: str = "e") -> tuple[Datastream, Evidence]:
    """Return a datastream with an open alarm, and the evidence that opened it."""
    held = timedelta(seconds=SMOKE.minimum_duration_s)
    first = take(readings, smoke(AT, LOUD), None, f"{name}1")
    second = take(readings, smoke(AT + held, LOUD), first.datastream, f"{name}2")
    (opened,) = first.evidence + second.evidence
    return second.datastream, opened


def test_an_alarm_opens_and_clears_with_evidence_of_both(readings: Readings, city: CityData):
    stream, opened = rising(readings)
    assert not stream.is_calm
    assert stream.alarm.evidence == opened.id
    sensor = next(sensor for sensor in city.sensors if sensor.id == "smoke-5")
    assert (opened.category, opened.severity) == (SMOKE.category, SMOKE.severity)
    assert opened.point == sensor.point
    assert opened.source_id == NAME
    ended = take(readings, smoke(AT + MINUTE, CALM), stream, "e3")
    (cleared,) = ended.evidence
    assert (opened.phase, cleared.phase) == ("opened", "cleared")
    assert ended.datastream.is_calm
    assert noted(opened, "r").id != noted(cleared, "r").id


def test_the_same_event_gives_the_same_evidence(readings: Readings):
    assert rising(readings) == rising(readings)
    assert rising(readings)[1].id != rising(readings, "other")[1].id


def test_a_suspect_result_speaks_with_less_confidence(readings: Readings):
    held = timedelta(seconds=SMOKE.minimum_duration_s)
    first = take(readings, smoke(AT, LOUD, result_quality="suspect"))
    second = take(readings, smoke(AT + held, LOUD, result_quality="suspect"), first.datastream)
    (evidence,) = first.evidence + second.evidence
    assert evidence.confidence < SMOKE.confidence


def test_silence_is_the_same_evidence_whether_time_or_a_reading_shows_it(readings: Readings):
    stream, _ = rising(readings)
    late = stream.alarm.heard + timedelta(seconds=SMOKE.silence_timeout_s)
    (silent,) = readings.look_for_silence(
        Datastreams({NAME: stream, "calm": silenced(readings)}), late
    )
    assert silent.name == NAME
    assert silent.datastream.is_calm
    (by_time,) = silent.evidence
    by_reading, *_ = take(readings, smoke(late + MINUTE, CALM), stream, "e9").evidence
    assert by_time.phase == by_reading.phase == "silent"
    assert by_time.id == by_reading.id
    assert not list(readings.look_for_silence(Datastreams({NAME: stream}), late - MINUTE / 60))
    assert not list(
        readings.look_for_silence(Datastreams({NAME: silent.datastream}), late + MINUTE)
    )


def silenced(readings: Readings) -> Datastream:
    return take(readings, smoke(AT, CALM)).datastream


def test_silence_is_found_by_name_whatever_the_order(readings: Readings):
    stream, _ = rising(readings)
    late = stream.alarm.heard + timedelta(days=1)
    names = ["b", "a", "c"]
    found = readings.look_for_silence(Datastreams(dict.fromkeys(names, stream)), late)
    assert [one.name for one in found] == sorted(names)


def test_a_reading_that_is_not_newer_is_late_and_changes_no_phase(readings: Readings):
    stream, _ = rising(readings)
    reading = smoke(AT - MINUTE, CALM)
    opened = readings.open(sent(topics.READINGS, reading))
    late = readings.take(opened, stream.alarm.heard, stream)
    assert late.is_late
    assert late.evidence == ()
    assert not late.datastream.is_calm


def test_a_sensor_says_where_it_is_now(readings: Readings):
    lon, lat = lonlat(2, 3)
    there = take(readings, smoke(AT, CALM, location=Location(lon=lon, lat=lat)))
    assert (there.datastream.site.point.lon, there.datastream.site.point.lat) == (lon, lat)
    unknown = smoke(AT, CALM, sensor="new-1", location=Location(lon=lon, lat=lat))
    assert take(readings, unknown).datastream.site.name == "new-1"


def test_a_datastream_observes_one_property_wherever_it_is(readings: Readings):
    """A door's alarm that stays open would keep the fire of the same name from opening one."""
    lon, lat = lonlat(2, 3)
    spot = {"sensor": "new-1", "location": Location(lon=lon, lat=lat)}
    known = take(readings, smoke(AT, CALM, **spot)).datastream
    water = smoke(
        AT + MINUTE, 0.0, observed_property="water_level", unit_of_measurement="m", **spot
    )
    with pytest.raises(BadInput, match=f"{NAME} observes smoke, not water_level") as refused:
        take(readings, water, known)
    assert refused.value.fault is Fault.UNKNOWN_SENSOR


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"observed_property": "smell"}, Fault.UNKNOWN_CODE),
        ({"result_quality": "fine"}, Fault.UNKNOWN_CODE),
        ({"unit_of_measurement": "m"}, Fault.UNIT_OF_MEASUREMENT),
        ({"result": -1.0}, Fault.RESULT),
        ({"datastream": ""}, Fault.TEXT),
        ({"sensor": "new-1"}, Fault.UNKNOWN_SENSOR),
        ({"location": Location(lon=2.35, lat=48.85)}, Fault.OUTSIDE_CITY),
        ({"location": Location(lon=200.0, lat=0.0)}, Fault.COORDINATES),
        ({"result_time": AT + timedelta(hours=1)}, Fault.TIME),
    ],
)
def test_a_reading_that_cannot_be_is_refused_by_its_fault(
    readings: Readings, fields: dict[str, object], fault: Fault
):
    with pytest.raises(BadInput) as caught:
        take(readings, smoke(AT, **({"result": CALM} | fields)))  # type: ignore[arg-type]
    assert caught.value.fault == fault


STEP = st.tuples(
    st.integers(1, 1_500), st.integers(-90, 5), st.sampled_from([CALM, 10.0, LOUD]), st.booleans()
)


@given(st.lists(STEP, max_size=40))
@settings(max_examples=60, deadline=None)
def test_alarms_open_and_end_in_turn(readings: Readings, steps: list[tuple[int, int, float, bool]]):
    """Whatever a sensor sends and whenever somebody looks: opened, ended, opened, ended."""
    known = Datastreams()
    found: list[Evidence] = []
    at = AT
    for number, (seconds, off_s, result, looks) in enumerate(steps):
        at += timedelta(seconds=seconds)
        if looks:
            for silent in list(readings.look_for_silence(known, at)):
                known[silent.name] = silent.datastream
                found += silent.evidence
        reading = smoke(at + timedelta(seconds=off_s), result)
        opened = readings.open(sent(topics.READINGS, reading, f"e{number}"))
        seen = readings.take(opened, at, known.get(NAME))
        known[NAME] = seen.datastream
        found += seen.evidence
    assert [one.phase == "opened" for one in found] == [n % 2 == 0 for n in range(len(found))]
    assert len({one.id for one in found}) == len(found)
    if known:
        is_open = known[NAME].alarm.phase == "active"
        assert is_open == (len(found) % 2 == 1)
        assert (known[NAME].alarm.evidence is not None) == is_open
