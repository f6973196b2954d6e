"""Gateway, worker and broker are killed: every client shows what the ledger has, after quiet.

The long form is `python -m bench live --kills 20`.
"""

import asyncio
import uuid

import pytest

from atlas.folder import save_city
from bench._live_kills import watch
from tests.city.toy import toy_city
from tests.patience import pace
from tests.streams.rig import begin_at_the_end, make_all_topics

pytestmark = [pytest.mark.kafka, pytest.mark.postgis, pytest.mark.apache_kafka, pytest.mark.slow]


@pytest.mark.timeout(180)
def test_killed_in_turn_nothing_is_missed_or_told_twice(
    endpoints,
    stack_settings,
    tmp_path,
    monkeypatch,
) -> None:
    # So long the broker waits for a worker that was killed.
    monkeypatch.setenv("JINGWEI_WORKER_SESSION_TIMEOUT_S", f"{min(pace(6), 18):.0f}")
    group = f"test-{uuid.uuid4().hex[:12]}"
    save_city(toy_city(), tmp_path / "city")
    asyncio.run(make_all_topics(endpoints.bootstrap))
    asyncio.run(begin_at_the_end(endpoints, group))
    found = asyncio.run(
        watch(
            endpoints,
            stack_settings,
            tmp_path,
            toy_city(),
            kills=3,
            group=group,
            between_s=(0.3, 0.8),
        )
    )
    assert found.faults == []
    assert found.kills == {"gateway": 1, "worker": 1, "broker": 1}
    assert found.resumed >= 5
    assert found.sent > 10
