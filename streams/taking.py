"""Batches: what has come by the time that the batch before is done.

An idle worker takes a message at once. Under load the messages that come while a batch is dealt
with are the next batch, so batches grow with the load and nobody waits for a timer.
"""

from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


async def batches(
    events: AsyncIterable[T],
    *,
    most: int,
    size: Callable[[T], int],
    waiting: Callable[[], bool],
    rest: Callable[[bool], Awaitable[None]],
) -> AsyncIterator[list[T]]:
    """Yield events in their order, in lists of ``most`` messages and what the last event has more.

    Parameters
    ----------
    size
        How many messages are in an event.
    waiting
        Whether the next event is there already.
    rest
        Awaited once a batch, with whether it is full. What has come meanwhile joins the batch.
    """
    batch: list[T] = []
    count, rested = 0, False
    async for event in events:
        batch.append(event)
        count += size(event)
        if count < most and waiting():
            continue
        if not rested:
            rested = True
            await rest(count >= most)
            if count < most and waiting():
                continue
        yield batch
        batch, count, rested = [], 0, False
