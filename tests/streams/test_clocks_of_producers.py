"""Steps and skew of a producer's clock, either way, and what is right for each it sends.

Around a real worker on a real broker. The other clocks are in ``test_clocks``.
"""

import asyncio
import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from atlas.city import CityData
from infra.ledger.pool import connect
from infra.ledger.sources import Source, list_sources
from schemas import codes, topics, wire
from schemas.envelope import Envelope
from schemas.inputs import CitizenReport, Location, SensorReading, UnitPosition, UnitStatus
from schemas.journal import Close, Command
from schemas.records import Reason
from schemas.words import render
from tests.city.toy import lonlat
from tests.patience import patience
from tests.streams.rig import Rig, Sent, message, now

pytestmark = [pytest.mark.kafka, pytest.mark.postgis, pytest.mark.apache_kafka]
MINUTES = 60.0
SMOKE = codes.observed_property("smoke")
EPOCH, FAR = datetime(1970, 1, 1, 0, 1, tzinfo=UTC), datetime(2094, 1, 1, tzinfo=UTC)


def by(clock: timedelta, sent: Sent, source: str) -> Sent:
    """Let a producer whose clock is off send a message: its CloudEvents and Kafka time, too."""
    said = now() + clock
    headers = Envelope(
        id=uuid.uuid4().hex, source=source, type=dict(sent.headers)["ce_type"].decode(), time=said
    ).headers()
    stamp = round(said.timestamp() * 1000)
    return Sent(sent.topic, sent.key, sent.value, headers, stamp)


def skew(seconds: float) -> timedelta:
    return timedelta(seconds=seconds)


def source_of(rig: Rig, name: str) -> Source:
    """Return what is known of a source, as soon as its last message is."""

    async def ask() -> list[Source]:
        connection = await connect(rig.endpoints.gateway_url)
        try:
            return await list_sources(connection)
        finally:
            await connection.close()

    deadline = time.monotonic() + patience(30.0)
    while True:
        found = [one for one in asyncio.run(ask()) if one.source == name]
        if found:
            return found[0]
        assert time.monotonic() < deadline, f"{name} is not known"
        time.sleep(0.2)


@dataclass
class Case:
    """A producer's clock, and what is right for what it sends."""

    clock: str
    off: timedelta
    report: str  # what the evidence says as its time
    stamp: str  # what the journal says as a stamp's
    reading: str  # whether it opens an alarm, or is refused
    position: str  # whether the unit is there, or it is refused


TABLE = [
    #     the clock is         by                 report      stamp      reading   position
    Case("right", skew(0), "its own", "its own", "alarm", "there"),
    Case("2 min slow", skew(-2 * MINUTES), "its own", "its own", "alarm", "there"),
    Case("5 min slow", skew(-5 * MINUTES), "its own", "its own", "alarm", "there"),
    Case("10 h slow", skew(-600 * MINUTES), "its own", "its own", "alarm", "there"),
    Case("4 min fast", skew(4 * MINUTES), "its own", "its own", "alarm", "there"),
    Case("10 min fast", skew(10 * MINUTES), "arrival", "arrival", "refused", "refused"),
    Case("2 days slow", skew(-2 * 86400), "arrival", "arrival", "refused", "refused"),
    Case("in 1970", EPOCH - now(), "arrival", "arrival", "refused", "refused"),
    Case("in 2094", FAR - now(), "arrival", "arrival", "refused", "refused"),
]
COLUMNS = {case.clock: 2 * number + 1 for number, case in enumerate(TABLE)}


@dataclass
class Played:
    """What was sent of a case, by kind, and when at the latest."""

    report: Sent
    stamp: Sent
    reading: Sent
    position: Sent
    said: datetime
    begun: datetime
    name: str
    unit: str
    stream: str


@pytest.fixture(scope="module")
def played(running: Rig, city: CityData) -> dict[str, Played]:
    """Send what each producer of the table has to say, at once."""
    made = {}
    units = [unit.id for unit in city.units]
    smoke = [sensor for sensor in city.sensors if sensor.observed_property == "smoke"]
    for number, case in enumerate(TABLE):
        name, said, unit, sensor = f"gw {case.clock}", now() + case.off, units[-1 - number], None
        lon, lat = lonlat(COLUMNS[case.clock], 20)
        sensor = smoke[-1 - number]
        report = CitizenReport(
            service_request_id=f"{name} {uuid.uuid4().hex}",
            description="有人晕倒，没有呼吸",
            requested_datetime=said,
            location=Location(lon=lon, lat=lat),
        )
        reading = SensorReading(
            sensor=sensor.id,
            datastream=sensor.datastream,
            observed_property="smoke",
            result=40.0,
            unit_of_measurement=SMOKE.unit_of_measurement,
            phenomenon_time=said,
        )
        position = UnitPosition(unit=unit, location=Location(lon=lon, lat=lat), time=said)
        stamp = UnitStatus(unit=unit, status="out_of_service", time=said, reason="tyre")
        made[case.clock] = Played(
            by(case.off, message(topics.REPORTS, report), name),
            by(case.off, message(topics.UNIT_STATUS, stamp, key=unit), name),
            by(case.off, message(topics.READINGS, reading, key=sensor.id), name),
            by(case.off, message(topics.POSITIONS, position, key=unit), name),
            said,
            now(),
            name,
            unit,
            sensor.datastream,
        )
    running.send([one.report for one in made.values()])
    running.settle()
    for one in made.values():
        running.send([one.reading, one.position])
    running.settle()
    running.send([one.stamp for one in made.values()])
    running.settle()
    return made


class TestProducer:
    """What a producer's clock says is kept; that it came, and when, is the broker's."""

    @pytest.mark.parametrize("case", TABLE, ids=lambda case: case.clock)
    def test_a_report_is_acted_on(self, running: Rig, played: dict[str, Played], case: Case):
        one = played[case.clock]
        row = running.rows(
            "SELECT e.*, i.category AS what FROM evidence e JOIN incident i ON i.id = e.incident_id"
            " WHERE topic = $1 AND partition = $2 AND record_offset = $3",
            *one.report.place,
        )[0]
        assert (row["placed"], row["what"]) == ("opened", "medical")
        # Three ambulances are not enough for all, but each is asked for.
        assert running.rows(
            "SELECT 1 FROM recommendation WHERE incident_id = $1", row["incident_id"]
        )
        assert abs((row["received_at"] - one.begun).total_seconds()) < MINUTES
        doubts = [reason for reason in row["triage"] if "its clock says" in reason]
        if case.report == "its own":
            assert (row["observed_at"], doubts) == (one.said, [])
        else:
            assert row["observed_at"] == row["received_at"]
            assert doubts == [f"its clock says {one.said:%Y-%m-%dT%H:%M:%SZ}: arrival taken"]

    @pytest.mark.parametrize("case", TABLE, ids=lambda case: case.clock)
    def test_a_stamp_is_journaled(self, running: Rig, played: dict[str, Played], case: Case):
        one = played[case.clock]
        entries = [
            msg
            for msg in running.messages(topics.JOURNAL.name)
            if dict(msg.headers).get("ce_causationid") == dict(one.stamp.headers)["ce_id"]
        ]
        (stamp,) = [wire.decode(msg.value, dict) for msg in entries]
        said = datetime.fromisoformat(stamp["time"])
        if case.stamp == "its own":
            assert (said, stamp.get("doubt")) == (one.said, None)
        else:
            assert abs((said - one.begun).total_seconds()) < MINUTES
            doubt = render(msgspec.convert(stamp["doubt"], Reason), "en")
            assert doubt == f"its clock says {one.said:%Y-%m-%dT%H:%M:%SZ}: arrival taken"
        assert stamp["reason"] == "tyre"

    @pytest.mark.parametrize("case", TABLE, ids=lambda case: case.clock)
    def test_a_reading_opens_or_says_why_not(
        self, running: Rig, played: dict[str, Played], case: Case
    ):
        one = played[case.clock]
        rows = running.rows("SELECT phase FROM evidence WHERE source_id = $1", one.stream)
        reasons = refusals(running, one.reading)
        if case.reading == "alarm":
            assert ([row["phase"] for row in rows], reasons) == (["opened"], [])
        else:
            assert rows == []
            assert "phenomenon_time" in reasons[0]
            assert f"the clock of '{one.name}' is wrong" in reasons[0]
            assert "`jingwei sources`" in reasons[0]

    @pytest.mark.parametrize("case", TABLE, ids=lambda case: case.clock)
    def test_a_unit_is_where_it_says_or_says_why_not(
        self, running: Rig, played: dict[str, Played], case: Case
    ):
        one = played[case.clock]
        row = running.rows("SELECT record FROM unit WHERE id = $1", one.unit)[0]
        unit = wire.decode(row["record"], dict)
        reasons = refusals(running, one.position)
        if case.position == "there":
            at = datetime.fromisoformat(unit["position_at"])
            assert reasons == []
            assert at == one.said or (case.off > skew(0) and at - one.begun < skew(MINUTES))
        else:
            assert unit.get("position_at") is None
            assert f"the clock of '{one.name}' is wrong" in reasons[0]

    @pytest.mark.parametrize("case", TABLE, ids=lambda case: case.clock)
    def test_its_skew_is_known(self, running: Rig, played: dict[str, Played], case: Case):
        one = source_of(running, played[case.clock].name)
        assert one.skew_s == pytest.approx(case.off.total_seconds(), abs=MINUTES)

    def test_a_slow_gateways_report_is_not_put_to_what_is_closed(self, running: Rig):
        """Its report came 2 minutes after the close; by its clock 3 minutes before it."""
        lon, lat = lonlat(3, 3)

        def report(off: float) -> Sent:
            payload = CitizenReport(
                service_request_id=uuid.uuid4().hex,
                description="有人晕倒，没有呼吸",
                requested_datetime=now(off),
                location=Location(lon=lon, lat=lat),
            )
            return by(skew(off), message(topics.REPORTS, payload), "slow gateway")

        first = report(0)
        running.send([first])
        incident = opened_by(running, first)
        query = "SELECT unit_id FROM assignment WHERE incident_id = $1 AND ended IS NULL"
        running.settle()
        for row in running.rows(query, incident):
            stamps = [
                UnitStatus(unit=row["unit_id"], status=status, time=now(), incident=incident)
                for status in ("on_scene", "available")
            ]
            running.send([message(topics.UNIT_STATUS, one, key=one.unit) for one in stamps])
        running.settle()
        close = Command(
            id=uuid.uuid4().hex,
            region="test",
            operator="wang",
            incident=incident,
            action=Close(disposition="resolved"),
        )
        running.send([message(topics.JOURNAL, close, key="test")])
        running.await_rows("SELECT 1 FROM incident WHERE id = $1 AND state = 'closed'", incident)
        second = report(-300)
        running.send([second])
        again = opened_by(running, second)
        assert again != incident
        assert running.rows("SELECT 1 FROM recommendation WHERE incident_id = $1", again)

    def test_a_slow_gateways_sensor_does_not_flap(self, running: Rig, city: CityData):
        """Slow by the silence timeout and 30 s, it was silent before it was heard."""
        sensor = next(s for s in city.sensors if s.observed_property == "smoke")
        off = -(SMOKE.silence_timeout_s + 30)
        for _ in range(4):
            payload = SensorReading(
                sensor=sensor.id,
                datastream=sensor.datastream,
                observed_property="smoke",
                result=40.0,
                unit_of_measurement=SMOKE.unit_of_measurement,
                phenomenon_time=now(off),
            )
            sent = message(topics.READINGS, payload, key=sensor.id)
            running.send([by(skew(off), sent, "slow sensors")])
            running.settle()  # takes longer than the look for silence
        rows = running.rows("SELECT phase FROM evidence WHERE source_id = $1", sensor.datastream)
        assert [row["phase"] for row in rows] == ["opened"]


def refusals(rig: Rig, sent: Sent) -> list[str]:
    rows = rig.rows(
        "SELECT reason FROM dead_letter WHERE topic = $1 AND partition = $2 AND record_offset = $3",
        *sent.place,
    )
    return [row["reason"] for row in rows]


def opened_by(rig: Rig, sent: Sent) -> str:
    """Return the incident that a report has opened."""
    rows = rig.await_rows(
        "SELECT placed, incident_id FROM evidence WHERE topic = $1 AND partition = $2"
        " AND record_offset = $3 AND placed IS NOT NULL",
        *sent.place,
    )
    assert rows[0]["placed"] == "opened"
    return rows[0]["incident_id"]
