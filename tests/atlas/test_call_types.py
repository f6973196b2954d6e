"""A city's table of call types: read or refused with its line, and part of the city's value."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from atlas.call_types import CallType, CallTypes, read_call_types, write_call_types
from atlas.city import CityData
from atlas.errors import CityError
from atlas.folder import city_files, load_city, save_city
from bench import _labelled
from bench._labelled import normal
from cli.call_types import examples, read_table
from cli.main import application
from intake.triage import triage
from schemas import codes
from schemas.inputs import CitizenReport
from schemas.words import each
from tests.city.toy import toy_city

ROWS = (
    CallType(service="120", code="A1", category="medical", severity="P1", note="心跳骤停"),
    CallType(service="", code="Structure Fire", category="fire"),
    CallType(service="119", code="A1", category="fire", severity="P3"),
)


def with_table(rows: tuple[CallType, ...]) -> CityData:
    city = toy_city()
    parts = ("fences", "places", "sensors", "units")
    return CityData.of(
        city.manifest,
        city.streets,
        **{name: getattr(city, name) for name in parts},
        call_types=rows,
    )


def test_a_city_keeps_its_table_and_one_without_it_its_digest(tmp_path):
    assert with_table(()).digest == toy_city().digest
    city = with_table(ROWS)
    assert city.digest != toy_city().digest
    save_city(city, tmp_path / "city")
    assert "call_types.csv" in city_files(tmp_path / "city")
    again = load_city(tmp_path / "city")
    assert (again.call_types, again.digest) == (ROWS, city.digest)
    with pytest.raises(CityError, match=r"'A1'.*twice"):
        with_table((ROWS[0], ROWS[0]))


def test_a_code_is_looked_for_in_its_services_table_first():
    table = CallTypes((*ROWS, CallType(service="", code="a1", category="other")))
    assert table.find("120", " A1 ") is ROWS[0]
    assert table.find("119", "a1") is ROWS[2]
    assert table.find("app", "A1").category == "other"
    assert table.find("app", "STRUCTURE  fire") is ROWS[1]
    assert table.find("app", "nothing") is None
    assert table.find("app", None) is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("code,category\nX,fires\n", ("line 2", "category", "'fires'", "use one of fire")),
        ("code,category,severity\nX,fire,P9\n", ("line 2", "severity", "'P9'", "P1")),
        ("code,category\n,fire\n", ("line 2", "code is empty")),
        ("service,code\n1,2\n", ("no column 'category'",)),
        ("code,category\nX,fire\nx,medical\n", ("'x'", "twice")),
        ("code,category\nX,fire,1,2\n", ("line 2", "more values")),
        ("", ("no column 'code'",)),
    ],
)
def test_a_table_that_cannot_be_used_is_told(tmp_path, text, words):
    path = tmp_path / "call_types.csv"
    path.write_text(text)
    with pytest.raises(CityError) as caught:
        read_call_types(path)
    assert all(word in str(caught.value) for word in words), str(caught.value)
    with pytest.raises(CityError, match="cannot be read"):
        read_call_types(tmp_path / "none.csv")


@pytest.mark.parametrize("name", examples())
def test_the_examples_are_read_and_written_as_they_are(tmp_path, name):
    rows = read_table(name)
    assert len(rows) >= 20
    write_call_types(rows, tmp_path / "a.csv")
    assert read_call_types(tmp_path / "a.csv") == rows


def test_an_example_can_be_added_to_a_city(tmp_path: Path):
    def run(*words):
        return CliRunner().invoke(application(), [str(word) for word in words])

    save_city(toy_city(), tmp_path / "city")
    assert "pulsepoint" in run("city", "call-types", tmp_path / "city").stdout
    done = run("city", "call-types", tmp_path / "city", "pulsepoint", "mpds-like")
    city = load_city(tmp_path / "city")
    assert city.digest in done.stdout
    assert city.codes_of_services.find("pulsepoint", "SF").category == "fire"
    assert city.codes_of_services.find("app", "Water Rescue").severity == "P1"


ON = date(2026, 11, 30)


def judged(text: str, coded: CallType | None):
    report = CitizenReport(
        service_request_id="1",
        description=text,
        requested_datetime=datetime(2026, 11, 30, tzinfo=UTC),
        service_code=None if coded is None else coded.code,
    )
    return triage(report, ON, call_type=coded)


def test_a_call_type_says_what_words_do_not():
    medical = CallType(service="", code="10D", category="medical", severity="P1")
    found = judged("10D", medical)
    assert (found.category, found.severity) == ("medical", "P1")
    assert any("call type 10D" in reason for reason in each(found.reasons))
    assert judged("10D", None).category == "other"
    assist = CallType(service="", code="SVC", category="other", severity="P4")
    found = judged("SVC", assist)
    assert (found.category, found.severity) == ("other", "P4")
    assert found.confidence >= 0.5


def test_the_text_raises_the_severity_of_a_call_type_and_never_lowers_it():
    alarm = CallType(service="", code="FA", category="fire", severity="P3")
    assert judged("fire alarm", alarm).severity == "P3"
    assert judged("fire, a person is trapped and not breathing", alarm).severity == "P1"
    worse = CallType(service="", code="X", category="power_outage", severity="P2")
    assert judged("power outage", worse).severity == "P2"


@pytest.mark.parametrize(
    ("example", "name", "category"),
    [
        ("pulsepoint", "Aircraft Crash", "traffic_crash"),
        ("pulsepoint", "Aircraft Emergency", "traffic_crash"),
        ("pulsepoint", "Bomb Threat", "violence"),
        ("pulsepoint", "Earthquake", "earthquake"),
        ("pulsepoint", "Rope Rescue", "structure_collapse"),
        ("pulsepoint", "Animal Rescue", "other"),
        ("datasf", "Aircraft Emergency", "traffic_crash"),
        ("datasf", "Suspicious Package", "violence"),
        ("datasf", "Extrication / Entrapped (Machinery, Vehicle)", "traffic_crash"),
        ("110-119-120", "made: 持械伤人", "violence"),
        ("110-119-120", "made: 摘除蜂窝", "animal_danger"),
        ("mpds-like", "made: assault", "violence"),
    ],
)
def test_the_examples_keep_to_the_rules_of_the_labelled_set(example, name, category):
    """A code and the same words must not be two kinds; the rules are bench/labelled/README.md."""
    rows = [row for row in read_table(example) if name in (row.code, row.note)]
    assert rows
    assert {row.category for row in rows} == {category}


def test_the_examples_mean_what_labelled_lines_of_the_same_words_mean():
    lines = {normal(line.text): line for line in _labelled.read("tuning") if line.event}
    found = [
        (row, lines[name])
        for example in examples()
        for row in read_table(example)
        for name in (normal(row.code),)
        if name in lines
    ]
    assert len(found) >= 3
    for row, line in found:
        assert row.category in (line.category, *line.accept), (row, line)


def test_a_code_and_its_name_are_one_kind_and_severity():
    """In PulsePoint's list each type has a code, whose note begins with its name."""
    rows = read_table("pulsepoint")
    names = {row.code: row for row in rows if not row.service}
    paired = [
        (row, names[name])
        for row in rows
        if row.service
        for name in (row.note.partition(":")[0],)
        if name in names
    ]
    assert len(paired) >= 90
    for coded, named in paired:
        assert (coded.category, coded.severity) == (named.category, named.severity), coded


def test_every_severity_and_category_of_the_examples_is_known():
    for name in examples():
        for row in read_table(name):
            assert row.category in codes.categories(ON)
