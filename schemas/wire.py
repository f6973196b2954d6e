"""Encoders and decoders: bytes on the wire to typed messages and back.

Encoding is canonical: field order is the type's, floats are the shortest that read back
equal, so equal messages are equal bytes.
"""

import threading
from typing import Any, TypeVar

import msgspec

from schemas.errors import PayloadError

T = TypeVar("T")

MAX_BYTES = 1_000_000
"""No message on any topic may be larger; Kafka's own default limit is 1 MiB."""

_local = threading.local()


def encode(message: object) -> bytes:
    """Return the canonical JSON of a message, record, entry or effect."""
    return msgspec.json.encode(message)


def decode(data: bytes, kind: type[T] | Any) -> T:  # noqa: ANN401 - unions are no types to mypy
    """Return ``data`` as a ``kind``.

    Parameters
    ----------
    data
        UTF-8 JSON, at most ``MAX_BYTES`` long.
    kind
        A type of this room, or a union of them such as ``journal.Entry``.

    Raises
    ------
    PayloadError
        The data is empty, too long, no UTF-8 JSON or not of that type; the text names the
        field.
    """
    if not data:
        raise PayloadError("the message has no value")
    if len(data) > MAX_BYTES:
        raise PayloadError(f"the value is {len(data)} bytes long, more than {MAX_BYTES} allowed")
    try:
        result: T = _decoder(kind).decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise PayloadError(f"not a {_name(kind)}: {error}") from error
    return result


def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:  # noqa: ANN401
    decoders: dict[Any, msgspec.json.Decoder[Any]] | None = getattr(_local, "decoders", None)
    if decoders is None:
        decoders = _local.decoders = {}
    found = decoders.get(kind)
    if found is None:
        found = decoders[kind] = msgspec.json.Decoder(kind)
    return found


def _name(kind: Any) -> str:  # noqa: ANN401
    return getattr(kind, "__name__", None) or str(kind)
