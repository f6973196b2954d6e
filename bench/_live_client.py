"""A client of the live stream, as a page would be one, and a checker of what it shows.

It speaks HTTP and reads the ledger with plain SQL, and shares no code with the gateway.
"""

import asyncio
import contextlib
import json
import time
from collections.abc import Callable
from typing import Any

import asyncpg
import httpx

OVER = {"closed", "cancelled", "merged", "handed_over"}


class Shown:
    """What a client shows, and every breach of the stream's promises that it has noticed."""

    def __init__(self) -> None:
        self.incidents: dict[str, dict[str, Any]] = {}
        self.assignments: dict[str, dict[str, Any]] = {}
        self.alerts: dict[str, dict[str, Any]] = {}
        self.units: dict[str, dict[str, Any]] = {}
        self.journal: dict[str, int] = {}
        self.faults: list[str] = []
        self.skipped = 0
        self._seen: set[tuple[str, str]] = set()

    def take(self, event: str, data: dict[str, Any]) -> None:
        """Take an event in."""
        if event == "snapshot":
            self._snapshot(data)
            return
        if event == "gone":
            self._gone(data["kind"], data["id"])
            return
        if event == "enter":
            self._enter(data)
            return
        if event not in ("incident", "dispatch", "alert", "unit"):
            return
        if self._is_old(data.get("journal")):
            self.skipped += 1
            return
        self._note_repeat(event, data)
        getattr(self, f"_{event}")(data)

    def _snapshot(self, data: dict[str, Any]) -> None:
        if data["part"] == "begin":
            for held in (self.incidents, self.assignments, self.alerts, self.units):
                held.clear()
            self._seen.clear()
        elif data["part"] == "items":
            held = {
                "incident": self.incidents,
                "dispatch": self.assignments,
                "alert": self.alerts,
                "unit": self.units,
            }[data["kind"]]
            held.update({item["id"]: item for item in data["items"]})
        else:
            self.journal = data["journal"]

    def _is_old(self, journal: str | None) -> bool:
        """Whether it is part of the snapshot."""
        if journal is None:
            return False
        region, _, offset = journal.rpartition("/")
        return int(offset) <= self.journal.get(region, -1)

    def _note_repeat(self, event: str, data: dict[str, Any]) -> None:
        name = json.dumps(data, sort_keys=True)
        if (event, name) in self._seen:
            self.faults.append(f"{event} came twice: {name[:200]}")
        self._seen.add((event, name))

    def _incident(self, data: dict[str, Any]) -> None:
        incident, key = data["incident"], data["incident_id"]
        known = self.incidents.get(key)
        wanted = 1 if known is None else known["version"] + 1
        if data["seq"] != wanted and not (known is None and incident["state"] in OVER):
            self.faults.append(f"incident {key} has line {data['seq']}, expected {wanted}")
        if incident["state"] in OVER:
            self.incidents.pop(key, None)
        else:
            self.incidents[key] = incident

    def _dispatch(self, data: dict[str, Any]) -> None:
        assignment = data["assignment"]
        if assignment is not None:
            self._put(self.assignments, assignment, over=assignment["ended"] is not None)

    def _alert(self, data: dict[str, Any]) -> None:
        self._put(self.alerts, data["alert"], over=data["alert"]["ended_at"] is not None)

    def _unit(self, data: dict[str, Any]) -> None:
        self.units[data["unit"]["id"]] = data["unit"]

    @staticmethod
    def _put(held: dict[str, dict[str, Any]], item: dict[str, Any], *, over: bool) -> None:
        if over:
            held.pop(item["id"], None)
        else:
            held[item["id"]] = item

    def _enter(self, data: dict[str, Any]) -> None:
        self.incidents[data["incident"]["id"]] = data["incident"]
        self.assignments.update({item["id"]: item for item in data.get("assignments", ())})
        self.alerts.update({item["id"]: item for item in data.get("alerts", ())})

    def _gone(self, kind: str, key: str) -> None:
        if kind == "unit":
            self.units.pop(key, None)
            return
        self.incidents.pop(key, None)
        for held in (self.assignments, self.alerts):
            for name in [name for name, item in held.items() if item["incident"] == key]:
                del held[name]


class Listener:
    """Keeps a stream open: comes back with the last id whenever it ends.

    Attributes
    ----------
    events
        Name and data of every event, in order.
    ends
        Why streams ended, as far as they said so.
    """

    def __init__(
        self, url: str, token: str, *, last_id: str | None = None, **params: object
    ) -> None:
        self.url, self.token, self.params = url, token, params
        self.last_id = last_id
        self.shown = Shown()
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.arrived: list[float] = []
        self.ends: list[str] = []
        self.opened = 0
        self.status: int | None = None
        self.cut_after: int | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> "Listener":
        """Begin to listen."""
        self._task = asyncio.create_task(self._run())
        return self

    async def stop(self) -> None:
        """Listen no more."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def until(self, met: Callable[["Listener"], bool], within_s: float) -> None:
        """Wait until a condition is met; raises `AssertionError` if it is not."""
        deadline = time.monotonic() + within_s
        while not met(self):
            if self._task is not None and self._task.done():
                self._task.result()
            assert time.monotonic() < deadline, (self.status, self.ends, self.events[-5:])
            await asyncio.sleep(0.01)

    def has(self, name: str, count: int = 1) -> bool:
        """Whether so many events of this name have come."""
        return sum(event == name for event, _ in self.events) >= count

    async def once(self) -> None:
        """Listen to one stream until it ends."""
        headers = {"Authorization": f"Bearer {self.token}"}
        if self.last_id is not None:
            headers["Last-Event-ID"] = self.last_id
        async with (
            httpx.AsyncClient(timeout=httpx.Timeout(5, read=60)) as client,
            client.stream("GET", self.url, headers=headers, params=self.params) as answer,
        ):
            self.status = answer.status_code
            self.opened += answer.status_code == httpx.codes.OK
            event, data, word = "", "", None
            async for line in answer.aiter_lines():
                if line.startswith("id: "):
                    word = line[4:]
                elif line.startswith("event: "):
                    event = line[7:]
                elif line.startswith("data: "):
                    data = line[6:]
                elif not line and event:
                    self._take(event, json.loads(data), word)
                    event, data, word = "", "", None
                    if self.cut_after is not None and len(self.events) >= self.cut_after:
                        self.cut_after = None
                        return

    def _take(self, event: str, data: dict[str, Any], word: str | None) -> None:
        if word is not None:
            self.last_id = word
        self.events.append((event, data))
        self.arrived.append(time.time())
        if event == "end":
            self.ends.append(data["reason"])
        self.shown.take(event, data)

    async def _run(self) -> None:
        while True:
            with contextlib.suppress(httpx.HTTPError):
                await self.once()
            await asyncio.sleep(0.1)


async def differences(shown: Shown, database: str) -> list[str]:
    """Say in what the ledger is other than what somebody who sees all is shown."""
    conn = await asyncpg.connect(database)
    try:
        incidents = await conn.fetch(
            "SELECT id, version, state, severity, category FROM incident WHERE is_open"
        )
        active = await conn.fetch(
            "SELECT id, incident_id, unit_id, en_route IS NOT NULL AS moved FROM assignment "
            "WHERE ended IS NULL"
        )
        alerts = await conn.fetch("SELECT id, incident_id, kind FROM alert WHERE ended_at IS NULL")
        units = await conn.fetch(
            "SELECT id, state, incident_id, ST_X(position) AS lon, ST_Y(position) AS lat FROM unit"
        )
    finally:
        await conn.close()
    return [
        *_compare(
            "incident",
            {tuple(row) for row in incidents},
            {
                tuple(item[name] for name in ("id", "version", "state", "severity", "category"))
                for item in shown.incidents.values()
            },
        ),
        *_compare(
            "assignment",
            {tuple(row) for row in active},
            {
                (item["id"], item["incident"], item["unit"], item["en_route"] is not None)
                for item in shown.assignments.values()
            },
        ),
        *_compare(
            "alert",
            {tuple(row) for row in alerts},
            {(item["id"], item["incident"], item["kind"]) for item in shown.alerts.values()},
        ),
        *_compare(
            "unit",
            {tuple(row) for row in units},
            {
                (
                    item["id"],
                    item["state"],
                    item["incident"],
                    item["position"]["lon"],
                    item["position"]["lat"],
                )
                for item in shown.units.values()
            },
        ),
    ]


def _compare(kind: str, kept: set[Any], shown: set[Any]) -> list[str]:
    return [
        *(f"{kind} {item} is not shown" for item in sorted(kept - shown, key=str)),
        *(f"{kind} {item} is shown and not so" for item in sorted(shown - kept, key=str)),
    ]
