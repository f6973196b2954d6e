"""How the city's work stands: what waits to be read, applied and sent, and what is open."""

from datetime import datetime
from typing import NamedTuple

import asyncpg
import msgspec

from cli.asking import ask_at
from cli.unread import Unread, unread
from infra.ledger import logs, run
from infra.ledger.logs import Lost, TopicLog
from infra.ledger.queries import Status, status
from infra.ledger.run import Part
from infra.settings import Endpoints
from schemas import codes, topics

READ = (*topics.INPUTS, topics.JOURNAL, topics.INCIDENTS)
"""Topics that workers read."""
_SHOWN = 5


class LostOffsets(msgspec.Struct, frozen=True, kw_only=True):
    """Messages that the broker had deleted before they were read; both offsets included.

    ``noticed_at`` is None where no worker has noticed it yet.
    """

    topic: str
    partition: int
    first: int
    last: int
    noticed_at: datetime | None


class MadeAnew(msgspec.Struct, frozen=True, kw_only=True):
    """A topic that was deleted and made anew; ``noticed_at`` as above."""

    topic: str
    times: int
    noticed_at: datetime | None


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """Counts of a moment.

    Attributes
    ----------
    worker_lag
        Messages that no worker has dealt with, by topic, the journal left out.
    journal_lag
        Entries of the journal that are not applied; None when that is not known.
    held
        How many of both are in or behind a producer's open transaction, by topic.
    unknown
        Topics of which nobody can say what waits, and why.
    lost, anew
        What was lost of the topics, the latest first, and which of them were made anew.
    outbox_waiting
        Messages written and not sent yet.
    """

    worker_lag: dict[str, int]
    journal_lag: int | None
    held: dict[str, int]
    unknown: dict[str, str]
    lost: list[LostOffsets]
    anew: list[MadeAnew]
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

    async def question(conn: asyncpg.Connection) -> _Told:
        return _Told(
            await status(conn),
            await run.consumed(conn, group),
            await logs.known_logs(conn),
            await logs.lost_ranges(conn, group),
        )

    told = await ask_at(endpoints, question)
    found = told.status
    left = await unread(
        endpoints.bootstrap,
        READ,
        told.consumed,
        told.logs,
        exact=endpoints.broker_idempotent,
    )
    lag = dict(left.lag)
    journal_lag = lag.pop(topics.JOURNAL.name, 0)
    states = codes.incident_states()
    return Health(
        journal_lag=None if topics.JOURNAL.name in left.unknown else journal_lag,
        worker_lag=lag,
        held=left.held,
        unknown=left.unknown,
        lost=_lost(left, told),
        anew=_anew(left, told),
        outbox_waiting=sum(found.outbox.values()),
        dead_letters=sum(found.dead_letters.values()),
        open_incidents=sum(n for state, n in found.incidents.items() if states[state].open),
        alerts=found.counts["alerts_active"],
        units=found.units,
        policies={region.region: region.policy_version for region in found.regions},
    )


class _Told(NamedTuple):
    """What the ledger tells."""

    status: Status
    consumed: dict[Part, int]
    logs: dict[str, TopicLog]
    lost: list[Lost]


def _lost(left: Unread, told: _Told) -> list[LostOffsets]:
    unnoticed = []
    for (topic, partition), count in left.gone.items():
        first = 0 if topic in left.anew else told.consumed.get((topic, partition), 0)
        unnoticed.append(
            LostOffsets(
                topic=topic,
                partition=partition,
                first=first,
                last=first + count - 1,
                noticed_at=None,
            )
        )
    return unnoticed + [
        LostOffsets(
            topic=lost.topic,
            partition=lost.partition,
            first=lost.first,
            last=lost.last,
            noticed_at=lost.noticed_at,
        )
        for lost in told.lost
    ]


def _anew(left: Unread, told: _Told) -> list[MadeAnew]:
    noticed = [
        MadeAnew(topic=log.topic, times=log.incarnation, noticed_at=log.noticed_at)
        for log in told.logs.values()
        if log.incarnation and log.topic not in left.anew
    ]
    return noticed + [
        MadeAnew(topic=name, times=told.logs[name].incarnation + 1, noticed_at=None)
        for name in left.anew
    ]


def lines(found: Health) -> list[str]:
    """Return it for people, a line a fact."""
    lag = ", ".join(
        [f"{count} of {name}" for name, count in found.worker_lag.items()]
        + [
            f"not known of {name} ({why})"
            for name, why in found.unknown.items()
            if name != topics.JOURNAL.name
        ]
    )
    journal = (
        f"not known ({found.unknown[topics.JOURNAL.name]})"
        if found.journal_lag is None
        else f"{found.journal_lag} entries not applied"
    )
    units = ", ".join(f"{count} {state}" for state, count in found.units.items())
    return [
        f"unread    {lag or 'nothing'}",
        f"journal   {journal}",
        *(
            f"held      {count} of {name} wait in or behind an open transaction of some producer: "
            "nobody can read them until it ends"
            for name, count in found.held.items()
        ),
        f"outbox    {found.outbox_waiting} messages not sent",
        f"dead      {found.dead_letters} letters",
        f"incidents {found.open_incidents} open, {found.alerts} alerts",
        f"units     {units or 'none'}",
        *_told_lost(found.lost),
        *(f"anew      {_told_anew(log)}" for log in found.anew),
    ]


def _told_lost(lost: list[LostOffsets]) -> list[str]:
    told = [
        f"lost      {part.topic}/{part.partition}: offsets {part.first} to {part.last} deleted "
        f"by retention before they were read{_when(part.noticed_at)}"
        for part in lost[:_SHOWN]
    ]
    more = len(lost) - _SHOWN
    return [*told, f"lost      and {more} more: `jingwei status --json`"] if more > 0 else told


def _told_anew(log: MadeAnew) -> str:
    if log.topic == topics.JOURNAL.name:
        return (
            f"{log.topic} was deleted and made anew: no worker starts with it, for the ledger's "
            "incidents stand at offsets of the old one. Use the broker that has the old one, or "
            "begin broker and ledger anew (`jingwei down --wipe`)"
        )
    return (
        f"{log.topic} was deleted and made anew{_when(log.noticed_at)}: what had not been read of "
        "the old one is lost"
    )


def _when(noticed_at: datetime | None) -> str:
    if noticed_at is None:
        return " (no worker has noticed it yet)"
    return f" (noticed {noticed_at:%Y-%m-%d %H:%M:%S} UTC)"
