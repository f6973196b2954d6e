"""Who subscribes to which incidents, and who was told of which: the departments' feeds."""

from collections.abc import Collection, Mapping

import asyncpg
import msgspec

from infra.ledger.statements import statement
from schemas import codes


class Subscription(msgspec.Struct, frozen=True):
    """A department's feed and its filter; an empty tuple takes all.

    ``target`` is the topic; ``categories`` are those of the code table that name the
    department, where the row does not say otherwise.
    """

    id: int
    department: str
    target: str
    categories: tuple[str, ...]
    severities: tuple[str, ...] = ()
    subdistricts: tuple[str, ...] = ()

    def takes(self, category: str, severity: str, subdistrict: str | None) -> bool:
        """Tell whether an incident with these codes concerns the subscriber."""
        return (
            (not self.categories or category in self.categories)
            and (not self.severities or severity in self.severities)
            and (not self.subdistricts or subdistrict in self.subdistricts)
        )


class Told(msgspec.Struct, frozen=True):
    """How far a feed was told of an incident.

    ``seq`` is its last line that was told, ``missing`` are lines before it that have not come.
    """

    seq: int
    missing: tuple[int, ...] = ()


Telling = tuple[int, str]
"""What a `Told` is about: a subscription's id and an incident's."""


async def fill_subscriptions(conn: asyncpg.Connection) -> int:
    """Give each department of the code table the feed ``dept.<code>``; return how many are new."""
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
    """Return how far each feed, as its topic is now, was told of some incidents."""
    return {
        (row["subscription_id"], row["incident_id"]): Told(row["seq"], tuple(row["missing"]))
        for row in await conn.fetch(statement("feeds.told"), sorted(incidents))
    }


async def save_told(
    conn: asyncpg.Connection, told: Mapping[Telling, Told], targets: Mapping[int, str]
) -> None:
    """Write how far feeds were told; ``targets`` are the subscriptions' topics by id."""
    await conn.executemany(
        statement("feeds.save_told"),
        [
            (feed, incident, targets[feed], now.seq, list(now.missing))
            for (feed, incident), now in sorted(told.items(), key=lambda item: item[0])
        ],
    )


async def forget_told(conn: asyncpg.Connection, older_than_s: float, limit: int) -> int:
    """Delete what was told last so long ago of incidents that are over; return how much."""
    done: str = await conn.execute(statement("feeds.forget_told"), older_than_s, limit)
    return int(done.rpartition(" ")[2])


def _concerning(department: str) -> tuple[str, ...]:
    """Return the categories that name a department; one that is named by none gets none."""
    named = [code for code, row in codes.categories().items() if department in row.departments]
    return tuple(named) or ("none",)
