"""How the city's work stands: what waits to be read, applied and sent, and what is open."""

import asyncpg
import msgspec
from aiokafka.errors import KafkaError

from cli.asking import ask_at
from cli.demo.log import READ, behind, opened
from infra.ledger import run
from infra.ledger.queries import Status, status
from infra.ledger.run import Part
from infra.local.errors import Unreachable
from infra.settings import Endpoints
from schemas import codes, topics


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """Counts of a moment.

    Attributes
    ----------
    worker_lag
        Messages of the input topics that no worker has dealt with, by topic.
    journal_lag
        Entries of the journal that are not applied.
    outbox_waiting
        Messages written and not sent yet.
    """

    worker_lag: dict[str, int]
    journal_lag: int
    outbox_waiting: int
    dead_letters: int
    open_incidents: int
    alerts: int
    units: dict[str, int]
    policies: dict[str, str | None]


async def health(endpoints: Endpoints, group: str) -> Health:
    """Return how the city's work stands.

    Parameters
    ----------
    group
        The workers' consumer group.

    Raises
    ------
    LedgerError, Unreachable
        The ledger or the broker does not answer, or has no schema yet.
    """

    async def question(conn: asyncpg.Connection) -> tuple[Status, dict[Part, int]]:
        return await status(conn), await run.consumed(conn, group)

    found, consumed = await ask_at(endpoints, question)
    try:
        async with opened(endpoints.bootstrap) as log:
            names = await log.names()
            ends = await log.ends([topic for topic in READ if topic.name in names])
    except (KafkaError, OSError) as error:
        raise Unreachable(f"the broker at {endpoints.bootstrap} does not tell: {error}") from error
    lag = behind(ends, consumed)
    states = codes.incident_states()
    return Health(
        journal_lag=lag.pop(topics.JOURNAL.name, 0),
        worker_lag=lag,
        outbox_waiting=sum(found.outbox.values()),
        dead_letters=sum(found.dead_letters.values()),
        open_incidents=sum(n for state, n in found.incidents.items() if states[state].open),
        alerts=found.counts["alerts_active"],
        units=found.units,
        policies={region.region: region.policy_version for region in found.regions},
    )


def lines(found: Health) -> list[str]:
    """Return it for people, a line a fact."""
    lag = ", ".join(f"{count} of {name}" for name, count in found.worker_lag.items())
    units = ", ".join(f"{count} {state}" for state, count in found.units.items())
    return [
        f"unread    {lag or 'nothing'}",
        f"journal   {found.journal_lag} entries not applied",
        f"outbox    {found.outbox_waiting} messages not sent",
        f"dead      {found.dead_letters} letters",
        f"incidents {found.open_incidents} open, {found.alerts} alerts",
        f"units     {units or 'none'}",
    ]
