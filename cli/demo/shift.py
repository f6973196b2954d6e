"""The start of a shift: close incidents that earlier runs left open, and stamp every crew in.

This uses the normal ways: an operator's commands on the journal, stamps and cleared streets on
the input topics. The timelines have every change with its reason.
"""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

import asyncpg
from aiokafka import AIOKafkaProducer

from atlas.city import CityData
from cli.demo.errors import NotReady
from cli.demo.log import Log, until_read
from desk import DeskError, command_for, open_desk
from infra.ledger import run
from infra.ledger.pool import reading
from infra.ledger.snapshot import load_snapshot
from infra.settings import Endpoints
from schemas import codes, inputs, journal, topics, wire
from schemas.envelope import Envelope
from schemas.ids import derive
from schemas.records import Condition, Unit
from schemas.snapshot import Snapshot
from schemas.topics import Topic

OPERATOR = "shift-start"
_WHY = "left open by an earlier run: a new shift starts"
_SOURCE = "/jingwei/demo"
_ROUNDS = 4
_SEND_S = 15.0
_NEVER = asyncio.Event()


async def call(
    endpoints: Endpoints, ledger: asyncpg.Connection, city: CityData, say: Callable[[str], None]
) -> datetime:
    """Close open incidents and stamp every unit in; return the time of the stamps.

    This does not wait for a worker: the messages stay in the topics until there is one.
    """
    async with reading(ledger) as conn:
        known = await load_snapshot(conn, city.manifest.region)
    now = datetime.now(UTC)
    now = now.replace(microsecond=now.microsecond // 1000 * 1000)
    orders = [] if known is None else list(_orders(known))
    if orders:
        closed = sum(isinstance(order.action, journal.Close) for order in orders)
        say(
            f"{closed} incidents left open by an earlier run: units called back, closed (no_action)"
        )
        async with open_desk(endpoints, OPERATOR, application="jingwei-demo") as desk:
            try:
                await desk.write(orders, _SEND_S)
            except DeskError as error:
                raise NotReady(str(error)) from error
    conditions = () if known is None else known.conditions
    if conditions:
        say(f"{len(conditions)} street conditions of an earlier run: cleared")
    await _produce(endpoints, city.units, conditions, now)
    return now


async def settle(
    endpoints: Endpoints,
    ledger: asyncpg.Connection,
    log: Log,
    city: CityData,
    group: str,
    timeout_s: float,
    say: Callable[[str], None],
) -> None:
    """Start the shift and wait until every unit is free and no incident is open.

    Raises
    ------
    NotReady
        Nothing was read for that many seconds.
    """
    region, wanted = city.manifest.region, len(city.units)
    there, left = 0, {"everything": 0}
    for _ in range(_ROUNDS):
        since = await call(endpoints, ledger, city, say)
        left = await until_read(log, ledger, group, timeout_s, _NEVER)
        there = await run.present(ledger, region, since)
        if there == wanted and not left:
            say(f"{wanted} units have stamped in: all free")
            return
        if left:
            break
    unread = ", ".join(f"{count} of {name}" for name, count in left.items()) or "nothing"
    raise NotReady(
        f"the city is not ready, and nothing was read for {timeout_s:g} s: {there} of {wanted} "
        f"units have stamped in, {unread} left to read; see the worker's log for the reason"
    )


def _orders(known: Snapshot) -> list[journal.Command]:
    """Return commands that close every open incident: hold first, so that no unit is sent again."""
    still = [i for i in known.incidents if codes.incident_state(i.state).open]
    orders = [
        command_for(incident, journal.Hold(reason=_WHY), OPERATOR)
        for incident in still
        if incident.state != "on_hold"
    ]
    for incident in still:
        sent = tuple(
            a.unit for a in known.assignments if a.incident == incident.id and a.ended is None
        )
        if sent:
            action = journal.Unassign(units=sent, reason=_WHY)
            orders.append(command_for(incident, action, OPERATOR))
        close = journal.Close(disposition="no_action", reason=_WHY)
        orders.append(command_for(incident, close, OPERATOR))
    return orders


async def _produce(
    endpoints: Endpoints,
    units: tuple[Unit, ...],
    conditions: tuple[Condition, ...],
    now: datetime,
) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=endpoints.bootstrap, acks="all")
    await producer.start()
    try:
        for condition in conditions:
            cleared = inputs.StreetCondition(
                condition=condition.id, kind="cleared", valid_from=now, reason=_WHY
            )
            await _put(producer, topics.STREETS, condition.id, cleared, now)
        for unit in units:
            stamp = inputs.UnitStatus(unit=unit.id, status="available", time=now, by=OPERATOR)
            await _put(producer, topics.UNIT_STATUS, unit.id, stamp, now)
        await producer.flush()
    finally:
        await producer.stop()


async def _put(
    producer: AIOKafkaProducer, topic: Topic, key: str, message: inputs.Input, now: datetime
) -> None:
    envelope = Envelope(
        id=derive(key, f"{topic.name}/{now.isoformat()}"),
        source=_SOURCE,
        type=topic.type,
        time=now,
        subject=key,
    )
    await producer.send(
        topic.name, key=key.encode(), value=wire.encode(message), headers=envelope.headers()
    )
