"""Handlers of made inputs: small, so that a checker can say what must come of every message.

They work as those of ``streams/`` do: what is remembered is in the ledger, what is written has a
derived id. The journal's handler is the real one, with the real core.
"""

import json
from datetime import UTC, datetime
from typing import Any

from infra.ledger import intake
from infra.ledger.intake import AlarmRow, Source
from infra.ledger.outbox import Message
from intake import BadInput, Fault
from schemas import topics
from schemas.ids import derive
from schemas.journal import UnitStamped
from schemas.records import Evidence, Where
from streams.evidence import Found, write_evidence
from streams.handler import Handler
from streams.messages import Received, Record, to_journal
from tests.dispatch.dispatch_world import REGION, place
from tests.simulation.loop import Loop

EVERY = 3
"""Of so many readings of a sensor the last one is evidence."""


def made_evidence(name: str, at: datetime, column: float, row: float) -> Evidence:
    return Evidence(
        id=derive(name, "evidence"),
        source="report",
        source_id=name,
        phase="opened",
        category="fire",
        severity="P2",
        confidence=0.9,
        point=place(column, row),
        where=Where(),
        observed_at=at,
        received_at=at,
        text="测试",
    )


class _Made(Handler):
    """What they share: JSON, and messages that are bad, cursed or slow."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop

    def _open(self, message: Received) -> dict[str, Any]:
        said: dict[str, Any] = json.loads(message.value or b"{}")
        if said.get("slow"):
            self._loop.now += said["slow"]  # it computes: nothing else goes on in this process
        if said["kind"] == "bad":
            raise BadInput(Fault.TIME, "it is bad")
        if said["kind"] == "cursed":
            raise RuntimeError("nobody expected this")
        return said


class Reports(_Made):
    """As `streams.intake_reports`: nothing is remembered, and what is urgent hurries."""

    name = "intake_reports"
    topic = topics.REPORTS
    bulk = False
    hurries = True
    portion = 4

    def __init__(self, loop: Loop) -> None:
        super().__init__(loop)
        self._found: dict[str, Found] = {}

    def forget(self, partition: int) -> None:
        self._found.clear()

    def handle(self, message: Received) -> None:
        said = self._open(message)
        item = made_evidence(said["id"], message.at, said["x"], said["y"])
        source = Source(message.topic, message.partition, message.offset)
        self._found.setdefault(item.id, Found(item, source, said["id"]))

    def is_urgent(self, record: Record) -> bool:
        return b'"urgent"' in (record.value or b"")

    async def write(self, conn: Any, partition: int) -> list[Message]:
        found, self._found = self._found, {}
        return await write_evidence(conn, REGION, list(found.values()))


class Readings(_Made):
    """As `streams.intake_readings`: counts, which the ledger keeps; every third one is evidence."""

    name = "intake_readings"
    topic = topics.READINGS
    bulk = True

    def __init__(self, loop: Loop) -> None:
        super().__init__(loop)
        self._counts: dict[int, dict[str, int]] = {}
        self._changed: set[str] = set()
        self._found: dict[str, Found] = {}

    async def load(self, conn: Any, partition: int) -> None:
        rows = await intake.load_alarms(conn, partition)
        self._counts[partition] = {name: int(row.state) for name, row in rows.items()}

    def forget(self, partition: int) -> None:
        self._counts.pop(partition, None)
        self._changed.clear()
        self._found.clear()

    def handle(self, message: Received) -> None:
        said = self._open(message)
        counts, sensor = self._counts[message.partition], said["sensor"]
        counts[sensor] = counts.get(sensor, 0) + 1
        self._changed.add(sensor)
        if counts[sensor] % EVERY == 0:
            name = f"{sensor}/{counts[sensor]}/{said['id']}"
            item = made_evidence(name, message.at, said["x"], said["y"])
            source = Source(message.topic, message.partition, message.offset)
            self._found.setdefault(item.id, Found(item, source, said["id"]))

    async def write(self, conn: Any, partition: int) -> list[Message]:
        changed, self._changed = self._changed, set()
        found, self._found = self._found, {}
        if changed:
            counts = self._counts[partition]
            rows = [AlarmRow(name, str(counts[name]).encode()) for name in sorted(changed)]
            await intake.save_alarms(conn, partition, rows)
        return await write_evidence(conn, REGION, list(found.values()))


class Stamps(_Made):
    """As `streams.intake_status`: each becomes a journal entry."""

    name = "intake_status"
    topic = topics.UNIT_STATUS
    bulk = False

    def __init__(self, loop: Loop) -> None:
        super().__init__(loop)
        self._entries: list[Message] = []

    def forget(self, partition: int) -> None:
        self._entries.clear()

    def handle(self, message: Received) -> None:
        said = self._open(message)
        entry = UnitStamped(
            id=derive(said["id"], "stamp"),
            region=REGION,
            unit=said["unit"],
            status=said["status"],
            time=message.at.astimezone(UTC),
            by="crew",
        )
        self._entries.append(to_journal(entry, causation=said["id"]))

    async def write(self, conn: Any, partition: int) -> list[Message]:
        entries, self._entries = self._entries, []
        return entries
