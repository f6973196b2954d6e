"""Units that enter and leave the city's fences, as the positions intake sees them.

What is remembered of a unit is written with the offset, so that a restart, or another worker, goes
on as if nothing had been. What changes the rules (another city, other settings, a fence that has
ended while its units were silent) is written beside it with the offset from which on it holds:
``jingwei fences track`` tells the same events again from the archive.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import asyncpg

from atlas.city import CityData
from geo.fences.state import ObjectState, Visit
from infra.ledger import watch
from infra.ledger.outbox import Message
from infra.ledger.watch import Terms, UnitFences
from intake.fence_watch import FenceTerms, FenceWatch
from intake.fencing import FollowedUnits, LastTerms, fence_terms
from schemas import topics, wire
from schemas.envelope import Envelope
from schemas.intake import Fix
from schemas.outputs import FenceEvent
from streams.limits import IntakeSettings, limits_of

SOURCE = "jingwei/fences"


class Fencing:
    """Follows the units of the positions' partitions.

    Parameters
    ----------
    city
        Whose fences they are.
    settings
        Which fences, and how visits are judged.

    Raises
    ------
    geo.errors.BadFence
        A fence's attributes cannot be used.
    """

    def __init__(self, city: CityData, settings: IntakeSettings) -> None:
        self._limits = limits_of(settings)
        self._watch = FenceWatch(city, fence_terms(city, self._limits))
        self._wait = timedelta(seconds=settings.fence_end_wait_s)
        self._followed: dict[int, FollowedUnits] = {}

    def move_to(self, city: CityData) -> None:
        """Follow units among a city's changed fences: each partition's from its next write on.

        Raises
        ------
        geo.errors.BadFence
            A fence's attributes cannot be used; nothing has changed then.
        """
        self._watch = FenceWatch(city, fence_terms(city, self._limits))

    async def load(self, conn: asyncpg.Connection, partition: int) -> None:
        """Take over a partition's units from the ledger."""
        units = [_state(unit) for unit in await watch.load_units(conn, partition)]
        last = await self._last_terms(conn, partition)
        self._followed[partition] = FollowedUnits(self._watch, partition, units, last)

    async def _last_terms(self, conn: asyncpg.Connection, partition: int) -> LastTerms:
        row = await watch.last_terms(conn, partition)
        if row is None:
            return LastTerms()
        known: FenceTerms = wire.decode(row.terms, FenceTerms)
        other = known != self._watch.terms
        names = await watch.fence_names(conn, known.city) if other else None
        return LastTerms(row.number, known, row.until, names)

    def forget(self, partition: int) -> None:
        """Throw away the memory of a partition."""
        self._followed.pop(partition, None)

    def is_due(self, partition: int, now: datetime) -> bool:
        """Whether there is something to write without a message."""
        followed = self._followed.get(partition)
        if followed is None:
            return False
        return followed.watch is not self._watch or followed.is_due(now - self._wait)

    def end_fences(self, partition: int, now: datetime) -> None:
        """Close the visits to fences that have ended, at the next `write`."""
        self._followed[partition].end_fences(now - self._wait)

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
            Of the message with which the batch begins; what other terms tell comes before it.
        taken
            The partition's fixes in the order in which they came, and their messages' ids.
        """
        # Not at once when the fences change: what other terms tell stands before this offset.
        followed = self._followed[partition] = self._followed[partition].under(self._watch)
        terms = followed.watch.terms
        told = followed.take([fix for fix, _ in taken])
        if told.new_terms:
            await watch.add_terms(
                conn,
                Terms(
                    partition=partition,
                    number=followed.number,
                    from_offset=offset,
                    city=terms.city,
                    terms=wire.encode(terms),
                    until=followed.until,
                ),
            )
        await watch.save_units(conn, partition, [_row(state) for state in told.states])
        return [
            _message(event, None if fix is None else taken[fix][1]) for event, fix in told.events
        ]


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
