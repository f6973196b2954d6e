"""The live stream's figures: how soon a client has what was committed, and how many one holds."""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import asyncpg
import psutil

from atlas.city import CityData
from bench._live_kills import sending
from bench._worker import until
from bench.report import Report, percentile
from infra.settings import Endpoints

_LINE = re.compile(rb'data: \{"incident_id":"([^"]+)","seq":(\d+)')
_FEW = 50
_STEPS = (250, 500, 1_000, 1_500, 2_000)
_LATE_MS = 1_000.0
_AT_ONCE = 40
_BUSY_PER_S, _USUAL_PER_S = 40.0, 5.0

Line = tuple[str, int]


class _Client(asyncio.Protocol):
    """Notes when each line of an incident came; parses nothing else."""

    def __init__(self, request: bytes) -> None:
        self._request = request
        self._rest = b""
        self.begun = asyncio.get_running_loop().create_future()
        self.arrived: dict[Line, float] = {}
        self.lost = False
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        now = time.time()
        text = self._rest + data
        self._rest = text[-200:]
        if not self.begun.done() and b'"part":"end"' in text:
            self.begun.set_result(None)
        for found in _LINE.finditer(text):
            self.arrived.setdefault((found[1].decode(), int(found[2])), now)

    def connection_lost(self, error: Exception | None) -> None:
        self.lost = True
        if not self.begun.done():
            self.begun.set_exception(error or ConnectionError("closed"))

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()


async def figures(
    endpoints: Endpoints, url: str, token: str, city: CityData, pid: int, *, quick: bool
) -> Report:
    """Measure with few clients, then with more and more."""
    await until_it_answers(url)
    ledger = await asyncpg.connect(endpoints.database_url)
    await until(ledger, "SELECT count(*) FROM unit", len(city.units))
    gateway = psutil.Process(pid)
    clients: list[_Client] = []
    steps: dict[str, dict[str, float]] = {}
    held = 0
    try:
        await _more(clients, url, token, _FEW)
        few = await _round(
            ledger, endpoints, city, clients, seconds=8 if quick else 20, per_s=_BUSY_PER_S
        )
        usual_mib = gateway.memory_info().rss / 2**20
        mib = usual_mib
        for count in _STEPS[:2] if quick else _STEPS:
            begun = time.monotonic()
            await _more(clients, url, token, count - len(clients))
            joined = time.monotonic() - begun
            late = await _round(
                ledger, endpoints, city, clients, seconds=4 if quick else 8, per_s=_USUAL_PER_S
            )
            p99 = percentile(late, 0.99)
            lost = sum(client.lost for client in clients)
            steps[str(count)] = {
                "p50_ms": round(percentile(late, 0.5), 1),
                "p99_ms": round(p99, 1),
                "joined_s": round(joined, 1),
                "lost": lost,
                "mib": round(gateway.memory_info().rss / 2**20),
            }
            if p99 >= _LATE_MS or lost:
                break
            held, mib = count, gateway.memory_info().rss / 2**20
    finally:
        for client in clients:
            client.close()
        await ledger.close()
    return Report(
        figures={
            "commit_to_client_p50_ms": round(percentile(few, 0.5), 1),
            "commit_to_client_p99_ms": round(percentile(few, 0.99), 1),
            "clients": held,
            "mib": round(mib),
        },
        notes=[
            f"{_FEW} clients at {_BUSY_PER_S:g} inputs a second, more at {_USUAL_PER_S:g}",
            f"{len(few)} lines received by the {_FEW} clients; {usual_mib:.0f} MiB then",
            "from the insertion of an incident's line, which is before its commit",
        ],
        detail={"clients": steps},
    )


@asynccontextmanager
async def joined(url: str, token: str, count: int) -> AsyncIterator[None]:
    """Let so many clients follow the stream."""
    clients: list[_Client] = []
    try:
        await _more(clients, url, token, count)
        yield
    finally:
        for client in clients:
            client.close()


async def _round(
    ledger: asyncpg.Connection,
    endpoints: Endpoints,
    city: CityData,
    clients: list[_Client],
    *,
    seconds: float,
    per_s: float,
) -> list[float]:
    """Return by how many milliseconds lines came after they were written, at each client."""
    for client in clients:
        client.arrived.clear()
    async with sending(endpoints, city, seed=len(clients), per_s=per_s):
        await asyncio.sleep(seconds)
    await asyncio.sleep(2)
    rows = await ledger.fetch("SELECT incident_id, seq, recorded_at FROM incident_entry")
    written = {(row["incident_id"], row["seq"]): row["recorded_at"].timestamp() for row in rows}
    return [
        (at - written[line]) * 1_000
        for client in clients
        for line, at in client.arrived.items()
        if line in written
    ]


async def _more(clients: list[_Client], url: str, token: str, count: int) -> None:
    parts = urlsplit(url)
    request = (
        f"GET {parts.path}/stream HTTP/1.1\r\nHost: {parts.netloc}\r\n"
        f"Authorization: Bearer {token}\r\n\r\n"
    ).encode()
    loop, gate = asyncio.get_running_loop(), asyncio.Semaphore(_AT_ONCE)

    async def one() -> None:
        async with gate:
            _, client = await loop.create_connection(
                lambda: _Client(request), parts.hostname, parts.port
            )
            clients.append(client)
            await asyncio.wait_for(client.begun, 60)

    await asyncio.gather(*(one() for _ in range(count)))


async def until_it_answers(url: str) -> None:
    """Wait until a gateway listens."""
    parts = urlsplit(url)
    deadline = time.monotonic() + 60
    while True:
        try:
            _, writer = await asyncio.open_connection(parts.hostname, parts.port)
        except OSError:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.2)
        else:
            writer.close()
            return
