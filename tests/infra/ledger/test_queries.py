"""What the command line reads, on a day that the core has lived through."""

from datetime import UTC, datetime, timedelta

import asyncpg
import msgspec
import pytest

from infra.ledger import commands, errors, invariants, queries, reading, transaction
from infra.ledger.effects import write_applied
from infra.ledger.intake import insert_evidence
from infra.ledger.queries import IncidentFilter
from infra.ledger.snapshot import applied_range
from schemas import journal, wire
from schemas.effects import Effect, TimelineAppended
from schemas.records import Reason
from schemas.words import each, each_said, render, said
from tests.infra.ledger.scenario import START, Play, fleet

pytestmark = pytest.mark.postgis


@pytest.fixture
async def play(worker: asyncpg.Connection) -> Play:
    play = Play("310106")
    play.at = datetime.now(UTC)
    batch = [play.apply(fleet("310106"))]
    batch += [play.step(n * 7, n * 13 % 121, n * 29 % 113) for n in range(120)]
    async with transaction(worker) as conn:
        await insert_evidence(conn, "310106", play.evidence)
        await write_applied(conn, "310106", batch, play.core.clock)
    return play


async def test_incidents_are_listed_by_what_is_asked(
    play: Play, worker: asyncpg.Connection
) -> None:
    known = play.incidents.values()
    async with reading(worker) as conn:
        assert {line.incident for line in await queries.list_incidents(conn)} == set(known)
        some = IncidentFilter(open=True, severities=("P1",), categories=("fire",), since=START)
        for line in await queries.list_incidents(conn, some):
            assert (line.incident.severity, line.incident.category) == ("P1", "fire")
            assert line.incident.closed_at is None
        assert len(await queries.list_incidents(conn, IncidentFilter(limit=2))) == 2
        late = IncidentFilter(since=play.at + timedelta(days=1))
        assert await queries.list_incidents(conn, late) == []
        states = IncidentFilter(states=("no such",))
        assert await queries.list_incidents(conn, states) == []


async def test_an_incident_is_found_by_any_of_its_names(
    play: Play, worker: asyncpg.Connection
) -> None:
    incident = play.core.snapshot().incidents[0]
    for key in (incident.id, incident.number, incident.id[:13], incident.number[-4:]):
        assert await queries.find_incident(worker, key) == incident.id
    with pytest.raises(errors.NotFound, match="jingwei incidents list"):
        await queries.find_incident(worker, "nothing")
    with pytest.raises(errors.NotFound):
        await queries.find_incident(worker, "")
    with pytest.raises(errors.Ambiguous, match="give more of it"):
        await queries.find_incident(worker, "310106-")


async def test_an_incident_is_shown_whole(play: Play, worker: asyncpg.Connection) -> None:
    known = play.core.snapshot()
    for incident in known.incidents:
        whole = await queries.show_incident(worker, incident.id)
        assert whole.incident == incident
        assert [entry.seq for entry in whole.timeline] == list(range(1, incident.version + 1))
        mine = {a.id: a for a in known.assignments if a.incident == incident.id}
        assert {a.id: a for a in whole.assignments} == mine
        placed = {line.evidence.id for line in whole.evidence if line.placed != "ended"}
        assert len(placed) == incident.evidence_count
        assert set(incident.evidence) <= placed
        assert all(line.reasons for line in whole.evidence if line.placed == "attached")
        assert any(r.recommendation.requirements for r in whole.recommendations) or not mine
    with pytest.raises(errors.NotFound):
        await queries.show_incident(worker, "nothing")


def storable(value: object) -> bytes:
    """A value with what the database puts for the character that it cannot store."""
    return msgspec.json.encode(value, order="sorted").replace(b"\\u0000", "\ufffd".encode())


async def test_what_is_said_is_kept_as_data_beside_the_english(
    play: Play, worker: asyncpg.Connection
) -> None:
    decided = {
        (effect.entry.incident, effect.entry.seq): effect.entry
        for applied in await applied_range(worker, play.region, 0, play.offset)
        for effect in wire.decode(applied.effects, tuple[Effect, ...])
        if isinstance(effect, TimelineAppended)
    }
    for incident in play.core.snapshot().incidents:
        for entry in (await queries.show_incident(worker, incident.id)).timeline:
            known = decided[entry.incident, entry.seq]
            assert storable(entry) == storable(known)
    row = await worker.fetchrow("SELECT * FROM incident_entry WHERE kind = 'recommended' LIMIT 1")
    assert row is not None
    assert row["text"] == render(msgspec.convert(row["text_data"], Reason))
    assert row["reasons"] == list(each(msgspec.convert(row["reasons_data"], tuple[Reason, ...])))


async def test_what_earlier_versions_wrote_is_read_as_said(
    play: Play, owner: asyncpg.Connection
) -> None:
    trial = owner.transaction()
    await trial.start()
    await owner.execute("ALTER TABLE incident_entry DISABLE TRIGGER USER")
    await owner.execute("ALTER TABLE stamp_refused DISABLE TRIGGER USER")
    await owner.execute("UPDATE incident_entry SET text_data = NULL, reasons_data = NULL")
    await owner.execute("UPDATE evidence SET reasons_data = NULL")
    await owner.execute("UPDATE command SET reason_data = NULL, changes_data = NULL")
    whole = await queries.show_incident(owner, next(iter(play.incidents)))
    assert {entry.said.code for entry in whole.timeline} == {"said"}
    assert all(line.because == each_said(line.reasons) for line in whole.evidence)
    for answer in await commands.command_history(owner, limit=1_000):
        assert answer.said == (said(answer.reason) if answer.reason else None)
    await trial.rollback()


async def test_counts_and_units(play: Play, worker: asyncpg.Connection) -> None:
    known = play.core.snapshot()
    assert await queries.list_units(worker) == list(known.units)
    status = await queries.status(worker)
    assert sum(status.incidents.values()) == len(play.incidents)
    assert sum(status.units.values()) == len(known.units)
    assert status.counts["alerts_active"] == len(known.alerts)
    assert status.regions[0].clock == known.clock
    summary = await queries.summary(worker)
    assert summary["evidence"] == len(play.evidence)
    assert summary["incidents"] == len(play.incidents)
    assert await queries.summary(worker, play.at + timedelta(days=9)) == dict.fromkeys(summary, 0)


async def test_waiting_times_are_from_report_to_first_assignment(
    play: Play, worker: asyncpg.Connection
) -> None:
    times = await queries.report_to_assignment_ms(worker)
    assert times == sorted(times)
    assert 0 < len(times) <= len(play.core.snapshot().incidents)
    assert await queries.report_to_assignment_ms(worker, play.at + timedelta(days=1)) == []


async def test_views_are_for_people(play: Play, worker: asyncpg.Connection) -> None:
    row = await worker.fetchrow(
        "SELECT *, ST_GeometryType(route) AS form FROM active_assignment"
        " WHERE route IS NOT NULL LIMIT 1"
    )
    assert row["form"] == "ST_LineString"
    assert await worker.fetchval("SELECT count(*) FROM incident_timeline") > 0
    assert await worker.fetchval("SELECT count(*) FROM open_incident") > 0


DAMAGE = {
    "unit_once": "DROP INDEX assignment_one_active_per_unit; UPDATE assignment SET ended = NULL",
    "unit_agrees_with_assignment": "UPDATE unit SET assignment_id = 'other'",
    "timeline_gapless": "UPDATE incident SET version = version + 1",
    "timeline_in_order": "UPDATE incident_entry SET at = at + interval '1 day' WHERE seq = 1",
    "states_follow_one_another": "UPDATE incident SET state = 'scheduled'",
    "stamps_in_order": "UPDATE assignment SET clear = dispatched - interval '1s'",
    "closed_have_no_units": "UPDATE incident SET is_open = false",
    "closed_have_disposition": "UPDATE incident SET state = 'closed', disposition = NULL",
    "evidence_counted": "UPDATE incident SET evidence_count = evidence_count + 1",
    "every_incident_has_evidence": "UPDATE evidence SET incident_id = NULL",
    "evidence_placed": "UPDATE evidence SET placed = NULL",
    "numbers_gapless": "UPDATE incident SET number = number || '9' WHERE number ~ '1$'",
    "outbox_drained": "INSERT INTO outbox (lane, topic, headers) VALUES ('lane', 'topic', '')",
    "nothing_refused": "INSERT INTO outbox_refused (id, lane, topic, headers, created_at, reason)"
    " VALUES (1, 'lane', 'topic', '', now(), 'too large')",
}


async def test_an_invariant_that_is_broken_is_named(play: Play, owner: asyncpg.Connection) -> None:
    names = (*invariants.NAMES, *invariants.SETTLING)
    assert await invariants.check(owner) == dict.fromkeys(names, True)
    assert set(DAMAGE) == set(names)
    for name, damage in DAMAGE.items():
        trial = owner.transaction()
        await trial.start()
        for table in ("assignment", "incident_entry"):
            await owner.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        await owner.execute(damage)
        assert not (await invariants.check(owner, settled_s=0))[name]
        assert (await invariants.violations(owner, settled_s=0))[name]
        await trial.rollback()


async def test_answers_say_what_was_asked(play: Play, worker: asyncpg.Connection) -> None:
    given = {entry.id: entry for entry, _ in play.entries if isinstance(entry, journal.Command)}
    answers = await commands.command_answers(worker, [*given, "nothing"])
    assert answers.keys() == given.keys()
    assert {type(answer) for answer in answers.values()} == {commands.Accepted, commands.Refused}
    for key, answer in answers.items():
        assert storable(answer.action) == storable(given[key].action)
        assert answer.expected_version == given[key].expected_version
        assert answer.reason or isinstance(answer, commands.Accepted)
        assert answer.number == play.incidents[answer.incident].number


async def test_an_operators_history_is_the_latest_first(
    play: Play, worker: asyncpg.Connection
) -> None:
    everything = await commands.command_history(worker, limit=1_000)
    assert [one.at for one in everything] == sorted((one.at for one in everything), reverse=True)
    some = everything[0]
    mine = await commands.command_history(worker, operator=some.operator, incident=some.incident)
    assert some in mine
    assert {(one.operator, one.incident) for one in mine} == {(some.operator, some.incident)}
    assert len(await commands.command_history(worker, limit=1)) == 1
    assert await commands.command_history(worker, operator="nobody") == []
