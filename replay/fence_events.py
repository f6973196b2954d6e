"""Fence events told again: the archive's positions through the engine that told them first.

The ledger says up to which offset the worker has taken positions, which of them became dead
letters, and under which terms (city, settings, fences that had ended) they were judged from which
offset on. Under the same terms the events are the same, ids included; under other terms they are
what would have been told.
"""

import asyncio
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg

from geo.crs import to_wgs84
from geo.fence_watch import FenceNames, FenceTerms, FenceWatch, Follower, change_of_terms
from infra.archive import Kept, next_offset, partition_folder, read_kept
from infra.ledger import run, watch
from infra.ledger.intake import Fix
from infra.ledger.watch import Terms
from replay.errors import ArchiveLags, NothingRecorded
from schemas import topics, wire
from schemas.inputs import UnitPosition
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
        The offset after the last one that the worker has taken.
    refused
        Offsets of those that became dead letters.
    terms
        In order; those of the first hold from their offset on.
    """

    partition: int
    end: int
    refused: frozenset[int]
    terms: tuple[Terms, ...]


async def watched(
    conn: asyncpg.Connection, group: str
) -> tuple[list[Watched], dict[str, FenceNames]]:
    """Ask the ledger what has been watched.

    Returns
    -------
    list of Watched, dict
        And kind and name of the fences of each city there has been, by its content hash.

    Raises
    ------
    NothingRecorded
        No worker has watched fences yet.
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
        raise NothingRecorded("the ledger has no fence terms: no worker has taken positions yet")
    return found, names


async def await_archive(root: Path, parts: Sequence[Watched]) -> None:
    """Wait until the archive has what the worker has taken.

    Raises
    ------
    ArchiveLags
        It has not for some seconds.
    """
    deadline = time.monotonic() + _PATIENCE_S
    for part in parts:
        folder = partition_folder(root, _TOPIC, part.partition)
        begin = part.terms[0].from_offset
        while (has := next_offset(folder) or begin) < part.end:
            if time.monotonic() > deadline:
                raise ArchiveLags(
                    f"the archive has {_TOPIC} partition {part.partition} up to offset {has}, the "
                    f"worker has taken it up to {part.end}: is `jingwei archive` running?"
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
    """Tell the fence events of the archive's positions again.

    Parameters
    ----------
    root
        See ``infra.archive.archive_root``.
    parts, names
        As `watched` says.
    watch_of
        Returns the fences of some terms; asked once or more for each.
    instead
        Terms for all positions, in place of those that they were judged under.
    ignored
        Counts the positions by unit that are not newer than the unit's last.

    Returns
    -------
    Iterator of FenceEvent
        Each partition's in turn, each unit's in order.

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
        self._part, self._watch_of, self._names, self._instead = part, watch_of, names, instead
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
                self._waiting.append(self._counted(_fix(message)))
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


def _fix(message: Kept) -> Fix:
    """Return a position as the intake takes it; that it can be taken is known."""
    position: UnitPosition = wire.decode(message.value or b"", UnitPosition)
    there = position.location
    lon, lat = to_wgs84(there.lon, there.lat, there.crs)
    at = position.time.astimezone(UTC)
    at -= timedelta(microseconds=at.microsecond % 1000)
    return Fix(position.unit, at, lon, lat, there.accuracy_m)
