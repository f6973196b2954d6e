"""Deterministic identifiers: the same parent and kind always give the same id.

Everything derived (an incident from its first evidence, an assignment from its incident)
is named by UUIDv5 (RFC 9562) of its parent's id and its kind, so that processing a message
again writes the same rows again and nothing twice.
"""

import re
from uuid import NAMESPACE_URL, UUID, uuid5

_NAMESPACE = uuid5(NAMESPACE_URL, "https://jingwei.invalid/ids")


def derive(parent: str, kind: str) -> str:
    """Return the id of what ``kind`` names under ``parent``, as a UUID string.

    Examples
    --------
    >>> derive("a", "incident") == derive("a", "incident")
    True
    >>> derive("a", "incident") == derive("a", "alert")
    False
    """
    return str(uuid5(_NAMESPACE, f"{parent}\x1f{kind}"))


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
