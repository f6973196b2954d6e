"""Personal data in free text: what is found, what is left, and what reaches nobody."""

from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.triage import triage
from infra.ledger.errors import Unstorable
from schemas import topics
from schemas.ids import derive
from schemas.inputs import CitizenReport, Contact, Location
from streams.dead_letters import dead_letter, to_dead_letter_topic
from streams.messages import Received
from streams.privacy import find, pseudonym, redact
from tests.city.toy import lonlat
from tests.streams.privacy_corpus import KINDS, load, measure
from tests.streams.rig import Rig, message, now

AT = datetime(2026, 11, 24, 8, tzinfo=UTC)
LON, LAT = lonlat(5, 5)


@pytest.mark.parametrize("half", ["tuning", "judging"])
def test_personal_data_is_found_and_other_numbers_are_left(half):
    texts = load(half)
    result = measure(texts)
    assert len(texts) >= 150
    assert sum(not text.spans for text in texts) >= len(texts) / 3
    assert set(result.there) == set(KINDS)
    assert result.recall >= 0.98, result.faults
    assert result.precision >= 0.97, result.faults


@pytest.mark.parametrize(
    "text",
    [
        "南京西路1376号，3楼，2026年11月24日 08:30",
        "r-2026-11-29T20:34:14.270000+00:00",
        "3f2504e0-4f89-11d3-9a0c-0305e82c3301",
        "49163640-3753-3606-cff1-6af0322dbfb2",
        "310106-20261124-0008",
        "[phone] [id number] [plate]",
        "",
    ],
)
def test_what_is_nobodys_own_stays(text):
    assert redact(text) == text
    assert pseudonym(text, "report") == text


def test_an_id_that_is_somebodys_is_replaced_and_no_other():
    for personal in ("13800138000", "app-138-0013-8000-7", "wang@example.com", "沪A·12345"):
        assert pseudonym(personal, "report") == derive(personal, "report")
    for made in ("test-601965287865-130", "20261129012345678", "SH/2026/000123", "1764400000123"):
        assert pseudonym(made, "report") == made


def test_a_contact_is_found_however_it_is_spaced():
    contact = Contact(name="Li Wei", phone="555-0199", email="L.Wei@Example.com")
    said = "LI WEI, 5550199 or ５５５ ０１９９, l.wei@example.com; the alibi of Li Weiming"
    assert redact(said, contact) == "[name], [phone] or [phone], [email]; the alibi of Li Weiming"
    assert redact("Al saw Alarm lights", Contact(name="Al")) == "[name] saw Alarm lights"


@given(st.text(st.sampled_from("0123456789 -+()Xx.·@护照沪电话一转12AH微信\n"), max_size=60))
def test_no_text_is_too_strange(text):
    spans = find(text)
    assert all(0 <= a.start < a.end <= len(text) for a in spans)
    assert all(a.end <= b.start for a, b in pairwise(spans))


def test_redacting_again_changes_nothing():
    for text in load("tuning"):
        once = redact(text.text)
        assert redact(once) == once


def test_an_unknown_service_code_is_not_quoted():
    report = CitizenReport(
        service_request_id="r",
        description="着火了",
        requested_datetime=AT,
        service_code="王小明 13800138000",
    )
    reasons = triage(report, AT.date()).reasons
    assert not any("王小明" in reason or "138" in reason for reason in reasons)
    assert any("service code is not in the table" in reason for reason in reasons)


def test_the_reason_of_a_dead_letter_quotes_nobody():
    came = Received("city.citizen.reports", 0, 1, b"k", b"v", [], AT)
    error = Unstorable("a value cannot be stored: 我是 138-0013-8000, 31.2304 121.4737")
    letter = dead_letter(came, fault="Unstorable", reason=str(error), agent="a", at=AT)
    assert letter.reason == "a value cannot be stored: 我是 [phone], 31.2304 121.4737"
    headers = dict(to_dead_letter_topic(letter).headers)
    assert b"0013" not in headers["dlq_reason"]


SECRETS = ("13800138000", "138-0013-8000", "0013", "沪A·12345", "A·12345", "王小明", "62131234")


@pytest.mark.kafka
@pytest.mark.postgis
def test_nothing_personal_leaves_by_any_field_of_a_report(running: Rig):
    report_id = f"138-0013-8000/{now().isoformat()}"
    sent = CitizenReport(
        service_request_id=report_id,
        description="井盖不见了，车牌沪A·12345，电话 62131234",
        requested_datetime=now(),
        service_code="王小明 13800138000",
        channel="王小明 13800138000",
        location=Location(lon=LON, lat=LAT),
        address_string="南京西一路100号 王小明家 138 0013 8000",
        contact=Contact(name="王小明", phone="13800138000"),
        reporter_ref="13800138000",
        media_url="https://example.com/13800138000/王小明.jpg",
    )
    event = f"{report_id}/event"
    running.send([message(topics.REPORTS, sent, key=report_id, event_id=event, source=report_id)])
    known = derive(report_id, "report")
    rows = running.await_rows(
        "SELECT * FROM evidence WHERE source_id = $1 AND placed IS NOT NULL", known
    )
    running.settle()
    incident = rows[0]["incident_id"]
    told = [str(value) for row in rows for value in row.values()] + [rows[0]["record"].decode()]
    for query in (
        "SELECT effects FROM applied",
        "SELECT record FROM incident",
        "SELECT reasons, text FROM incident_entry",
    ):
        told += [str(list(row.values())) for row in running.rows(query)]
    told += [value.decode() for value in running.published(topics.INCIDENTS.name, incident)]
    told += [v.decode() for values in running.feeds(incident).values() for v in values]
    for m in running.messages(topics.JOURNAL.name):
        if known.encode() in m.value:
            told += [m.value.decode(), str(m.headers)]
    assert len(told) > 10
    assert [(secret, text) for text in told for secret in SECRETS if secret in text] == []
    assert any("南京西一路100号" in text for text in told)  # the place stays
