"""Fence events again: run the archive's positions through the worker's fence engine.

The ledger records up to which offset the worker has read positions, which of them became dead
letters, and the terms (city, settings, ended fences) in force from each offset on. Under the same
terms the events are the same, ids included; other terms give the events that would have been
published under them.
"""

import asyncio
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import asyncpg

from infra.archive import Kept, next_offset, partition_folder, read_kept
from infra.ledger import run, watch
from infra.ledger.watch import Terms
from intake.fence_watch import FenceNames, FenceTerms, FenceWatch, Follower, change_of_terms
from intake.positions import fix_of
from replay.errors import ArchiveLags, NothingRecorded
from schemas import topics, wire
from schemas.inputs import UnitPosition
from schemas.intake import Fix
from schemas.outputs import FenceEvent

_AT_ONCE = 1_000
_PATIENCE_S = 15.0
_LOOK_S = 0.2
_TOPIC = topics.POSITIONS.name


@dataclass(frozen=True)
class Watched:
    """A partition of the positions.

    Attributes
    ----------
    end
        The offset after the last position that the worker has read.
    refused
        Offsets of positions that became dead letters.
    terms
        Terms in order; each holds from its offset on.
    """

    partition: int
    end: int
    refused: frozenset[int]
    terms: tuple[Terms, ...]


async def watched(
    conn: asyncpg.Connection, group: str
) -> tuple[list[Watched], dict[str, FenceNames]]:
    """Read from the ledger which positions were compared with fences.

    Returns
    -------
    list of Watched, dict
        The dict has kind and name of the fences of each city so far, by the city's digest.

    Raises
    ------
    NothingRecorded
        No worker has compared positions with fences yet.
    """
    taken = await run.consumed(conn, group)
    found = []
    names: dict[str, FenceNames] = {}
    for partition in await watch.watched_partitions(conn):
        history = await watch.terms_history(conn, partition)
        for city in {terms.city for terms in history} - names.keys():
            names[city] = await watch.fence_names(conn, city)
        found.append(
            Watched(
                partition,
                taken.get((_TOPIC, partition), 0),
                frozenset(await watch.refused_offsets(conn, _TOPIC, partition)),
                tuple(history),
            )
        )
    if not found:
        raise NothingRecorded("the ledger has no fence terms: no worker has read positions yet")
    return found, names


async def await_archive(root: Path, parts: Sequence[Watched]) -> None:
    """Wait until the archive has all positions that the worker has read.

    Raises
    ------
    ArchiveLags
        The archive is still behind after some seconds.
    """
    deadline = time.monotonic() + _PATIENCE_S
    for part in parts:
        folder = partition_folder(root, _TOPIC, part.partition)
        begin = part.terms[0].from_offset
        while (has := next_offset(folder) or begin) < part.end:
            if time.monotonic() > deadline:
                raise ArchiveLags(
                    f"the archive has {_TOPIC} partition {part.partition} up to offset {has}, the "
                    f"worker has read it up to {part.end}: is `jingwei archive` running?"
                )
            await asyncio.sleep(_LOOK_S)


def tell_again(
    root: Path,
    parts: Sequence[Watched],
    watch_of: Callable[[FenceTerms], FenceWatch],
    names: Mapping[str, FenceNames],
    instead: FenceTerms | None = None,
    *,
    ignored: Counter[str] | None = None,
) -> Iterator[FenceEvent]:
    """Recompute the fence events of the archive's positions.

    Parameters
    ----------
    root
        See ``infra.archive.archive_root``.
    parts, names
        As returned by `watched`.
    watch_of
        Returns the fences for terms; called at least once for each.
    instead
        Terms for all positions, in place of the recorded ones.
    ignored
        Counts, by unit, positions that are not newer than the unit's last one.

    Returns
    -------
    Iterator of FenceEvent
        The partitions one after the other, each unit's events in order.

    Raises
    ------
    infra.archive.ArchiveGap
        An offset is missing.
    infra.archive.ArchiveDamaged
        A file cannot be read.
    """
    for part in parts:
        yield from _Again(part, watch_of, names, instead, ignored).over(
            read_kept(
                partition_folder(root, _TOPIC, part.partition),
                part.terms[0].from_offset,
                gapless=True,
            )
        )


class _Again:
    def __init__(
        self,
        part: Watched,
        watch_of: Callable[[FenceTerms], FenceWatch],
        names: Mapping[str, FenceNames],
        instead: FenceTerms | None,
        ignored: Counter[str] | None,
    ) -> None:
        self._ignored = Counter[str]() if ignored is None else ignored
        self._newest: dict[str, datetime] = {}
        self._part, self._watch_of, self._names = part, watch_of, names
        self._changes = deque(part.terms if instead is None else ())
        self._until: datetime | None = None
        self._city = ""
        self._waiting: list[Fix] = []
        self._follower: Follower | None = None
        if instead is not None:
            self._follower, _ = watch_of(instead).follow()

    def over(self, messages: Iterator[Kept]) -> Iterator[FenceEvent]:
        for message in messages:
            if message.offset >= self._part.end:
                break
            yield from self._change_before(message.offset)
            if message.offset not in self._part.refused:
                self._waiting.append(self._counted(_fix_in(message)))
            if len(self._waiting) >= _AT_ONCE:
                yield from self._take()
        yield from self._take()
        yield from self._change_before(self._part.end)

    def _counted(self, fix: Fix) -> Fix:
        newest = self._newest.get(fix.unit)
        if newest is not None and fix.at <= newest:
            self._ignored[fix.unit] += 1
        else:
            self._newest[fix.unit] = fix.at
        return fix

    def _take(self) -> list[FenceEvent]:
        fixes, self._waiting = self._waiting, []
        if self._follower is None or not fixes:
            return []
        return [event for event, _ in self._follower.observe(fixes)]

    def _change_before(self, offset: int) -> Iterator[FenceEvent]:
        while self._changes and self._changes[0].from_offset <= offset:
            yield from self._take()
            yield from self._change(self._changes.popleft())

    def _change(self, terms: Terms) -> list[FenceEvent]:
        units = () if self._follower is None else self._follower.units()
        self._follower, told = self._watch_of(wire.decode(terms.terms, FenceTerms)).follow(
            units,
            until=self._until,
            cause=change_of_terms(terms.partition, terms.number),
            names=self._names.get(self._city),  # fences may have had other names before
        )
        self._city = terms.city
        if terms.until is not None and terms.until != self._until:
            told += self._follower.expire(terms.until)
        self._until = terms.until
        return told


def _fix_in(message: Kept) -> Fix:
    """Return the fix in a message, which is known to be usable."""
    position: UnitPosition = wire.decode(message.value or b"", UnitPosition)
    return fix_of(position)
