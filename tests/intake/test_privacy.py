"""Personal data in free text: what is found, what is left, and what reaches nobody."""

from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.privacy import find, pseudonym, redact
from intake.triage import triage
from schemas.ids import derive
from schemas.inputs import CitizenReport, Contact
from schemas.words import each
from tests.city.toy import lonlat
from tests.intake.privacy_corpus import KINDS, load, measure

AT = datetime(2026, 11, 24, 8, tzinfo=UTC)
LON, LAT = lonlat(5, 5)
SECRET = b"secret"


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
    assert pseudonym(text, "report", SECRET) == text


def test_an_id_that_is_somebodys_is_replaced_and_no_other():
    for personal in ("13800138000", "app-138-0013-8000-7", "wang@example.com", "沪A·12345"):
        known = pseudonym(personal, "report", SECRET)
        assert known == pseudonym(personal, "report", SECRET)
        assert known not in (personal, derive(personal, "report"))
        assert known != pseudonym(personal, "report", b"another")
    for made in ("test-601965287865-130", "20261129012345678", "SH/2026/000123", "1764400000123"):
        assert pseudonym(made, "report", SECRET) == made


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
    reasons = each(triage(report, AT.date()).reasons)
    assert not any("王小明" in reason or "138" in reason for reason in reasons)
    assert any("service code is not in the table" in reason for reason in reasons)


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("打13800138000", "打[phone]"),
        ("打 138-0013-8000 或 +86 13800138000", "打 [phone] 或 [phone]"),
        ("１３８００１３８０００", "[phone]"),
        ("021-62345678", "[phone]"),
        ("call +44 20 7946 0958 now", "call [phone] now"),
        ("310106199001011234 和 31010619900101123X", "[id number] 和 [id number]"),
        ("a.b+c@example.com.cn", "[email]"),
        ("南京西路1376号，3楼，2026年", "南京西路1376号，3楼，2026年"),
        ("着火了", "着火了"),
    ],
)
def test_personal_data_is_taken_out(text, redacted):
    assert redact(text) == redacted


def test_the_contact_is_taken_out_by_name():
    contact = Contact(name="王小明", phone="555 0199")
    assert redact("我叫王小明, 555 0199", contact) == "我叫[name], [phone]"
