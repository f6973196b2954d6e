"""Departments' feeds: who was told stays told to the end, without a hole."""

import asyncio
import json
import random
from collections import defaultdict

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.ledger import connect, feeds, transaction
from infra.ledger.effects import write_applied
from infra.ledger.feeds import Told
from infra.ledger.intake import insert_evidence
from infra.settings import Endpoints
from schemas import codes, journal, topics, wire
from schemas.inputs import CitizenReport, Location
from schemas.outputs import IncidentChanged
from streams.departments import Change, tell, tell_departments
from streams.publish import outputs
from tests.checker import feed_faults
from tests.city.toy import lonlat
from tests.infra.ledger.scenario import Play, fleet, policy
from tests.streams.rig import Rig, Sent, message, now, true_ends

LON, LAT = lonlat(5, 5)


@given(
    takes=st.lists(st.booleans(), min_size=1, max_size=30),
    back=st.lists(st.integers(0, 5), min_size=30, max_size=30),
)
def test_a_sequence_has_no_hole_however_often_lines_come_again(takes, back):
    told, got = None, []
    for seq in range(1, len(takes) + 1):
        for n in range(max(1, seq - back[seq - 1]), seq + 1):  # again from a few before
            answer = tell(told, n, takes=takes[n - 1])
            if answer is not None:
                told, standing = answer
                got.append((n, standing))
    first = next((n for n, taken in enumerate(takes, 1) if taken), len(takes) + 1)
    names = {True: "yours", False: "no_longer_yours"}
    assert got[:1] == [(first, "snapshot")][: len(got)]
    assert got[1:] == [(n, names[takes[n - 1]]) for n in range(first + 1, len(takes) + 1)]


def test_a_feed_that_was_off_begins_anew_and_late_lines_still_come():
    told, standing = tell(Told(3), 6, takes=True)
    assert (told, standing) == (Told(6, (4, 5)), "snapshot")
    told, standing = tell(told, 5, takes=False)
    assert (told, standing) == (Told(6, (4,)), "no_longer_yours")
    assert tell(told, 5, takes=True) is None
    assert tell(Told(3), 6, takes=False) == (Told(6, (4, 5)), "no_longer_yours")


class Feeds:
    """The feeds over a ledger, and what the departments have got."""

    def __init__(self, conn: asyncpg.Connection) -> None:
        self.conn = conn
        self.log: list[Change] = []
        self.got: dict[tuple[str, str], list[dict]] = defaultdict(list)

    def publish(self, entry_id: str, at, effects) -> None:
        for output, m in outputs(entry_id, at, effects):
            if isinstance(output, IncidentChanged):
                self.log.append((output, m))

    async def run(self, first: int, *, crash: bool = False) -> bool:
        """Deal with the log from a place on; False after a crash, which leaves no trace."""
        batch = self.conn.transaction()
        await batch.start()
        sent = await tell_departments(self.conn, self.log[first:])
        if crash:
            await batch.rollback()
            return False
        await batch.commit()
        for m in sent:
            change = json.loads(m.value)
            again = wire.decode(m.value, IncidentChanged)
            assert wire.encode(again) == m.value, "as canonical as any other message"
            self.got[m.topic, change["incident_id"]].append(change)
        return True


@pytest.fixture
async def told(endpoints: Endpoints):
    conn = await connect(endpoints.worker_url)
    async with transaction(conn) as tx:
        await feeds.fill_subscriptions(tx)
    yield Feeds(conn)
    await conn.close()


async def narrow(conn: asyncpg.Connection, luck: random.Random) -> None:
    """Edit a subscription's filter."""
    severities = [None, ["P1"], ["P1", "P2"], ["P3", "P4"]]
    await conn.execute(
        "UPDATE subscription SET severities = $1, subdistricts = $2 WHERE department = $3",
        luck.choice(severities),
        luck.choice([None, None, ["静安寺"], ["江宁路"]]),
        luck.choice(sorted(codes.departments())),
    )


@pytest.mark.postgis
@pytest.mark.parametrize("seed", range(4))
async def test_every_departments_sequence_is_whole_to_the_end(told, seed):
    """A core's play of all commands, with edited filters, crashes and messages that come again."""
    luck = random.Random(seed)
    play = Play("310106")
    play.apply(policy("310106", "v0", 86_400.0))
    play.apply(fleet("310106"))
    first = 0
    for _ in range(120):
        kind, a, b = (luck.randrange(n) for n in (8, 60, 60))
        if kind == 6:
            continue
        if kind == 5 and (known := play.core.snapshot().incidents):
            step = play.apply(classify(luck, known, len(play.entries)))
        else:
            step = play.step(kind, a, b)
        told.publish(step.entry_id, step.at, step.effects)
        if luck.random() < 0.1:
            await narrow(told.conn, luck)
        again = max(0, first - luck.randrange(9))
        if luck.random() < 0.4 and await told.run(again, crash=luck.random() < 0.2):
            first = len(told.log)
    for incident in play.core.snapshot().incidents:  # refused while units are there
        close = journal.Command(
            id=f"close/{incident.id}",
            region="310106",
            operator="王",
            incident=incident.id,
            action=journal.Close(disposition="resolved"),
        )
        step = play.apply(close)
        told.publish(step.entry_id, step.at, step.effects)
    await told.run(0)  # as a new group reads
    last = {i.id: i.version for i in play.incidents.values()}
    assert len(told.got) > 20
    faults = {key: feed_faults(got, last[key[1]]) for key, got in told.got.items()}
    assert {key: found for key, found in faults.items() if found} == {}
    standings = {change["standing"] for got in told.got.values() for change in got}
    assert standings == {"snapshot", "yours", "no_longer_yours"}
    ends = {key: got[-1]["incident"]["state"] for key, got in told.got.items()}
    assert ends == {key: play.incidents[key[1]].state for key in ends}
    assert "closed" in ends.values()


def classify(luck: random.Random, known, number: int) -> journal.Command:
    """Correct an incident's category or severity, or move it to another sub-district."""
    incident = luck.choice(known)
    return journal.Command(
        id=f"classify/{number}",
        region="310106",
        operator="王",
        incident=incident.id,
        action=journal.Classify(
            category=luck.choice([None, "fire", "flood", "medical", "gas_leak"]),
            severity=luck.choice([None, "P1", "P2", "P4"]),
            reason="seen",
        ),
    )


@pytest.mark.postgis
async def test_a_feed_on_another_topic_begins_with_a_snapshot(told):
    play = Play("310106")
    for step in (play.apply(fleet("310106")), play.step(0, 6, 1)):
        told.publish(step.entry_id, step.at, step.effects)
    await told.run(0)
    incident = play.core.snapshot().incidents[0]
    assert [c["standing"] for c in told.got["dept.fire", incident.id]][:2] == ["snapshot", "yours"]
    await told.conn.execute("UPDATE subscription SET target = 'hq' WHERE department = 'fire'")
    before = len(told.log)
    note = journal.Command(
        id="n",
        region="310106",
        operator="王",
        incident=incident.id,
        action=journal.AddNote(text="x"),
    )
    step = play.apply(note)
    told.publish(step.entry_id, step.at, step.effects)
    await told.run(before)
    assert [c["standing"] for c in told.got["hq", incident.id]] == ["snapshot"]


@pytest.mark.postgis
async def test_what_was_told_of_old_incidents_is_forgotten(told):
    play = Play("310106")
    batch = [play.apply(fleet("310106")), play.step(0, 6, 1), play.step(0, 1, 1)]
    async with transaction(told.conn) as tx:
        await insert_evidence(tx, "310106", play.evidence)
        await write_applied(tx, "310106", batch, play.core.clock)
    for step in batch:
        told.publish(step.entry_id, step.at, step.effects)
    await told.run(0)
    many = await told.conn.fetchval("SELECT count(*) FROM feed_told")
    assert await feeds.forget_told(told.conn, 60.0, 9) == 0
    assert await feeds.forget_told(told.conn, -1.0, 9) == 0  # open ones are never forgotten
    await told.conn.execute("UPDATE incident SET is_open = false")
    assert await feeds.forget_told(told.conn, -1.0, 1) == 1
    assert await feeds.forget_told(told.conn, -1.0, 100) == many - 1


@pytest.mark.kafka
@pytest.mark.postgis
def test_what_version_0_2_left_on_its_own_topic_is_told_once(rig: Rig):
    play = Play("310106")
    lines = [
        (output, m)
        for step in (play.apply(fleet("310106")), play.step(0, 6, 1))
        for output, m in outputs(step.entry_id, step.at, step.effects)
        if isinstance(output, IncidentChanged)
    ]
    incident = lines[0][0].incident_id
    since = asyncio.run(true_ends(rig.endpoints, [topics.INCIDENTS.name]))
    rig.send([Sent(m.topic, m.key, m.value, m.headers) for _, m in lines])
    asyncio.run(note_fences(rig, since))
    for _ in range(2):  # the second start finds nothing left
        rig.worker.start()
        rig.worker.wait_ready()
        assert rig.worker.stop() == 0
    assert rig.worker.log.read_text().count("that an earlier version had left") == 1
    got = [json.loads(value) for value in rig.published("dept.fire", incident)]
    assert [(change["seq"], change["standing"]) for change in got] == [
        (output.seq, "snapshot" if n == 0 else "yours") for n, (output, _) in enumerate(lines)
    ]
    assert rig.rows("SELECT 1 FROM consumed WHERE topic = $1", topics.INCIDENTS.name) == []


async def note_fences(rig: Rig, reached: dict[tuple[str, int], int]) -> None:
    """Note how far the group has read, as a worker of that version did."""
    conn = await asyncpg.connect(rig.endpoints.database_url)
    try:
        await conn.executemany(
            "INSERT INTO consumed (consumer_group, topic, partition, next_offset)"
            " VALUES ($1, $2, $3, $4)",
            [(rig.group, *part, offset) for part, offset in reached.items()],
        )
    finally:
        await conn.close()


@pytest.mark.kafka
@pytest.mark.postgis
def test_a_reclassified_incident_says_so_and_its_close_still_comes(running: Rig):
    sent = CitizenReport(
        service_request_id=f"r-{now().isoformat()}",
        description="井盖不见了",
        requested_datetime=now(),
        location=Location(lon=LON, lat=LAT),
    )
    running.send([message(topics.REPORTS, sent)])
    found = running.await_rows(
        "SELECT incident_id FROM evidence WHERE source_id = $1 AND placed = 'opened'",
        sent.service_request_id,
    )
    incident = found[0]["incident_id"]
    give(
        running,
        incident,
        journal.Classify(category="traffic_crash", reason="a car fell into it"),
        journal.AddNote(text="tow truck asked for"),
    )
    rows = running.rows(
        "SELECT unit_id FROM assignment WHERE incident_id = $1 AND ended IS NULL", incident
    )
    sent_there = tuple(row["unit_id"] for row in rows)
    give(
        running,
        incident,
        journal.Unassign(units=sent_there, reason="it is over"),
        journal.Close(disposition="resolved"),
    )
    got = {
        name: [json.loads(value) for value in values]
        for name, values in running.feeds(incident).items()
    }
    all_lines = [json.loads(v) for v in running.published(topics.INCIDENTS.name, incident)]
    assert all("standing" not in change for change in all_lines)
    last = all_lines[-1]["seq"]
    assert {name: feed_faults(changes, last) for name, changes in got.items()} == {
        "dept.water": [],
        "dept.urban_management": [],
        "dept.traffic": [],
        "dept.police": [],
        "dept.medical": [],
    }
    water = {change["entry"]["kind"]: change for change in got["dept.water"]}
    assert water["reported"]["standing"] == "snapshot"
    assert water["classified"]["standing"] == "no_longer_yours"
    assert water["note"]["standing"] == "no_longer_yours"
    assert got["dept.water"][-1]["incident"]["state"] == "closed"
    assert got["dept.traffic"][0]["standing"] == "snapshot"
    assert got["dept.traffic"][0]["seq"] == water["classified"]["seq"]
    assert got["dept.traffic"][-1]["standing"] == "yours"


def give(rig: Rig, incident: str, *actions: journal.Action) -> None:
    """Give an operator's commands and wait until they are carried out."""
    region = rig.rows("SELECT region FROM incident WHERE id = $1", incident)[0]["region"]
    commands = [
        journal.Command(
            id=f"{incident}/{type(action).__name__}",
            region=region,
            operator="op",
            incident=incident,
            action=action,
        )
        for action in actions
    ]
    rig.send([message(topics.JOURNAL, one, key=region, event_id=one.id) for one in commands])
    rig.settle()
    refused = "SELECT id, reason FROM command WHERE incident_id = $1 AND outcome <> 'accepted'"
    assert rig.rows(refused, incident) == []
