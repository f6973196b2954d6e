"""Envelope, encoding and ids: what goes out comes back, what is wrong is named."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import inputs, topics, wire
from schemas.envelope import Envelope, read_envelope
from schemas.errors import EnvelopeError, PayloadError, UnsupportedSchema
from schemas.ids import as_uuid, derive

TYPE = topics.READINGS.type
GOOD = {
    "ce_specversion": b"1.0",
    "ce_id": b"1",
    "ce_source": b"urn:test",
    "ce_type": TYPE.encode(),
}
words = st.text(min_size=1, max_size=40).filter(lambda text: not _has_surrogate(text))


def _has_surrogate(text: str) -> bool:
    return any(0xD800 <= ord(letter) <= 0xDFFF for letter in text)


@given(
    identity=words,
    subject=st.none() | words,
    time=st.none()
    | st.datetimes(min_value=datetime(1970, 1, 1)).map(  # noqa: DTZ001
        lambda t: t.replace(tzinfo=UTC)
    ),
)
def test_an_envelope_survives_its_headers(identity, subject, time):
    envelope = Envelope(
        id=identity, source="urn:test", type=TYPE, subject=subject or None, time=time
    )
    assert read_envelope(envelope.headers(), TYPE) == envelope


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"ce_id": None}, "ce_id is missing"),
        ({"ce_specversion": b"0.3"}, "ce_specversion is '0.3'"),
        ({"ce_type": b"something.else.v1"}, "this topic carries"),
        ({"ce_time": b"yesterday"}, "no RFC 3339"),
        ({"ce_time": b"2026-01-01T00:00:00"}, "no offset"),
        ({"ce_source": b"\xff"}, "not UTF-8"),
        ({"ce_source": b"x" * 2000}, "longer than"),
        ({"content-type": b"application/cloudevents+json"}, "structured mode"),
        ({"content-type": b"text/plain"}, "content-type is 'text/plain'"),
    ],
)
def test_bad_headers_are_named(change, says):
    headers = {name: value for name, value in (GOOD | change).items() if value is not None}
    with pytest.raises(EnvelopeError, match=says):
        read_envelope(headers, TYPE)


def test_a_newer_schema_is_refused_as_such():
    newer = TYPE.removesuffix(".v1") + ".v2"
    with pytest.raises(UnsupportedSchema, match="upgrade"):
        read_envelope(GOOD | {"ce_type": newer.encode()}, TYPE)


def test_no_headers_at_all():
    with pytest.raises(EnvelopeError, match="ce_specversion"):
        read_envelope(None, TYPE)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "no value"),
        (b"\xff\xfe", "not a SensorReading"),
        (b"[1,2]", "Expected `object`"),
        (b'{"sensor": 5}', "Expected `str`"),
        (b"{}", "missing required field `sensor`"),
        (b"[" * 100_000, "not a SensorReading"),
        (b'"' + b"x" * wire.MAX_BYTES + b'"', "more than"),
        (b'{"sensor":"s","datastream":"d","observed_property":"smoke","result":NaN}', "invalid"),
    ],
)
def test_bad_values_are_named(data, says):
    with pytest.raises(PayloadError, match=says):
        wire.decode(data, inputs.SensorReading)


def test_unknown_fields_are_ignored():
    data = b'{"unit":"U1","status":"en_route","time":"2026-11-24T08:00:00+08:00","new_field":[1]}'
    status = wire.decode(data, inputs.UnitStatus)
    assert status.unit == "U1"
    assert status.time == datetime(2026, 11, 24, tzinfo=UTC)


@given(parent=st.text(), kind=st.text())
def test_ids_are_derived_the_same_way_each_time(parent, kind):
    try:
        one = derive(parent, kind)
    except UnicodeEncodeError:
        return
    assert one == derive(parent, kind)
    assert str(as_uuid(one)) == one
    assert as_uuid("R-1") == as_uuid("R-1")
