"""A city's own files, from every format to the topic."""

import asyncio
import csv
import gzip
import io
import json
import tracemalloc
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import aiokafka
import msgspec
import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from typer.testing import CliRunner

from city.ingest import fields, lines
from city.ingest.errors import (
    BadMapping,
    BadOption,
    HistoricTimes,
    NotSent,
    RowFault,
    UnreadableFile,
)
from city.ingest.places import placer
from city.ingest.rows import format_of
from city.ingest.run import Ingest, run_ingest
from city.ingest.schedule import Limits
from city.ingest.send import source_of
from cli import exit_codes
from cli.main import application
from geo.crs import to_wgs84
from schemas import wire
from schemas.envelope import read_envelope
from schemas.inputs import CitizenReport, Location, SensorReading, UnitPosition
from schemas.topics import READINGS
from tests.patience import patience

SHANGHAI = ZoneInfo("Asia/Shanghai")
LONG_AGO = Limits(past_s=1e12, future_s=1e12)


class Seen:
    """Looks on and remembers."""

    def __init__(self) -> None:
        self.events, self.messages, self.refused, self.waited = [], [], [], []

    def begins(self, size):
        self.size = size

    def learns(self, table, survey):
        self.notes = (*table.notes, *survey.notes)
        self.columns = dict(survey.sources.columns)

    def reads(self, position, sent):
        assert 0 <= position <= self.size

    def waits(self, until):
        self.waited.append(until)

    def refuses(self, row, reason):
        self.refused.append((row.line, reason))

    def sends(self, event, message):
        self.events.append(event)
        self.messages.append(message)


def look(path: Path, kind: fields.Kind, content: str | bytes | None = None, **options) -> Seen:
    """Read a file without sending it."""
    if content is not None:
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    seen = Seen()
    options = {"dry_run": True, "limits": LONG_AGO} | options
    seen.result = asyncio.run(run_ingest(Ingest(path=path, kind=kind, **options), seen))
    return seen


CALLS = """call_no,alarm_time,title,X,Y,addr
A1,12/10/2015 05:10:00 PM,"EMS: BACK PAINS
in two lines",121.45,31.23,"Nanjing Rd, 1"
A2,12/10/2015 05:11:00 PM,Fire alarm,abc,31.23,
A3,not a time,Fire,121.45,31.23,
A4,12/10/2015 05:12:30 PM,着火了,31.23,121.45,

A5,2015-12-10 17:13:00,着火了,,,南京西路
A6,12/10/2015 05:13:00 PM,too,many,1,2,3,4
,12/10/2015 05:14:00 PM,"",121.45,31.23,
"""
DAYS = {"date_order": "mdy"}  # no row of the calls tells it
MAP = ("id=call_no,time=alarm_time,text=title,lon=X,lat=Y", "address=addr")


def test_good_rows_of_csv_are_read_and_bad_ones_told_with_their_line(tmp_path):
    seen = look(tmp_path / "calls.csv", "reports", CALLS, columns=MAP, zone="Asia/Shanghai", **DAYS)
    assert seen.messages == [
        CitizenReport(
            service_request_id="A1",
            description="EMS: BACK PAINS\nin two lines",
            requested_datetime=datetime(2015, 12, 10, 9, 10, tzinfo=UTC),
            location=Location(lon=121.45, lat=31.23),
            address_string="Nanjing Rd, 1",
        ),
        CitizenReport(
            service_request_id="A5",
            description="着火了",
            requested_datetime=datetime(2015, 12, 10, 9, 13, tzinfo=UTC),
            address_string="南京西路",
        ),
    ]
    assert [line for line, _ in seen.refused] == [4, 5, 6, 9, 10]
    reasons = [reason for _, reason in seen.refused]
    for reason, word in zip(
        reasons,
        ("lon (column X) is 'abc'", "'not a time'", "swapped", "8 values for 6", "text"),
        strict=True,
    ):
        assert word in reason
    assert (seen.result.read, seen.result.sent, seen.result.refused) == (7, 2, 5)


def test_the_same_file_gives_the_same_events(tmp_path):
    path = tmp_path / "calls.csv"
    options = {"columns": MAP, "zone": "Asia/Shanghai", **DAYS}
    once = look(path, "reports", CALLS, **options)
    ids = [event.id for event in once.events]
    assert len(set(ids)) == len(ids)
    again = look(path, "reports", **options, shift=True, speed=5.0)
    assert [event.id for event in again.events] == ids
    other = look(path, "reports", **options, run="second")
    assert not set(ids) & {event.id for event in other.events}


def test_columns_that_are_missing_are_named_and_guessed(tmp_path):
    path = tmp_path / "calls.csv"
    other = CALLS.replace("alarm_time,title", "the_time,my_title")
    with pytest.raises(BadMapping, match="--map time=the_time,text=my_title") as caught:
        look(path, "reports", other)
    assert "call_no, the_time, my_title, X, Y, addr" in str(caught.value)
    with pytest.raises(BadMapping, match="did you mean 'addr'"):
        look(path, "reports", CALLS, columns=(*MAP[:1], "address=adr"))
    with pytest.raises(BadMapping, match="none for lat"):
        look(path, "reports", CALLS.replace(",Y,", ",north,"), columns=("time=alarm_time,lon=X",))
    with pytest.raises(BadOption, match="no field 'colour'"):
        look(path, "reports", columns=("colour=X",))
    with pytest.raises(BadOption, match="write field=column"):
        look(path, "reports", columns=("time",))


SENSORS = """{"sensor":"S1","t":1449740400000,"v":3,"place":{"lon":121.4,"lat":31.2}}
{"sensor":"S2","t":1449740400123,"v":"0.5"}
{"sensor":"S3","t":1449740401000,"v":true}
{"sensor":"S4","t":1449740401000}
{"sensor":"S5","t":1449740401000,"v":NaN}
{"sensor":"S6","t":1449740401000,"v":"NaN"}
[1]
{"""


@pytest.mark.parametrize("now", ["now", "NOW", " Now "])
def test_rows_without_a_time_may_be_of_now(tmp_path, now):
    """As a file of texts alone is sent: they are what people write at this moment."""
    before = datetime.now(UTC).replace(microsecond=0)
    found = look(tmp_path / "t.jsonl", "reports", '{"text":"fire"}\n', defaults=(f"time={now}",))
    (message,) = found.messages
    assert before <= message.requested_datetime <= datetime.now(UTC)


def test_now_is_no_value_of_a_text(tmp_path):
    defaults = ("time=2026-11-29T10:00:00Z", "text=now")
    found = look(tmp_path / "t.csv", "reports", "id\n1\n", defaults=defaults)
    assert [message.description for message in found.messages] == ["now"]


def test_readings_and_positions_from_json_lines(tmp_path):
    readings = look(
        tmp_path / "r.jsonl",
        "readings",
        SENSORS,
        columns=("time=t,result=v,lon=place.lon,lat=place.lat",),
        defaults=("observed_property=smoke",),
        crs="gcj02",
        time_format="epoch-ms",
    )
    assert [(m.sensor, m.result, m.location) for m in readings.messages] == [
        ("S1", 3.0, Location(lon=121.4, lat=31.2, crs="GCJ-02")),
        ("S2", 0.5, None),
        ("S3", 1.0, None),
    ]
    assert readings.messages[1].datastream == "S2:smoke"
    assert readings.messages[1].unit_of_measurement
    assert readings.messages[1].phenomenon_time.microsecond == 123_000
    assert [line for line, _ in readings.refused] == [4, 5, 6, 7, 8]
    positions = look(
        tmp_path / "p.ndjson",
        "positions",
        '{"unit":7,"time":"2026-11-24T08:00:00+08:00","lon":121.4,"lat":31.2,"speed_mps":3}\n',
    )
    assert positions.messages == [
        UnitPosition(
            unit="7",
            time=datetime(2026, 11, 24, tzinfo=UTC),
            location=Location(lon=121.4, lat=31.2),
            speed_mps=3.0,
        )
    ]


def test_an_unknown_property_names_those_known(tmp_path):
    row = "id,time,result,observed_property\nS,2026-01-01T00:00Z,1,smell\n"
    [(line, reason)] = look(tmp_path / "r.csv", "readings", row).refused
    assert line == 2
    assert "smoke" in reason


def feature(number: int, geometry: object) -> dict:
    properties = {"time": "2026-11-24T08:00:00Z", "text": f"第{number}个 ]}}{{"}
    return {"type": "Feature", "id": number, "geometry": geometry, "properties": properties}


@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize("number", [1, 700])
def test_geojson_is_read_feature_by_feature(tmp_path, indent, number):
    features = [
        feature(i, {"type": "Point", "coordinates": [121.4 + i / 1e5, 31.2, 5]})
        for i in range(number)
    ]
    features.append(feature(-1, {"type": "Polygon", "coordinates": []}))
    features.append(feature(-2, None))
    features.append(feature(-3, {"type": "Point", "coordinates": []}))
    text = json.dumps({"features": features, "type": "FeatureCollection"}, indent=indent)
    seen = look(tmp_path / "f.geojson", "reports", text)
    assert [m.service_request_id for m in seen.messages] == [*map(str, range(number)), "-2"]
    assert seen.messages[-1].location is None
    assert seen.messages[0].location == Location(lon=121.4, lat=31.2)
    assert seen.messages[0].description == "第0个 ]}{"
    assert ["Polygon" in reason for _, reason in seen.refused] == [True, False]
    lines_of = [i for i, line in enumerate(text.splitlines(), 1) if line == "  {"]
    assert [line for line, _ in seen.refused] == (
        [lines_of[number], lines_of[number + 2]] if indent else [1, 1]
    )


def test_geojson_in_another_system_says_so(tmp_path):
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32651"}}
    point = {"type": "Point", "coordinates": [351_000.0, 3_456_000.0]}
    collection = {"type": "FeatureCollection", "crs": crs, "features": [feature(1, point)]}
    seen = look(tmp_path / "f.geojson", "reports", json.dumps(collection))
    [message] = seen.messages
    assert message.location.crs == "WGS-84"
    assert (message.location.lon, message.location.lat) == pytest.approx((121.44, 31.22), abs=0.01)
    told = look(tmp_path / "f.geojson", "reports", crs="EPSG:32650")
    assert told.messages[0].location.lon == pytest.approx(115.44, abs=0.01)


@pytest.mark.parametrize(
    ("content", "word"),
    [
        ("", "list of features"),
        ('{"features":[{"type":"Feature"', "line 1"),
        ('{"features":[\n{},\n{]', "line 3"),
        (b'{"features":[\n\xff', "line 2"),
    ],
)
def test_geojson_that_is_none_is_told(tmp_path, content, word):
    with pytest.raises(UnreadableFile, match=word):
        look(tmp_path / "f.geojson", "reports", content)


def test_what_is_no_feature_costs_one_row(tmp_path):
    good = json.dumps(feature(1, None))
    content = f'{{"features":[\n{{}},\n{good},\n7]}}'
    seen = look(tmp_path / "f.geojson", "reports", content)
    assert [line for line, _ in seen.refused] == [2, 4]
    assert seen.result.sent == 1


def test_encodings(tmp_path):
    text = "id,time,text\n1,2026-01-01T00:00Z,着火了\n"
    for encoding in ("utf-8", "utf-8-sig"):
        seen = look(tmp_path / "a.csv", "reports", text.encode(encoding))
        assert [m.description for m in seen.messages] == ["着火了"]
    chinese = text.encode("gb18030") + b"2,2026-01-01T00:00Z,plain\n"
    seen = look(tmp_path / "a.csv", "reports", chinese, encoding="gb18030")
    assert [m.description for m in seen.messages] == ["着火了", "plain"]
    seen = look(tmp_path / "a.csv", "reports", chinese)
    assert [m.description for m in seen.messages] == ["着火了", "plain"]
    assert "encoding gb18030" in seen.notes
    german = "id,time,text\n1,2026-01-01T00:00Z,Großbrand in Zürich\n2,2026-01-01T00:00Z,plain\n"
    seen = look(tmp_path / "a.csv", "reports", german.encode("latin-1"))
    assert [m.description for m in seen.messages] == ["plain"]
    [(line, reason)] = seen.refused
    assert line == 2
    assert "--encoding" in reason
    assert "gb18030" in reason
    for encoding in ("utf-16", "utf-16-le", "utf-16-be"):
        marked = text if encoding == "utf-16" else "\ufeff" + text
        seen = look(tmp_path / "a.csv", "reports", marked.encode(encoding))
        assert [m.description for m in seen.messages] == ["着火了"], encoding
    with pytest.raises(BadOption, match="klingon"):
        look(tmp_path / "a.csv", "reports", text, encoding="klingon")
    seen = look(tmp_path / "a.csv.gz", "reports", gzip.compress(text.encode()))
    assert [m.description for m in seen.messages] == ["着火了"]
    with pytest.raises(UnreadableFile, match="beyond line"):
        look(tmp_path / "a.csv.gz", "reports", gzip.compress(text.encode())[:-12])


def test_files_that_cannot_be_read_are_told(tmp_path):
    with pytest.raises(UnreadableFile, match="No such file"):
        look(tmp_path / "missing.csv", "reports")
    with pytest.raises(UnreadableFile, match="is empty"):
        look(tmp_path / "a.csv", "reports", "")
    with pytest.raises(UnreadableFile, match="'a'"):
        look(tmp_path / "a.csv", "reports", "a,a\n1,2\n")
    with pytest.raises(BadOption, match="--format"):
        look(tmp_path / "a.dat", "reports", "x")
    with pytest.raises(UnreadableFile, match="is a folder"):
        look(tmp_path, "reports")
    assert format_of(Path("x.CSV.gz")) == "csv"
    long = "id,time,text\n1,2026-01-01T00:00Z," + "x" * lines.MAX_LINE_BYTES + "\n"
    seen = look(tmp_path / "a.csv", "reports", long + "2,2026-01-01T00:00Z,short\n")
    assert [m.description for m in seen.messages] == ["short"]
    assert seen.refused[0][0] == 2
    assert look(tmp_path / "a.csv", "reports", "id,time,text\n").result.read == 0


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_other_delimiters_are_seen(tmp_path, delimiter):
    content = "id,day,hour,text\n1,2015/12/1,7:05,x\n".replace(",", delimiter)
    seen = look(
        tmp_path / "a.csv", "reports", content, columns=("time=day+hour",), zone="Asia/Shanghai"
    )
    assert seen.messages[0].requested_datetime == datetime(2015, 11, 30, 23, 5, tzinfo=UTC)


def test_places():
    x, y = 351_000.0, 3_456_000.0
    for name in ("EPSG:32651", "urn:ogc:def:crs:EPSG::32651"):
        assert placer(name)(x, y, 5.0).accuracy_m == 5.0
    gcj = placer("amap")(121.45, 31.23, None)
    assert gcj == Location(lon=121.45, lat=31.23, crs="GCJ-02")
    assert to_wgs84(gcj.lon, gcj.lat, gcj.crs)[0] != 121.45
    with pytest.raises(RowFault, match="--crs EPSG"):
        placer("WGS-84")(x, y, None)
    with pytest.raises(RowFault, match="outside"):
        placer("EPSG:32651")(1e30, 1e30, None)
    for name in ("EPSG:1", "mars"):
        with pytest.raises(BadOption, match=name):
            placer(name)


def history(start: datetime, steps: list[float]) -> str:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["id", "time", "text"])
    for number, step in enumerate(steps):
        writer.writerow([number, (start + timedelta(seconds=step)).isoformat(), "x"])
    return out.getvalue()


def test_historic_files_need_to_be_shifted(tmp_path):
    path = tmp_path / "old.csv"
    path.write_text(history(datetime(2015, 1, 1, tzinfo=UTC), [0, 60, 30, -7200 * 24 * 60]))
    with pytest.raises(HistoricTimes, match="--shift-to-now"):
        look(path, "reports", limits=Limits())
    with pytest.raises(BadOption, match="--speed"):
        look(path, "reports", shift=True)
    before = datetime.now(UTC)
    seen = look(path, "reports", limits=Limits(), shift=True, speed=60.0)
    first, second, third = (m.requested_datetime for m in seen.messages)
    assert before - timedelta(milliseconds=1) <= first <= datetime.now(UTC)
    assert second - first == pytest.approx(timedelta(seconds=1), abs=timedelta(milliseconds=1))
    assert third - first == pytest.approx(timedelta(seconds=0.5), abs=timedelta(milliseconds=1))
    assert [line for line, _ in seen.refused] == [5]
    future = history(datetime.now(UTC), [0, 7200])
    seen = look(path, "reports", future, limits=Limits())
    assert "--tz" in seen.refused[0][1]


def test_a_wrong_year_does_not_hold_up_the_rows_behind_it(tmp_path):
    path = tmp_path / "old.csv"
    years = 68 * 365.25 * 24 * 3600
    seen = look(
        path,
        "reports",
        history(datetime(2026, 1, 1, tzinfo=UTC), [0, years, 1]),
        limits=Limits(),
        shift=True,
        speed=60.0,
    )
    assert len(seen.messages) == 2
    assert [line for line, _ in seen.refused] == [3]
    assert "is in the future" in seen.refused[0][1]


def test_memory_does_not_grow_with_the_file(tmp_path):
    row = "7,2026-01-01T00:00Z," + "x" * 200 + "\n"

    class Blind(Seen):
        def sends(self, event, message):
            pass

    def peak(rows: int) -> int:
        path = tmp_path / "big.csv"
        path.write_text("id,time,text\n" + row * rows)
        plan = Ingest(path=path, kind="reports", dry_run=True, limits=LONG_AGO)
        tracemalloc.start()
        try:
            asyncio.run(run_ingest(plan, Blind()))
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(10)
    assert peak(8_000) < 2 * peak(800) + 100_000


@pytest.fixture
async def topic(broker, monkeypatch):
    """A topic of its own in place of the readings'."""
    made = msgspec.structs.replace(READINGS, name=f"readings-{uuid.uuid4().hex[:8]}")
    admin = AIOKafkaAdminClient(bootstrap_servers=broker)
    await admin.start()
    await admin.create_topics([NewTopic(made.name, 2, 1)])
    await admin.close()
    monkeypatch.setitem(fields.TOPICS, "readings", made)
    return made


async def received(broker: str, topic: str, count: int) -> list[aiokafka.ConsumerRecord]:
    consumer = aiokafka.AIOKafkaConsumer(
        topic, bootstrap_servers=broker, auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        return [await asyncio.wait_for(consumer.getone(), patience(15)) for _ in range(count)]
    finally:
        await consumer.stop()


@pytest.mark.kafka
async def test_rows_arrive_as_cloud_events(stack, broker, topic, tmp_path):
    path = tmp_path / "烟感 1.csv"
    rows = [f"S{i % 7},2026-11-24T00:00:{i % 60:02d}Z,{i}" for i in range(3_000)]
    path.write_text("\n".join(["sensor,time,result", *rows, "S,never,1"]))
    seen = Seen()
    plan = Ingest(
        path=path,
        kind="readings",
        defaults=("observed_property=smoke",),
        limits=LONG_AGO,
    )
    result = await run_ingest(plan, seen, broker, idempotent=stack.broker_idempotent)
    assert (result.sent, result.refused) == (3_000, 1)
    messages = await received(broker, topic.name, 3_000)
    envelopes = [read_envelope(message.headers, topic.type) for message in messages]
    assert {envelope.id for envelope in envelopes} == {event.id for event in seen.events}
    assert {envelope.source for envelope in envelopes} == {source_of(path.name)}
    assert source_of(path.name).startswith("urn:jingwei:ingest:%E7%83%9F")
    for message, envelope in zip(messages, envelopes, strict=True):
        reading = wire.decode(message.value, SensorReading)
        assert message.key.decode() == reading.sensor == envelope.subject
        assert envelope.time == reading.phenomenon_time


@pytest.mark.kafka
async def test_a_speed_is_kept(stack, broker, topic, tmp_path):
    path = tmp_path / "old.csv"
    text = history(datetime(2015, 1, 1, tzinfo=UTC), [0, 60, 120]).replace("text", "result")
    path.write_text(text.replace(",x", ",1"))
    plan = Ingest(
        path=path,
        kind="readings",
        defaults=("observed_property=smoke",),
        shift=True,
        speed=120.0,
    )
    seen = Seen()
    result = await run_ingest(plan, seen, broker, idempotent=stack.broker_idempotent)
    assert result.sent == 3
    assert len(seen.waited) == 2
    for message in await received(broker, topic.name, 3):
        reading = wire.decode(message.value, SensorReading)
        late_s = message.timestamp / 1000 - reading.phenomenon_time.timestamp()
        assert -0.01 <= late_s < patience(2)


@pytest.mark.kafka
async def test_a_topic_or_broker_that_is_not_there_is_told(broker, monkeypatch, tmp_path):
    path = tmp_path / "r.csv"
    path.write_text("sensor,time,result,observed_property\nS,2026-11-24T00:00Z,1,smoke\n")
    plan = Ingest(path=path, kind="readings", limits=LONG_AGO)
    with pytest.raises(NotSent, match="jingwei up"):
        await run_ingest(plan, Seen(), "127.0.0.1:1")


def test_the_command_reports_rows_and_says_how_it_went(tmp_path):
    path, errors = tmp_path / "calls.csv", tmp_path / "errors.csv"
    path.write_text(CALLS)

    def run(*options: str):
        arguments = ["ingest", "reports", str(path), "--dry-run", "--tz", "Asia/Shanghai"]
        arguments += ["--date-order", "mdy"]
        return CliRunner().invoke(application(), [*arguments, *options])

    maps = [part for text in MAP for part in ("--map", text)]
    done = run(*maps, "--shift-to-now", "--json", "--errors", str(errors))
    assert done.exit_code == exit_codes.PARTIAL, done.stderr
    assert json.loads(done.stdout)["sent"] == 2
    assert f"{path}:4: lon (column X) is 'abc'" in done.stderr
    with errors.open(newline="") as file:
        assert [row["line"] for row in csv.DictReader(file)] == ["4", "5", "6", "9", "10"]
    assert isinstance(run(*maps).exception, HistoricTimes)
    assert exit_codes.code_of(HistoricTimes()) == exit_codes.USAGE
    path.write_text("call_no,alarm_time,title,X,Y,addr\nA,no,no,1,1,no\n")
    assert run(*maps, "--shift-to-now").exit_code == exit_codes.FAILED


@pytest.mark.slow
def test_real_gps_traces_are_read(shared_data, tmp_path):
    seen = look(
        shared_data / "berlin_gps_traces.csv.gz",
        "positions",
        columns=("id=TrackID,lat=Latitude,lon=Longitude,time=Time",),
        zone="UTC",
        limit=5_000,
    )
    assert seen.result.sent + seen.result.refused == seen.result.read
    assert seen.result.sent == 5_000 or all("time" in reason for _, reason in seen.refused)
