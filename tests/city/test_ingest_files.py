"""Whole files in the form of public services and the cases from outside: one command line each."""

import contextlib
import json
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from city.ingest.errors import BadMapping, BadOption, IngestError, RowFault, UnreadableFile
from city.ingest.numbers import Decimals
from city.ingest.places import parse_point, placer
from cli import exit_codes
from cli.main import application
from schemas.inputs import Location
from tests.city.test_ingest import look

FILES = Path(__file__).parent / "files"


def ingest(path: Path, *options: str):
    arguments = ["ingest", "reports", str(path), "--dry-run", "--shift-to-now", *options]
    return CliRunner().invoke(application(), arguments)


def result(path: Path, *options: str) -> dict:
    done = ingest(path, *options, "--json")
    assert done.exit_code == 0, (done.stderr, done.exception)
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    ("name", "options", "first", "place", "text"),
    [
        (
            "cad_export.csv",
            {"zone": "America/New_York"},
            datetime(2026, 11, 3, 19, 12, tzinfo=UTC),
            (-76.6142, 39.2911),
            "STRUCT FIRE RESIDENTIAL",
        ),
        (
            "open311_requests.json",
            {},
            datetime(2026, 11, 29, 22, 37, 38, tzinfo=UTC),
            (-122.4651145, 37.762221815),
            "Gas smell",
        ),
        (
            "police_state_plane.csv",
            {
                "zone": "America/Los_Angeles",
                "crs": "EPSG:2226",
                "columns": ("time=OccurenceStart,text=OffenseDescription",),
            },
            datetime(2026, 11, 28, 7, 58, 2, tzinfo=UTC),
            (-121.4944, 38.5816),
            "SHOTS FIRED",
        ),
        (
            "jiejing.xlsx",
            {"zone": "Asia/Shanghai"},
            datetime(2026, 11, 28, 8, 30, tzinfo=UTC),
            (121.4602, 31.2301),
            "南京西路商场三楼冒烟",
        ),
        (
            "einsaetze.csv",
            {"zone": "Europe/Berlin"},
            datetime(2026, 11, 5, 5, 10, tzinfo=UTC),
            (13.39187, 52.51604),
            "Brand im Keller, Personen im Gebäude",
        ),
    ],
)
def test_a_services_own_file_is_read_in_one_line(name, options, first, place, text):
    seen = look(FILES / name, "reports", **options)
    assert seen.refused == []
    message = seen.messages[0]
    assert message.requested_datetime == first
    assert (message.location.lon, message.location.lat) == pytest.approx(place, abs=1e-6)
    assert message.description == text


def test_codes_are_counted_and_those_that_no_table_has_are_listed():
    path, options = FILES / "cad_export.csv", ("--tz", "America/New_York")
    found = result(path, *options, "--call-types", "mpds-like", "--default", "channel=mpds")
    assert found["mapped"] == {"fire P1": 1, "medical P2": 1, "traffic_crash P2": 1}
    assert found["unmapped"] == {"77X": 1}
    whats = [disorder["what"] for disorder in found["disorders"]]
    assert whats == [
        "on_scene before dispatched",
        "unit dispatched before it was available from its last response",
    ]
    done = ingest(path, *options, "--call-types", "mpds-like", "--default", "channel=mpds")
    assert "77X" in done.stdout
    assert "Call Date + Call Time  (by its name)" in done.stdout
    assert "'11/13/2026 0905' (line 4) tells" in done.stdout
    assert done.stdout.count('"service_request_id"') == 3


@pytest.mark.slow
def test_eight_days_of_san_francisco(shared_data):
    [path] = (shared_data / "san_francisco").glob("calls*.csv.gz")
    found = result(path, "--tz", "America/Los_Angeles", "--call-types", "datasf")
    assert (found["read"], found["sent"], found["refused"]) == (7_704, 7_704, 0)
    assert sum(found["mapped"].values()) == 7_704
    assert found["unmapped"] == {}
    disorders = {disorder["what"]: disorder["count"] for disorder in found["disorders"]}
    assert disorders["on_scene before enroute"] == 1
    assert disorders["unit dispatched before it was available from its last response"] == 9


def test_case_13_the_file_tells_that_the_day_stands_first(shared_cases):
    seen = look(
        shared_cases / "13-dates-day-first" / "dayfirst.csv",
        "reports",
        zone="Europe/Paris",
        columns=("id=no,time=alerte,text=quoi",),
    )
    days = [message.requested_datetime.date() for message in seen.messages]
    assert days == [date(2020, 1, 5), date(2020, 1, 6), date(2020, 1, 13)]
    assert seen.refused == []


def test_case_14_digits_are_not_seconds_since_1970(shared_cases):
    path = shared_cases / "14-dates-read-as-1970" / "digits.csv"
    seen = look(path, "reports", zone="Asia/Shanghai")
    assert [message.requested_datetime for message in seen.messages] == [
        datetime(2021, 7, 20, 8, 30, tzinfo=UTC),
        datetime(2021, 7, 20, 8, 45, tzinfo=UTC),
    ]


def test_case_16_an_answer_of_open311_is_read_as_it_is(shared_cases):
    seen = look(shared_cases / "16-open311-json" / "requests.json", "reports")
    assert seen.refused == []
    assert [message.description for message in seen.messages] == [
        "water gushing from a hydrant",
        "Pothole",
    ]
    assert [message.service_code for message in seen.messages] == ["006", "007"]
    assert seen.messages[1].location == Location(lon=121.46, lat=31.24)


def test_case_18_decimal_commas_are_read(shared_cases):
    seen = look(
        shared_cases / "18-decimal-comma" / "komma.csv",
        "reports",
        zone="Europe/Berlin",
        columns=("time=Zeit,text=Text,lon=X,lat=Y",),
    )
    [message] = seen.messages
    assert message.location == Location(lon=13.39187, lat=52.51604)


ROWS = [{"id": i, "time": f"2026-11-2{i}T08:00:00Z", "text": "着火了", "n": [i]} for i in range(3)]


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize(
    "wrap",
    [
        lambda rows: rows,
        lambda rows: {"meta": {"count": 3}, "requests": rows},
        lambda rows: {"result": {"records": rows, "total": 3}},
        lambda rows: {"features": [{"attributes": row} for row in rows]},
    ],
)
def test_json_with_one_list_of_objects_is_read(tmp_path, wrap, indent):
    text = json.dumps(wrap(ROWS), indent=indent)
    seen = look(tmp_path / "a.json", "reports", text)
    assert [message.service_request_id for message in seen.messages] == ["0", "1", "2"]
    assert len({event.id for event in seen.events}) == 3


def test_json_lines_called_json_and_single_objects_are_read(tmp_path):
    lines = "\n".join(map(json.dumps, ROWS))
    assert look(tmp_path / "a.json", "reports", lines).result.sent == 3
    assert look(tmp_path / "a.json", "reports", json.dumps(ROWS[0])).result.sent == 1


def test_what_is_wrong_in_json_is_told_by_its_element(tmp_path):
    text = json.dumps([*ROWS, {"id": 9, "time": "soon", "text": "x"}, 7])
    seen = look(tmp_path / "a.json", "reports", text)
    assert seen.result.sent == 3
    assert "'soon' is not a time" in seen.refused[0][1]
    assert "not a JSON object" in seen.refused[1][1]
    for bad, word in (
        ('{"a": [{"x": 1}], "b": [{"x": 1}]}', "several lists"),
        ("[{]", "element 1"),
        ("[{}", "cut short"),
        ('{"a": ', "not JSON"),
        (" ", "empty"),
    ):
        with pytest.raises(UnreadableFile, match=word):
            look(tmp_path / "a.json", "reports", bad)


@pytest.mark.parametrize("geometry", [False, True])
def test_parquet_and_geoparquet_are_read(tmp_path, geometry):
    columns = {
        "id": ["a", "b"],
        "reported_at": pa.array(
            [datetime(2021, 7, 20, 8, 30, tzinfo=UTC)] * 2, pa.timestamp("ns", "Asia/Shanghai")
        ),
        "description": ["fire", "smoke"],
    }
    table = pa.table(columns)
    if geometry:
        points = [shapely.Point(392_000.0, 5_820_000.0), shapely.LineString([(0, 0), (1, 1)])]
        table = table.append_column("geom", pa.array([shapely.to_wkb(p) for p in points]))
        crs = {"id": {"authority": "EPSG", "code": 25833}}
        geo = {"primary_column": "geom", "columns": {"geom": {"encoding": "WKB", "crs": crs}}}
        table = table.replace_schema_metadata({"geo": json.dumps(geo)})
    pq.write_table(table, tmp_path / "a.parquet")
    seen = look(tmp_path / "a.parquet", "reports")
    assert seen.messages[0].requested_datetime == datetime(2021, 7, 20, 8, 30, tzinfo=UTC)
    if geometry:
        place = seen.messages[0].location
        assert (place.lon, place.lat) == pytest.approx((13.4, 52.5), abs=0.1)
        assert [reason for _, reason in seen.refused] == [
            "its geometry is a LineString, not a Point"
        ]
    else:
        assert len(seen.messages) == 2


LIBRARIES = ("Traceback", "pyarrow", "Arrow", "calamine", "panic", "Proj", "proj_", "EOCD", "magic")


@pytest.mark.parametrize(
    "name", ["a.xlsx", "a.parquet", "a.json", "a.geojson", "a.csv", "a.csv.gz"]
)
@pytest.mark.parametrize(
    "content",
    [b"", b"PK\x03\x04 damaged", b"PAR1 damaged", b"\x1f\x8b damaged", b"\xff\xfe\x00", b"\0" * 99],
)
def test_whatever_a_file_is_the_error_is_a_sentence(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    said = ""
    with contextlib.suppress(IngestError):
        try:
            look(tmp_path / name, "reports")
        except IngestError as error:
            said = str(error)
            raise
    assert not any(word in said for word in LIBRARIES), said
    assert len(said) < 400


def test_a_damaged_parquet_file_is_told(tmp_path):
    pq.write_table(pa.table({"id": ["x" * 99] * 5_000}), tmp_path / "a.parquet", compression="none")
    whole = (tmp_path / "a.parquet").read_bytes()
    for damaged in (whole[:-200], whole[:200] + b"\0" * 3_000 + whole[3_200:]):
        (tmp_path / "a.parquet").write_bytes(damaged)
        with pytest.raises((UnreadableFile, BadMapping)) as caught:
            look(tmp_path / "a.parquet", "reports")
        assert not any(word in str(caught.value) for word in LIBRARIES)


def test_the_sheets_of_a_workbook_are_named():
    with pytest.raises(BadOption, match="'接警记录', '说明'"):
        look(FILES / "jiejing.xlsx", "reports", sheet="Sheet1")
    seen = look(FILES / "jiejing.xlsx", "reports", zone="Asia/Shanghai")
    assert seen.notes[0] == "sheet '接警记录'; others are '说明' (--sheet)"
    assert [event.row.line for event in seen.events] == [3, 4, 5]


def test_a_csv_file_of_spreadsheet_programs_is_read(tmp_path):
    text = "sep=;\r\nid;;time;text;\r\n1;;2026-01-01T00:00Z;Feuer;\r\n2;;2026-01-01T00:00Z;x;y\r\n"
    seen = look(tmp_path / "a.csv", "reports", text)
    assert [message.description for message in seen.messages] == ["Feuer", "x"]


@pytest.mark.parametrize(
    ("texts", "mark", "numbers"),
    [
        (["13,39187", "52,5"], "comma", [13.39187, 52.5]),
        (["13.39187", "52.5"], "dot", [13.39187, 52.5]),
        (["6,706,196.51", "1,974"], "dot", [6706196.51, 1974.0]),
        (["6.706.196,51", "12"], "comma", [6706196.51, 12.0]),
        (["2'600'000.5"], "dot", [2600000.5]),
        (["2 600 000,5"], "comma", [2600000.5]),
        (["12", "-7"], "dot", [12.0, -7.0]),
    ],
)
def test_the_numbers_of_a_file_tell_their_decimal_mark(texts, mark, numbers):
    decimals = Decimals()
    for line, text in enumerate(texts, start=2):
        decimals.add(line, text)
    decimals.settle()
    assert decimals.mark == mark
    assert [decimals.number(text, "lon") for text in texts] == numbers


@pytest.mark.parametrize("texts", [["1,234"], ["13,39187", "52.51604"]])
def test_a_decimal_mark_that_nothing_tells_is_asked_for(texts):
    decimals = Decimals()
    for line, text in enumerate(texts, start=2):
        decimals.add(line, text)
    with pytest.raises(BadOption, match="--decimal"):
        decimals.settle()
    assert Decimals("comma").number("1,234", "lon") == 1.234
    assert Decimals("dot").number("1,234", "lon") == 1234.0


@given(st.floats(-1e7, 1e7), st.integers(1, 6), st.sampled_from(["dot", "comma"]))
def test_a_number_is_read_as_it_was_written_or_refused(number, places, mark):
    grouped = f"{number:,.{places}f}"
    plain = f"{number:.{places}f}"
    for text in (grouped, plain):
        written = text if mark == "dot" else text.translate(str.maketrans(",.", ".,"))
        decimals = Decimals()
        decimals.add(2, written)
        try:
            decimals.settle()
            found = decimals.number(written, "lon")
        except (BadOption, RowFault):
            continue
        if mark == "comma" and places == 3 and "." not in written:
            continue  # 1,234 is asked for above
        assert found == pytest.approx(float(plain))


def test_points_of_portals():
    assert parse_point("(37.74, -122.45)") == (-122.45, 37.74)
    assert parse_point("0 Block of X AVE\nSan Francisco\n(37.74, -122.45)") == (-122.45, 37.74)
    assert parse_point("POINT (-122.45 37.74)") == (-122.45, 37.74)
    assert parse_point([121.4, 31.2]) == (121.4, 31.2)
    for no_point in ("37.74, -122.45", "POLYGON ((0 0, 1 1))", "", None, 7, [1]):
        assert parse_point(no_point) is None
    with pytest.raises(RowFault, match="California zone 2"):
        placer("EPSG:2226")(121.4, 31.2, None)


def test_a_command_line_asks_for_the_order_that_nothing_tells(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("id,time,text\n1,05/01/2020 06:10,fire\n")
    done = ingest(path, "--tz", "UTC")
    assert exit_codes.code_of(done.exception) == exit_codes.USAGE
    assert "--date-order dmy or mdy" in str(done.exception)
    assert ingest(path, "--tz", "UTC", "--date-order", "dmy").exit_code == 0
