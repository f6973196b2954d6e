"""The ledger: what Jingwei knows and did, in PostgreSQL with PostGIS.

Every function that writes takes an asyncpg connection that is inside a transaction; the
caller's transaction is what makes a batch whole. ``transaction(pool)`` gives one.

::

    from infra.ledger import open_pool, transaction, check_schema, migrate
    from infra.ledger import effects, fence, intake, outbox, queries, snapshot

    pool = await open_pool(endpoints.worker_url)
    async with transaction(pool) as conn:
        nexts = await fence.lock_offsets(conn, group, [(topic, partition)])
        ... skip what lies below, apply the rest ...
        await effects.write_applied(conn, region, batch, clock)
        ids = await outbox.put(conn, lane, messages)
        await fence.advance(conn, group, {(topic, partition): next_offset})
    ... send the messages, then ...
    async with transaction(pool) as conn:
        await outbox.mark_sent(conn, ids)

Schema (``migrations``)
    ``await migrate(url) -> list[str]`` names of the migrations applied now;
    ``await check_schema(conn) -> None`` raises `SchemaTooNew` or `SchemaTooOld`;
    ``SCHEMA`` the number of the newest migration this Jingwei knows.
Connections (``pool``)
    ``await open_pool(url, minimum=1, maximum=8, application="jingwei") -> asyncpg.Pool``;
    ``await connect(url, application="jingwei") -> asyncpg.Connection``;
    ``async with transaction(pool) as conn`` a transaction on a connection of the pool, its
    errors mapped; ``async with reading(pool) as conn`` the same, read only.
    Both take a connection in place of the pool.
Offset fence (``fence``)
    ``await lock_offsets(conn, group, parts: Iterable[tuple[str, int]])
    -> dict[tuple[str, int], int]`` next offset by (topic, partition), rows locked;
    ``await lock(conn, group, parts) -> dict[tuple[str, int], Fence(next, incarnation)]``;
    ``await advance(conn, group, {(topic, partition): next_offset})`` raises `FenceBroken`.
The broker's logs (``logs``)
    ``await known_logs(conn) -> dict[str, TopicLog(topic, incarnation, topic_id, partitions,
    noticed_at)]``; ``await note_log(conn, topic, incarnation, topic_id, partitions) -> bool``;
    ``await note_lost(conn, group, (topic, partition), first, last)``;
    ``await lost_ranges(conn, group) -> list[Lost]``.
Strikes (``strikes``)
    ``Place(group, topic, partition, offset)``;
    ``await strike(conn, place, start: UUID, error) -> int`` in how many starts it has failed;
    ``await open_strikes(conn, group, part) -> set[int]``;
    ``await clear(conn, group, part, offsets)``, ``await set_aside(conn, place)``;
    ``await passed_since(conn, group, topic, latest) -> int | None``.
Outbox (``outbox``)
    ``Message(topic, key: bytes | None, value: bytes | None, headers: list[tuple[str, bytes]])``;
    ``await put(conn, lane, messages) -> list[int]`` ids in order;
    ``await unsent(conn, lane, limit) -> list[tuple[int, Message]]``;
    ``await mark_sent(conn, ids) -> None``;
    ``await refuse(conn, id, reason) -> None`` sets one aside that cannot be sent;
    ``await lanes_waiting(conn, older_than_s) -> list[str]``;
    ``await refused(conn, limit, *, settled=False) -> list[Refused]`` those set aside;
    ``await settle(conn, id, "resent" | "discarded", by, why) -> None``.
Intake (``intake``)
    ``Source(topic, partition, offset)``;
    ``await insert_evidence(conn, region, [(Evidence, Source)]) -> set[str]`` ids that are new;
    ``await insert_reporters(conn, [Reporter(ref, contact: dict[str, str])]) -> None``;
    ``Alarm(datastream, state: bytes, open: bool, seen_at: datetime | None)``;
    ``await load_alarms(conn, partition) -> dict[str, Alarm]`` by datastream;
    ``await save_alarms(conn, partition, [Alarm]) -> None``;
    ``await forget_alarms(conn, partition, datastreams) -> None`` deletes calm ones;
    ``Fix(unit, at, lon, lat, accuracy_m, speed_mps, heading_deg)``;
    ``await insert_tracks(conn, [Fix]) -> None``;
    ``await make_track_partitions(pool) -> int`` never inside a batch;
    ``DeadLetter(source, key, value, headers, reason, error, agent, at)``;
    ``await insert_dead_letters(conn, [DeadLetter]) -> set[Source]`` those that are new.
Units among fences (``watch``)
    ``UnitFences(unit, at, lon, lat, margin_m, fences, since)``;
    ``await load_units(conn, partition)``, ``await save_units(conn, partition, units)``;
    ``Terms(partition, number, from_offset, city, terms: bytes, until)``;
    ``await last_terms(conn, partition)``, ``await terms_history(conn, partition)``,
    ``await add_terms(conn, terms)``, ``await watched_partitions(conn) -> list[int]``;
    ``await fence_names(conn, city) -> dict`` kind and name by id;
    ``await refused_offsets(conn, topic, partition) -> set[int]`` those that are dead letters.
Effects (``effects``)
    ``Applied(offset, entry_id, entry_kind, at, effects: tuple[Effect, ...])``;
    ``await write_applied(conn, region, [Applied], clock) -> int`` how many entries were
    written; those at or below the region's applied offset are skipped;
    ``await note_decider(conn, region, offset, software) -> None``.
Snapshot (``snapshot``)
    ``await load_snapshot(conn, region) -> Snapshot | None``;
    ``await applied_offset(conn, region) -> int`` of the last entry applied, -1 before any;
    ``await first_applied_offset(conn, region) -> int | None``;
    ``await applied_range(conn, region, first, last) -> list[Recorded]`` what was recorded for
    replay to compare with: ``await deciders(conn, region, first, last) -> dict[int, str]`` the
    software, by its first offset; ``Recorded(offset, entry_id, entry_kind, at, effects: bytes)``.
Reads (``queries``)
    ``await list_incidents(conn, IncidentFilter(states, open, severities, categories, since,
    limit)) -> list[IncidentLine]``;
    ``await find_incident(conn, key) -> str`` id of an id, a number or a unique prefix of
    either, raises `NotFound` or `Ambiguous`;
    ``await show_incident(conn, id) -> IncidentWhole`` incident, timeline, assignments, evidence,
    alerts, recommendations, links;
    ``await list_units(conn) -> list[Unit]``; ``await status(conn) -> Status`` counts;
    ``await list_refusals(conn, unit=None, limit=100) -> list[Refusal]`` stamps not applied;
    ``await utc_offsets(conn) -> list[int]`` minutes, of the regions' policies;
    ``await command_outcome(conn, id) -> Outcome | None``;
    ``await list_dead_letters(conn, topic=None, reason=None, limit=100, *, redriven=False)
    -> list[DeadLetterRow]``;
    ``await get_dead_letter(conn, id) -> DeadLetterRow``;
    ``await mark_redriven(conn, ids) -> None``;
    ``await dead_letters_by_error(conn, since=None) -> dict[str, int]``;
    ``await report_to_assignment_ms(conn, since=None) -> list[float]`` sorted;
    ``await summary(conn, since=None) -> dict[str, int]`` evidence, incidents,
    dispatched, assignments.
Tracks (``tracks``)
    ``await tracked_units(conn, units, since=None, until=None) -> list[TrackedUnit]``;
    ``await unit_fixes(conn, unit, since, until) -> list[Fix]``;
    ``await unit_duties(conn, unit, since, until) -> list[Duty]`` its assignments' stamps.
Feeds (``feeds``)
    ``await fill_subscriptions(conn) -> int`` a row for each department that has none;
    ``await load_subscriptions(conn) -> list[Subscription]``
    (department, target, categories, severities, subdistricts; an empty tuple takes all), with
    ``takes(category, severity, subdistrict) -> bool``;
    ``Told(seq, missing)`` how far a feed was told of an incident;
    ``await load_told(conn, incidents) -> dict[(subscription, incident), Told]``;
    ``await save_told(conn, told, targets) -> None``;
    ``await forget_told(conn, older_than_s, limit) -> int`` of incidents that are over.
City (``city``)
    ``await store_city(conn, digest, [FenceRow(id, kind, name, wkb, attributes)]) -> None``.
Cities' files (``city_files``)
    ``look_at(folder, names) -> tuple[CityFile(name, size, sha256), ...]``;
    ``await keep(conn, CityName(digest, region, name, name_en), folder, files) -> bool`` new?;
    ``await fetch(conn, digest, folder) -> bool`` whether it is there, raises `CityDamaged`;
    ``fetch_now(url, digest, folder)`` the same from plain code;
    ``await kept(conn) -> set[str]``, ``await served(conn) -> list[str]`` digests;
    ``await in_force(conn) -> list[InForce(region, city)]``.
Invariants (``invariants``)
    ``await check(conn, settled_s=30) -> dict[str, bool]``;
    ``await violations(conn, settled_s=30) -> dict[str, list[str]]`` with one sentence each.
Errors (``errors``)
    `LedgerError` and its tree.

Times are aware and in UTC; points are WGS-84 degrees, longitude first (EPSG:4326).
"""

from infra.ledger.migrations import SCHEMA, check_schema, migrate
from infra.ledger.pool import connect, ledger_errors, open_pool, reading, transaction

__all__ = [
    "SCHEMA",
    "check_schema",
    "connect",
    "ledger_errors",
    "migrate",
    "open_pool",
    "reading",
    "transaction",
]
