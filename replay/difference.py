"""Find the first difference of two lists of effects in their canonical JSON."""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Difference:
    """The first difference between a replay and the record.

    Attributes
    ----------
    offset, entry_id, entry_kind
        The journal entry.
    effect
        Index of the effect among the entry's effects; None if the difference is not in one.
    field
        Path within the effect (``incident.state``), or another difference: ``entry id``,
        ``time``, ``record`` (the ledger or the archive lacks the entry), ``effect`` (one side
        has more), ``bytes`` (equal in content, but encoded differently).
    recorded, replayed
        The two values; None if there is no value.
    """

    offset: int
    entry_id: str
    entry_kind: str
    effect: int | None
    field: str
    recorded: object
    replayed: object

    def sentence(self) -> str:
        """Return the difference as one sentence."""
        where = "" if self.effect is None else f", effect {self.effect}"
        return (
            f"first difference at journal offset {self.offset}, entry {self.entry_id} "
            f"({self.entry_kind}){where}: {self.field} was recorded as "
            f"{_short(self.recorded)} and replayed as {_short(self.replayed)}"
        )


def differing_effect(recorded: bytes, replayed: bytes) -> tuple[int | None, str, object, object]:
    """Find the first difference of two unequal encodings of a list of effects.

    Returns
    -------
    effect, field, recorded, replayed
        As in `Difference`.
    """
    then, now = _effects(recorded), _effects(replayed)
    for index in range(max(len(then), len(now))):
        if index >= len(then) or index >= len(now):
            return index, "effect", _item(then, index), _item(now, index)
        path = first_path(then[index], now[index])
        if path is not None:
            name = ".".join(map(str, path)) or "effect"
            return index, name, _follow(then[index], path), _follow(now[index], path)
    return None, "bytes", recorded.decode(errors="replace"), replayed.decode(errors="replace")


def first_path(then: object, now: object) -> Path | None:
    """Return the path to the first different value in decoded JSON, or None.

    Examples
    --------
    >>> first_path({"incident": {"id": 1, "state": "closed"}}, {"incident": {"id": 1}})
    ('incident', 'state')
    """
    if isinstance(then, dict) and isinstance(now, dict):
        names = (*then, *(name for name in now if name not in then))
        pairs = [(name, name in then and name in now) for name in names]
    elif isinstance(then, list) and isinstance(now, list):
        shorter = min(len(then), len(now))
        pairs = [(index, index < shorter) for index in range(max(len(then), len(now)))]
    else:
        return None if type(then) is type(now) and then == now else ()
    for step, in_both in pairs:
        path = first_path(then[step], now[step]) if in_both else ()
        if path is not None:
            return (step, *path)
    return None


def _follow(value: object, path: Path) -> object:
    for step in path:
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list):
            value = _item(value, int(step))
    return value


def _effects(encoded: bytes) -> list[object]:
    try:
        decoded = msgspec.json.decode(encoded)
    except msgspec.DecodeError:
        return [f"not JSON: {encoded[:80]!r}"]
    return decoded if isinstance(decoded, list) else [decoded]


def _item(values: Sequence[object], index: int) -> object:
    return values[index] if index < len(values) else None


def _short(value: object, limit: int = 200) -> str:
    if value is None:
        return "nothing"
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return text if len(text) <= limit else f"{text[:limit]}…"
