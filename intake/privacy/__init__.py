"""Personal data is taken out of free text before it leaves the intake.

Each module looks at the text in its plain form: one character for one character, so that a place
in it is a place in the text.

============  ==========================================================================
module        what it finds
============  ==========================================================================
``phones``    telephone numbers: mobile, landline, foreign
``identity``  identity numbers, permits, bank cards
``names``     plates, e-mail addresses, accounts, and the contact's own words
``plain``     a text in plain characters, one for one
``spans``     `Span`: a piece of personal data in a text
============  ==========================================================================
"""

import hmac
import re
from collections.abc import Iterable
from hashlib import sha256

from intake.privacy import identity, names, phones
from intake.privacy.plain import digits_plain, plain
from intake.privacy.spans import Span
from schemas.ids import derive
from schemas.inputs import Contact

__all__ = ["Span", "find", "pseudonym", "redact"]

_SUSPECT = re.compile(r"[0-9].*?[0-9].*?[0-9]|@|\bat\b", re.DOTALL | re.IGNORECASE)
_UUID = re.compile(
    r"(?<![0-9A-Za-z])[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?![0-9A-Za-z])", re.IGNORECASE
)


def redact(text: str, contact: Contact | None = None) -> str:
    """Return ``text`` with a mark in place of each piece of personal data.

    Examples
    --------
    >>> redact("请打我电话 138 0013 8000，车牌沪A·12345")
    '请打我电话 [phone]，车牌[plate]'
    """
    pieces, end = [], 0
    for span in find(text, contact):
        pieces += [text[end : span.start], f"[{span.kind}]"]
        end = span.end
    return "".join([*pieces, text[end:]])


def find(text: str, contact: Contact | None = None) -> list[Span]:
    """Return where personal data stands in ``text``, in order and without overlaps."""
    found: list[Span] = []
    view = plain(text)
    if contact is not None:
        found += names.of_contact(view, contact)
    view = _UUID.sub(lambda match: "x" * len(match[0]), view)  # looks like a number now and then
    digits = digits_plain(view)
    if _SUSPECT.search(digits) or names.may_name_account(view):
        found += names.emails(view)
        found += identity.numbers(digits)
        found += phones.phones(digits)
        found += names.plates(view)
        found += names.accounts(view)
    return _apart(found)


def pseudonym(reference: str, kind: str, secret: bytes) -> str:
    """Return a reference as it is, or, where it has personal data, an id derived from it.

    The id is of an HMAC with ``secret``: whoever lacks that cannot find a number by trying all.
    Long numbers that only look like a bank card are what machines make ids of, and stay.
    """
    if all(span.kind == "card number" for span in find(reference)):
        return reference
    return derive(hmac.new(secret, reference.encode(), sha256).hexdigest(), kind)


def _apart(found: Iterable[Span]) -> list[Span]:
    """Return the spans in order; of two that overlap the one found first keeps its kind."""
    kept: list[Span] = []
    for span in found:
        over = [other for other in kept if other.start < span.end and span.start < other.end]
        if over:
            span = Span(  # noqa: PLW2901 - the span that covers both
                min(span.start, *(o.start for o in over)),
                max(span.end, *(o.end for o in over)),
                over[0].kind,
            )
            kept = [other for other in kept if other not in over]
        kept.append(span)
    return sorted(kept)
