"""PostgreSQL as asyncpg shows it, in memory: transactions, row locks, cut connections.

The statements are those of ``infra/ledger/sql``, known by their text, so that the real functions
of `infra.ledger` run on top. Isolation is read committed. What a statement cannot find out here,
such as geometry, is left away; that what is here is as in PostgreSQL, `test_parity` shows.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from functools import cache
from random import Random
from typing import Any

import asyncpg

from infra.ledger.statements import statement
from tests.simulation.loop import Loop, Owner

LOCK_TIMEOUT_S = 20.0
IDLE_S = 60.0
DEADLOCK_S = 1.0
_GROUPS = ("guard", "outbox", "intake", "strikes", "feeds", "effects", "snapshot")

Key = tuple[str, Any]
_GONE = None


@cache
def names() -> dict[str, str]:
    """Return the names of statements by their text."""
    from infra.ledger.statements import _statements  # noqa: PLC0415

    return {
        statement(f"{group}.{name}"): f"{group}.{name}"
        for group in _GROUPS
        for name in _statements(group)
    }


class Row(dict[str, Any]):
    """A row as asyncpg gives it: by column, or by number."""

    def __getitem__(self, key: Any) -> Any:
        return list(self.values())[key] if isinstance(key, int) else super().__getitem__(key)


class Blocked(Exception):
    """A statement must wait for a row."""

    def __init__(self, holder: "Session", key: Key) -> None:
        super().__init__(key)
        self.holder, self.key = holder, key


class Faults:
    """How often the way to the ledger fails; all are probabilities a round trip."""

    cut_before = 0.0
    cut_after = 0.0
    stall = 0.0


class Server:
    """The database.

    Attributes
    ----------
    history : list of (str, dict)
        Who committed what, in the order of the commits: the checker reads it.
    """

    def __init__(self, loop: Loop, chance: Random, trace: Callable[[str], None]) -> None:
        self.loop, self.chance, self.trace = loop, chance, trace
        self.faults = Faults()
        self.tables: dict[str, dict[Any, Any]] = {}
        self.locks: dict[Key, Session] = {}
        self.sessions: list[Session] = []
        self.history: list[tuple[str, dict[Key, Any]]] = []
        self.waiting: list[Session] = []
        self.down = False
        self._sequence = 0
        self._pid = 0

    def table(self, name: str) -> dict[Any, Any]:
        """Return the committed rows of a table."""
        return self.tables.setdefault(name, {})

    def next_id(self) -> int:
        """Return the next number of the one sequence; what is rolled back leaves a gap."""
        self._sequence += 1
        return self._sequence

    def next_pid(self) -> int:
        self._pid += 1
        return self._pid

    def release(self, session: "Session") -> None:
        """Give a transaction's locks back, and let those go on who waited for them."""
        for key in session.held:
            self.locks.pop(key, None)
        session.held.clear()
        waiting, self.waiting = self.waiting, []
        for one in waiting:
            one.go_on()

    def cut_all(self) -> None:
        """Cut every connection, as a restart does."""
        for session in list(self.sessions):
            session.end()


class Session:
    """One connection's server process."""

    def __init__(self, server: Server, owner: Owner) -> None:
        self.server, self.owner = server, owner
        self.pid = server.next_pid()
        self.open = True
        self.begun = self.failed = False
        self.overlay: dict[Key, Any] = {}
        self.held: list[Key] = []
        self.idle_since = server.loop.now
        self.blocked_by: Session | None = None
        self._current: tuple[Any, ...] | None = None
        self._last_words = False
        server.sessions.append(self)

    # The client's side.

    def ask(self, act: Callable[["Session"], Any], what: str) -> asyncio.Future[Any]:
        """Send something; the answer comes into the future."""
        server, future = self.server, self.server.loop.create_future()
        if self._current is not None:
            raise asyncpg.InterfaceError(
                "cannot perform operation: another operation is in progress"
            )
        if not self.open or server.down:
            self.end()
            raise asyncpg.ConnectionDoesNotExistError(
                "connection was closed in the middle of operation"
            )
        chance, faults = server.chance, server.faults
        delay = 0.0002 + chance.random() * 0.002
        if chance.random() < faults.stall:
            delay += chance.random() * 4.0
        if chance.random() < faults.cut_before:
            server.loop.outside(delay, self._lose, future)
            return future
        self._current = (act, what, future, server.loop.now)
        server.loop.outside(delay, self._arrive, self._current)
        return future

    def give_up(self, future: asyncio.Future[Any]) -> None:
        """Cancel what was sent: it is undone if it waits, and may be done if it was on its way."""
        current = self._current
        if current is None or current[2] is not future:
            return
        if self in self.server.waiting:
            self.server.waiting.remove(self)
            self.blocked_by, self._current, self.failed = None, None, True
        elif self.server.chance.random() < 0.5:
            self._current, self.failed = None, True

    def client_died(self) -> None:
        """Notice that the client is gone; what it had sent may still be done."""
        if (
            self._current is None
            or self in self.server.waiting
            or self.server.chance.random() < 0.5
        ):
            self.end()
        else:
            self._last_words = True

    # The server's side.

    def end(self) -> None:
        """End the process: what was not committed is undone."""
        if not self.open:
            return
        self.open = False
        server = self.server
        server.sessions.remove(self)
        if self in server.waiting:
            server.waiting.remove(self)
        current, self._current = self._current, None
        self.overlay.clear()
        self.begun = False
        server.release(self)
        if current is not None:
            self._lose(current[2])

    def _lose(self, future: asyncio.Future[Any]) -> None:
        self.end()
        if not future.done():
            future.set_exception(
                asyncpg.ConnectionDoesNotExistError(
                    "connection was closed in the middle of operation"
                )
            )

    def _arrive(self, current: tuple[Any, ...]) -> None:
        if self.open and self._current is current:
            self.go_on()

    def go_on(self) -> None:
        """Do what was asked, or wait for a row."""
        server = self.server
        if self._current is None:
            return
        act, what, future, _ = self._current
        self.blocked_by = None
        try:
            if self.failed and what not in ("ROLLBACK", "COMMIT"):
                raise asyncpg.InFailedSQLTransactionError("current transaction is aborted")
            answer = act(self)
        except Blocked as blocked:
            self.blocked_by = blocked.holder
            server.waiting.append(self)
            current = self._current
            server.loop.outside(LOCK_TIMEOUT_S, self._lock_timeout, current)
            server.loop.outside(DEADLOCK_S, self._deadlock, current)
            return
        except asyncpg.PostgresError as error:
            self.failed = self.begun
            server.trace(f"ledger {self.owner.name}#{self.pid} {what}: {type(error).__name__}")
            self._answer(future, error)
            return
        server.trace(f"ledger {self.owner.name}#{self.pid} {what}")
        self._answer(future, answer)

    def _answer(self, future: asyncio.Future[Any], answer: Any) -> None:
        server = self.server
        self._current = None
        self.idle_since = server.loop.now
        if not self.begun:
            self.overlay.clear()
        if self._last_words:
            self.end()
            return
        if server.chance.random() < server.faults.cut_after:
            server.loop.outside(0.001, self._lose, future)
            return
        if self.begun:
            server.loop.outside(IDLE_S, self._idle_timeout, self.idle_since)
        server.loop.outside(0.0001 + server.chance.random() * 0.001, _tell, future, answer)

    def _lock_timeout(self, current: tuple[Any, ...]) -> None:
        if self._current is current and self in self.server.waiting:
            self._refuse(
                current, asyncpg.LockNotAvailableError("canceling statement due to lock timeout")
            )

    def _deadlock(self, current: tuple[Any, ...]) -> None:
        if self._current is not current or self not in self.server.waiting:
            return
        seen, at = {self}, self.blocked_by
        while at is not None and at not in seen:
            seen.add(at)
            at = at.blocked_by
        if at is self:
            self._refuse(current, asyncpg.DeadlockDetectedError("deadlock detected"))

    def _refuse(self, current: tuple[Any, ...], error: Exception) -> None:
        self.server.waiting.remove(self)
        self.blocked_by, self.failed = None, True
        self.server.trace(
            f"ledger {self.owner.name}#{self.pid} {current[1]}: {type(error).__name__}"
        )
        self._answer(current[2], error)

    def _idle_timeout(self, since: float) -> None:
        if self.open and self.begun and self._current is None and self.idle_since == since:
            self.end()

    # Rows.

    def commit(self) -> None:
        """Keep what was written; a failed transaction is rolled back, as PostgreSQL does."""
        server = self.server
        if not self.failed and self.overlay:
            for (table, key), row in self.overlay.items():
                if row is _GONE:
                    server.table(table).pop(key, None)
                else:
                    server.table(table)[key] = row
            server.history.append((self.owner.name, dict(self.overlay)))
        self.rollback()

    def rollback(self) -> None:
        self.overlay.clear()
        self.begun = self.failed = False
        self.server.release(self)

    def get(self, table: str, key: Any) -> Any:
        found = self.overlay.get((table, key), self)
        return self.server.table(table).get(key) if found is self else found

    def rows(self, table: str) -> dict[Any, Any]:
        """Return the rows of a table that this transaction sees."""
        seen = dict(self.server.table(table))
        for (name, key), row in self.overlay.items():
            if name == table:
                if row is _GONE:
                    seen.pop(key, None)
                else:
                    seen[key] = row
        return seen

    def lock(self, table: str, key: Any) -> None:
        holder = self.server.locks.get((table, key))
        if holder is self:
            return
        if holder is not None:
            raise Blocked(holder, (table, key))
        self.server.locks[table, key] = self
        self.held.append((table, key))

    def put(self, table: str, key: Any, row: Any) -> None:
        self.lock(table, key)
        self.overlay[table, key] = row

    def insert(self, table: str, key: Any, row: Any) -> bool:
        """Write a new row; False where there is one. Waits for who is writing the same one."""
        if self.get(table, key) is not None:
            return False
        self.lock(table, key)
        self.overlay[table, key] = row
        return True


def _tell(future: asyncio.Future[Any], answer: Any) -> None:
    if future.done():
        return
    if isinstance(answer, BaseException):
        future.set_exception(answer)
    else:
        future.set_result(answer)


class Connection:
    """A connection as asyncpg's."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self._depth = 0

    async def fetch(self, sql: str, *args: Any) -> list[Row]:
        return await self._run(sql, args)

    async def fetchrow(self, sql: str, *args: Any) -> Row | None:
        rows = await self._run(sql, args)
        return rows[0] if rows else None

    async def fetchval(self, sql: str, *args: Any) -> Any:
        rows = await self._run(sql, args)
        return rows[0][0] if rows else None

    async def execute(self, sql: str, *args: Any) -> str:
        if sql.startswith("SET LOCAL"):
            await self._ask(lambda _: None, "SET")
            return "SET"
        rows = await self._run(sql, args)
        return f"DONE {len(rows)}"

    async def executemany(self, sql: str, args: Iterable[Sequence[Any]]) -> None:
        await self.fetchmany(sql, args)

    async def fetchmany(self, sql: str, args: Iterable[Sequence[Any]]) -> list[Row]:
        name, many = names()[sql], list(args)
        if not many:
            return []
        act = STATEMENTS[name]
        return await self._ask(lambda s: [row for one in many for row in act(s, *one)], name)

    def get_server_pid(self) -> int:
        return self.session.pid

    def is_closed(self) -> bool:
        return not self.session.open

    def terminate(self) -> None:
        self.session.end()

    @asynccontextmanager
    async def transaction(self, **_: Any) -> AsyncIterator[None]:
        await self._ask(_begin, "BEGIN")
        try:
            yield
        except BaseException:
            if self.session.open:
                await self._ask(Session.rollback, "ROLLBACK")
            raise
        await self._ask(Session.commit, "COMMIT")

    async def _run(self, sql: str, args: tuple[Any, ...]) -> list[Row]:
        name = names()[sql]
        act = STATEMENTS.get(name)
        if act is None:
            if not name.startswith("effects."):
                raise AssertionError(f"the simulated ledger does not know {name}")
            act = _unseen
        return await self._ask(lambda session: act(session, *args), name)

    async def _ask(self, act: Callable[[Session], Any], what: str) -> Any:
        future = self.session.ask(act, what)
        try:
            return await future
        except asyncio.CancelledError:
            self.session.give_up(future)
            raise


def _begin(session: Session) -> None:
    session.begun, session.failed = True, False


class Pool(asyncpg.Pool):
    """Connections of one worker to the ledger, as many as asyncpg's pool may have."""

    def __init__(self, server: Server, owner: Owner, size: int = 4) -> None:
        self.server, self.owner = server, owner
        self.size = size
        self.free: list[Connection] = []
        self.room = asyncio.Semaphore(size)

    def __del__(self) -> None:
        pass

    def get_max_size(self) -> int:
        return self.size

    @asynccontextmanager
    async def acquire(self, **_: Any) -> AsyncIterator[Connection]:
        async with self.room:
            conn = self.free.pop() if self.free else None
            if conn is None or conn.is_closed():
                await asyncio.sleep(0.002)
                if self.server.down:
                    raise ConnectionRefusedError("the ledger does not listen")
                conn = Connection(Session(self.server, self.owner))
            try:
                yield conn
            finally:
                if conn.session._current is not None:
                    conn.terminate()  # a cancelled statement that is still on its way
                if conn.session.open and conn.session.begun:
                    conn.terminate()
                if conn.session.open:
                    self.free.append(conn)


# Statements, by name.


def _unseen(_: Session, *__: Any) -> list[Row]:
    return []


def _guard(group: str, topic: str, partition: int, row: Any) -> Row:
    return Row(topic=topic, partition=partition, next_offset=row[0], incarnation=row[1])


def _lock_guards(s: Session, group: str, topics: Any, partitions: Any) -> list[Row]:
    found = []
    for part in sorted(zip(topics, partitions, strict=True)):
        key = (group, *part)
        if s.get("consumed", key) is None:
            continue
        s.lock("consumed", key)
        found.append(_guard(*key, s.get("consumed", key)))
    return found


def _begin_guards(s: Session, group: str, topics: Any, partitions: Any) -> list[Row]:
    for part in sorted(zip(topics, partitions, strict=True)):
        s.insert("consumed", (group, *part), (0, 0))
    return []


def _advance(s: Session, group: str, topics: Any, partitions: Any, offsets: Any) -> list[Row]:
    done = []
    for topic, partition, offset in zip(topics, partitions, offsets, strict=True):
        key = (group, topic, partition)
        if s.get("consumed", key) is None:
            continue
        s.lock("consumed", key)
        row = s.get("consumed", key)
        if row[0] <= offset:
            s.put("consumed", key, (offset, row[1]))
            done.append(Row(topic=topic, partition=partition))
    return done


def _guards_of(s: Session, group: str, topic: str) -> list[Row]:
    return [
        Row(partition=key[2], next_offset=row[0])
        for key, row in sorted(s.rows("consumed").items())
        if key[:2] == (group, topic)
    ]


def _end_idle_holders(s: Session, pid: int, idle_s: float) -> list[Row]:
    waiting = next((one for one in s.server.sessions if one.pid == pid), None)
    holder = None if waiting is None else waiting.blocked_by
    if holder is None or holder.owner is s.owner or not holder.begun or holder._current is not None:
        return []
    if holder.idle_since > s.server.loop.now - idle_s:
        return []
    holder.end()
    return [Row(pid=holder.pid)]


def _put_outbox(s: Session, *columns: Any) -> list[Row]:
    ids = []
    for lane, topic, key, value, headers in zip(*columns, strict=True):
        number = s.server.next_id()
        s.put("outbox", number, (lane, topic, key, value, headers, s.server.loop.now))
        ids.append(Row(id=number))
    return ids


def _unsent(s: Session, lane: str, limit: int) -> list[Row]:
    rows = sorted((key, row) for key, row in s.rows("outbox").items() if row[0] == lane)
    return [
        Row(id=key, topic=row[1], key=row[2], value=row[3], headers=row[4])
        for key, row in rows[:limit]
    ]


def _holding(s: Session, lanes: Any) -> list[Row]:
    held = {row[0] for row in s.rows("outbox").values()}
    return [Row(lane=lane) for lane in sorted(held.intersection(lanes))]


def _mark_sent(s: Session, ids: Any) -> list[Row]:
    for number in ids:
        if s.get("outbox", number) is not None:
            s.lock("outbox", number)
            if s.get("outbox", number) is not None:
                s.put("outbox", number, _GONE)
    return []


def _lanes_waiting(s: Session, older_than_s: float) -> list[Row]:
    first: dict[str, int] = {}
    for key, row in sorted(s.rows("outbox").items()):
        if row[5] <= s.server.loop.now - older_than_s:
            first.setdefault(row[0], key)
    return [Row(lane=lane) for lane in sorted(first, key=first.__getitem__)]


def _refuse(s: Session, number: int, reason: str) -> list[Row]:
    row = s.get("outbox", number)
    if row is not None:
        s.put("outbox", number, _GONE)
        s.put("outbox_refused", number, (*row, reason))
    return []


def _evidence(s: Session, *columns: Any) -> list[Row]:
    return [
        Row(id=row[0])
        for row in zip(*columns, strict=True)
        if s.insert("evidence", row[0], row[-3:])
    ]


def _alarms(s: Session, partition: int) -> list[Row]:
    return [
        Row(datastream=key[1], open=row[0], seen_at=row[1], state=row[2])
        for key, row in sorted(s.rows("alarm").items())
        if key[0] == partition
    ]


def _save_alarm(s: Session, partition: int, name: str, *row: Any) -> list[Row]:
    s.put("alarm", (partition, name), row)
    return []


def _dead_letter(s: Session, *row: Any) -> list[Row]:
    if not s.insert("dead_letter", row[:3], row[3:]):
        return []
    return [Row(topic=row[0], partition=row[1], record_offset=row[2])]


def _strike(s: Session, *args: Any) -> list[Row]:
    place, (start, error) = args[:4], args[4:]
    old = s.get("strike", place)
    starts = 1 if old is None else old[0] + (old[1] != start)
    s.put("strike", place, (starts, start, error, None, s.server.loop.now))
    return [Row(starts=starts)]


def _open_strikes(s: Session, *part: Any) -> list[Row]:
    return [
        Row(record_offset=key[3])
        for key, row in s.rows("strike").items()
        if key[:3] == part and row[3] is None
    ]


def _clear_strikes(s: Session, group: str, topic: str, partition: int, offsets: Any) -> list[Row]:
    for offset in offsets:
        row = s.get("strike", (group, topic, partition, offset))
        if row is not None and row[3] is None:
            s.put("strike", (group, topic, partition, offset), _GONE)
    return []


def _passed(s: Session, group: str, topic: str) -> list[Row]:
    return [Row(sum=sum(r[0] for k, r in s.rows("consumed").items() if k[:2] == (group, topic)))]


def _set_aside(s: Session, *args: Any) -> list[Row]:
    row = s.get("strike", args[:4])
    if row is not None:
        s.put("strike", args[:4], (*row[:3], args[4], row[4]))
    return []


def _latest_passed(s: Session, group: str, topic: str, limit: int) -> list[Row]:
    passed = [
        row
        for key, row in s.rows("strike").items()
        if key[:2] == (group, topic) and row[3] is not None
    ]
    return [Row(passed=row[3]) for row in sorted(passed, key=lambda row: -row[4])[:limit]]


def _lock_region(s: Session, region: str) -> list[Row]:
    s.lock("region", region)
    row = s.get("region", region) or (-1, {})
    s.put("region", region, row)
    return [Row(applied_offset=row[0], numbers=dict(row[1]))]


def _update_region(s: Session, region: str, _clock: Any, offset: int, *rest: Any) -> list[Row]:
    _policy, _version, _city, numbers, _fences = rest
    s.put("region", region, (offset, dict(numbers)))
    return []


def _applied(s: Session, *columns: Any) -> list[Row]:
    for region, offset, entry, _kind, _at, effects in zip(*columns, strict=True):
        if not s.insert("applied", (region, offset), (entry, effects)):
            raise asyncpg.UniqueViolationError("duplicate key value in applied")
    return []


def _placed(s: Session, placed: Any) -> list[Row]:
    return [Row(id=one.id) for one in placed if s.get("evidence", one.id) is not None]


def _region(s: Session, region: str) -> list[Row]:
    row = s.get("region", region)
    return [] if row is None or row[0] < 0 else [Row(applied_offset=row[0])]


STATEMENTS: dict[str, Callable[..., list[Row]]] = {
    "guard.lock": _lock_guards,
    "guard.begin": _begin_guards,
    "guard.advance": _advance,
    "guard.of_topic": _guards_of,
    "guard.end_idle_holders": _end_idle_holders,
    "outbox.put": _put_outbox,
    "outbox.unsent": _unsent,
    "outbox.holding": _holding,
    "outbox.mark_sent": _mark_sent,
    "outbox.lanes_waiting": _lanes_waiting,
    "outbox.refuse": _refuse,
    "intake.evidence": _evidence,
    "intake.alarms": _alarms,
    "intake.save_alarm": _save_alarm,
    "intake.dead_letter": _dead_letter,
    "intake.track_days_wanted": _unseen,
    "strikes.strike": _strike,
    "strikes.open": _open_strikes,
    "strikes.clear": _clear_strikes,
    "strikes.passed": _passed,
    "strikes.set_aside": _set_aside,
    "strikes.latest": _latest_passed,
    "feeds.load": _unseen,
    "feeds.told": _unseen,
    "feeds.forget_told": _unseen,
    "effects.lock_region": _lock_region,
    "effects.update_region": _update_region,
    "effects.applied": _applied,
    "effects.placed": _placed,
    "snapshot.region": _region,
}
