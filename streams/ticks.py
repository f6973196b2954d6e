"""The clock's part in the journal: nudges, without a time of their own.

An entry lets the timers act that are due by its log-append time. Where no other entry comes, a
tick does; when, the broker's clock says. A tick that stands in the journal before the time that
it was sent for (the broker's clock was set back) does nothing, and the next one follows in time.
"""

import asyncio
import logging
import uuid
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Protocol

from aiokafka.errors import KafkaError

from infra.ledger.outbox import Message
from schemas.ids import derive
from schemas.journal import Tick
from streams.clock import RELEARN_S, BrokerClock
from streams.messages import to_journal

log = logging.getLogger(__name__)

EVERY_S = 0.2
AGAIN_AFTER_S = 5.0
SOURCE = "jingwei/clock"


class Timers(Protocol):
    """Who knows what is due; a `streams.dispatcher.Dispatcher`."""

    def due(self) -> Iterator[tuple[str, datetime]]:
        """Return the earliest timer of each region that has one."""


class Sending(Protocol):
    """Who sends, and lets the clock learn; a `streams.producer.Producer`."""

    async def send_all(self, messages: Sequence[Message]) -> int:
        """Send messages in order."""


class Ticks:
    """Writes a tick for each timer that is due, once, and again if it is not seen to act.

    Parameters
    ----------
    clock
        The broker's, which ``producer`` lets learn from what it sends.
    region
        Whose journal is nudged when only the broker's time is asked for.
    """

    def __init__(self, timers: Timers, producer: Sending, clock: BrokerClock, region: str) -> None:
        self._timers = timers
        self._producer = producer
        self._clock = clock
        self._region = region
        self._sent: dict[str, tuple[datetime, float]] = {}
        self._asked = float("-inf")
        # A tick must never be a repeat of another, or it would be passed over.
        self._name, self._count = uuid.uuid4().hex, 0

    async def run(self) -> None:
        """Look at the timers until cancelled."""
        while True:
            await asyncio.sleep(EVERY_S)
            await self.send_due()

    async def send_due(self) -> None:
        """Write ticks for the timers that are due; ask for the broker's time where need be."""
        timers = list(self._timers.due())
        now = self._clock.now()
        for region, due in timers:
            if now is None or due > now or self._is_under_way(region, due):
                continue
            if not await self._send(region):
                return
            # Sending lets the clock learn, and nobody has sent since: this is the tick's time.
            stamped = self._clock.stamped
            if stamped is None or stamped >= due:
                self._sent[region] = (due, self._clock.monotonic())
        # A broker's clock that was set is noticed only by what is sent.
        if timers and self._clock.age_s() > RELEARN_S:
            self._clock.wanted = True
        if self._clock.wanted:
            await self.ask()

    async def ask(self) -> None:
        """Nudge to learn the broker's time, unless that was done just now."""
        if self._clock.monotonic() - self._asked < AGAIN_AFTER_S:
            return
        self._asked = self._clock.monotonic()
        await self._send(self._region)

    async def _send(self, region: str) -> bool:
        self._count += 1
        tick = Tick(id=derive(region, f"tick/{self._name}/{self._count}"), region=region)
        try:
            await self._producer.send_all([to_journal(tick, source=SOURCE)])
        except KafkaError as error:
            log.warning("tick of %s not sent: %s", region, error)
            return False
        return True

    def _is_under_way(self, region: str, due: datetime) -> bool:
        last = self._sent.get(region)
        if last is None or last[0] != due:
            return False
        return self._clock.monotonic() - last[1] < AGAIN_AFTER_S
