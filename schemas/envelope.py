"""CloudEvents 1.0 over Kafka: written in binary content mode, read in structured mode, too.

In binary mode the attributes are headers ``ce_id``, ``ce_source``, ``ce_type``, ``ce_specversion``,
``ce_time``, ``ce_subject``, ``ce_dataschema``; extensions are ``ce_correlationid``,
``ce_causationid``, ``ce_traceparent``, ``ce_journal``; the media type is ``content-type`` without
prefix (CloudEvents Kafka protocol binding 1.0.2, section 3.2). In structured mode the media type is
``application/cloudevents+json``, and the value is a JSON object of the attributes, with the
payload in ``data`` or ``data_base64`` (section 3.3, and the JSON format 1.0.2).
"""

import base64
import binascii
from collections.abc import Iterable
from datetime import datetime

import msgspec

from schemas.errors import EnvelopeError, UnsupportedSchema

Headers = list[tuple[str, bytes]]

SPEC_VERSION = "1.0"
SCHEMA_MAJOR = 1
"""Types end in ``.v1``; a reader refuses a higher number rather than misread it."""

MAX_HEADER = 1024
"""No attribute may be longer, in bytes."""
_JSON = "application/json"


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """What a message says of itself, beside its value.

    Attributes
    ----------
    id
        Unique with ``source``: the same pair twice is the same event.
    type
        ``city.jingwei.<topic>.v<major>``; see ``topics``.
    time
        When it happened, by the producer's word.
    subject
        What it is about, such as a sensor's or incident's id.
    correlation
        Id of the incident or evidence that ties messages together.
    causation
        Id of the message that caused this one.
    journal
        Of what the core decided: the region, ``/``, and the offset of the entry that caused it in
        the region's journal. Of two messages about one thing, the one with the larger offset is
        the later one.
    """

    id: str
    source: str
    type: str
    time: datetime | None = None
    subject: str | None = None
    dataschema: str | None = None
    correlation: str | None = None
    causation: str | None = None
    traceparent: str | None = None
    journal: str | None = None
    content_type: str = "application/json"

    def headers(self) -> Headers:
        """Return the Kafka headers of this envelope."""
        pairs = [
            ("ce_specversion", SPEC_VERSION),
            ("ce_id", self.id),
            ("ce_source", self.source),
            ("ce_type", self.type),
            ("ce_time", None if self.time is None else _rfc3339(self.time)),
            ("ce_subject", self.subject),
            ("ce_dataschema", self.dataschema),
            ("ce_correlationid", self.correlation),
            ("ce_causationid", self.causation),
            ("ce_traceparent", self.traceparent),
            ("ce_journal", self.journal),
            ("content-type", self.content_type),
        ]
        return [(name, value.encode()) for name, value in pairs if value is not None]


STRUCTURED = "application/cloudevents+json"


class _Event(msgspec.Struct):
    """A structured event: its attributes, and its payload in one of two forms."""

    specversion: str = ""
    id: str = ""
    source: str = ""
    type: str = ""
    datacontenttype: str = "application/json"
    time: str | None = None
    subject: str | None = None
    dataschema: str | None = None
    correlationid: str | None = None
    causationid: str | None = None
    traceparent: str | None = None
    journal: str | None = None
    data: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    data_base64: str | None = None


_EVENT = msgspec.json.Decoder(_Event)


def open_event(
    headers: Iterable[tuple[str, bytes]] | None, value: bytes | None, expected_type: str
) -> tuple[Envelope, bytes]:
    """Return the envelope and the payload of a message in either mode.

    Raises
    ------
    EnvelopeError, UnsupportedSchema
        As for `read_envelope`; or the message has neither value nor headers, or the structured
        event is not one, or it is a batch of events.
    """
    pairs = list(headers or ())
    if not _may_be_structured(pairs) or _media_type(_texts(pairs)[1]) != STRUCTURED:
        if value is None and not any(name.startswith("ce_") for name, _ in pairs):
            raise EnvelopeError("the message has no value and no CloudEvents headers")
        return read_envelope(pairs, expected_type), value or b""
    try:
        event = _EVENT.decode(value or b"")
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise EnvelopeError(f"not a structured CloudEvent ({STRUCTURED}): {error}") from error
    fields = {
        name: text
        for name in _Event.__struct_fields__
        if not name.startswith("data_") and isinstance(text := getattr(event, name), str)
    }
    for name, text in fields.items():
        if len(text.encode(errors="surrogatepass")) > MAX_HEADER:
            raise EnvelopeError(f"attribute {name} is longer than {MAX_HEADER} bytes")
    content_type = fields.pop("datacontenttype")
    return _envelope(fields, content_type, "attribute ", expected_type), _payload(event)


def _payload(event: _Event) -> bytes:
    given = event.data is not msgspec.UNSET
    if event.data_base64 is None:
        return bytes(event.data) if isinstance(event.data, msgspec.Raw) else b""
    if given:
        raise EnvelopeError("the event has both data and data_base64: send one of them")
    try:
        return base64.b64decode(event.data_base64, validate=True)
    except (binascii.Error, ValueError) as error:
        raise EnvelopeError(f"data_base64 is not base64: {error}") from error


def read_envelope(
    headers: Iterable[tuple[str, bytes]] | dict[str, bytes] | None, expected_type: str
) -> Envelope:
    """Return the envelope in the Kafka headers of a message in binary mode.

    Parameters
    ----------
    headers
        Pairs of name and value, or a mapping; a repeated name keeps its last value.
    expected_type
        The topic's CloudEvents type, such as ``city.jingwei.sensor.reading.v1``.

    Raises
    ------
    EnvelopeError
        A required attribute is missing, too long or no UTF-8; the time is no RFC 3339; the
        mode is another one; the type is another one.
    UnsupportedSchema
        The type is the expected one in a higher version.
    """
    attributes, content_type = _texts(headers)
    media_type = _media_type(content_type)
    if media_type.startswith("application/cloudevents"):
        what = "a batch of events" if "batch" in media_type else "an event in this form"
        raise EnvelopeError(
            f"{what} ({content_type}) is not read here: send one event a message, in binary mode "
            f"or as {STRUCTURED}"
        )
    return _envelope(attributes, content_type, "header ce_", expected_type)


def _envelope(
    fields: dict[str, str], content_type: str, where: str, expected_type: str
) -> Envelope:
    """Return the envelope of attributes that came as ``where`` says, such as ``header ce_``."""
    for name in ("specversion", "id", "source", "type"):
        if not fields.get(name):
            raise EnvelopeError(f"{where}{name} is missing: send CloudEvents 1.0")
    if fields["specversion"] != SPEC_VERSION:
        raise EnvelopeError(
            f"{where}specversion is {fields['specversion']!r}, not {SPEC_VERSION!r}"
        )
    _check_type(fields["type"], expected_type, where)
    if _media_type(content_type) != _JSON:
        raise EnvelopeError(f"content-type is {content_type!r}, not application/json")
    return Envelope(
        id=fields["id"],
        source=fields["source"],
        type=fields["type"],
        time=_time(fields.get("time"), where),
        subject=fields.get("subject"),
        dataschema=fields.get("dataschema"),
        correlation=fields.get("correlationid"),
        causation=fields.get("causationid"),
        traceparent=fields.get("traceparent"),
        journal=fields.get("journal"),
        content_type=content_type,
    )


def _may_be_structured(pairs: Iterable[tuple[str, bytes]]) -> bool:
    """Tell at little cost what nearly every message is not."""
    for name, value in pairs:  # not any(): this is asked of every message
        if name == "content-type" and b"cloudevents" in (value or b"").lower():
            return True
    return False


def _media_type(content_type: str) -> str:
    if content_type == _JSON:
        return content_type
    return content_type.partition(";")[0].strip().lower()


def _texts(
    headers: Iterable[tuple[str, bytes]] | dict[str, bytes] | None,
) -> tuple[dict[str, str], str]:
    """Return the attributes that are in headers, without their prefix, and the content type."""
    pairs = headers.items() if isinstance(headers, dict) else headers or ()
    attributes: dict[str, str] = {}
    content_type = _JSON
    for name, value in pairs:
        is_attribute = name.startswith("ce_")
        if not (is_attribute or name == "content-type"):
            continue
        if value is None or len(value) > MAX_HEADER:
            raise EnvelopeError(f"header {name} is empty or longer than {MAX_HEADER} bytes")
        try:
            text = value.decode()
        except UnicodeDecodeError as error:
            raise EnvelopeError(f"header {name} is not UTF-8") from error
        if is_attribute:
            attributes[name[3:]] = text
        else:
            content_type = text
    return attributes, content_type


def _check_type(found: str, expected: str, where: str) -> None:
    if found == expected:
        return
    stem, _, version = found.rpartition(".v")
    if stem == expected.rpartition(".v")[0] and version.isdigit() and int(version) > SCHEMA_MAJOR:
        raise UnsupportedSchema(
            f"{where}type {found} is newer than this reader's {expected}: upgrade Jingwei first"
        )
    raise EnvelopeError(f"{where}type is {found!r}, this topic carries {expected!r}")


def _time(text: str | None, where: str) -> datetime | None:
    if text is None:
        return None
    try:
        time = msgspec.convert(text, datetime)
    except msgspec.ValidationError as error:
        raise EnvelopeError(f"{where}time {text!r} is no RFC 3339 time") from error
    if time.tzinfo is None:
        raise EnvelopeError(f"{where}time {text!r} has no offset from UTC")
    return time


def _rfc3339(time: datetime) -> str:
    return str(msgspec.to_builtins(time))
