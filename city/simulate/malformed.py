"""Malformed input of every kind: each message must become a dead letter."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any

from atlas.city import CityData
from city.simulate.background import calm_value
from city.simulate.mail import Mail
from schemas import topics
from schemas.codes import observed_property
from schemas.envelope import Envelope
from schemas.topics import Topic
from schemas.wire import MAX_BYTES

__all__ = ["KINDS", "malformed"]

KINDS = (
    "random_bytes",
    "wrong_type",
    "not_a_number",
    "out_of_range_coordinates",
    "unknown_unit",
    "future_time",
    "missing_headers",
    "huge_string",
    "unknown_crs",
    "not_utf8",
    "empty",
)
_TIME_FIELDS = {
    topics.READINGS.name: "phenomenon_time",
    topics.REPORTS.name: "requested_datetime",
}
_WEIGHTS = tuple(0.2 if kind == "huge_string" else 1.0 for kind in KINDS)


def malformed(rng: Random, city: CityData, at: datetime, event_id: str) -> tuple[str, Mail]:
    """Return a kind and a message with this fault, otherwise like a producer's."""
    kind = rng.choices(KINDS, _WEIGHTS)[0]
    if kind == "unknown_unit":
        topic = rng.choice((topics.POSITIONS, topics.UNIT_STATUS))
    elif kind in {"out_of_range_coordinates", "unknown_crs"}:
        topic = rng.choice((topics.REPORTS, topics.POSITIONS))
    elif kind == "not_a_number":
        topic = topics.READINGS
    elif kind == "huge_string":
        topic = topics.REPORTS
    else:
        topic = rng.choice((topics.READINGS, topics.REPORTS, topics.POSITIONS))
    key, body = _sound(rng, city, topic, at, event_id)
    headers = Envelope(id=event_id, source="urn:city:broken", type=topic.type, time=at).headers()
    if kind == "missing_headers":
        gone = rng.choice(("ce_id", "ce_type", "ce_source", "ce_specversion"))
        headers = [pair for pair in headers if pair[0] != gone]
    value = _spoilt(rng, kind, topic, body, at)
    return kind, Mail(topic=topic.name, key=key.encode(), value=value, headers=headers)


def _sound(
    rng: Random, city: CityData, topic: Topic, at: datetime, event_id: str
) -> tuple[str, dict[str, Any]]:
    """Return the key and body of a valid message."""
    west, south, east, north = city.manifest.bounds
    place = {"lon": (west + east) / 2.0, "lat": (south + north) / 2.0}
    time = at.isoformat()
    if topic is topics.READINGS and city.sensors:
        sensor = rng.choice(city.sensors)
        row = observed_property(sensor.observed_property)
        return sensor.id, {
            "sensor": sensor.id,
            "datastream": sensor.datastream,
            "observed_property": sensor.observed_property,
            "result": calm_value(row),
            "unit_of_measurement": row.unit_of_measurement,
            "phenomenon_time": time,
        }
    if topic is topics.POSITIONS:
        unit = _some([unit.id for unit in city.units], rng)
        return unit, {"unit": unit, "location": place, "time": time}
    if topic is topics.UNIT_STATUS:
        unit = _some([unit.id for unit in city.units], rng)
        return unit, {"unit": unit, "status": "available", "time": time}
    return event_id, {
        "service_request_id": event_id,
        "description": "测试 test",
        "requested_datetime": time,
        "location": place,
    }


def _some(ids: Sequence[str], rng: Random) -> str:
    return rng.choice(ids) if ids else "nobody"


def _spoilt(rng: Random, kind: str, topic: Topic, body: dict[str, Any], at: datetime) -> bytes:
    if kind == "random_bytes":
        return rng.randbytes(rng.randrange(1, 400))
    if kind == "empty":
        return b""
    if kind == "not_utf8":
        return json.dumps(body).encode().replace(b":", b": \xff", 1)
    time_field = _TIME_FIELDS.get(topic.name, "time")
    outside = rng.choice(({"lon": 1214.7, "lat": 31.2}, {"lon": 31.2, "lat": 121.4}))
    future = (at + timedelta(days=rng.randrange(2, 4000))).isoformat()
    wrong: dict[str, dict[str, Any]] = {
        "wrong_type": {time_field: {"year": 2026}},
        "not_a_number": {"result": float("nan")},
        "out_of_range_coordinates": {"location": outside},
        "unknown_crs": {"location": {"lon": 121.4, "lat": 31.2, "crs": "EPSG:9999"}},
        "unknown_unit": {"unit": f"nobody-{rng.randrange(1000)}"},
        "future_time": {time_field: future},
        "huge_string": {"description": "水" * (MAX_BYTES // 3 + 1)},
    }
    return json.dumps({**body, **wrong.get(kind, {})}, ensure_ascii=False).encode()
