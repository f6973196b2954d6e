"""The departments' feeds: subscriptions, and the incidents that each feed has received."""

from collections.abc import Collection, Mapping

import asyncpg
import msgspec

from infra.ledger.rows import array, columns
from infra.ledger.statements import statement
from schemas import codes


class Subscription(msgspec.Struct, frozen=True):
    """A department's feed and its filter; an empty tuple means all.

    ``target`` is the topic; ``categories`` are by default the categories that name the department
    in the code table.
    """

    id: int
    department: str
    target: str
    categories: tuple[str, ...]
    severities: tuple[str, ...] = ()
    subdistricts: tuple[str, ...] = ()

    def takes(self, category: str, severity: str, subdistrict: str | None) -> bool:
        """Whether an incident with these codes passes the filter."""
        return (
            (not self.categories or category in self.categories)
            and (not self.severities or severity in self.severities)
            and (not self.subdistricts or subdistrict in self.subdistricts)
        )


class Told(msgspec.Struct, frozen=True):
    """How much of an incident a feed has received.

    ``seq`` is the last line received, ``missing`` are earlier lines not received yet.
    """

    seq: int
    missing: tuple[int, ...] = ()


Telling = tuple[int, str]
"""Key of a `Told`: ids of a subscription and of an incident."""


async def fill_subscriptions(conn: asyncpg.Connection) -> int:
    """Create the feed ``dept.<code>`` of each department without one; return how many are new."""
    done: str = await conn.execute(statement("feeds.fill"), list(codes.departments()))
    return int(done.rpartition(" ")[2])


async def load_subscriptions(conn: asyncpg.Connection) -> list[Subscription]:
    """Return the active feeds over Kafka, in order of department."""
    return [
        Subscription(
            id=row["id"],
            department=row["department"],
            target=row["target"],
            categories=_concerning(row["department"])
            if row["categories"] is None
            else tuple(row["categories"]),
            severities=tuple(row["severities"] or ()),
            subdistricts=tuple(row["subdistricts"] or ()),
        )
        for row in await conn.fetch(statement("feeds.load"))
    ]


async def load_told(conn: asyncpg.Connection, incidents: Collection[str]) -> dict[Telling, Told]:
    """Return how much of some incidents each feed, with its present topic, has received."""
    return {
        (row["subscription_id"], row["incident_id"]): Told(row["seq"], tuple(row["missing"]))
        for row in await conn.fetch(statement("feeds.told"), sorted(incidents))
    }


async def save_told(
    conn: asyncpg.Connection, told: Mapping[Telling, Told], targets: Mapping[int, str]
) -> None:
    """Write how much feeds have received; ``targets`` are the subscriptions' topics by id."""
    rows = [
        (feed, incident, targets[feed], now.seq, array(map(str, now.missing)))
        for (feed, incident), now in sorted(told.items(), key=lambda item: item[0])
    ]
    if rows:
        await conn.execute(statement("feeds.save_told"), *columns(rows))


async def forget_told(conn: asyncpg.Connection, older_than_s: float, limit: int) -> int:
    """Delete old rows of incidents that are over; return how many."""
    done: str = await conn.execute(statement("feeds.forget_told"), older_than_s, limit)
    return int(done.rpartition(" ")[2])


def _concerning(department: str) -> tuple[str, ...]:
    """Return the categories that name a department; none if no category names it."""
    named = [code for code, row in codes.categories().items() if department in row.departments]
    return tuple(named) or ("none",)
