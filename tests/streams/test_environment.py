"""A worker that lacks the fleet's city decides nothing, ends, and costs no message."""

from datetime import UTC, datetime, timedelta

import pytest

from dispatch.travel import Routers
from infra.archive import CityMissing
from infra.ledger import open_pool
from infra.settings import Endpoints
from schemas import topics
from schemas.journal import EvidenceNoted
from streams import batch
from streams.batch import Processor
from streams.dispatcher import Dispatcher
from streams.exits import Exit
from streams.messages import Received
from streams.metrics import Metrics
from streams.producer import Producer
from streams.relay import Relay
from tests.infra.ledger.scenario import evidence, fleet, policy, router
from tests.streams.rig import make_all_topics, message

pytestmark = [pytest.mark.kafka, pytest.mark.postgis]

REGION = "lacking"
REPORTS = 150
NOW = datetime.now(UTC).replace(microsecond=0)


class Left(BaseException):
    """The worker would have ended, by this code and sentence."""


def leave(code: Exit, text: str, *args: object) -> None:
    raise Left(code, text % args)


def missing(digest: str) -> Routers:
    raise CityMissing(f"no copy of the city {digest}: bring it here")


def journal() -> list[Received]:
    """Return a journal of a fleet and of fires, far apart."""
    fires = [
        EvidenceNoted(
            id=f"e{n}",
            region=REGION,
            evidence=evidence(REGION, str(n), 30 * n, 1 + 5 * n, NOW + timedelta(seconds=n)),
        )
        for n in range(REPORTS)
    ]
    found = []
    for offset, entry in enumerate(
        (policy(REGION, "2026-11-24.1", 60.0), fleet(REGION, "far-city"), *fires)
    ):
        sent = message(topics.JOURNAL, entry)
        at = NOW + timedelta(seconds=offset)
        found.append(Received(topics.JOURNAL.name, 0, offset, b"r", sent.value, sent.headers, at))
    return found


async def test_reports_wait_for_a_worker_that_has_the_city(endpoints: Endpoints, monkeypatch):
    monkeypatch.setattr(batch, "die", leave)
    await make_all_topics(endpoints.bootstrap)
    pool = await open_pool(endpoints.worker_url)
    producer = Producer(endpoints.bootstrap, idempotent=endpoints.broker_idempotent)
    await producer.start()

    def worker(routers: Routers) -> Processor:
        return Processor(
            Dispatcher({REGION: 0}, routers),
            group="g",
            pool=pool,
            relay=Relay(pool, producer),
            metrics=Metrics(),
        )

    entries = journal()
    for _ in range(3):
        with pytest.raises(Left, match="no copy of the city far-city") as left:
            await worker(missing).process(entries)
        assert left.value.args[0] is Exit.USAGE
    assert await pool.fetchval("SELECT count(*) FROM dead_letter") == 0
    assert await pool.fetchval("SELECT count(*) FROM strike") == 0
    await worker(router).process(entries)
    applied = await pool.fetch("SELECT entry_kind, count(*) FROM applied GROUP BY 1")
    assert dict(applied) == {"policy": 1, "fleet": 1, "evidence": REPORTS}
    assert await pool.fetchval("SELECT count(*) FROM dead_letter") == 0
    assert await pool.fetchval("SELECT count(*) FROM incident") > 0
    await producer.stop()
    await pool.close()
