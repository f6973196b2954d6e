"""A short play into a real broker: what comes out is what the schemas say."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from typer.testing import CliRunner

from atlas.city import CityData
from atlas.folder import save_city
from city.simulate import BrokerSilent, Options, TopicsMissing, play
from city.simulate.mail import letter
from city.simulate.post import Listener
from city.simulate.truth import Ended, Happened, Malformed, Sent, Started, TruthLine, read_truth
from cli.main import application
from geo.routing.reference import NetworkxRouter
from infra.local import ports
from schemas import journal, topics, wire
from schemas.envelope import read_envelope
from schemas.errors import SchemaError
from schemas.outputs import Alert, AlertChanged, Assignment, DispatchChanged
from schemas.records import Route
from schemas.topics import Topic
from streams.topics import make_topics
from tests.city.toy import lonlat, toy_city
from tests.patience import patience

HEARD = {topic.name: topic for topic in (*topics.INPUTS, topics.JOURNAL)}
Decoded = list[tuple[Topic, str, object]]


@pytest.fixture(scope="module")
def city() -> CityData:
    return toy_city()


@pytest.mark.kafka
async def test_a_short_play(broker: str, city: CityData, tmp_path: Path):
    await make_topics(broker)
    file = tmp_path / "truth.jsonl"
    options = Options(seed=5, speed=60.0, rate=120.0, readings=300.0, malformed=0.03)
    begun, begun_ms = await _ends(broker), time.time() * 1000.0
    lines: list[str] = []
    stop = asyncio.Event()
    playing = asyncio.create_task(
        play(city, broker, options, truth=file, stop=stop, progress=lines.append)
    )
    incident = await _ask(broker, city, playing, operator=True)
    await _until_told(file)
    stop.set()
    ended = await playing
    # The embedded broker's ends lag by its last batch: what came before this play is left out.
    records = await _between(broker, begun, await _ends(broker))
    records = [record for record in records if record.timestamp >= begun_ms - 1.0]
    truth = _truth(file)
    good, bad = _decoded(records, city.manifest.region)

    assert ended == truth[-1]
    assert isinstance(truth[0], Started)
    assert all(" events, " in line for line in lines)
    assert ended.undelivered == 0
    assert sum(ended.sent.values()) >= len(good) + len(bad)
    _check_truth(truth, good, ended)
    # All that cannot be read is told of, and the rest of what is malformed can be read only to
    # be refused.
    assert 0 < len(bad) <= sum(ended.malformed.values())
    assert Counter(topic.name for topic, _, _ in good)[topics.READINGS.name] > 500

    stamps = [m.status for t, key, m in good if t is topics.UNIT_STATUS and key == "ambulance-0"]
    assert stamps[:4] == ["available", "acknowledged", "en_route", "on_scene"]
    asked = [m for t, _, m in good if t is topics.JOURNAL and m.incident == incident]
    assert [type(command.action) for command in asked][:1] == [journal.Acknowledge]


@pytest.mark.kafka
async def test_stopping_is_prompt_and_no_operator_is_none(
    broker: str, city: CityData, tmp_path: Path
):
    await make_topics(broker)
    stop = asyncio.Event()
    options = Options(readings=100.0, rate=60.0, operator=False)
    playing = asyncio.create_task(
        play(city, broker, options, truth=tmp_path / "truth.jsonl", stop=stop)
    )
    await _ask(broker, city, playing, operator=False)
    stop.set()
    ended = await asyncio.wait_for(playing, patience(10))
    assert topics.JOURNAL.name not in ended.sent
    assert ended.sent[topics.POSITIONS.name] > 0


async def test_no_broker_is_one_sentence(city: CityData):
    nowhere = f"127.0.0.1:{ports.choose('', asked=None, last=None)}"
    with pytest.raises(BrokerSilent, match="jingwei up"):
        await play(city, nowhere, Options(lasts_s=1.0))


@pytest.mark.kafka
async def test_no_topics_is_one_sentence(broker: str):
    unknown = Topic(name=f"no-{uuid4()}", key="", about="", type="", message=None, role="output")
    with pytest.raises(TopicsMissing, match="start the workers"):
        async with Listener(broker, {unknown: print}):
            pass


def test_dry_run_writes_the_schedule(city: CityData, tmp_path: Path):
    save_city(city, tmp_path / "toy")
    arguments = ["city", "simulate", str(tmp_path / "toy"), "--dry-run", "--for", "120"]
    command = application()
    first, again = (CliRunner().invoke(command, [*arguments, "--seed", "9"]) for _ in range(2))
    assert first.exit_code == 0, first.output
    assert first.stdout == again.stdout
    events = [json.loads(line) for line in first.stdout.splitlines()]
    assert events
    assert all({"id", "category", "site", "reports", "sightings"} <= set(e) for e in events)
    times = [event["at_s"] for event in events]
    assert times == sorted(times)
    assert times[-1] <= 120.0


async def _until_told(file: Path) -> None:
    """Wait until sensors and citizens have spoken of some events."""
    deadline = time.monotonic() + patience(60.0)
    while True:
        assert time.monotonic() < deadline, "nothing happens"
        told = [line for line in _truth(file) if isinstance(line, Sent) and line.event]
        if len(told) >= 6 and {line.source for line in told} == {"sensor", "report"}:
            return
        await asyncio.sleep(0.1)


def _truth(file: Path) -> list[TruthLine]:
    return read_truth(file.read_bytes().splitlines(keepends=True))


def _check_truth(truth: list[TruthLine], good: Decoded, ended: Ended) -> None:
    happened = [line for line in truth if isinstance(line, Happened)]
    assert len(happened) == ended.events > 0
    events = {line.id for line in happened}
    sent = [line for line in truth if isinstance(line, Sent)]
    assert {line.event for line in sent if line.wrong != "prank"} <= events
    told = Counter(line.id for line in sent if line.source == "report")
    reported = Counter(key for topic, key, _ in good if topic is topics.REPORTS and key in told)
    assert reported == told
    streams = {line.id for line in sent if line.source == "sensor"}
    read = {m.datastream for topic, _, m in good if topic is topics.READINGS}
    assert streams <= read
    assert Counter(line.kind for line in truth if isinstance(line, Malformed)) == ended.malformed


def _decoded(
    records: Iterable[ConsumerRecord], region: str
) -> tuple[Decoded, list[ConsumerRecord]]:
    """Split what came into what can be read, with its topic and key, and what cannot."""
    good, bad = [], []
    for record in records:
        topic = HEARD[record.topic]
        try:
            envelope = read_envelope(record.headers, topic.type)
            message = wire.decode(record.value, topic.message)
        except SchemaError:
            bad.append(record)
            continue
        key = record.key.decode()
        expected = {
            topics.READINGS.name: "sensor",
            topics.REPORTS.name: "service_request_id",
            topics.STREETS.name: "condition",
            topics.JOURNAL.name: "region",
        }.get(topic.name, "unit")
        if envelope.source != "urn:city:broken":
            assert key == getattr(message, expected)
            assert envelope.source.startswith("urn:city:")
            assert topic is not topics.JOURNAL or key == region
        good.append((topic, key, message))
    return good, bad


async def _ask(
    broker: str, city: CityData, playing: "asyncio.Task[Ended]", *, operator: bool
) -> str:
    """Be Jingwei: send a unit and ask the operator, and wait until both have answered."""
    way = NetworkxRouter(city.streets).route(lonlat(3, 3), lonlat(4, 3))
    now = datetime.now(UTC)
    incident = str(uuid4())
    route = Route(
        seconds=way.seconds,
        metres=way.metres,
        coordinates=way.coordinates,
        arcs=way.arcs,
        streets=way.streets,
    )
    sent = Assignment(
        id=str(uuid4()),
        incident=incident,
        unit="ambulance-0",
        capability="als",
        by="policy",
        eta_s=way.seconds,
        route=route,
        reasons=(),
        dispatched=now,
    )
    raised = Alert(
        id=str(uuid4()), incident=incident, kind="new_incident", priority=2, text="", raised_at=now
    )
    outputs = (
        (
            topics.DISPATCHES,
            DispatchChanged(incident_id=incident, change="assigned", at=now, assignment=sent),
        ),
        (topics.ALERTS, AlertChanged(incident_id=incident, alert=raised)),
    )
    begun = await _ends(broker)
    async with (
        _Reading(broker, begun) as consumer,
        AIOKafkaProducer(bootstrap_servers=broker, acks="all") as producer,
    ):
        # The crews' logging on says that the play has begun to listen.
        deadline = time.monotonic() + patience(60.0)
        asked = answered = False
        arrived = not operator
        while not (arrived and (answered or not operator) and asked):
            assert time.monotonic() < deadline, (asked, arrived, answered)
            assert not playing.done(), playing
            polled = await consumer.getmany(timeout_ms=100)
            for record in (r for records in polled.values() for r in records):
                if record.timestamp < now.timestamp() * 1000.0 - 1.0:
                    continue  # of an earlier play: the embedded broker's ends lag
                mine = record.key == b"ambulance-0"
                if record.topic == topics.UNIT_STATUS.name and mine:
                    arrived = arrived or b"on_scene" in record.value
                    if not asked:
                        asked = True
                        for topic, message in outputs:
                            await _send(producer, topic, incident, message)
                answered = answered or (
                    record.topic == topics.JOURNAL.name and incident.encode() in record.value
                )
    return incident


async def _send(producer: AIOKafkaProducer, topic: Topic, key: str, message: object) -> None:
    mail = letter(
        topic, key, message, event_id=str(uuid4()), source="urn:test", at=datetime.now(UTC)
    )
    await producer.send_and_wait(mail.topic, value=mail.value, key=mail.key, headers=mail.headers)


class _Reading:
    """A consumer of the topics heard, from given offsets on."""

    def __init__(self, broker: str, begins: dict[TopicPartition, int]) -> None:
        self._broker, self._begins = broker, begins

    async def __aenter__(self) -> AIOKafkaConsumer:
        self._consumer = AIOKafkaConsumer(bootstrap_servers=self._broker, group_id=None)
        await self._consumer.start()
        self._consumer.assign(list(self._begins))
        for partition, offset in self._begins.items():
            self._consumer.seek(partition, offset)
        return self._consumer

    async def __aexit__(self, *_: object) -> None:
        await self._consumer.stop()


async def _ends(broker: str) -> dict[TopicPartition, int]:
    async with AIOKafkaConsumer(bootstrap_servers=broker, group_id=None) as consumer:
        return await consumer.end_offsets(
            [
                TopicPartition(topic.name, number)
                for topic in HEARD.values()
                for number in range(topic.partitions)
            ]
        )


async def _between(
    broker: str, begins: dict[TopicPartition, int], ends: dict[TopicPartition, int]
) -> list[ConsumerRecord]:
    found: list[ConsumerRecord] = []
    deadline = time.monotonic() + patience(20.0)
    async with _Reading(broker, begins) as consumer:
        left = {partition for partition, end in ends.items() if begins[partition] < end}
        while left:
            assert time.monotonic() < deadline, f"not all came back: {left}"
            polled = await consumer.getmany(timeout_ms=100)
            for partition, records in polled.items():
                found += [r for r in records if r.offset < ends[partition]]
                if records[-1].offset + 1 >= ends[partition]:
                    left.discard(partition)
    return found
