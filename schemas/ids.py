"""Deterministic identifiers: the same parent and kind always give the same id.

Everything derived (an incident from its first evidence, an assignment from its incident)
is named by UUIDv5 (RFC 9562) of its parent's id and its kind, so that processing a message
again writes the same rows again and nothing twice.
"""

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
