"""What has come is read ahead, in order, as far as there is room."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from streams.inbox import Inbox

ROOM = 5


class Stream:
    """A stream that says how far it was read, and breaks off where it is told to."""

    def __init__(self, many: int, error: Exception | None = None) -> None:
        self.read, self.many, self.error = 0, many, error
        self.closed = False

    async def events(self) -> AsyncIterator[int]:
        try:
            for number in range(self.many):
                await asyncio.sleep(0)
                self.read = number + 1
                yield number
            if self.error is not None:
                raise self.error
            await asyncio.Event().wait()
        finally:
            self.closed = True


def inbox(stream: Stream, looked: list[int] | None = None) -> Inbox[int]:
    async def look(event: int) -> None:
        if looked is not None:
            looked.append(event)

    return Inbox(stream.events(), size=lambda _: 1, most=ROOM, look=look)


async def some(events: AsyncIterator[int], many: int) -> list[int]:
    return [await anext(events) for _ in range(many)]


async def settled() -> None:
    for _ in range(60):
        await asyncio.sleep(0)


async def test_all_that_has_room_is_looked_at_before_its_turn() -> None:
    stream, looked = Stream(100), list[int]()
    box = inbox(stream, looked)
    events = box.given()
    assert await some(events, 1) == [0]
    await settled()
    assert looked == list(range(ROOM + 2)), "what is given out makes room, what is too much waits"
    assert not box.is_empty()
    assert await some(events, 99) == list(range(1, 100))
    assert looked == list(range(100))
    assert box.is_empty()
    await events.aclose()  # type: ignore[attr-defined]


async def test_what_the_stream_raises_comes_after_all_before_it() -> None:
    events = inbox(Stream(3, ValueError("broken"))).given()
    assert await some(events, 3) == [0, 1, 2]
    with pytest.raises(ValueError, match="broken"):
        await anext(events)


async def test_nothing_goes_on_behind_it() -> None:
    stream = Stream(2)
    events = inbox(stream).given()
    waiting = asyncio.create_task(some(events, 3))
    await settled()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await events.aclose()  # type: ignore[attr-defined]
    assert len(asyncio.all_tasks()) == 1, "only this test's own"
