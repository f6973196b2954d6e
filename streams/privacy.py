"""Personal data is taken out of free text before it leaves the intake."""

import re

from schemas.inputs import Contact

_WIDE_DIGITS = str.maketrans("０１２３４５６７８９＋－＠", "0123456789+-@")
_PATTERNS = (
    (re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"), "[email]"),
    (re.compile(r"(?<!\d)\d{17}[\dXx](?!\d)"), "[id number]"),
    (re.compile(r"(?<!\d)(?:(?:\+|00)86[-\s]?)?1[3-9]\d[-\s]?\d{4}[-\s]?\d{4}(?!\d)"), "[phone]"),
    (re.compile(r"(?<!\d)0\d{2,3}[-\s]?\d{7,8}(?!\d)"), "[phone]"),
    (re.compile(r"(?<![\d+])\+\d[\d\s-]{6,16}\d(?!\d)"), "[phone]"),
    (re.compile(r"(?<!\d)\d{15}(?!\d)"), "[id number]"),
)
_SHORTEST_NAME = 2


def redact(text: str, contact: Contact | None = None) -> str:
    """Return ``text`` without telephone and identity numbers, e-mail and the contact's words.

    Examples
    --------
    >>> redact("请打我电话 138 0013 8000")
    '请打我电话 [phone]'
    """
    plain = text.translate(_WIDE_DIGITS)
    for pattern, mark in _PATTERNS:
        plain = pattern.sub(mark, plain)
    if contact is not None:
        for word, mark in (
            (contact.email, "[email]"),
            (contact.phone, "[phone]"),
            (contact.name, "[name]"),
        ):
            if word and len(word.strip()) >= _SHORTEST_NAME:
                plain = plain.replace(word.strip(), mark)
    return plain
