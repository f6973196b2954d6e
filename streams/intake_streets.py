"""Street conditions: names and segments resolved to arcs of the street graph."""

from datetime import datetime

import asyncpg

from geo.city import CityData
from geo.conditions import DEEPEST_M, FASTEST, MOST_LANES, SLOWEST
from infra.ledger.outbox import Message
from schemas import topics
from schemas.envelope import Envelope
from schemas.ids import derive
from schemas.inputs import StreetCondition
from schemas.journal import StreetChanged
from streams.dead_letters import Fault
from streams.errors import BadInput
from streams.limits import IntakeSettings
from streams.messages import Received, to_journal
from streams.sources import Sources
from streams.validate import (
    Checker,
    Now,
    check_id,
    check_text,
    open_message,
    to_utc,
    unknown,
)

_KINDS = ("closure", "lane_closure", "flood_depth", "speed_factor", "cleared")
_MAX_SEGMENTS = 5_000
_MAX_REASON = 1_000
_MAX_FACTOR = min(1.0, FASTEST)


class StreetsIntake:
    """Handler of ``city.street.conditions``."""

    name = "intake_streets"
    topic = topics.STREETS
    bulk = False

    def __init__(self, city: CityData, limits: IntakeSettings, now: Now = unknown) -> None:
        self._region = city.manifest.region
        self._streets = city.streets
        self._checker = Checker(city, limits, now)
        self.sources = Sources(self.topic.name)
        self._changes: list[Message] = []

    async def load(self, conn: asyncpg.Connection, partition: int) -> None:
        """Take over what is known of the sources' clocks."""
        await self.sources.load(conn, partition)

    def forget(self, partition: int) -> None:
        """Throw away what was not written, of all partitions."""
        self.sources.forget(partition)
        self._changes.clear()

    def handle(self, message: Received) -> None:
        """Take in one condition; a tombstone says that the condition of its key is over."""
        if message.value is None:
            self._clear(message)
            return
        envelope, condition = open_message(message, self.topic, StreetCondition)
        # Its own times say when it holds, which may be whenever.
        with self.sources.hearing(message, envelope):
            self._take(message, envelope, condition)

    def _take(self, message: Received, envelope: Envelope, condition: StreetCondition) -> None:
        self._checker.received(message)
        check_id(condition.condition, "condition")
        _check_kind(condition)
        start, end = _validity(condition)
        entry = StreetChanged(
            id=derive(f"{envelope.source}\x1f{envelope.id}", "street"),
            region=self._region,
            condition=condition.condition,
            kind=condition.kind,
            segments=self._arcs(condition),
            valid_from=start,
            valid_until=end,
            speed_factor=condition.speed_factor,
            reason=check_text(condition.reason, "reason", _MAX_REASON),
            lanes_closed=condition.lanes_closed,
            depth_m=condition.depth_m,
        )
        self._changes.append(
            to_journal(entry, correlation=condition.condition, causation=envelope.id)
        )

    async def write(self, conn: asyncpg.Connection, partition: int) -> list[Message]:
        """Return the entries."""
        await self.sources.write(conn, partition)
        changes, self._changes = self._changes, []
        return changes

    def _clear(self, message: Received) -> None:
        """Journal the end of the condition that a tombstone names by its key."""
        at = self._checker.received(message)
        try:
            condition = (message.key or b"").decode()
        except UnicodeDecodeError as error:
            raise BadInput(Fault.TEXT, "a tombstone's key is not UTF-8") from error
        check_id(condition, "a tombstone's key")
        # It has no id of its own; where and when it stands tells it from all others.
        place = f"{message.topic}/{message.partition}/{message.offset}/{message.at.isoformat()}"
        entry = StreetChanged(
            id=derive(place, "street"),
            region=self._region,
            condition=condition,
            kind="cleared",
            segments=(),
            valid_from=at,
            valid_until=None,
            speed_factor=None,
            reason="withdrawn",
        )
        self._changes.append(to_journal(entry, correlation=condition))

    def _arcs(self, condition: StreetCondition) -> tuple[str, ...]:
        """Return arc ids: those named, and all of a named street, both directions."""
        if len(condition.segments) > _MAX_SEGMENTS:
            raise BadInput(
                Fault.CONDITION,
                f"{len(condition.segments)} segments are more than {_MAX_SEGMENTS}",
            )
        for segment in condition.segments:
            if not self._streets.has_arc(segment):
                raise BadInput(
                    Fault.UNKNOWN_STREET, f"the street graph has no segment {segment[:60]!r}"
                )
        found = dict.fromkeys(condition.segments)
        if condition.street is not None:
            arcs = self._streets.arcs_by_name(condition.street)
            if not len(arcs):
                raise BadInput(
                    Fault.UNKNOWN_STREET, f"the city has no street {condition.street[:60]!r}"
                )
            found.update(dict.fromkeys(self._streets.arcs.id[int(arc)] for arc in arcs))
        if not found and condition.kind != "cleared":
            raise BadInput(Fault.CONDITION, "neither segments nor a street: name one of them")
        return tuple(found)


def _check_kind(condition: StreetCondition) -> None:
    if condition.kind not in _KINDS:
        raise BadInput(
            Fault.UNKNOWN_CODE, f"kind {condition.kind[:40]!r} is none of {', '.join(_KINDS)}"
        )
    _check_figure(condition, "speed_factor", "speed_factor", SLOWEST, _MAX_FACTOR)
    _check_figure(condition, "lane_closure", "lanes_closed", 1, MOST_LANES)
    _check_figure(condition, "flood_depth", "depth_m", 0, DEEPEST_M)


def _check_figure(
    condition: StreetCondition, kind: str, field: str, least: float, most: float
) -> None:
    """Refuse a kind without its figure, and a figure that is out of range whatever the kind."""
    value = getattr(condition, field)
    if value is None:
        if condition.kind == kind:
            raise BadInput(Fault.CONDITION, f"{field} is missing: a {kind} needs it")
    elif not least <= value <= most:
        raise BadInput(Fault.CONDITION, f"{field} {value!s:.40} is not {least:g} to {most:g}")


def _validity(condition: StreetCondition) -> tuple[datetime, datetime | None]:
    """Return begin and end in UTC; they may be whenever they like, but in this order."""
    start = to_utc(condition.valid_from, "valid_from")
    end = None if condition.valid_until is None else to_utc(condition.valid_until, "valid_until")
    if end is not None and end <= start:
        raise BadInput(Fault.CONDITION, f"valid_until {end} is not after valid_from {start}")
    return start, end
