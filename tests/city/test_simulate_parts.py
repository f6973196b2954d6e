"""The players of a play, each alone, on an agenda without a clock and without Kafka."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from city.simulate.agenda import Agenda
from city.simulate.background import Background, alarm_value, calm_value
from city.simulate.citizens import Citizens
from city.simulate.clock import Clock
from city.simulate.closures import Closures
from city.simulate.console import Console
from city.simulate.drive import Drive
from city.simulate.fleet import Fleet
from city.simulate.instruments import Instruments
from city.simulate.mail import Mail
from city.simulate.malformed import KINDS, malformed
from city.simulate.radio import Radio
from city.simulate.setting import Setting
from city.simulate.truth import Sent, TruthLog, read_truth
from city.simulate.world import Event, happenings
from geo.crs import haversine_m
from geo.routing.reference import NetworkxRouter
from schemas import journal, topics, wire
from schemas.codes import observed_properties
from schemas.envelope import read_envelope
from schemas.errors import SchemaError
from schemas.outputs import (
    Alert,
    AlertChanged,
    Assignment,
    DispatchChanged,
    Incident,
    IncidentChanged,
    TimelineEntry,
)
from schemas.records import Point, Route, Where
from tests.city.toy import lonlat, toy_city

CITY = toy_city()
START = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
BY_NAME = {topic.name: topic for topic in topics.CITY}


class Box(list[Mail]):
    """Keeps what is sent; reads it back as its topic's type."""

    def of(self, topic: topics.Topic) -> list:
        return [wire.decode(mail.value, topic.message) for mail in self if mail.topic == topic.name]


def advance(agenda: Agenda, until: float) -> None:
    while (due := agenda.next_due()) is not None and due <= until:
        agenda.run_due(due)


@pytest.fixture
def box() -> Box:
    return Box()


@pytest.fixture
def agenda() -> Agenda:
    return Agenda()


def fleet_of(agenda: Agenda, box: Box, speed: float = 10.0) -> Fleet:
    return Fleet(CITY, agenda, Clock(START), box.append, seed=1, speed=speed, run="r")


def console_of(agenda: Agenda, box: Box, radio: Radio | None = None) -> Console:
    return Console(
        "test",
        agenda,
        Clock(START),
        box.append,
        seed=1,
        speed=10.0,
        run="r",
        radio=radio or Radio("r"),
    )


def assignment(unit: str = "ambulance-0", key: str = "a1", **changes) -> Assignment:
    way = NetworkxRouter(CITY.streets).route(lonlat(3, 3), lonlat(15, 12))
    fields = {
        "id": key,
        "incident": "i1",
        "unit": unit,
        "capability": "als",
        "by": "policy",
        "eta_s": way.seconds,
        "route": Route(
            seconds=way.seconds,
            metres=way.metres,
            coordinates=way.coordinates,
            arcs=way.arcs,
            streets=way.streets,
        ),
        "reasons": (),
        "dispatched": START,
    }
    return Assignment(**(fields | changes))


def dispatched(change: str, sent: Assignment) -> DispatchChanged:
    return DispatchChanged(incident_id=sent.incident, change=change, at=START, assignment=sent)


def incident(key: str = "i1", **changes) -> IncidentChanged:
    lon, lat = lonlat(15, 12)
    fields = {
        "id": key,
        "region": "test",
        "number": f"test-{key}",
        "version": 1,
        "category": "medical",
        "severity": "P2",
        "confidence": 0.9,
        "state": "dispatched",
        "point": Point(lon=lon, lat=lat),
        "where": Where(),
        "title": "",
        "opened_at": START,
        "updated_at": START,
        "noticed_at": START,
        "evidence": (),
        "sources": ("s",),
    }
    record = Incident(**(fields | changes))
    entry = TimelineEntry(
        incident=key,
        seq=record.version,
        at=START,
        kind="note",
        actor="policy",
        text="",
        reasons=(),
        cause="c",
    )
    return IncidentChanged(incident_id=key, seq=record.version, entry=entry, incident=record)


def alert(kind: str, key: str = "i1") -> AlertChanged:
    raised = Alert(
        id=f"{kind}/{key}", incident=key, kind=kind, priority=1, text="", raised_at=START
    )
    return AlertChanged(incident_id=key, alert=raised)


def commands(box: Box) -> list[journal.Command]:
    return box.of(topics.JOURNAL)


def test_agenda_runs_in_order_of_time_then_of_entry():
    agenda, ran = Agenda(), []
    for name, due in (("c", 2.0), ("a", 1.0), ("b", 1.0)):
        agenda.at(due, lambda now, name=name: ran.append((name, now)))
    assert agenda.run_due(0.5) == 0
    assert agenda.run_due(5.0) == 3
    assert ran == [("a", 5.0), ("b", 5.0), ("c", 5.0)]
    assert agenda.next_due() is None


def test_background_never_alarms_and_is_sometimes_close():
    background = Background(CITY.sensors, seed=3)
    closest: Counter[str] = Counter()
    for hour in range(24):
        for index, value in background.readings(2_000, float(hour)):
            row = observed_properties()[CITY.sensors[index].observed_property]
            assert row.minimum <= value <= row.maximum
            assert value > row.opens_at if row.direction == "below" else value < row.opens_at
            if row.direction == "above" and value > 0.8 * row.opens_at:
                closest[row.code] += 1
    assert closest
    assert [r for _ in range(3) for r in Background(CITY.sensors, 5).readings(9, 8.0)] == 3 * [
        *Background(CITY.sensors, 5).readings(9, 8.0)
    ]


def test_alarm_and_calm_values_are_on_their_sides():
    for row in observed_properties().values():
        calm = calm_value(row)
        result = row.minimum if row.direction == "below" else row.maximum
        for chance in (0.0, 0.5, 1.0):
            value = alarm_value(row, result, chance)
            if row.direction == "below":
                assert value < row.opens_at < row.closes_at < calm
            else:
                assert value >= row.opens_at > row.closes_at > calm


def test_drive_goes_from_end_to_end_with_headings():
    drive = Drive([(121.0, 31.0), (121.0, 31.01), (121.01, 31.01)], begun=10.0, seconds=20.0)
    assert drive.at(10.0)[:2] == (121.0, 31.0)
    assert drive.at(30.0)[:2] == pytest.approx((121.01, 31.01))
    assert drive.at(12.0).heading_deg == pytest.approx(0.0)
    assert drive.at(29.0).heading_deg == pytest.approx(90.0)
    assert Drive([(121.0, 31.0)], 0.0, 0.0).at(1.0)[:2] == (121.0, 31.0)


def test_a_unit_turns_out_drives_works_transports_and_comes_home(agenda: Agenda, box: Box):
    fleet = fleet_of(agenda, box)
    fleet.on_incident(incident())
    fleet.log_on(2.0)
    advance(agenda, 3.0)
    sent = assignment()
    assert sent.route is not None
    fleet.on_dispatch(dispatched("assigned", sent), 3.0)
    fleet.on_dispatch(dispatched("assigned", sent), 3.1)
    advance(agenda, 600.0)
    stamps = [s for s in box.of(topics.UNIT_STATUS) if s.unit == "ambulance-0"]
    statuses = [stamp.status for stamp in stamps]
    assert statuses[:4] == ["available", "acknowledged", "en_route", "on_scene"]
    assert statuses[-1] in {"available", "returning"}
    left, came = stamps[2].time, stamps[3].time
    took = (came - left).total_seconds()
    assert took == pytest.approx(sent.route.seconds / 10.0, rel=0.25)
    on_the_way = [
        p.location
        for p in box.of(topics.POSITIONS)
        if p.unit == "ambulance-0" and left <= p.time <= came
    ]
    assert len(on_the_way) >= int(took / 2.0)
    end = sent.route.coordinates[-1]
    assert haversine_m(on_the_way[-1].lon, on_the_way[-1].lat, *end) < 20.0
    terminal = fleet.terminals["ambulance-0"]
    assert terminal.about == "idle"
    home = terminal.unit.home
    assert haversine_m(terminal.lon, terminal.lat, home.lon, home.lat) < 20.0


def test_a_unit_that_is_called_back_returns_and_one_that_has_not_left_stays(
    agenda: Agenda, box: Box
):
    fleet = fleet_of(agenda, box)
    fleet.on_dispatch(dispatched("assigned", assignment()), 0.0)
    early = assignment("ambulance-1", "a2")
    fleet.on_dispatch(dispatched("assigned", early), 0.0)
    fleet.on_dispatch(dispatched("cancelled", early), 0.1)
    advance(agenda, 9.0)
    assert fleet.terminals["ambulance-0"].about == "driving"
    fleet.on_dispatch(dispatched("cancelled", assignment()), 9.0)
    advance(agenda, 300.0)
    by_unit = {
        unit: [s.status for s in box.of(topics.UNIT_STATUS) if s.unit == unit]
        for unit in ("ambulance-0", "ambulance-1")
    }
    assert by_unit["ambulance-0"] == ["acknowledged", "en_route", "returning", "available"]
    assert by_unit["ambulance-1"] == []
    assert {t.about for t in fleet.terminals.values()} == {"idle"}


def test_a_unit_follows_a_new_route(agenda: Agenda, box: Box):
    fleet = fleet_of(agenda, box)
    fleet.on_dispatch(dispatched("assigned", assignment()), 0.0)
    advance(agenda, 10.0)
    elsewhere = NetworkxRouter(CITY.streets).route(lonlat(8, 8), lonlat(20, 3))
    route = Route(
        seconds=elsewhere.seconds,
        metres=elsewhere.metres,
        coordinates=elsewhere.coordinates,
        arcs=elsewhere.arcs,
        streets=elsewhere.streets,
    )
    fleet.on_dispatch(dispatched("rerouted", assignment(route=route)), 10.0)
    advance(agenda, 10.0 + elsewhere.seconds * 1.3 / 10.0)
    terminal = fleet.terminals["ambulance-0"]
    assert terminal.about in {"working", "transporting", "returning"}
    came = next(s for s in box.of(topics.UNIT_STATUS) if s.status == "on_scene")
    near = [
        p.location
        for p in box.of(topics.POSITIONS)
        if p.unit == "ambulance-0" and p.time == came.time
    ]
    assert haversine_m(near[0].lon, near[0].lat, *route.coordinates[-1]) < 20.0


def test_idle_units_say_where_they_are(agenda: Agenda, box: Box):
    fleet_of(agenda, box).log_on(2.0)
    advance(agenda, 62.0)
    fixes = Counter(position.unit for position in box.of(topics.POSITIONS))
    assert set(fixes) == {unit.id for unit in CITY.units}
    assert all(2 <= count <= 5 for count in fixes.values())


def test_sensors_alarm_while_an_event_lasts(agenda: Agenda, box: Box, tmp_path):
    with TruthLog(tmp_path / "truth.jsonl") as truth:
        instruments = Instruments(
            CITY.sensors, agenda, Clock(START), box.append, truth, seed=1, readings=50, run="r"
        )
        found = happenings(Setting(CITY), seed=2, rate=30.0, speed=10.0)
        event = next(e for e in found if e.sightings and not e.sightings[0].dies)
        instruments.notice(event)
        ends = event.sightings[0].until_s
        advance(agenda, ends + 60.0)
    sighting = event.sightings[0]
    row = observed_properties()[sighting.observed_property]
    readings = [r for r in box.of(topics.READINGS) if r.sensor == sighting.sensor]
    alarms = [
        r
        for r in readings
        if (r.result <= row.opens_at if row.direction == "below" else r.result >= row.opens_at)
    ]
    lasted = (alarms[-1].phenomenon_time - alarms[0].phenomenon_time).total_seconds()
    assert lasted >= max(row.minimum_duration_s, sighting.until_s - sighting.at_s - 2.5)
    after = [r for r in readings if r.phenomenon_time > alarms[-1].phenomenon_time]
    assert after
    assert not {r.phenomenon_time for r in after} & {r.phenomenon_time for r in alarms}
    told = read_truth((tmp_path / "truth.jsonl").read_bytes().splitlines(keepends=True))
    mine = [line for line in told if isinstance(line, Sent) and line.id == sighting.datastream]
    assert [line.event for line in mine] == [event.id]
    assert mine[0].at == alarms[0].phenomenon_time
    others = Counter(r.sensor for r in box.of(topics.READINGS))
    assert len(others) == len(CITY.sensors)


def test_citizens_report_and_repeat(agenda: Agenda, box: Box, tmp_path):
    with TruthLog(tmp_path / "truth.jsonl") as truth:
        citizens = Citizens(agenda, Clock(START), box.append, truth, radio=Radio("r"))
        found = happenings(Setting(CITY), seed=4, rate=30.0)
        events = [next(found) for _ in range(60)]
        for event in events:
            citizens.tell(event)
        advance(agenda, 1e6)
    told = [
        line
        for line in read_truth((tmp_path / "truth.jsonl").read_bytes().splitlines(keepends=True))
        if isinstance(line, Sent)
    ]
    sent = box.of(topics.REPORTS)
    assert [line.id for line in told] == [report.service_request_id for report in sent]
    assert {line.duplicate for line in told} == {None, "same_id", "same_event"}
    ids = Counter(read_envelope(mail.headers, topics.REPORTS.type).id for mail in box)
    repeated = sum(line.duplicate == "same_event" for line in told)
    assert len(box) - len(ids) == repeated


def test_the_operator_acknowledges_once_and_confirms(agenda: Agenda, box: Box):
    console = console_of(agenda, box)
    console.on_incident(incident(), 0.0)
    console.on_alert(alert("new_incident"), 0.0)
    console.on_alert(alert("unacknowledged"), 0.5)
    console.on_alert(alert("confirm_dispatch"), 0.5)
    advance(agenda, 4.0)
    acknowledged = [c for c in commands(box) if isinstance(c.action, journal.Acknowledge)]
    assert len(acknowledged) == 1
    advance(agenda, 20.0)
    assert [c for c in commands(box) if isinstance(c.action, journal.Assign)]
    assert {c.incident for c in commands(box)} == {"i1"}
    assert {mail.key for mail in box} == {b"test"}


@pytest.mark.parametrize(
    ("changes", "action"),
    [
        ({}, journal.Merge(into="i1")),
        ({"category": "fire"}, journal.KeepApart()),
        ({"point": None}, journal.KeepApart()),
        ({"point": Point(lon=121.5, lat=31.22)}, journal.KeepApart()),
    ],
)
def test_the_operator_answers_duplicates_by_what_is_on_the_screen(
    agenda: Agenda, box: Box, changes: dict, action: journal.Action
):
    console = console_of(agenda, box)
    console.on_incident(incident("i1"), 0.0)
    console.on_incident(incident("i2", possible_duplicate_of="i1", **changes), 0.0)
    console.on_alert(alert("possible_duplicate", "i2"), 0.0)
    advance(agenda, 10.0)
    assert [(c.incident, c.action) for c in commands(box)] == [("i2", action)]


def of_kind(*, false_alarm: bool) -> Event:
    found = happenings(Setting(CITY), seed=4, rate=30.0)
    return next(event for event in found if event.false_alarm is false_alarm)


def test_crews_tell_what_they_found_and_when_it_is_over():
    radio, prank, true = Radio("r"), of_kind(false_alarm=True), of_kind(false_alarm=False)
    radio.know(prank)
    radio.know(true)
    nothing, something = f"r-{prank.id}-R1", f"r-{true.id}-R1"
    assert radio.unfounded([nothing])
    assert not radio.unfounded([nothing, something])
    assert not radio.unfounded([])
    last = max(report.at_s for report in true.reports)
    assert not radio.over([something], last)
    assert radio.over([something], last + 120.0)
    assert radio.over(["nobody we know"], 0.0)


@pytest.mark.parametrize("nothing", [True, False])
def test_the_operator_closes_when_all_units_are_clear(agenda: Agenda, box: Box, nothing: bool):
    radio, event = Radio("r"), of_kind(false_alarm=nothing)
    radio.know(event)
    source, told = f"r-{event.id}-R1", max(report.at_s for report in event.reports)
    console = console_of(agenda, box, radio)
    console.on_incident(incident(state="on_scene", sources=(source,)), 0.0)
    console.on_dispatch(dispatched("assigned", assignment()), 0.0)
    advance(agenda, told - 1.0)
    assert commands(box) == []
    over = assignment(ended="completed", clear=START + timedelta(seconds=60))
    console.on_dispatch(dispatched("completed", over), told - 1.0)
    controlled = incident(version=2, state="controlled", sources=(source,))
    console.on_incident(controlled, told - 1.0)
    advance(agenda, told + 4.0)
    assert commands(box) == []
    advance(agenda, told + 100.0)
    first, *more = commands(box)
    assert isinstance(first.action, journal.Close)
    assert first.action.disposition == ("unfounded" if nothing else "resolved")
    assert {command.action for command in more} <= {first.action}
    console.on_incident(incident(version=3, state="closed"), told + 100.0)
    advance(agenda, told + 300.0)
    assert len(commands(box)) == 1 + len(more)


def test_streets_close_ahead_of_a_drive_and_open_again(agenda: Agenda, box: Box, tmp_path):
    fleet = fleet_of(agenda, box, speed=1.0)
    fleet.on_dispatch(dispatched("assigned", assignment()), 0.0)
    with TruthLog(None) as truth:
        for seed in range(8):
            Closures(fleet, agenda, Clock(START), box.append, truth, seed=seed, speed=1.0, run="r")
        advance(agenda, 2_000.0)
    said = box.of(topics.STREETS)
    kinds = Counter(condition.kind for condition in said)
    played = ("closure", "speed_factor", "lane_closure", "flood_depth")
    assert set(kinds) == {*played, "cleared"}
    assert kinds["cleared"] == sum(kinds[kind] for kind in played)
    for condition in said:
        assert all(CITY.streets.has_arc(arc) for arc in condition.segments)
        assert bool(condition.segments) is (condition.kind != "cleared")
        assert (condition.speed_factor is not None) is (condition.kind == "speed_factor")
        assert (condition.lanes_closed is not None) is (condition.kind == "lane_closure")
        assert (condition.depth_m is not None) is (condition.kind == "flood_depth")


def test_malformed_is_malformed_and_the_rest_is_not(agenda: Agenda, box: Box):
    rng, kinds = Random(1), Counter()
    units = {unit.id for unit in CITY.units}
    for number in range(400):
        kind, mail = malformed(rng, CITY, START, f"m{number}")
        kinds[kind] += 1
        topic = BY_NAME[mail.topic]
        try:
            read_envelope(mail.headers, topic.type)
            message = wire.decode(mail.value, topic.message)
        except SchemaError:
            assert kind not in {"unknown_unit", "future_time"}
            continue
        # What can be decoded has a value that the intake must refuse.
        if kind == "unknown_unit":
            assert message.unit not in units
        elif kind == "future_time":
            times = (getattr(message, f, START) for f in ("time", "phenomenon_time"))
            latest = max(*times, getattr(message, "requested_datetime", START))
            assert latest > START + timedelta(days=1)
        else:
            assert kind in {"out_of_range_coordinates", "unknown_crs"}
    assert set(kinds) == set(KINDS)
