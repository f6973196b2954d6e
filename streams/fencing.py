"""Units that enter and leave the city's fences, as the positions intake sees them.

What is remembered of a unit is written with the offset, so that a restart, or another worker, goes
on as if nothing had been. What changes the rules (another city, other settings, a fence that has
ended while its units were silent) is written beside it with the offset from which on it holds:
``jingwei fences track`` tells the same events again from the archive.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import asyncpg

from geo.city import CityData
from geo.fence_state import ObjectState, Visit
from geo.fence_watch import FenceTerms, FenceWatch, Follower, change_of_terms
from infra.ledger import watch
from infra.ledger.intake import Fix
from infra.ledger.outbox import Message
from infra.ledger.watch import Terms, UnitFences
from schemas import topics, wire
from schemas.envelope import Envelope
from schemas.outputs import FenceEvent
from streams.limits import IntakeSettings

SOURCE = "jingwei/fences"


@dataclass
class _Followed:
    """A partition's units; ``changed`` terms are to be written, and what is ``pending`` told."""

    follower: Follower
    number: int
    until: datetime | None
    changed: bool
    pending: list[FenceEvent] = field(default_factory=list)


class Fencing:
    """Follows the units of the positions' partitions.

    Parameters
    ----------
    city
        Whose fences they are.
    limits
        Which fences, and how visits are judged.

    Raises
    ------
    geo.errors.BadFence
        A fence's attributes cannot be used.
    """

    def __init__(self, city: CityData, limits: IntakeSettings) -> None:
        self._watch = FenceWatch(city, fence_terms(city, limits))
        self._wait = timedelta(seconds=limits.fence_end_wait_s)
        self._followed: dict[int, _Followed] = {}

    async def load(self, conn: asyncpg.Connection, partition: int) -> None:
        """Take over a partition's units from the ledger."""
        terms = self._watch.terms
        last = await watch.last_terms(conn, partition)
        known: FenceTerms | None = None if last is None else wire.decode(last.terms, FenceTerms)
        until = None if last is None else last.until
        number = 0 if last is None else last.number
        names: dict[str, tuple[str, str]] = {}
        if known is not None and known != terms:
            names = await watch.fence_names(conn, known.city)
        follower, told = self._watch.follow(
            [_state(unit) for unit in await watch.load_units(conn, partition)],
            until=until,
            cause=change_of_terms(partition, number + 1),
            names=names,
        )
        changed = known != terms or bool(told)
        self._followed[partition] = _Followed(follower, number, until, changed, pending=told)

    def forget(self, partition: int) -> None:
        """Throw away the memory of a partition."""
        self._followed.pop(partition, None)

    def is_due(self, partition: int, now: datetime) -> bool:
        """Whether there is something to write without a message."""
        followed = self._followed.get(partition)
        return followed is not None and (
            followed.changed or followed.follower.has_ended(now - self._wait)
        )

    def end_fences(self, partition: int, now: datetime) -> None:
        """Close the visits to fences that have ended, at the next `write`."""
        followed = self._followed[partition]
        end = now - self._wait
        if followed.follower.has_ended(end):
            followed.pending += followed.follower.expire(end)
            followed.until, followed.changed = end, True

    async def write(
        self,
        conn: asyncpg.Connection,
        partition: int,
        offset: int,
        taken: Sequence[tuple[Fix, str]],
    ) -> list[Message]:
        """Write what is to be remembered after some fixes; return what they mean.

        Parameters
        ----------
        offset
            Of the message with which the batch begins; what is pending comes before it.
        taken
            The partition's fixes in the order in which they came, and their messages' ids.
        """
        followed = self._followed[partition]
        fixes = [fix for fix, _ in taken]
        messages = []
        everyone = followed.changed
        if followed.changed:
            followed.number, followed.changed = followed.number + 1, False
            await watch.add_terms(
                conn,
                Terms(
                    partition=partition,
                    number=followed.number,
                    from_offset=offset,
                    city=self._watch.terms.city,
                    terms=wire.encode(self._watch.terms),
                    until=followed.until,
                ),
            )
            messages += [_message(event, None) for event in followed.pending]
            followed.pending = []
        told = followed.follower.observe(fixes)
        messages += [_message(event, taken[fix][1]) for event, fix in told]
        seen = None if everyone else {fix.unit for fix in fixes}
        states = followed.follower.units(seen)
        await watch.save_units(conn, partition, [_row(state) for state in states])
        return messages


def fence_terms(city: CityData, limits: IntakeSettings) -> FenceTerms:
    """Return the terms that the settings ask for."""
    return FenceTerms(
        city=city.digest,
        kinds=limits.fence_kinds,
        dwell_s=limits.fence_dwell_s,
        hysteresis=limits.fence_hysteresis,
        detect=limits.fence_detect,
    )


def _message(event: FenceEvent, cause: str | None) -> Message:
    envelope = Envelope(
        id=event.id,
        source=SOURCE,
        type=topics.FENCE_EVENTS.type,
        time=event.at,
        subject=event.unit,
        causation=cause,
    )
    return Message(
        topic=topics.FENCE_EVENTS.name,
        key=event.unit.encode(),
        value=wire.encode(event),
        headers=envelope.headers(),
    )


def _row(state: ObjectState) -> UnitFences:
    return UnitFences(
        unit=state.id,
        at=_datetime(state.time),
        lon=state.lon,
        lat=state.lat,
        margin_m=state.margin_m,
        fences=tuple(visit.fence for visit in state.visits),
        since=tuple(_datetime(visit.since) for visit in state.visits),
    )


def _state(row: UnitFences) -> ObjectState:
    visits = zip(row.fences, row.since, strict=True)
    return ObjectState(
        id=row.unit,
        lon=row.lon,
        lat=row.lat,
        time=row.at.timestamp(),
        margin_m=row.margin_m,
        visits=tuple(Visit(fence, since.timestamp()) for fence, since in visits),
    )


def _datetime(seconds: float) -> datetime:
    # Fixes are of whole milliseconds: to the microsecond and back nothing is lost.
    return datetime.fromtimestamp(seconds, UTC)
