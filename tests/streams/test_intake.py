"""Each intake's good and bad messages, through a real worker."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

import pytest
from msgspec import to_builtins

from atlas.city import CityData
from geo.crs import from_wgs84
from infra.vault import Sealed, load_vault
from schemas import topics
from schemas.ids import derive
from schemas.inputs import (
    CitizenReport,
    Contact,
    Location,
    SensorReading,
    StreetCondition,
    UnitPosition,
    UnitStatus,
)
from schemas.journal import Command, Override
from tests.city.toy import lonlat
from tests.streams.rig import Rig, Sent, message, now

pytestmark = [pytest.mark.kafka, pytest.mark.postgis]

LON, LAT = lonlat(5, 5)
FAR, OFF = lonlat(1, 1), lonlat(8, 1)
"""Away from what other tests report."""
END_OF_TIME = datetime(9999, 12, 31, 23, 59, 59, tzinfo=timezone(timedelta(hours=-5)))


def reading(**changes: object) -> SensorReading:
    fields: dict[str, object] = {
        "sensor": "smoke-5",
        "datastream": "smoke-5/1",
        "observed_property": "smoke",
        "result": 1.0,
        "unit_of_measurement": "%/m",
        "phenomenon_time": now(),
    }
    return SensorReading(**{**fields, **changes})  # type: ignore[arg-type]


def report(**changes: object) -> CitizenReport:
    fields: dict[str, object] = {
        "service_request_id": f"r-{now().isoformat()}",
        "description": "着火了",
        "requested_datetime": now(),
    }
    return CitizenReport(**{**fields, **changes})  # type: ignore[arg-type]


def position(**changes: object) -> UnitPosition:
    fields: dict[str, object] = {
        "unit": "ambulance-0",
        "location": Location(lon=LON, lat=LAT),
        "time": now(),
    }
    return UnitPosition(**{**fields, **changes})  # type: ignore[arg-type]


def status(**changes: object) -> UnitStatus:
    fields: dict[str, object] = {"unit": "ambulance-0", "status": "available", "time": now()}
    return UnitStatus(**{**fields, **changes})  # type: ignore[arg-type]


def condition(**changes: object) -> StreetCondition:
    fields: dict[str, object] = {
        "condition": "c1",
        "kind": "closure",
        "street": "南京西一路",
        "valid_from": now(),
    }
    return StreetCondition(**{**fields, **changes})  # type: ignore[arg-type]


def bare(value: bytes | None, topic: topics.Topic = topics.READINGS) -> Sent:
    good = message(topic, {})
    return Sent(good.topic, good.key, value, good.headers)


def headed(name: str, value: bytes | None) -> Sent:
    sent = message(topics.READINGS, reading())
    headers = [(n, v) for n, v in sent.headers if n != name]
    sent.headers = headers if value is None else [*headers, (name, value)]
    return sent


@dataclass
class Bad:
    """A message that must become a dead letter, its fault and a part of its reason."""

    sent: Sent
    error: str
    says: str


def bad_messages() -> list[Bad]:
    far = Location(lon=2.35, lat=48.85)
    return [
        Bad(headed("ce_id", None), "envelope", "ce_id is missing"),
        Bad(headed("ce_id", b""), "envelope", "ce_id is missing"),
        Bad(headed("ce_id", b"\xff"), "envelope", "not UTF-8"),
        Bad(headed("ce_id", b"a\x00b"), "text", "control character"),
        Bad(headed("ce_type", b"city.other.v1"), "envelope", "carries"),
        Bad(headed("ce_type", b"city.jingwei.sensor.reading.v2"), "newer_schema", "upgrade"),
        Bad(headed("content-type", b"application/cloudevents+json"), "envelope", "specversion is"),
        Bad(headed("content-type", b"application/cloudevents-batch+json"), "envelope", "a batch"),
        Bad(bare(None), "payload", "no value"),
        Bad(bare(b"\x00\xff garbage"), "payload", "not a SensorReading"),
        Bad(bare(b"{}"), "payload", "missing required field"),
        Bad(bare(b"[" * 100_000), "payload", "not a SensorReading"),
        Bad(bare(b'"' + b"x" * 1_048_000 + b'"'), "payload", "more than"),
        Bad(bare(b'"' + b"x" * 1_000_001 + b'"'), "payload", "more than"),
        Bad(message(topics.READINGS, reading(observed_property="luck")), "unknown_code", "luck"),
        Bad(message(topics.READINGS, reading(result=100.5)), "result", "not physical"),
        Bad(message(topics.READINGS, reading(result=-1.0)), "result", "not physical"),
        Bad(
            message(topics.READINGS, reading(unit_of_measurement="ppm")),
            "unit_of_measurement",
            "'%/m'",
        ),
        Bad(message(topics.READINGS, reading(result_quality="so-so")), "unknown_code", "so-so"),
        Bad(message(topics.READINGS, reading(sensor="nobody")), "unknown_sensor", "no location"),
        Bad(message(topics.READINGS, reading(sensor="gas-2")), "unknown_sensor", "observes gas"),
        Bad(message(topics.READINGS, reading(datastream="x" * 201)), "text", "201 characters"),
        Bad(message(topics.READINGS, reading(datastream="a\x00")), "text", "control character"),
        Bad(message(topics.READINGS, reading(phenomenon_time=now(3600))), "time", "future"),
        Bad(
            message(topics.READINGS, reading(phenomenon_time=now(3600)), source="gw-7"),
            "time",
            "the clock of 'gw-7' is wrong; set it right, `jingwei sources`",
        ),
        Bad(message(topics.READINGS, reading(phenomenon_time=now(-90_000))), "time", "too old"),
        Bad(
            message(topics.READINGS, reading(phenomenon_time=now().replace(tzinfo=None))),
            "time",
            "no offset",
        ),
        Bad(
            # Both are the producer's clock: that they agree says nothing.
            message(topics.READINGS, reading(phenomenon_time=now(1800)), at=now(1800)),
            "time",
            "s ahead of its arrival",
        ),
        Bad(message(topics.READINGS, reading(location=far)), "outside_city", "outside the city"),
        Bad(
            message(topics.READINGS, reading(location=Location(lon=LON, lat=LAT, crs="mars"))),
            "coordinates",
            "mars",
        ),
        Bad(
            message(topics.READINGS, reading(location=Location(lon=1e300, lat=LAT))),
            "coordinates",
            "not on the globe",
        ),
        Bad(
            message(topics.READINGS, reading(location=Location(lon=LON, lat=LAT, accuracy_m=-1.0))),
            "coordinates",
            "accuracy_m",
        ),
        Bad(bare(b'{"service_request_id": 7}', topics.REPORTS), "payload", "CitizenReport"),
        Bad(message(topics.REPORTS, report(description="长" * 5001)), "text", "5001 characters"),
        Bad(message(topics.REPORTS, report(service_request_id="")), "text", "0 characters"),
        Bad(message(topics.REPORTS, report(location=far)), "outside_city", "outside"),
        Bad(message(topics.POSITIONS, position(unit="ghost")), "unknown_unit", "ghost"),
        Bad(message(topics.POSITIONS, position(location=far)), "outside_city", "outside"),
        Bad(message(topics.POSITIONS, position(speed_mps=-3.0)), "result", "speed_mps"),
        Bad(message(topics.POSITIONS, position(heading_deg=361.0)), "result", "heading_deg"),
        Bad(message(topics.UNIT_STATUS, status(status="asleep")), "unknown_code", "asleep"),
        Bad(message(topics.UNIT_STATUS, status(unit="ghost")), "unknown_unit", "ghost"),
        Bad(message(topics.STREETS, condition(street="无此路")), "unknown_street", "无此路"),
        Bad(
            message(topics.STREETS, condition(street=None, segments=("1-2-0", "9-9-9"))),
            "unknown_street",
            "9-9-9",
        ),
        Bad(message(topics.STREETS, condition(street=None)), "condition", "neither"),
        Bad(message(topics.STREETS, condition(kind="flooded")), "unknown_code", "flooded"),
        Bad(message(topics.STREETS, condition(kind="speed_factor")), "condition", "missing"),
        Bad(
            message(topics.STREETS, condition(kind="speed_factor", speed_factor=1.5)),
            "condition",
            "1.5",
        ),
        Bad(
            message(topics.STREETS, condition(kind="speed_factor", speed_factor=0.005)),
            "condition",
            "0.01 to 1",
        ),
        Bad(
            message(topics.STREETS, condition(kind="lane_closure")),
            "condition",
            "lanes_closed is missing: a lane_closure needs it",
        ),
        Bad(
            message(topics.STREETS, condition(kind="lane_closure", lanes_closed=0)),
            "condition",
            "lanes_closed 0 is not 1 to 20",
        ),
        Bad(
            message(topics.STREETS, condition(kind="flood_depth", lanes_closed=1)),
            "condition",
            "depth_m is missing: a flood_depth needs it",
        ),
        Bad(
            message(topics.STREETS, condition(kind="flood_depth", depth_m=12.5)),
            "condition",
            "depth_m 12.5 is not 0 to 10",
        ),
        Bad(
            message(topics.STREETS, condition(valid_until=END_OF_TIME)),
            "time",
            "not a time between the years 1 and 9999",
        ),
        Bad(
            message(
                topics.STREETS,
                condition(valid_from=datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=8)))),
            ),
            "time",
            "not a time between the years 1 and 9999",
        ),
        Bad(
            message(
                topics.JOURNAL,
                Command(
                    id="c1",
                    region="atlantis",
                    operator="o",
                    incident="i",
                    action=Override(units=tuple(map(str, range(101))), reason="r"),
                ),
            ),
            "not_decidable",
            "action.units has 101 items",
        ),
        Bad(
            message(topics.STREETS, condition(valid_until=now(-5))),
            "condition",
            "not after",
        ),
        Bad(bare(b'{"entry": "surprise"}', topics.JOURNAL), "payload", "surprise"),
        Bad(
            message(
                topics.JOURNAL,
                {"entry": "tick", "id": "t1", "region": "atlantis", "due": now()},
                key="test",
            ),
            "region",
            "atlantis",
        ),
    ]


@pytest.fixture(scope="module")
def buried(running: Rig) -> list[Bad]:
    cases = bad_messages()
    running.send([case.sent for case in cases])
    running.settle()
    return cases


@pytest.mark.parametrize("number", range(len(bad_messages())))
def test_a_bad_message_becomes_a_dead_letter_that_says_why(running, buried, number):
    case = buried[number]
    rows = running.rows(
        "SELECT * FROM dead_letter WHERE topic = $1 AND partition = $2 AND record_offset = $3",
        *case.sent.place,
    )
    assert len(rows) == 1
    assert (rows[0]["error"], rows[0]["value"]) == (case.error, case.sent.value)
    assert case.says in rows[0]["reason"]


def test_good_messages_behind_bad_ones_are_dealt_with(running, buried):
    sent = report(description="老人晕倒了", location=Location(lon=FAR[0], lat=FAR[1]))
    running.send([message(topics.REPORTS, sent)])
    rows = running.await_rows(
        "SELECT * FROM evidence WHERE source_id = $1 AND placed IS NOT NULL",
        sent.service_request_id,
    )
    assert (rows[0]["category"], rows[0]["placed"]) == ("medical", "opened")


def test_a_report_is_placed_from_gcj02_and_geofenced(running, city: CityData):
    lon, lat = from_wgs84(LON, LAT, "GCJ-02")
    sent = report(location=Location(lon=lon, lat=lat, crs="GCJ-02", accuracy_m=20.0))
    running.send([message(topics.REPORTS, sent)])
    row = running.await_rows(
        "SELECT *, ST_X(point) AS lon, ST_Y(point) AS lat FROM evidence WHERE source_id = $1",
        sent.service_request_id,
    )[0]
    assert (row["lon"], row["lat"]) == pytest.approx((LON, LAT), abs=1e-8)
    fences = {fence.kind: fence.id for fence in city.fence_index.locate_one(LON, LAT)}
    assert row["district"] == fences.get("district")
    assert row["subdistrict"] == fences.get("subdistrict")


def test_a_report_without_coordinates_is_placed_by_name(running):
    sent = report(description="南京西一路和常德一路路口两车追尾")
    running.send([message(topics.REPORTS, sent)])
    row = running.await_rows(
        "SELECT * FROM evidence WHERE source_id = $1", sent.service_request_id
    )[0]
    assert row["point"] is not None
    assert any("no coordinates: the description names" in reason for reason in row["triage"])


def test_the_same_report_twice_is_one(running):
    sent = report(location=Location(lon=LON, lat=LAT))
    running.send([message(topics.REPORTS, sent) for _ in range(3)])
    running.settle()
    rows = running.rows("SELECT id FROM evidence WHERE source_id = $1", sent.service_request_id)
    assert len(rows) == 1
    entries = running.rows(
        "SELECT entry_id FROM applied WHERE entry_id = $1", derive(rows[0]["id"], "entry")
    )
    assert len(entries) == 1


def test_the_same_number_from_two_call_centres_is_two_reports(running):
    sent = report(location=Location(lon=LON, lat=LAT))
    centres = ("tel:110", "tel:119", "tel:110")
    running.send([message(topics.REPORTS, sent, source=centre) for centre in centres])
    running.settle()
    rows = running.rows("SELECT id FROM evidence WHERE source_id = $1", sent.service_request_id)
    assert len(rows) == 2


def test_personal_data_stays_behind_its_door(running):
    sent = report(
        description="我是王小明，电话13800138000，身份证310106199001011234，"
        "邮箱 w@example.com，着火了",
        address_string="南京西一路100号 王小明家",
        contact=Contact(name="王小明", phone="13800138000", email="w@example.com"),
        location=Location(lon=LON, lat=LAT),
    )
    running.send([message(topics.REPORTS, sent)])
    running.settle()
    row = running.rows("SELECT * FROM evidence WHERE source_id = $1", sent.service_request_id)[0]
    told = " ".join(str(value) for value in row.values()) + row["record"].decode()
    for secret in ("王小明", "13800138000", "310106199001011234", "w@example.com"):
        assert secret not in told
    kept = running.rows(
        "SELECT r.ref, k.key, r.sealed AS content, r.contact"
        " FROM reporter AS r JOIN reporter_key AS k USING (ref) WHERE ref = $1",
        row["reporter_ref"],
    )[0]
    assert kept.pop("contact") is None
    assert b"13800138000" not in kept["content"]
    contact = load_vault(running.endpoints.key_file).open(Sealed(**kept))
    assert contact == {"name": "王小明", "phone": "13800138000", "email": "w@example.com"}
    applied = running.rows(
        "SELECT effects FROM applied WHERE entry_id = $1", derive(row["id"], "entry")
    )
    assert "13800138000" not in applied[0]["effects"].decode()


def test_a_text_with_what_cannot_be_stored_is_kept_without_it(running):
    sent = report(description="着火\x00了", location=Location(lon=LON, lat=LAT))
    running.send([message(topics.REPORTS, sent)])
    row = running.await_rows(
        "SELECT * FROM evidence WHERE source_id = $1", sent.service_request_id
    )[0]
    assert row["text"] == "着火 了"


def test_a_sensor_alarm_opens_clears_and_counts_once(running):
    stream = "smoke-13/1"
    alarm = reading(sensor="smoke-13", datastream=stream, result=40.0)
    once = message(topics.READINGS, alarm, key="smoke-13", event_id="alarm-1")
    clear = reading(
        sensor="smoke-13",
        datastream=stream,
        result=2.0,
        phenomenon_time=alarm.phenomenon_time + timedelta(seconds=1),
    )
    running.send([once, once, message(topics.READINGS, clear, key="smoke-13")])
    rows = running.await_rows(
        "SELECT * FROM evidence WHERE source_id = $1 ORDER BY observed_at", stream, count=2
    )
    assert [row["phase"] for row in rows] == ["opened", "cleared"]
    assert rows[0]["id"] == derive("test\x1falarm-1", "evidence")
    assert rows[0]["category"] == "fire"
    running.settle()
    placed = running.rows("SELECT phase, placed FROM evidence WHERE source_id = $1", stream)
    assert {row["phase"]: row["placed"] for row in placed}["cleared"] == "ended"


def test_a_sensor_that_moves_says_where_it_is(running):
    sent = reading(
        sensor="drone-1",
        datastream="drone-1/smoke",
        result=50.0,
        location=Location(lon=LON, lat=LAT),
    )
    running.send([message(topics.READINGS, sent)])
    row = running.await_rows("SELECT * FROM evidence WHERE source_id = $1", "drone-1/smoke")[0]
    assert row["point"] is not None


def test_positions_are_all_tracked_and_thinned_for_the_journal(running):
    unit, start = "police_car-1", now(-60)
    step = 0.00001  # about a metre
    fixes = [
        position(
            unit=unit,
            location=Location(lon=LON + step * n, lat=LAT),
            time=start + timedelta(seconds=n),
        )
        for n in range(10)
    ]
    fixes.append(
        position(
            unit=unit,
            location=Location(lon=LON + step * 60, lat=LAT),
            time=start + timedelta(seconds=11),
        )
    )
    fixes.append(
        position(
            unit=unit,
            location=Location(lon=LON + step * 60, lat=LAT),
            time=start + timedelta(seconds=42),
        )
    )
    running.send(
        [
            message(topics.POSITIONS, fix, key=unit, event_id=f"fix-{n}")
            for n, fix in enumerate(fixes)
        ]
    )
    running.settle()
    assert len(running.rows("SELECT 1 FROM unit_track WHERE unit_id = $1", unit)) == 12
    journaled = [
        n
        for n in range(12)
        if running.rows(
            "SELECT 1 FROM applied WHERE entry_id = $1", derive(f"test\x1ffix-{n}", "moved")
        )
    ]
    assert journaled == [0, 10, 11]
    shown = [json.loads(value) for value in running.published(topics.UNITS.name, unit)]
    known = running.rows(
        "SELECT state, ST_X(position) AS lon, position_at FROM unit WHERE id = $1", unit
    )[0]
    # Other tests' messages about a unit of this name stand before.
    moves = [one["unit"]["position_at"] for one in shown if one["unit"]["position_at"]]
    assert moves[-3:] == [to_builtins(fixes[n].time) for n in journaled], (
        "the public topic has what the journal has, and no more"
    )
    last = shown[-1]["unit"]
    assert (last["state"], last["position"]["lon"]) == (known["state"], known["lon"])


def test_a_stamp_reaches_the_unit(running):
    running.send(
        [
            message(
                topics.UNIT_STATUS,
                status(unit="ladder_truck-2", status="out_of_service", reason="tyre"),
                key="ladder_truck-2",
            )
        ]
    )
    running.await_rows(
        "SELECT 1 FROM unit WHERE id = 'ladder_truck-2' AND state = 'out_of_service'"
    )


def dead_letter_at(running: Rig, sent: Sent) -> list[dict[str, object]]:
    return running.rows(
        "SELECT 1 FROM dead_letter WHERE topic = $1 AND partition = $2 AND record_offset = $3",
        *(sent.place or ()),
    )


def test_a_structured_event_is_taken_in(running):
    sent = message(topics.REPORTS, report())
    fields = {name.removeprefix("ce_"): value.decode() for name, value in sent.headers}
    fields.pop("content-type")
    event = fields | {"data": json.loads(sent.value or b"")}
    sent.value = json.dumps(event).encode()
    sent.headers = [("content-type", b"application/cloudevents+json; charset=utf-8")]
    running.send([sent])
    source = event["data"]["service_request_id"]
    running.await_rows("SELECT 1 FROM evidence WHERE source_id = $1", source)


def test_a_tombstone_ends_the_condition_of_its_key(running):
    running.send([message(topics.STREETS, condition(condition="c-gone"), key="c-gone")])
    running.await_rows("SELECT 1 FROM street_condition WHERE id = 'c-gone' AND ended_at IS NULL")
    stone = Sent(topics.STREETS.name, b"c-gone", None)
    running.send([stone])
    running.await_rows(
        "SELECT 1 FROM street_condition WHERE id = 'c-gone' AND ended_at IS NOT NULL"
    )
    assert dead_letter_at(running, stone) == []


def test_a_tombstone_of_a_unit_says_nothing(running):
    stone = Sent(topics.UNIT_STATUS.name, b"eng-1", None)
    running.send([stone])
    running.settle()
    assert dead_letter_at(running, stone) == []


def test_a_closed_street_is_closed_both_ways(running, city: CityData):
    street = city.streets.names()[0]
    running.send(
        [message(topics.STREETS, condition(condition="c-both", street=street), key="c-both")]
    )
    row = running.await_rows("SELECT * FROM street_condition WHERE id = 'c-both'")[0]
    arcs = city.streets.arcs_by_name(street)
    assert set(row["segments"]) == {city.streets.arcs.id[int(arc)] for arc in arcs}


def test_lanes_and_water_reach_the_ledger(running, city: CityData):
    street = city.streets.names()[0]
    narrow = condition(condition="c-lane", kind="lane_closure", street=street, lanes_closed=1)
    wet = condition(condition="c-wet", kind="flood_depth", street=street, depth_m=0.35)
    running.send([message(topics.STREETS, sent, key=sent.condition) for sent in (narrow, wet)])
    rows = running.await_rows(
        "SELECT lanes_closed, depth_m FROM street_condition"
        " WHERE id IN ('c-lane', 'c-wet') ORDER BY id",
        count=2,
    )
    assert [tuple(row.values()) for row in rows] == [(1, None), (None, 0.35)]


def test_departments_get_what_concerns_them_and_nothing_else(running):
    sent = report(description="井盖不见了", location=Location(lon=OFF[0], lat=OFF[1]))
    running.send([message(topics.REPORTS, sent)])
    row = running.await_rows(
        "SELECT incident_id FROM evidence WHERE source_id = $1 AND placed = 'opened'",
        sent.service_request_id,
    )[0]
    running.settle()
    feeds = running.feeds(row["incident_id"])
    assert set(feeds) == {"dept.urban_management", "dept.water"}
    lines = [json.loads(v) for v in running.published(topics.INCIDENTS.name, row["incident_id"])]
    told = [json.loads(value) for value in feeds["dept.water"]]
    assert [change.pop("standing") for change in told] == ["snapshot"] + ["yours"] * (
        len(lines) - 1
    )
    assert told == lines


def test_dead_letters_are_in_kafka_too_with_their_reason(running, buried):
    case = next(case for case in buried if case.says == "ghost")
    topic, partition, offset = case.sent.place
    letters = running.messages(f"dlq.{topic}")
    headers = [dict(letter.headers) for letter in letters]
    mine = next(
        h
        for h in headers
        if h.get("dlq_offset") == str(offset).encode()
        and h["dlq_partition"] == str(partition).encode()
    )
    assert mine["dlq_error"] == b"unknown_unit"
    assert b"ghost" in mine["dlq_reason"]
    assert mine["ce_type"] == topics.POSITIONS.type.encode()
