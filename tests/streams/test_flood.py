"""An earthquake: far more separate events within a second than there are units.

So many as an earthquake sends are a benchmark's (`bench.flood`); here are enough to outnumber every
unit many times, with readings beside them.
"""

import asyncio
import json

import pytest

from schemas import codes, topics
from schemas.inputs import CitizenReport, Location, SensorReading, UnitStatus
from tests.checker import check
from tests.streams.rig import Rig, Sent, message, now, read_all

pytestmark = [pytest.mark.postgis, pytest.mark.kafka, pytest.mark.slow]

REPORTS = 800
READINGS = 2_000
ACROSS = 40
WORDS = ("有人晕倒，没有呼吸", "着火了，浓烟滚滚", "电梯里困了人", "水管爆裂")


def earthquake(rig: Rig, city) -> list[Sent]:
    """Reports of events that are too far from one another to be the same."""
    west, south, east, north = city.manifest.bounds
    wide, high = 0.09, 0.08  # degrees beyond its borders that a city still takes reports from
    made = []
    for number in range(REPORTS):
        column, row = number % ACROSS, number // ACROSS
        report = f"{rig.group}-{number}"
        payload = CitizenReport(
            service_request_id=report,
            description=WORDS[(column + row) % len(WORDS)],
            requested_datetime=now(-1),
            location=Location(
                lon=(west + east) / 2 + wide * (column / ACROSS - 0.5),
                lat=(south + north) / 2 + high * (row * ACROSS / REPORTS - 0.5),
                accuracy_m=5.0,
            ),
        )
        made.append(message(topics.REPORTS, payload, key=report, event_id=report))
    return made


def calm(city) -> list[Sent]:
    """Readings of sensors that have nothing to tell."""
    sensors = [sensor for sensor in city.sensors if sensor.observed_property == "smoke"]
    made = []
    for number in range(READINGS):
        sensor = sensors[number % len(sensors)]
        payload = SensorReading(
            sensor=sensor.id,
            datastream=sensor.datastream,
            observed_property=sensor.observed_property,
            result=0.5,
            unit_of_measurement="%/m",
            phenomenon_time=now(),
        )
        made.append(message(topics.READINGS, payload, key=sensor.id))
    return made


def not_told(rig: Rig) -> list[tuple[str, str]]:
    """Return which feeds have not got the last line of an incident that they were told of."""
    last: dict[tuple[str, str], int] = {}
    names = [topics.department(code).name for code in codes.departments()]
    for m in asyncio.run(read_all(rig.endpoints.bootstrap, names)):
        change = json.loads(m.value)
        key = m.topic, change["incident_id"]
        last[key] = max(last.get(key, 0), change["seq"])
    rows = rig.rows(
        "SELECT t.target, t.incident_id, max(e.seq) AS seq FROM feed_told AS t"
        " JOIN incident_entry AS e USING (incident_id) GROUP BY t.target, t.incident_id"
    )
    assert len(rows) > REPORTS
    feeds = [(row["target"], row["incident_id"], row["seq"]) for row in rows]
    return [(feed, incident) for feed, incident, seq in feeds if last.get((feed, incident)) != seq]


def stamp(unit: str, status: str) -> Sent:
    payload = UnitStatus(unit=unit, status=status, time=now())
    return message(topics.UNIT_STATUS, payload, key=unit)


def test_a_flood_of_events_only_takes_its_time(rig, city):
    rig.worker.start()
    rig.worker.wait_ready()
    rig.send([*calm(city), *earthquake(rig, city)])
    rig.settle(within_s=120)
    assert not_told(rig) == []
    (opened,) = rig.rows("SELECT count(*) AS n FROM incident WHERE is_open")
    assert opened["n"] > 0.95 * REPORTS
    # Units become free, and each finds somebody who has nobody, with all that is open.
    for _ in range(2):
        busy = rig.rows("SELECT unit_id, id FROM assignment WHERE ended IS NULL ORDER BY unit_id")
        assert busy
        rig.send([stamp(row["unit_id"], "on_scene") for row in busy])
        rig.send([stamp(row["unit_id"], "available") for row in busy])
        rig.await_rows(
            "SELECT 1 FROM assignment WHERE ended = 'completed' AND id = ANY($1::text[])",
            [row["id"] for row in busy],
            count=len(busy),
            within_s=120,
        )
        rig.settle(within_s=120)
    again = rig.rows("SELECT 1 FROM assignment WHERE ended IS NULL")
    assert len(again) >= len(busy) - 2
    assert rig.worker.alive
    log = rig.worker.log.read_text()
    assert log.count("worker is ready") == 1
    assert "stood still" not in log
    found = asyncio.run(
        check(rig.endpoints.bootstrap, rig.endpoints.database_url, rig.group, rig.since)
    )
    assert found == []
    # Whoever is in danger and has nobody is told of.
    untold = rig.rows(
        "SELECT number FROM incident AS i WHERE is_open AND severity IN ('P1', 'P2')"
        " AND jsonb_array_length(short) > 0 AND NOT EXISTS ("
        "  SELECT FROM alert AS a WHERE a.incident_id = i.id AND a.ended_at IS NULL"
        "  AND a.kind = 'unresourced')"
    )
    assert untold == []
    assert rig.worker.stop() == 0
