"""What must be true in the end, told from the logs and the ledger alone.

Shares no code with what wrote them; only the core is asked again, from the journal's beginning.
"""

import json
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any

from dispatch import Region
from schemas import journal, wire
from schemas.effects import AssignmentWritten
from schemas.ids import derive
from schemas.snapshot import Snapshot
from tests.dispatch.dispatch_world import REGION, routers
from tests.simulation.broker import Broker
from tests.simulation.ledger import Server

_INPUTS = ("city.citizen.reports", "city.sensor.readings", "city.unit.status")
_JOURNAL = "city.journal"
Place = tuple[str, int, int]


class FreshCore:
    """A core of its own over the journal, from its beginning, past workers and ledger."""

    def __init__(self, broker: Broker, home: int) -> None:
        self.home = home
        self.log = broker.logs[_JOURNAL, home]
        self.effects: list[tuple[str, bytes]] = []
        self._core = Region.restore(Snapshot(region=REGION), routers)

    def reach(self, offset: int) -> None:
        """Apply all up to an offset."""
        for record in self.log[len(self.effects) : offset + 1]:
            entry = wire.decode(record.value or b"", journal.Entry)
            at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=record.timestamp)
            self.effects.append((entry.id, wire.encode(self._core.apply(entry, at))))

    def snapshot_at(self, offset: int) -> Snapshot:
        """Return the core's state after an offset that is no smaller than the one before."""
        assert offset >= len(self.effects) - 1, "the ledger's applied offset went back"
        self.reach(offset)
        return self._core.snapshot()


def check(server: Server, broker: Broker, core: FreshCore, group: str) -> list[str]:
    """Return sentences, one a violation; none means all is well."""
    dead = set(server.table("dead_letter"))
    return [
        *_inputs(server, broker, dead),
        *_guards(server, broker, group),
        *_published(server, broker),
        *_letters(broker, dead),
        *_core(server, core, dead),
        *_timelines(broker),
    ]


def _said(record: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(record.value)
    return found


def _inputs(server: Server, broker: Broker, dead: set[Place]) -> list[str]:
    """Each input ends once: as evidence or an entry, or as a dead letter."""
    wrong: list[str] = []
    evidence: set[str] = set()
    stamps: set[str] = set()
    for topic in _INPUTS:
        counts: dict[str, int] = defaultdict(int)
        for (name, partition), log in sorted(broker.logs.items()):
            if name != topic:
                continue
            for record in log:
                said, place = _said(record), (topic, partition, record.offset)
                if said["kind"] != "good":
                    if place not in dead:
                        wrong.append(f"{place} is {said['kind']} and in no dead letter")
                    continue
                if place in dead:
                    wrong.append(f"{place} is good and a dead letter")
                elif topic == _INPUTS[0]:
                    evidence.add(derive(said["id"], "evidence"))
                elif topic == _INPUTS[2]:
                    stamps.add(derive(said["id"], "stamp"))
                else:
                    counts[said["sensor"]] += 1
                    if counts[said["sensor"]] % 3 == 0:
                        count = counts[said["sensor"]]
                        name_ = f"{said['sensor']}/{count}/{said['id']}"
                        evidence.add(derive(name_, "evidence"))
    kept = set(server.table("evidence"))
    wrong += [f"evidence {one} is lost" for one in sorted(evidence - kept)]
    wrong += [f"evidence {one} was made up" for one in sorted(kept - evidence)]
    noted: list[str] = []
    stamped: list[str] = []
    seen: set[str] = set()
    for (name, _), log in sorted(broker.logs.items()):
        for record in log if name == _JOURNAL else ():
            entry = wire.decode(record.value, journal.Entry)
            if entry.id in seen:
                continue
            seen.add(entry.id)
            if isinstance(entry, journal.EvidenceNoted):
                noted.append(entry.evidence.id)
            elif isinstance(entry, journal.UnitStamped):
                stamped.append(entry.id)
    for what, wanted, found in (("evidence", evidence, noted), ("stamp", stamps, stamped)):
        wrong += [f"{what} {one} is not in the journal" for one in sorted(wanted - set(found))]
        wrong += [
            f"{what} {one} is twice in the journal"
            for one in sorted(set(found))
            if found.count(one) > 1
        ]
        wrong += [f"{what} {one} in the journal was made up" for one in sorted(set(found) - wanted)]
    return wrong


def _guards(server: Server, broker: Broker, group: str) -> list[str]:
    """Each guard stands at the end of its partition."""
    wrong = []
    guards = server.table("consumed")
    for (topic, partition), log in sorted(broker.logs.items()):
        if topic in (*_INPUTS, _JOURNAL) and log:
            at = guards.get((group, topic, partition), (0, 0))[0]
            if at != len(log):
                wrong.append(f"{topic}/{partition} has {len(log)} messages, its guard is at {at}")
    return wrong


def _name_of(headers: Any) -> str:
    return next((value.decode() for name, value in headers if name == "ce_id"), "")


def _published(server: Server, broker: Broker) -> list[str]:
    """Each committed outbox row was published, each key's in the order of their ids."""
    wrong: list[str] = []
    rows: dict[int, Any] = {}
    for _, writes in server.history:
        for (table, key), row in writes.items():
            if table == "outbox" and row is not None:
                rows[key] = row
    if server.table("outbox_refused"):
        wrong.append("the outbox has refused rows")
    wrong += [f"outbox row {number} was never sent" for number in sorted(server.table("outbox"))]
    first: dict[tuple[str, bytes, Any], tuple[int, int]] = {}
    for (topic, partition), log in broker.logs.items():
        for record in log:
            mark = (topic, record.key, (record.value, _name_of(record.headers)))
            first.setdefault(mark, (partition, record.offset))
    last: dict[tuple[str, str, bytes], tuple[int, int]] = {}
    known: set[Any] = set()
    for number in sorted(rows):
        lane, topic, key, value, headers, _ = rows[number]
        name = _name_of(_unpacked(headers))
        mark = (topic, key, (value, name))
        place = first.get(mark)
        if place is None:
            wrong.append(f"outbox row {number} ({topic} {name}) is on no topic")
            continue
        if mark in known:
            continue
        known.add(mark)
        before = last.get((lane, topic, key))
        if before is not None and place[1] < before[0]:
            wrong.append(f"outbox row {number} of key {key!r} stands before row {before[1]}")
        last[lane, topic, key] = (place[1], number)
    return wrong


def _unpacked(headers: bytes) -> list[tuple[str, bytes]]:
    import base64  # noqa: PLC0415

    return [(name, base64.b64decode(value)) for name, value in json.loads(headers)]


def _letters(broker: Broker, dead: set[Place]) -> list[str]:
    """Each dead letter is on its topic."""
    told: set[Place] = set()
    for (topic, _), log in broker.logs.items():
        for record in log if topic.startswith("dlq.") else ():
            notes = dict(record.headers)
            told.add(
                (
                    notes["dlq_topic"].decode(),
                    int(notes["dlq_partition"]),
                    int(notes["dlq_offset"]),
                )
            )
    return [f"dead letter {place} is on no topic" for place in sorted(dead - told)] + [
        f"a topic has the dead letter {place}, the ledger has not" for place in sorted(told - dead)
    ]


def _core(server: Server, core: FreshCore, dead: set[Place]) -> list[str]:
    """The journal was applied in order, once, with the effects that a fresh core gives."""
    wrong: list[str] = []
    applied = {key[1]: row for key, row in server.table("applied").items()}
    core.reach(len(core.log))
    active: dict[str, str] = {}
    for offset, expected in enumerate(core.effects):
        row = applied.pop(offset, None)
        if (_JOURNAL, core.home, offset) in dead:
            wrong.append(f"journal entry {offset} is a dead letter")
            continue
        if row is None:
            wrong.append(f"journal entry {offset} was not applied")
            continue
        if expected != row:
            wrong.append(f"journal entry {offset} has other effects than a fresh core gives")
        for effect in wire.decode(row[1], tuple[_effect(), ...]):
            if isinstance(effect, AssignmentWritten):
                one = effect.assignment
                if one.ended is not None:
                    if active.get(one.unit) == one.id:
                        del active[one.unit]
                elif active.setdefault(one.unit, one.id) != one.id:
                    wrong.append(f"unit {one.unit} has two active assignments at {offset}")
    wrong += [
        f"offset {offset} was applied and is not in the journal" for offset in sorted(applied)
    ]
    reached = -1
    for _, writes in server.history:
        offsets = sorted(key[1] for table, key in writes if table == "applied")
        if offsets and offsets[0] <= reached:
            wrong.append(f"journal entries {offsets} were committed after {reached}")
        reached = max([reached, *offsets])
    return wrong


def _effect() -> Any:
    from schemas.effects import Effect  # noqa: PLC0415

    return Effect


def _timelines(broker: Broker) -> list[str]:
    """Who drops repeats by id sees each incident's lines without a gap, in order."""
    wrong = []
    lines: dict[str, list[int]] = defaultdict(list)
    seen: set[str] = set()
    for (topic, _), log in broker.logs.items():
        for record in log if topic == "city.incidents" else ():
            name = _name_of(record.headers)
            if name not in seen:
                seen.add(name)
                said = json.loads(record.value)
                lines[said["incident_id"]].append(said["seq"])
    for incident, found in sorted(lines.items()):
        if found != list(range(found[0], found[0] + len(found))) or found[0] not in (0, 1):
            wrong.append(f"incident {incident} is told as {found}")
    return wrong
