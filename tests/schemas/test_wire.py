"""Envelope, encoding and ids: what goes out comes back, what is wrong is named."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import inputs, topics, wire
from schemas.envelope import Envelope, open_event, read_envelope
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
        ({"content-type": b"application/cloudevents+json"}, "binary mode"),
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


def structured(**attributes: object) -> bytes:
    event = {"specversion": "1.0", "id": "1", "source": "urn:test", "type": TYPE} | attributes
    return json.dumps({name: value for name, value in event.items() if value is not None}).encode()


CONTENT_TYPE = [("content-type", b"application/cloudevents+json; charset=UTF-8")]


@pytest.mark.parametrize(
    "payload", [{"data": {"a": [1, "二"]}}, {"data_base64": "eyJhIjpbMSwi5LqMIl19"}]
)
def test_a_structured_event_is_read_as_its_binary_twin(payload):
    value = structured(
        time="2026-11-24T08:00:00+08:00",
        subject="s",
        dataschema="d",
        correlationid="c",
        causationid="b",
        traceparent="t",
        unknown={"x": 1},
        **payload,
    )
    envelope, data = open_event(CONTENT_TYPE, value, TYPE)
    assert json.loads(data) == {"a": [1, "二"]}
    assert open_event(envelope.headers(), data, TYPE) == (envelope, data)
    assert (envelope.id, envelope.subject, envelope.correlation) == ("1", "s", "c")
    assert envelope.time == datetime(2026, 11, 24, tzinfo=UTC)


@pytest.mark.parametrize("headers", [None, [], [("x", b"1")]])
def test_a_message_of_nothing_is_named_so(headers):
    with pytest.raises(EnvelopeError, match="no value and no CloudEvents headers"):
        open_event(headers, None, TYPE)
    with pytest.raises(EnvelopeError, match="header ce_specversion is missing"):
        open_event(headers, b"{}", TYPE)


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (None, "not a structured CloudEvent"),
        (b"[]", "Expected `object`"),
        (b'{"specversion":"1.0","id":7}', "Expected `str`"),
        (b"\xff", "not a structured CloudEvent"),
        (b'{"a":' * 50_000, "not a structured CloudEvent"),
        (structured(id=""), "attribute id is missing"),
        (structured(specversion="0.3"), "attribute specversion is '0.3'"),
        (structured(type="something.else.v1"), "this topic carries"),
        (structured(time="yesterday"), "attribute time 'yesterday' is no RFC 3339"),
        (structured(source="x" * 2000), "attribute source is longer than"),
        (structured(datacontenttype="text/xml", data="<a/>"), "content-type is 'text/xml'"),
        (structured(data={}, data_base64="e30="), "both data and data_base64"),
        (structured(data_base64="*"), "not base64"),
    ],
)
def test_what_is_wrong_with_a_structured_event_is_named(value, says):
    with pytest.raises(EnvelopeError, match=says):
        open_event(CONTENT_TYPE, value, TYPE)


@pytest.mark.parametrize(
    ("media_type", "says"),
    [
        (b"application/cloudevents-batch+json", "a batch of events"),
        (b"application/cloudevents+avro", "an event in this form"),
    ],
)
def test_other_forms_of_events_are_refused_and_say_what_to_send(media_type, says):
    with pytest.raises(EnvelopeError, match=f"{says}.*one event a message"):
        open_event([("content-type", media_type)], b"[]", TYPE)


def test_a_newer_structured_event_is_refused_as_such():
    newer = TYPE.removesuffix(".v1") + ".v2"
    with pytest.raises(UnsupportedSchema, match="upgrade"):
        open_event(CONTENT_TYPE, structured(type=newer), TYPE)
