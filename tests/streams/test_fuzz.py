"""Whatever comes in costs one event: it is a dead letter with its reason, or rightly accepted."""

import os

import pytest

from atlas.city import CityData
from schemas import topics
from schemas.inputs import CitizenReport, Location
from tests.streams.rig import Rig, message, now
from tests.streams.spoiled import Fuzzer

MESSAGES = int(os.environ.get("FUZZ_MESSAGES", "8000"))
"""The issue's 100,000 take a minute: ``FUZZ_MESSAGES=100000 pytest tests/streams/test_fuzz.py``."""


def run(rig: Rig, city: CityData, many: int, seed: int) -> None:
    fuzzed = Fuzzer(city, seed, f"{rig.group}-{seed}").some(many)
    rig.send([sent for sent, _ in fuzzed])
    good = CitizenReport(
        service_request_id=f"{rig.group}-good-{seed}",
        description="着火了",
        requested_datetime=now(),
        location=Location(lon=121.46, lat=31.24),
    )
    rig.send([message(topics.REPORTS, good)])
    rig.settle(within_s=120.0)
    rows = rig.rows("SELECT topic, partition, record_offset, error, reason FROM dead_letter")
    dead = {(row["topic"], row["partition"], row["record_offset"]): row for row in rows}
    assert all(row["reason"] and row["error"] for row in rows)
    assert [sent for sent, refused in fuzzed if refused and sent.place not in dead] == []
    # What nobody thought of is a defect, even if it costs one event only.
    assert {row["error"] for row in rows if row["error"][0].isupper()} == set()
    assert len(dead) < len(fuzzed)
    rig.await_rows(
        "SELECT 1 FROM evidence WHERE source_id = $1 AND placed IS NOT NULL",
        good.service_request_id,
    )
    assert rig.worker.alive
    rig.await_rows("SELECT 1 WHERE NOT EXISTS (SELECT FROM outbox)")  # timers may fall due


@pytest.mark.kafka
@pytest.mark.postgis
@pytest.mark.slow
def test_spoiled_messages_through_a_worker(running, city):
    run(running, city, MESSAGES, seed=1)
