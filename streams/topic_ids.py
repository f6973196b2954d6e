"""The ids that the broker gives topics, with an error of a worker's where it does not answer."""

from collections.abc import Collection

from aiokafka.errors import KafkaError

from infra import topic_ids
from infra.topic_ids import KnownTopic
from streams.errors import BrokerMissing

__all__ = ["KnownTopic", "known_topics"]


async def known_topics(bootstrap: str, names: Collection[str]) -> dict[str, KnownTopic]:
    """Return what `infra.topic_ids.known_topics` does; raises `BrokerMissing`."""
    try:
        return await topic_ids.known_topics(bootstrap, names)
    except (KafkaError, OSError) as error:
        raise BrokerMissing(f"no broker answers at {bootstrap}: {error}") from error
