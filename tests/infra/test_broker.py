"""Whether a broker answers."""

import gc

from infra.local.broker import answers
from tests.silent_broker import silent_broker


async def test_a_broker_that_never_answers_is_told_in_time_and_left_without_a_connection():
    async with silent_broker() as bootstrap:
        assert not await answers(bootstrap, 0.5)
        gc.collect()
