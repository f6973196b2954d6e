"""aiokafka without Faust, for comparison: prints messages a second, then ends.

What any reader must do is done: polls, envelopes read and checked, values decoded by msgspec,
results compared with a threshold. Nothing is kept.
"""

import asyncio
import sys
import time

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition

from schemas import topics
from schemas.inputs import SensorReading


async def read(bootstrap: str, topic: str, count: int) -> float:
    """Read ``count`` messages of a topic from its beginning; return how many a second."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap, enable_auto_commit=False, max_poll_records=10_000
    )
    await consumer.start()
    parts = [TopicPartition(topic, n) for n in range(topics.READINGS.partitions)]
    consumer.assign(parts)
    await consumer.seek_to_beginning(*parts)
    decoder, expected = msgspec.json.Decoder(SensorReading), topics.READINGS.type.encode()
    begun, seen, high = time.monotonic(), 0, 0
    try:
        while seen < count:
            for records in (await consumer.getmany(timeout_ms=500)).values():
                seen += len(records)
                for record in records:
                    attributes = dict(record.headers)
                    if attributes["ce_type"] != expected or not attributes["ce_id"]:
                        raise ValueError(f"offset {record.offset}: no reading")
                    high += decoder.decode(record.value).result > 12.0
    finally:
        await consumer.stop()
    return seen / (time.monotonic() - begun)


if __name__ == "__main__":
    print(f"rate={asyncio.run(read(sys.argv[1], sys.argv[2], int(sys.argv[3])))}", flush=True)
