"""Who subscribes to which incidents: the filters of the departments' feeds."""

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


def _concerning(department: str) -> tuple[str, ...]:
    """Return the categories that name a department; one that is named by none gets none."""
    named = [code for code, row in codes.categories().items() if department in row.departments]
    return tuple(named) or ("none",)
