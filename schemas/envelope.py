"""CloudEvents 1.0 in binary content mode over Kafka headers.

Attributes are headers ``ce_id``, ``ce_source``, ``ce_type``, ``ce_specversion``,
``ce_time``, ``ce_subject``, ``ce_dataschema``; extensions are ``ce_correlationid``,
``ce_causationid``, ``ce_traceparent``; the media type is ``content-type`` without prefix
(CloudEvents Kafka protocol binding 1.0.2, section 3.2).
"""

from collections.abc import Iterable
from datetime import datetime

import msgspec

from schemas.errors import EnvelopeError, UnsupportedSchema

Headers = list[tuple[str, bytes]]

SPEC_VERSION = "1.0"
SCHEMA_MAJOR = 1
"""Types end in ``.v1``; a reader refuses a higher number rather than misread it."""

_MAX_HEADER = 1024


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
            ("content-type", self.content_type),
        ]
        return [(name, value.encode()) for name, value in pairs if value is not None]


def read_envelope(
    headers: Iterable[tuple[str, bytes]] | dict[str, bytes] | None, expected_type: str
) -> Envelope:
    """Return the envelope in a message's Kafka headers.

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
        mode is structured; the type is another one.
    UnsupportedSchema
        The type is the expected one in a higher version.
    """
    fields = _texts(headers)
    content_type = fields.get("content-type", "application/json")
    if content_type.startswith("application/cloudevents"):
        raise EnvelopeError(
            f"structured mode ({content_type}) is not read here: send CloudEvents in binary mode"
        )
    for name in ("ce_specversion", "ce_id", "ce_source", "ce_type"):
        if not fields.get(name):
            raise EnvelopeError(f"header {name} is missing: send CloudEvents 1.0 in binary mode")
    if fields["ce_specversion"] != SPEC_VERSION:
        raise EnvelopeError(f"ce_specversion is {fields['ce_specversion']!r}, not {SPEC_VERSION!r}")
    _check_type(fields["ce_type"], expected_type)
    if content_type.partition(";")[0].strip() != "application/json":
        raise EnvelopeError(f"content-type is {content_type!r}, not application/json")
    return Envelope(
        id=fields["ce_id"],
        source=fields["ce_source"],
        type=fields["ce_type"],
        time=_time(fields.get("ce_time")),
        subject=fields.get("ce_subject"),
        dataschema=fields.get("ce_dataschema"),
        correlation=fields.get("ce_correlationid"),
        causation=fields.get("ce_causationid"),
        traceparent=fields.get("ce_traceparent"),
        content_type=content_type,
    )


def _texts(headers: Iterable[tuple[str, bytes]] | dict[str, bytes] | None) -> dict[str, str]:
    pairs = headers.items() if isinstance(headers, dict) else headers or ()
    fields: dict[str, str] = {}
    for name, value in pairs:
        if not (name.startswith("ce_") or name == "content-type"):
            continue
        if value is None or len(value) > _MAX_HEADER:
            raise EnvelopeError(f"header {name} is empty or longer than {_MAX_HEADER} bytes")
        try:
            fields[name] = value.decode()
        except UnicodeDecodeError as error:
            raise EnvelopeError(f"header {name} is not UTF-8") from error
    return fields


def _check_type(found: str, expected: str) -> None:
    if found == expected:
        return
    stem, _, version = found.rpartition(".v")
    if stem == expected.rpartition(".v")[0] and version.isdigit() and int(version) > SCHEMA_MAJOR:
        raise UnsupportedSchema(
            f"ce_type {found} is newer than this reader's {expected}: upgrade Jingwei first"
        )
    raise EnvelopeError(f"ce_type is {found!r}, this topic carries {expected!r}")


def _time(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        time = msgspec.convert(text, datetime)
    except msgspec.ValidationError as error:
        raise EnvelopeError(f"ce_time {text!r} is no RFC 3339 time") from error
    if time.tzinfo is None:
        raise EnvelopeError(f"ce_time {text!r} has no offset from UTC")
    return time


def _rfc3339(time: datetime) -> str:
    return str(msgspec.to_builtins(time))
