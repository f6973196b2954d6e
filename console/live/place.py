"""A place in the stream: the next offset of each partition, as one short word.

The word is base64url of MessagePack: a fingerprint of the topics, and the offsets in the order of
the layout. It means the same at every gateway of the same broker.
"""

import base64
import binascii
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from infra.feed import Part
from infra.topic_ids import KnownTopic

_FINGERPRINT = 6
LONGEST = 2_000
"""Characters of a place, at most."""

Offsets = list[int]


class _Word(msgspec.Struct, array_like=True):
    fingerprint: bytes
    offsets: list[int]


_DECODER = msgspec.msgpack.Decoder(_Word)


@dataclass(frozen=True)
class Layout:
    """The partitions that a stream is made of, in order, and which topics they are of."""

    parts: tuple[Part, ...]
    fingerprint: bytes

    def word(self, offsets: Sequence[int]) -> bytes:
        """Return a place as a word."""
        packed = msgspec.msgpack.encode((self.fingerprint, offsets))
        return base64.urlsafe_b64encode(packed).rstrip(b"=")

    def offsets(self, word: str) -> Offsets | None:
        """Return the offsets of a word; None if it is no place in these topics."""
        if len(word) > LONGEST:
            return None
        try:
            data = base64.b64decode(word + "=" * (-len(word) % 4), altchars=b"-_", validate=True)
            found = _DECODER.decode(data)
        except (msgspec.MsgspecError, binascii.Error, UnicodeError, ValueError):
            return None
        fits = found.fingerprint == self.fingerprint and len(found.offsets) == len(self.parts)
        return found.offsets if fits and min(found.offsets, default=0) >= 0 else None


def layout_of(topics: Mapping[str, KnownTopic]) -> Layout:
    """Return the layout of topics that the broker has.

    A topic that was deleted and made again has another id, so that no offset is taken for one of
    the other log.
    """
    names = sorted(topics)
    parts = [(name, number) for name in names for number in range(topics[name].partitions)]
    text = "\n".join(f"{name} {topics[name].id} {topics[name].partitions}" for name in names)
    return Layout(tuple(parts), hashlib.sha256(text.encode()).digest()[:_FINGERPRINT])
