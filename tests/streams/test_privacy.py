"""What reaches nobody: personal data of a report, by whatever field it came."""

from datetime import UTC, datetime

import pytest

from infra.ledger.errors import Unstorable
from schemas import topics
from schemas.ids import derive
from schemas.inputs import CitizenReport, Contact, Location
from streams.dead_letters import dead_letter, to_dead_letter_topic
from streams.messages import Received
from tests.city.toy import lonlat
from tests.streams.rig import Rig, message, now

AT = datetime(2026, 11, 24, 8, tzinfo=UTC)
LON, LAT = lonlat(5, 5)


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
    rows = running.await_rows(
        "SELECT * FROM evidence WHERE text LIKE '井盖不见了，车牌%' AND placed IS NOT NULL"
    )
    known = rows[0]["source_id"]
    assert known not in (report_id, derive(report_id, "report"))  # which trying all would tell
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
