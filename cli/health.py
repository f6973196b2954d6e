"""Health of the running city: messages not read, applied or sent, open incidents, alerts."""

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

READ = (*topics.INPUTS, topics.JOURNAL)
"""Topics that workers read."""
_SHOWN = 5


class LostOffsets(msgspec.Struct, frozen=True, kw_only=True):
    """Messages that the broker deleted before they were read; both offsets inclusive.

    ``noticed_at`` is None if no worker has noticed it yet.
    """

    topic: str
    partition: int
    first: int
    last: int
    noticed_at: datetime | None


class MadeAnew(msgspec.Struct, frozen=True, kw_only=True):
    """A topic that was deleted and recreated; ``noticed_at`` as in `LostOffsets`."""

    topic: str
    times: int
    noticed_at: datetime | None


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """Counts at one moment.

    Attributes
    ----------
    worker_lag
        Messages that no worker has processed, by topic, without the journal.
    journal_lag
        Journal entries that are not applied; None if unknown.
    held
        How many of both are in or behind a producer's open transaction, by topic.
    unknown
        Topics whose lag is unknown, and why.
    lost, anew
        Lost offsets, latest first, and recreated topics.
    outbox_waiting
        Messages written but not sent yet.
    opinions_last_hour
        Reports on which the second reader has given its opinion in the last hour.
    """

    worker_lag: dict[str, int]
    journal_lag: int | None
    held: dict[str, int]
    unknown: dict[str, str]
    lost: list[LostOffsets]
    anew: list[MadeAnew]
    outbox_waiting: int
    opinions_last_hour: int
    dead_letters: int
    open_incidents: int
    alerts: int
    units: dict[str, int]
    policies: dict[str, str | None]


async def health(endpoints: Endpoints, group: str) -> Health:
    """Return the health of the running city.

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
        opinions_last_hour=found.counts["opinions_last_hour"],
        dead_letters=sum(found.dead_letters.values()),
        open_incidents=sum(n for state, n in found.incidents.items() if states[state].open),
        alerts=found.counts["alerts_active"],
        units=found.units,
        policies={region.region: region.policy_version for region in found.regions},
    )


class _Told(NamedTuple):
    """Results of the ledger's queries."""

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
    """Return the health as text, one fact per line."""
    lag = ", ".join(
        [f"{count} of {name}" for name, count in found.worker_lag.items()]
        + [
            f"unknown for {name} ({why})"
            for name, why in found.unknown.items()
            if name != topics.JOURNAL.name
        ]
    )
    journal = (
        f"unknown ({found.unknown[topics.JOURNAL.name]})"
        if found.journal_lag is None
        else f"{found.journal_lag} entries not applied"
    )
    units = ", ".join(f"{count} {state}" for state, count in found.units.items())
    return [
        f"unread    {lag or 'nothing'}",
        f"journal   {journal}",
        *(
            f"held      {count} of {name} are in or behind an open transaction of a producer: "
            "they cannot be read until it ends"
            for name, count in found.held.items()
        ),
        f"outbox    {found.outbox_waiting} messages not sent",
        f"reader    {_told_reader(found.opinions_last_hour)}",
        f"dead      {found.dead_letters} letters",
        f"incidents {found.open_incidents} open, {found.alerts} alerts",
        f"units     {units or 'none'}",
        *_told_lost(found.lost),
        *(f"recreated {_told_anew(log)}" for log in found.anew),
    ]


def _told_reader(opinions: int) -> str:
    if opinions:
        return f"{opinions} opinions of the second reader in the last hour"
    return "no opinion of a second reader in the last hour: the lexicon reads alone"


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
            f"{log.topic} was deleted and recreated: workers refuse it, because the ledger's "
            "incidents refer to offsets of the old one. Use the broker that has the old one, or "
            "start both again from nothing (`jingwei down --wipe`)"
        )
    return (
        f"{log.topic} was deleted and recreated{_when(log.noticed_at)}: unread messages of the "
        "old one are lost"
    )


def _when(noticed_at: datetime | None) -> str:
    if noticed_at is None:
        return " (no worker has noticed it yet)"
    return f" (noticed {noticed_at:%Y-%m-%d %H:%M:%S} UTC)"
