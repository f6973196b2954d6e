"""Intake of reports, stamps and streets on the real topics, as a worker does it, for a scene."""

import contextlib
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime

from aiokafka import ConsumerRecord

from intake import BadInput, IntakeLimits, Reports, Stamps, Streets, noted
from schemas import topics
from schemas.journal import Entry
from tests.cli.scene import Scene
from tests.console.town import town
from tests.following import Take, following

TOPICS = (topics.REPORTS, topics.UNIT_STATUS, topics.STREETS)


@contextlib.contextmanager
def taking_in(scene: Scene) -> Iterator[None]:
    """Take in what stands on the topics from now on, on a thread of its own."""
    city, limits = town(scene.region), IntakeLimits()
    reports, stamps = Reports(city, limits, b"secret"), Stamps(city, limits)
    streets = Streets(city)

    def entry_of(record: ConsumerRecord) -> Entry:
        arrived = datetime.now(UTC)
        if record.topic == topics.REPORTS.name:
            return noted(reports.take(reports.open(record), arrived).evidence, scene.region)
        if record.topic == topics.STREETS.name:
            return streets.take(streets.open(record))
        return stamps.take(stamps.open(record), arrived)

    @contextlib.asynccontextmanager
    async def begin() -> AsyncIterator[Take]:
        async with scene.applying() as apply:

            async def take(record: ConsumerRecord) -> None:
                scene.journal.now = max(scene.journal.now, datetime.now(UTC))
                with contextlib.suppress(BadInput):
                    await apply(entry_of(record))

            yield take

    with following(scene.endpoints.bootstrap, TOPICS, begin):
        yield
