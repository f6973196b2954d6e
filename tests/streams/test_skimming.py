"""Readings taken in together leave behind what the same readings leave one by one."""

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from aiokafka.structs import ConsumerRecord
from hypothesis import given, settings
from hypothesis import strategies as st

from atlas.city import CityData
from intake import BadInput, Datastreams, IntakeLimits, Readings, Skimmer
from intake.skimming import LATEST
from intake.validate import Opened
from schemas import codes, topics, wire
from schemas.envelope import STRUCTURED, Envelope
from schemas.inputs import Location, SensorReading
from schemas.records import Evidence
from streams.arrivals import arrival, unknown
from streams.messages import Received
from streams.sources import Sources
from tests.city.toy import lonlat

AT = datetime(2026, 11, 24, 8, tzinfo=UTC)
TOPIC = topics.READINGS
SENSORS = {"smoke-5": ("smoke", "%/m"), "gas-x": ("gas", "%LEL"), "road-x": ("traffic", "km/h")}
"""The city knows the first; the last one's alarm opens below, after 20 s."""
CALM, BETWEEN, LOUD = 1.0, 9.0, 40.0

Letter = tuple[int, str, str]


class Taker:
    """What a worker does with readings of one partition, without its ledger."""

    def __init__(self, readings: Readings, skimmer: Skimmer | None) -> None:
        self.readings, self.skimmer = readings, skimmer
        self.streams = Datastreams()
        self.sources = Sources(TOPIC.name)
        self.letters: list[Letter] = []
        self.found: list[Evidence] = []
        self.skimmed = 0

    def take(self, records: Sequence[ConsumerRecord]) -> None:
        if self.skimmer is not None:
            skimmed = self.skimmer.skim(records, self.streams)
            self.sources.hear(0, skimmed.heard)
            self.skimmed += len(records) - len(skimmed.others)
            records = [records[place] for place in skimmed.others]
        for record in records:
            self._take_one(Received.of(record))

    def _take_one(self, message: Received) -> None:
        try:
            opened: Opened[SensorReading] = self.readings.open(message)
            reading = opened.payload
            with self.sources.hearing(message, opened.envelope, reading.phenomenon_time) as clock:
                known = self.streams.get(reading.datastream)
                seen = self.readings.take(opened, arrival(message, unknown), known)
                clock.not_newer += seen.is_late
        except BadInput as error:
            self.letters.append((message.offset, error.fault, str(error)))
        else:
            self.streams.take(reading, seen.datastream)
            self.found += seen.evidence

    def outcome(self) -> tuple[Any, ...]:
        return dict(self.streams.items()), self.found, self.letters, self._clocks()

    def _clocks(self) -> dict[str, Any]:
        """Skews of those taken together and alone are not told in the order of all."""
        here = self.sources._partitions.get(0)
        if here is None:
            return {}
        told = {}
        for name, clock in here.clocks.items():
            latest = sorted(here.latest.get(name, ())) if clock.messages <= LATEST else None
            counts = clock.messages, clock.refused, clock.not_newer, clock.last_arrival
            told[name] = counts, abs(clock.worst_s or 0.0), latest
        return told


def record(
    offset: int,
    arrived: datetime,
    payload: SensorReading | bytes | None,
    *,
    name: str = "",
    source: str = "gw",
    time: datetime | None = None,
    timestamp_type: int = 1,
    headers: dict[str, bytes | None] | None = None,
) -> ConsumerRecord:
    envelope = Envelope(id=name or f"e{offset}", source=source, type=TOPIC.type, time=time)
    value = wire.encode(payload) if isinstance(payload, SensorReading) else payload
    attributes: dict[str, Any] = dict(envelope.headers()) | (headers or {})
    pairs = tuple((key, value) for key, value in attributes.items() if value != b"gone")
    stamp = int(arrived.timestamp() * 1000)
    return ConsumerRecord(
        TOPIC.name, 0, offset, stamp, timestamp_type, b"k", value, None, 1, 1, pairs
    )


def reading(name: str, at: datetime, value: float, **more: Any) -> SensorReading:
    prop, unit = SENSORS[name]
    usual: dict[str, Any] = {
        "sensor": name,
        "datastream": f"{name}/{prop}",
        "observed_property": prop,
        "unit_of_measurement": unit,
        "phenomenon_time": at,
        "result": value,
    }
    if name != "smoke-5":
        lon, lat = lonlat(2.0, 2.0)
        usual["location"] = Location(lon=lon, lat=lat)
    return SensorReading(**(usual | more))


ODD = [
    None,
    {"headers": {"ce_type": b"city.jingwei.sensor.reading.v2"}},
    {"headers": {"ce_type": b"gone"}},
    {"headers": {"ce_specversion": b"0.3"}},
    {"headers": {"ce_id": b"gone"}},
    {"headers": {"ce_id": None}},
    {"headers": {"ce_id": "烟".encode()}},
    {"headers": {"ce_id": b"a\x01b"}},
    {"headers": {"ce_id": b"x" * 201}},
    {"headers": {"ce_source": "网关".encode()}},
    {"headers": {"ce_source": b"\xff"}},
    {"headers": {"ce_source": b"a\x00"}},
    {"headers": {"ce_time": b"2026-11-24T08:00:00Z"}},
    {"headers": {"ce_time": b"2026-11-24T16:00:00.5+08:00"}},
    {"headers": {"ce_time": b"2026-11-24T08:00:00"}},
    {"headers": {"ce_time": b"yesterday"}},
    {"headers": {"ce_time": None}},
    {"headers": {"ce_subject": b"s", "ce_traceparent": b"00-1-2-03", "other": b"\xff"}},
    {"headers": {"ce_subject": b"\xff"}},
    {"headers": {"ce_subject": None}},
    {"headers": {"ce_subject": b"y" * 1025}},
    {"headers": {"content-type": b"application/json; charset=utf-8"}},
    {"headers": {"content-type": b"text/plain"}},
    {"headers": {"content-type": b"gone"}},
    {"timestamp_type": 0},
    {"name": "e0"},
    {"source": "another"},
    {"time": AT},
]
CHANGED = [
    {},
    {"unit_of_measurement": "K"},
    {"observed_property": "gas"},
    {"observed_property": "?"},
    {"sensor": "nobody"},
    {"sensor": "gas-x"},
    {"sensor": ""},
    {"datastream": "smoke-5/another"},
    {"datastream": "a\x07"},
    {"result_quality": "suspect"},
    {"result_quality": "bad"},
    {"result_quality": "so so"},
    {"result_time": AT},
    {"result_time": datetime(2020, 1, 1, tzinfo=UTC)},
    {"result": -1.0},
    {"result": 1e9},
    {"phenomenon_time": datetime(2026, 11, 24, 8)},  # noqa: DTZ001 - naive is what is tried
    {"phenomenon_time": datetime(1, 1, 1, tzinfo=UTC)},
    {"phenomenon_time": datetime(9999, 12, 31, tzinfo=UTC)},
    {"location": "here"},
    {"location": "outside"},
]
BYTES = [None, b"", b"{}", b"[1]", b"\xff", b"{" * 3000, b'{"sensor": 1}', b"null"]

Step = dict[str, Any]
Make = Callable[[bool], Taker]


def step(seed: int) -> Step:
    """Return one message's making; one number each keeps examples small."""
    rng = Random(seed)
    return {
        "wait_ms": rng.choice([0, 0, 1, 7, 900, 4_000, 40_000]),
        "off_ms": rng.choice([0, 0, 0, -1, -30, -2_000, -90_000, 200_000, 400_000]),
        "micro": rng.randrange(1_000),
        "sensor": rng.choice(list(SENSORS)),
        "result": rng.choice([CALM, CALM, CALM, 2.0, BETWEEN, LOUD, LOUD]),
        "odd": rng.randrange(-90, len(ODD)),
        "changed": rng.randrange(-60, len(CHANGED)),
        "bytes": rng.randrange(-120, len(BYTES)),
        "structured": rng.choice([0, 0, 0, 0, 0, 0, 0, 1, 2]),
    }


def made(steps: list[Step]) -> list[ConsumerRecord]:
    records, arrived = [], AT
    for offset, step in enumerate(steps):
        arrived += timedelta(milliseconds=step["wait_ms"])
        at = arrived + timedelta(milliseconds=step["off_ms"], microseconds=step["micro"])
        more = dict(CHANGED[max(step["changed"], 0)])
        if "location" in more:
            lon, lat = lonlat(3.0, 1.0) if more["location"] == "here" else (0.0, 0.0)
            more["location"] = Location(lon=lon, lat=lat)
        odd: dict[str, Any] = dict(ODD[max(step["odd"], 0)] or {})
        payload: Any = reading(step["sensor"], at, step["result"], **more)
        if step["bytes"] >= 0:
            payload = BYTES[step["bytes"]]
        elif step["structured"]:
            payload, odd = structured(offset, payload, broken=step["structured"] == 2)
        records.append(record(offset, arrived, payload, **odd))
    return records


def structured(
    offset: int, payload: SensorReading, *, broken: bool
) -> tuple[bytes, dict[str, Any]]:
    event = {
        "specversion": "1.0",
        "id": f"e{offset}",
        "source": "" if broken else "gw",
        "type": TOPIC.type,
        "data": json.loads(wire.encode(payload)),
    }
    bare = dict.fromkeys(("ce_id", "ce_source", "ce_type", "ce_specversion"), b"gone")
    headers = bare | {"content-type": STRUCTURED.encode()}
    return json.dumps(event).encode(), {"headers": headers}


@pytest.fixture(scope="module")
def made_taker(city: CityData) -> Make:
    limits = IntakeLimits()
    readings = Readings(city, limits)
    skimmer = Skimmer(codes.observed_properties().values(), limits)
    return lambda skims: Taker(readings, skimmer if skims else None)


@given(st.lists(st.integers(0, 2**32), max_size=60), st.integers(1, 20))
@settings(max_examples=300, deadline=None)
def test_readings_together_leave_what_readings_one_by_one_leave(
    made_taker: Make, seeds: list[int], size: int
) -> None:
    """Alarms, evidence, dead letters, what is remembered of sensors and of sources' clocks."""
    records = made([step(seed) for seed in seeds])
    alone, together = made_taker(False), made_taker(True)
    alone.take(records)
    for begin in range(0, len(records), size):
        together.take(records[begin : begin + size])
    assert together.outcome() == alone.outcome()


def test_what_changes_nothing_is_skimmed(made_taker: Make) -> None:
    """Else the two ways would agree because there is only one."""
    steps = [
        {"wait_ms": 900, "off_ms": -5, "micro": n, "sensor": sensor, "result": CALM}
        | {"odd": -1, "changed": -1, "bytes": -1, "structured": 0}
        for n in range(50)
        for sensor in ("smoke-5", "gas-x")
    ]
    taker = made_taker(True)
    records = made(steps)
    taker.take(records[:2])
    taker.take(records[2:])
    assert not taker.letters
    assert taker.skimmed == len(records) - 2
    assert taker.streams["smoke-5/smoke"].alarm.result == CALM


def test_an_active_alarm_is_skimmed_until_it_clears(made_taker: Make) -> None:
    taker = made_taker(True)
    at = [AT + timedelta(seconds=5 * n) for n in range(40)]
    results = [LOUD] * 39 + [CALM]
    records = [
        record(n, at[n], reading("smoke-5", at[n], result)) for n, result in enumerate(results)
    ]
    taker.take(records[:10])
    assert [one.phase for one in taker.found] == ["opened"]
    taker.take(records[10:39])
    assert taker.skimmed == 29
    taker.take(records[39:])
    assert [one.phase for one in taker.found] == ["opened", "cleared"]


def test_skews_of_many_are_remembered_as_those_of_each(made_taker: Make) -> None:
    """The latest fifteen in their order, and the worst of all with its sign."""
    alone, together = made_taker(False), made_taker(True)
    for taker in (alone, together):
        first = record(0, AT, reading("smoke-5", AT - timedelta(seconds=200), CALM))
        taker.take([first])
    later = []
    for n in range(1, 41):
        at = AT + timedelta(seconds=n)
        said = at + timedelta(seconds=n / 7 - (100 if n == 3 else 9))
        later.append(record(n, at, reading("smoke-5", at, CALM), source=f"gw-{n % 2}", time=said))
    alone.take(later)
    together.take(later)
    assert together.outcome() == alone.outcome()
    assert together.skimmed == len(later)
    assert together.sources._partitions[0].latest == alone.sources._partitions[0].latest
