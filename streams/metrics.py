"""Counters of one worker, logged from time to time."""

import asyncio
import logging
import time
from collections import Counter, defaultdict

log = logging.getLogger(__name__)

EVERY_S = 10.0


class Metrics:
    """What the worker has done since its start, by name."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.seconds: defaultdict[str, float] = defaultdict(float)

    def count(self, name: str, by: int = 1) -> None:
        """Add to a counter."""
        self.counts[name] += by

    def took(self, name: str, since: float) -> float:
        """Add the seconds since a ``perf_counter`` reading to a stage; return the reading now."""
        now = time.perf_counter()
        self.seconds[name] += now - since
        return now

    async def run(self) -> None:
        """Log what has changed, every ten seconds."""
        last: Counter[str] = Counter()
        spent: dict[str, float] = {}
        while True:
            await asyncio.sleep(EVERY_S)
            new = self.counts - last
            took = {name: 1000 * (s - spent.get(name, 0.0)) for name, s in self.seconds.items()}
            last, spent = self.counts.copy(), dict(self.seconds)
            if new:
                log.info("%s", "  ".join(f"{name} {n}" for name, n in sorted(new.items())))
                log.info(
                    "ms: %s",
                    "  ".join(f"{name} {ms:.0f}" for name, ms in sorted(took.items()) if ms >= 1),
                )
