"""What a citizen's report becomes: evidence without personal data, and the contact apart."""

from datetime import timedelta

import pytest

from atlas.city import CityData
from intake import BadInput, Fault, IntakeLimits, Reported, Reports
from schemas import topics, wire
from schemas.inputs import CitizenReport, Contact, Location
from schemas.words import each
from tests.city.toy import lonlat
from tests.intake.messages import AT, sent

LON, LAT = lonlat(5, 5)
THERE = Location(lon=LON, lat=LAT)


@pytest.fixture(scope="module")
def reports(city: CityData) -> Reports:
    return Reports(city, IntakeLimits(), b"secret")


def take(reports: Reports, *, source: str = "test", name: str = "e1", **fields: object) -> Reported:
    usual: dict[str, object] = {
        "service_request_id": "r-1",
        "description": "着火了",
        "requested_datetime": AT,
        "location": THERE,
    }
    report = CitizenReport(**(usual | fields))  # type: ignore[arg-type]
    return reports.take(reports.open(sent(topics.REPORTS, report, name, source)), AT)


def test_personal_data_stays_apart(reports: Reports):
    found = take(
        reports,
        service_request_id="138-0013-8000",
        name="138-0013-8000/event",
        description="我是王小明，电话13800138000，身份证310106199001011234，着火了",
        address_string="南京西一路100号 王小明家",
        contact=Contact(name="王小明", phone="13800138000"),
        reporter_ref="13800138000",
        channel="王小明 13800138000",
        service_code="王小明 13800138000",
    )
    told = wire.encode(found.evidence).decode() + found.cause
    for secret in ("王小明", "13800138000", "0013", "310106199001011234"):
        assert secret not in told
    assert "南京西一路100号" in told, "the place stays"
    assert found.reporter is not None
    assert found.evidence.reporter == found.reporter.ref
    assert found.reporter.contact["phone"] == "13800138000"
    assert found.reporter.contact["reporter_ref"] == "13800138000"


def test_who_gives_no_contact_leaves_none(reports: Reports):
    found = take(reports, reporter_ref="caller-7")
    assert found.reporter is None
    assert found.evidence.reporter == "caller-7"


def test_a_report_is_one_by_its_centre_and_its_number(reports: Reports):
    def number(**fields: str) -> str:
        return take(reports, **fields).evidence.id  # type: ignore[arg-type]

    assert number(name="e1") == number(name="e2")
    assert number(source="tel:110") != number(source="tel:119")


def test_a_place_is_taken_from_coordinates_first_then_from_a_name(reports: Reports, city: CityData):
    fences = {fence.kind: fence.id for fence in city.fence_index.locate_one(LON, LAT)}
    placed = take(reports, description="南京西一路和常德一路路口两车追尾").evidence
    assert placed.point is not None
    assert (placed.point.lon, placed.point.lat) == pytest.approx((LON, LAT))
    assert (placed.where.district, placed.where.beat) == (fences["district"], fences["beat"])
    named = take(reports, description="南京西一路和常德一路路口两车追尾", location=None).evidence
    assert named.point is not None
    assert any("the description names" in reason for reason in each(named.reasons))
    nowhere = take(reports, location=None).evidence
    assert nowhere.point is None
    assert any("no coordinates, and neither" in reason for reason in each(nowhere.reasons))


@pytest.mark.parametrize("off_s", [-90_000, 301])
def test_a_report_of_a_wrong_clock_has_the_arrival_and_says_so(reports: Reports, off_s: int):
    found = take(reports, requested_datetime=AT + timedelta(seconds=off_s)).evidence
    assert found.observed_at == AT
    assert any("arrival taken" in reason for reason in each(found.reasons))


def test_what_cannot_be_stored_is_left_out(reports: Reports):
    assert take(reports, description="着火\x00了").evidence.text == "着火 了"


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"service_request_id": ""}, Fault.TEXT),
        ({"description": "火" * 5_001}, Fault.TEXT),
        ({"address_string": "路" * 501}, Fault.TEXT),
        ({"contact": Contact(name="n" * 201)}, Fault.TEXT),
        ({"location": Location(lon=2.35, lat=48.85)}, Fault.OUTSIDE_CITY),
    ],
)
def test_a_report_that_cannot_be_is_refused_by_its_fault(
    reports: Reports, fields: dict[str, object], fault: Fault
):
    with pytest.raises(BadInput) as caught:
        take(reports, **fields)  # type: ignore[arg-type]
    assert caught.value.fault == fault
