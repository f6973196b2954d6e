"""What a contact says, looked for in raw messages however it is written there."""

import json
import re
import unicodedata
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from infra.ledger.outbox import unpack_headers

_SHORTEST = 5
"""Fewer digits than this are found everywhere."""
_BETWEEN = r"[\s\-().·]*"


class Traces:
    """Telephone numbers, addresses and references of one reporter.

    A name alone is no trace: many people have it.
    """

    def __init__(self) -> None:
        self._words: set[str] = set()
        self._numbers: set[str] = set()

    def __bool__(self) -> bool:
        """Whether there is anything to look for."""
        return bool(self._words or self._numbers)

    def __repr__(self) -> str:
        """Return nothing that is secret."""
        return f"Traces({len(self._words) + len(self._numbers)})"

    def add(self, contact: Mapping[str, Any]) -> None:
        """Look for what a contact says."""
        for name in ("phone", "email", "reporter_ref"):
            if contact.get(name):
                self.add_text(str(contact[name]))

    def add_text(self, text: str) -> None:
        """Look for a telephone number, an address, or a reference."""
        folded = _folded(text)
        digits = re.sub(r"\D", "", folded)
        if re.fullmatch(r"[\d\s\-().+·]+", folded) and len(digits) >= _SHORTEST:
            self._numbers.add(_national(digits))
        elif len(folded) >= _SHORTEST:
            self._words.add(folded)

    def share(self, contact: Mapping[str, Any]) -> bool:
        """Return whether a contact has one of these."""
        other = Traces()
        other.add(contact)
        return bool(self._words & other._words or self._numbers & other._numbers)

    def match(self, key: bytes | None, value: bytes | None, headers: bytes) -> bool:
        """Return whether a raw message has one of these; ``headers`` as the ledger packs them."""
        values = (content for _, content in unpack_headers(headers))
        text = "\n".join(map(_read, (key, value, *values)))
        return any(word in text for word in self._words) or any(
            re.search(rf"(?<!\d)(?:\+?86)?{_BETWEEN}{_BETWEEN.join(number)}(?!\d)", text)
            for number in self._numbers
        )


def _read(data: bytes | None) -> str:
    text = (data or b"").decode(errors="replace")
    with suppress(ValueError, RecursionError):
        text = json.dumps(json.loads(text), ensure_ascii=False)  # without \\u escapes
    return _folded(text)


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold().strip()


def _national(digits: str) -> str:
    return digits[2:] if len(digits) == 13 and digits.startswith("86") else digits  # noqa: PLR2004
