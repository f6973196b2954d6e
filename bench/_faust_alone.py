"""A Faust agent that does nothing, for comparison: prints messages a second, then ends."""

import os
import sys
import time
import uuid

import faust


def main(bootstrap: str, topic_name: str, count: int, folder: str) -> None:
    """Read ``count`` messages of a topic from its beginning."""
    app = faust.App(
        f"nothing-{uuid.uuid4().hex}",
        broker=f"kafka://{bootstrap}",
        value_serializer="raw",
        datadir=folder,
        topic_allow_declare=False,
        topic_disable_leader=True,
        web_enabled=False,
        worker_redirect_stdouts=False,
        consumer_auto_offset_reset="earliest",
        broker_max_poll_records=10_000,
        stream_buffer_maxsize=32_768,
    )
    topic = app.topic(topic_name, value_serializer="raw")

    @app.agent(topic)
    async def nothing(stream):  # noqa: ANN001, ANN202 - Faust's own form
        seen, begun = 0, 0.0
        async for batch in stream.noack_take(1000, within=0.05):
            begun = begun or time.monotonic()
            seen += len(batch)
            for event in batch:
                event.ack()
            if seen >= count:
                print(f"rate={seen / (time.monotonic() - begun)}", flush=True)
                os._exit(0)

    faust.Worker(app, loglevel="ERROR").execute_from_commandline()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4])
