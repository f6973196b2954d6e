"""Deterministic identifiers: the same parent and kind always give the same id.

Everything derived (an incident from its first evidence, an assignment from its incident)
is named by UUIDv5 (RFC 9562) of its parent's id and its kind, so that processing a message
again writes the same rows again and nothing twice.
"""

import re
from hashlib import sha1
from uuid import NAMESPACE_URL, UUID, uuid5

_NAMESPACE = uuid5(NAMESPACE_URL, "https://jingwei.invalid/ids")
_PREFIX = _NAMESPACE.bytes


def derive(parent: str, kind: str) -> str:
    """Return the id of what ``kind`` names under ``parent``, as a UUID string.

    Examples
    --------
    >>> derive("a", "incident") == derive("a", "incident")
    True
    >>> derive("a", "incident") == derive("a", "alert")
    False
    """
    # As `uuid.uuid5` does, in a third of the time: every entry makes several.
    name = f"{parent}\x1f{kind}".encode()
    digest = bytearray(sha1(_PREFIX + name, usedforsecurity=False).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x50
    digest[8] = digest[8] & 0x3F | 0x80
    text = digest.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def evidence_of_report(source: str, report: str) -> str:
    """Return the id of the evidence that a report becomes.

    Parameters
    ----------
    source, report
        CloudEvents source, and the producer's id of the report.
    """
    return derive(f"{source}\x1f{report}", "evidence")


def entry_of_stamp(source: str, event: str) -> str:
    """Return the id of the journal entry that a status stamp becomes, by its CloudEvents ids."""
    return derive(f"{source}\x1f{event}", "stamp")


def as_uuid(text: str) -> UUID:
    """Return ``text`` as a UUID: itself where it is one, else a UUIDv5 of it.

    Producers may name their events as they like; the ledger's keys are UUIDs.
    """
    try:
        return UUID(text)
    except ValueError:
        return uuid5(_NAMESPACE, text)


MAX_ID = 200
"""No id of a message, sensor, unit or report may have more characters."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


def id_fault(text: str) -> str | None:
    """Return what is wrong with an id that came from outside, None if nothing is.

    Examples
    --------
    >>> id_fault("S-17")
    >>> id_fault("")
    'has 0 characters, not 1 to 200'
    """
    if not text or len(text) > MAX_ID:
        return f"has {len(text)} characters, not 1 to {MAX_ID}"
    if _CONTROL.search(text):
        return "has a control character"
    return None
