"""Compare replayed effects with recorded ones: equal byte for byte, or the first difference."""

import hashlib
from datetime import datetime
from typing import Protocol

from replay.difference import Difference, differing_effect
from replay.player import Replayed


class RecordedLike(Protocol):
    """The ledger's record of one entry: ``infra.ledger.snapshot.Recorded``."""

    @property
    def offset(self) -> int:
        """Journal offset."""

    @property
    def entry_id(self) -> str:
        """The entry's id."""

    @property
    def entry_kind(self) -> str:
        """The entry's tag."""

    @property
    def at(self) -> datetime:
        """Kafka's log-append time."""

    @property
    def effects(self) -> bytes:
        """Canonical JSON of the list of effects."""


class Comparison:
    """Compares entry by entry and hashes both sides.

    A hash is SHA-256 over, for each entry, its offset and the length of its effects (8 bytes
    each, big-endian), then the effects' bytes.
    """

    def __init__(self) -> None:
        self.entries = 0
        self.difference: Difference | None = None
        self._replayed = _Sum()
        self._recorded = _Sum()

    @property
    def equal(self) -> bool:
        """Whether all compared entries are equal."""
        return self.difference is None

    @property
    def sha256(self) -> str:
        """Hash of the replayed effects, hexadecimal."""
        return self._replayed.hexdigest()

    @property
    def recorded_sha256(self) -> str:
        """Hash of the recorded effects, hexadecimal."""
        return self._recorded.hexdigest()

    def add(self, applied: Replayed, recorded: RecordedLike | None) -> None:
        """Compare the effects of one entry with its record; None if it has no record."""
        self.entries += 1
        if recorded is None and not applied.effects:
            return  # a repeat of an earlier entry, which changed nothing then and now
        self._replayed.add(applied.offset, applied.encoded)
        if recorded is not None:
            self._recorded.add(recorded.offset, recorded.effects)
        if self.difference is None:
            self.difference = _difference(applied, recorded)

    def add_unreplayed(self, recorded: RecordedLike) -> None:
        """Count a recorded entry that is missing in the archive's journal."""
        self._recorded.add(recorded.offset, recorded.effects)
        if self.difference is None:
            self.difference = Difference(
                offset=recorded.offset,
                entry_id=recorded.entry_id,
                entry_kind=recorded.entry_kind,
                effect=None,
                field="record",
                recorded="an entry",
                replayed=None,
            )


class _Sum:
    def __init__(self) -> None:
        self._hash = hashlib.sha256()

    def add(self, offset: int, effects: bytes) -> None:
        self._hash.update(offset.to_bytes(8) + len(effects).to_bytes(8) + effects)

    def hexdigest(self) -> str:
        return self._hash.hexdigest()


def _difference(applied: Replayed, recorded: RecordedLike | None) -> Difference | None:
    effect: int | None = None
    if recorded is None:
        field, then, now = "record", None, "an entry"
    elif recorded.entry_id != applied.entry.id:
        field, then, now = "entry id", recorded.entry_id, applied.entry.id
    elif recorded.at != applied.at:
        field, then, now = "time", recorded.at.isoformat(), applied.at.isoformat()
    elif recorded.effects == applied.encoded:
        return None
    else:
        effect, field, then, now = differing_effect(  # type: ignore[assignment]
            recorded.effects, applied.encoded
        )
    return Difference(applied.offset, applied.entry.id, applied.kind, effect, field, then, now)
