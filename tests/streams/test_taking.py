"""Batches of a stream: nothing waits for a timer, and what comes meanwhile goes together."""

import asyncio
from collections.abc import AsyncIterator

from hypothesis import given
from hypothesis import strategies as st

from streams.taking import batches


def one(_event: int) -> int:
    return 1


class Stream:
    """A queue that is iterated as Faust's streams are: another task runs before each event."""

    def __init__(self, *events: int) -> None:
        self.queue: asyncio.Queue[int] = asyncio.Queue()
        self.put(*events)

    def put(self, *events: int) -> None:
        for event in events:
            self.queue.put_nowait(event)

    def waiting(self) -> bool:
        return not self.queue.empty()

    async def events(self) -> AsyncIterator[int]:
        while True:
            await asyncio.sleep(0)
            yield await self.queue.get()


async def test_a_message_that_comes_alone_is_taken_at_once() -> None:
    stream, rests = Stream(), []

    async def rest(full: bool) -> None:
        rests.append(full)

    taken = batches(stream.events(), most=10, size=one, waiting=stream.waiting, rest=rest)
    asyncio.get_running_loop().call_soon(stream.put, 1)
    assert await anext(taken) == [1]
    assert rests == [False]


async def test_what_comes_while_the_last_batch_is_dealt_with_goes_together() -> None:
    stream = Stream(1)

    async def rest(full: bool) -> None:
        if stream.queue.empty():
            stream.put(2, 3)

    taken = batches(stream.events(), most=10, size=one, waiting=stream.waiting, rest=rest)
    assert await anext(taken) == [1, 2, 3]


async def test_a_full_batch_is_not_made_to_wait_for_company() -> None:
    stream, rests = Stream(1, 2, 3, 4, 5), []

    async def rest(full: bool) -> None:
        rests.append(full)

    taken = batches(stream.events(), most=2, size=one, waiting=stream.waiting, rest=rest)
    assert [await anext(taken) for _ in range(3)] == [[1, 2], [3, 4], [5]]
    assert rests == [True, True, False]


@given(st.lists(st.integers(0, 4), max_size=20), st.integers(1, 5))
def test_every_event_is_in_one_batch_and_in_order(arrivals: list[int], most: int) -> None:
    """However events come in while the worker rests or works."""

    async def run() -> None:
        stream, coming, sent = Stream(0), iter(arrivals), 1

        def arrive() -> None:
            nonlocal sent
            count = next(coming, 0)
            stream.put(*range(sent, sent + count))
            sent += count

        async def rest(full: bool) -> None:
            arrive()

        seen: list[int] = []
        async for batch in batches(
            stream.events(), most=most, size=one, waiting=stream.waiting, rest=rest
        ):
            assert 0 < len(batch) <= most
            seen += batch
            arrive()
            if not stream.waiting():
                break
        assert seen == list(range(sent))

    asyncio.run(run())
