"""What is the same for every broker: whether it answers."""

import asyncio

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError


async def answers(bootstrap: str, timeout_s: float = 5) -> bool:
    """Whether a broker answers a request for its metadata with at least one node.

    Parameters
    ----------
    bootstrap
        ``host:port``, several separated by commas.
    """
    # aiokafka logs each address that it cannot connect to, so it is asked when one can be.
    if not await _listens(bootstrap, timeout_s):
        return False
    # Each request has a time limit of its own, and is not cut off: aiokafka leaves a connection
    # open over which it was asking when it was cancelled.
    admin = AIOKafkaAdminClient(
        bootstrap_servers=bootstrap, request_timeout_ms=int(timeout_s * 1000)
    )
    try:
        await admin.start()
        return bool((await admin.describe_cluster())["brokers"])
    except (KafkaError, OSError):
        return False
    finally:
        await admin.close()


async def _listens(bootstrap: str, timeout_s: float) -> bool:
    for server in bootstrap.split(","):
        host, _, port = server.rpartition(":")
        try:
            async with asyncio.timeout(timeout_s):
                _, writer = await asyncio.open_connection(host, int(port))
        except OSError:
            continue
        writer.close()
        return True
    return False
