"""The clock's part in the journal: a timer that falls due is written there before it acts."""

import asyncio
import logging
import time
from datetime import UTC, datetime

from aiokafka.errors import KafkaError

from schemas.ids import derive
from schemas.journal import Tick
from streams.dispatcher import Dispatcher
from streams.messages import to_journal
from streams.producer import Producer

log = logging.getLogger(__name__)

EVERY_S = 0.2
AGAIN_AFTER_S = 5.0
SOURCE = "jingwei/clock"


class Ticks:
    """Writes a tick for each timer that is due, once, and again if it is not seen to act."""

    def __init__(self, dispatcher: Dispatcher, producer: Producer) -> None:
        self._dispatcher = dispatcher
        self._producer = producer
        self._sent: dict[str, tuple[datetime, float]] = {}

    async def run(self) -> None:
        """Look at the timers until cancelled."""
        while True:
            await asyncio.sleep(EVERY_S)
            await self.send_due(datetime.now(UTC))

    async def send_due(self, now: datetime) -> None:
        """Write ticks for the timers due at ``now``."""
        for region, due in list(self._dispatcher.due()):
            if due > now or self._is_under_way(region, due):
                continue
            # A timer can be set again for exactly the due of one that has acted: by the due alone
            # its tick would be a repeat, and never act.
            tick_id = derive(region, f"tick/{due.isoformat()}/{now.isoformat()}")
            tick = Tick(id=tick_id, region=region, due=due)
            try:
                await self._producer.send_all([to_journal(tick, source=SOURCE)])
            except KafkaError as error:
                log.warning("tick of %s not sent: %s", region, error)
                return
            self._sent[region] = (due, time.monotonic())

    def _is_under_way(self, region: str, due: datetime) -> bool:
        last = self._sent.get(region)
        return last is not None and last[0] == due and time.monotonic() - last[1] < AGAIN_AFTER_S
