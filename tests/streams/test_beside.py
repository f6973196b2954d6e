"""What is done beside a block ends with it, whichever of the two fails."""

import asyncio

import pytest

from streams.beside import Beside


async def test_one_thing_at_a_time_in_order_and_all_of_it_before_the_end():
    done: list[int] = []

    async def act(number: int) -> None:
        for _ in range(3 - number):  # a later one would overtake the one before
            await asyncio.sleep(0)
        done.append(number)

    async with Beside() as beside:
        assert beside.idle
        for number in range(3):
            await beside.begin(act(number))
        assert not beside.idle
    assert done == [0, 1, 2]


async def test_what_fails_beside_is_raised_at_the_next_call_and_nothing_begins_after_it():
    async def fail() -> None:
        raise LookupError

    begun: list[str] = []

    async def act() -> None:
        begun.append("after")

    async def both() -> None:
        async with Beside() as beside:
            await beside.begin(fail())
            await beside.begin(act())

    with pytest.raises(LookupError):
        await both()
    assert not begun


async def test_what_is_under_way_has_ended_when_the_block_has_failed():
    ended: list[str] = []

    async def act() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            ended.append("cancelled")

    async def block() -> None:
        async with Beside() as beside:
            await beside.begin(act())
            await asyncio.sleep(0)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await block()
    assert ended == ["cancelled"]
