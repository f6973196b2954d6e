"""Reads and maps of one gateway with a million incidents, and the same by tipg.

The gateway is a process of its own on a database of its own, asked over HTTP on loopback with a
token. Three parts, one after another:

1. ``incidents_p95_ms``: lists of incidents by all filters, search and deep pages, one request at a
   time, and by four clients at once.
2. ``tiles_per_s``: tiles of streets and of open incidents, of a city at zooms 10 to 16, by four
   clients; some come again, as on the screens of a room, and the gateway keeps those of streets.
   ``street_tiles_uncached_per_s`` is without that, ``incident_tiles_per_s`` nothing is kept of.
3. ``features_per_s``: pages of 1,000 incidents in boxes, by four clients.

tipg reads the same tables in the same run, without any sign-in, with its usual settings but the
columns that we show.
"""

import asyncio
import contextlib
import http.client
import json
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from math import asinh, pi, radians, tan
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import quote

from atlas.city import CityData
from bench._gateway_data import fill
from bench.report import Report, percentile
from city.make import make_city
from console import secret
from infra.ledger import accounts
from infra.ledger.pool import connect, transaction
from infra.local import ports, postgres
from infra.local.state import Home
from infra.settings import Endpoints

TIPG = Path(".venv/tipg/bin/python")
"""Made by ``infra/local/setup/tipg.sh``: its packages do not go with ours."""

_CLIENTS = 4
_DEADLINE_S = 120.0
_PAGE = 1_000
_ROUNDS = 3
_COLUMNS = [
    *("id", "number", "version", "category", "severity", "confidence", "state", "is_open", "title"),
    *("accuracy_m", "district", "subdistrict", "beat", "hazard_zones", "address", "opened_at"),
    *("updated_at", "acknowledged_at", "resourced_at", "closed_at", "disposition", "merged_into"),
]
_STREET_COLUMNS = ["id", "name", "kph", "lanes", "oneway", "emergency_only", "ferry"]


async def measure(endpoints: Endpoints, folder: Path, *, quick: bool) -> Report:
    """Fill the ledger and measure; ``quick`` takes a tenth of the incidents.

    Parameters
    ----------
    folder
        ``home`` in it is that of the stack.
    """
    city = make_city(seed=1)
    count = 100_000 if quick else 1_000_000
    begun = time.monotonic()
    port = int(endpoints.database_url.rpartition("/")[0].rpartition(":")[2])
    database = endpoints.database_url.rpartition("/")[2]
    superuser = postgres.superuser_url(Home.at(folder / "home"), port, database)
    await fill(
        endpoints,
        superuser,
        city,
        count,
        lambda step: print(f"{time.monotonic() - begun:.0f} s: {step}", file=sys.stderr),
    )
    return await asyncio.to_thread(compare, endpoints, city, await make_token(endpoints), count)


async def make_token(endpoints: Endpoints) -> str:
    """Make an operator's account and token."""
    token = secret.make_token()
    owner = await connect(endpoints.database_url)
    try:
        async with transaction(owner) as conn:
            hashed = secret.hash_password(secret.make_token().text)
            name = f"bench-{token.prefix}"
            await accounts.add_account(conn, name, "operator", hashed, department=None, unit=None)
            await accounts.add_token(
                conn,
                name,
                token.prefix,
                secret.digest(token.text),
                role="operator",
                label="bench",
                days=1,
            )
    finally:
        await owner.close()
    return token.text


def compare(endpoints: Endpoints, city: CityData, token: str, count: int) -> Report:
    """Measure the gateway and tipg on a filled ledger, in turns."""
    plan = _Plan(city, count)
    report = Report(
        {},
        notes=[
            (
                f"{count} incidents, of which a thousandth is open; all on one machine of "
                f"{os.cpu_count()} cores: gateway, PostgreSQL and the clients"
            ),
            "tipg counts all that match a page (numberMatched); the gateway looks up the token",
        ],
    )
    with contextlib.ExitStack() as stack:
        ours = stack.enter_context(gateway(endpoints, token))
        lists = plan.lists(ours)
        waits, together = _waits(ours, lists, 1), _waits(ours, lists, _CLIENTS)
        uncached = stack.enter_context(
            gateway(endpoints, token, JINGWEI_GATEWAY_TILE_CACHE_BYTES="0")
        )
        theirs = stack.enter_context(tipg(endpoints)) if TIPG.exists() else None
        if theirs is None:
            report.notes.append("no tipg: `bash infra/local/setup/tipg.sh` installs it")
        else:
            for box in plan.boxes[:5]:
                assert _ids(ours, _OURS["items"](box)) == _ids(theirs, _THEIRS["items"](box))
        mine, without, peer = [], [], []
        for _ in range(_ROUNDS):
            mine.append(_maps(ours, plan, _OURS))
            without.append(_rate(uncached, plan.tiles(_OURS["streets"])))
            if theirs is not None:
                peer.append(_maps(theirs, plan, _THEIRS))
    report.figures = {
        "incidents_p50_ms": round(percentile(waits, 0.5) * 1000, 1),
        "incidents_p95_ms": round(percentile(waits, 0.95) * 1000, 1),
        "incidents_p95_ms_of_4_clients": round(percentile(together, 0.95) * 1000, 1),
        **_medians(mine),
        "street_tiles_uncached_per_s": round(median(without)),
    }
    if peer:
        report.peers["tipg"] = beside = _medians(peer)
        beside["street_tiles_uncached_per_s"] = beside["street_tiles_per_s"]
        report.ratios = {
            f"tipg_{name}": round(report.figures[name] / value, 2) for name, value in beside.items()
        }
    return report


def _medians(rounds: list[dict[str, float]]) -> dict[str, float]:
    return {name: round(median(one[name] for one in rounds)) for name in rounds[0]}


# -- what is asked -----------------------------------------------------------------------------


class _Plan:
    """Requests of a city, the same in each run."""

    def __init__(self, city: CityData, count: int) -> None:
        chance = random.Random(11)
        west, south, east, north = city.manifest.bounds
        now = datetime.now(UTC)
        self._chance, self._city = chance, city
        self._year = [now - timedelta(seconds=31.5 * chance.randrange(count)) for _ in range(40)]
        self.boxes = []
        for _ in range(40):
            lon, lat = chance.uniform(west, east), chance.uniform(south, north)
            side = 0.002 * 4 ** chance.random()
            self.boxes.append((lon, lat, lon + side, lat + side))
        self._tiles = []
        for zoom in (10, 12, 13, 14, 14, 15, 15, 16, 16, 16):
            for _ in range(12):
                lon, lat = chance.uniform(west, east), chance.uniform(south, north)
                self._tiles.append((zoom, *_tile_of(lon, lat, zoom)))

    def tiles(self, path: Callable[[int, int, int], str]) -> list[str]:
        """Return tiles, each about twice, in the same disorder each time."""
        found = [path(*tile) for tile in self._tiles * 2]
        random.Random(5).shuffle(found)
        return found

    def pages(self, path: Callable[[Sequence[float]], str]) -> list[str]:
        """Return pages of features."""
        return [path(box) for box in self.boxes]

    def lists(self, server: "_Server") -> list[str]:
        """Return lists of incidents: each filter, search, and pages far behind the first."""
        names = [street[0] for street in self._city.streets.arcs.names if street][::97]
        days = [f"{self._city.manifest.region}-{at:%Y%m%d}" for at in self._year]
        since = [quote(f"{at:%Y-%m-%dT%H:%M:%S}Z") for at in self._year]
        found = ["?open=true", "?open=true&severity=P1&severity=P2", "?state=pending", ""] * 10
        for n, (box, at) in enumerate(zip(self.boxes, since, strict=True)):
            place = ",".join(f"{x:.5f}" for x in box)
            found += [
                f"?bbox={place}",
                f"?bbox={place}&open=true",
                f"?since={at}&severity=P{n % 4 + 1}",
                f"?category={('fire', 'medical', 'flood')[n % 3]}&open=false",
                # Of three searches one is for a street, one for a house, one for a number.
                (
                    f"?q={quote(names[n % len(names)])}",
                    f"?q={quote(names[n % len(names)] + str(n))}",
                    f"?q={days[n]}-{n:05}",
                )[n % 3],
            ]
        query = "?severity=P3&limit=200"
        for _ in range(40):  # a page's place is in the page before it
            found.append(query)
            after = json.loads(server.get("/api/v1/incidents" + query))["next"]
            if after is None:
                break
            query = f"?severity=P3&limit=200&after={after}"
        random.Random(3).shuffle(found)
        return ["/api/v1/incidents" + query for query in found]


def _box(box: Sequence[float]) -> str:
    return ",".join(f"{x:.6f}" for x in box)


_OURS: dict[str, Callable[..., str]] = {
    "streets": lambda z, x, y: f"/api/v1/tiles/streets/{z}/{x}/{y}.mvt",
    "incidents": lambda z, x, y: f"/api/v1/tiles/incidents/{z}/{x}/{y}.mvt",
    "items": lambda box: f"/api/v1/ogc/collections/incidents/items?limit={_PAGE}&bbox={_box(box)}",
}
_T = "tiles/WebMercatorQuad"
_THEIRS: dict[str, Callable[..., str]] = {
    "streets": lambda z, x, y: f"/collections/public.street/{_T}/{z}/{x}/{y}?drawn=true",
    "incidents": lambda z, x, y: f"/collections/public.incident/{_T}/{z}/{x}/{y}?is_open=true",
    "items": lambda box: (
        f"/collections/public.incident/items?limit={_PAGE}&bbox={_box(box)}&sortby=-opened_at"
    ),
}


def _tile_of(lon: float, lat: float, zoom: int) -> tuple[int, int]:
    """Return column and row of the tile of a point (Web Mercator, OGC 17-083r2, annex E)."""
    side = 1 << zoom
    return int((lon + 180) / 360 * side), int((1 - asinh(tan(radians(lat))) / pi) / 2 * side)


# -- how long it takes -------------------------------------------------------------------------


def _maps(server: "_Server", plan: _Plan, paths: dict[str, Callable[..., str]]) -> dict[str, float]:
    streets = plan.tiles(paths["streets"])
    incidents = plan.tiles(paths["incidents"])
    both = [path for pair in zip(streets, incidents, strict=True) for path in pair]
    for path in both[:20]:
        server.get(path)
    pages = plan.pages(paths["items"])
    begun = time.perf_counter()
    found = _each(server, pages, lambda body: len(json.loads(body)["features"]))
    took = time.perf_counter() - begun
    return {
        "features_per_s": sum(found) / took,
        "street_tiles_per_s": _rate(server, streets),
        "incident_tiles_per_s": _rate(server, incidents),
        "tiles_per_s": _rate(server, both),
    }


def _rate(server: "_Server", paths: list[str]) -> float:
    begun = time.perf_counter()
    _each(server, paths, len)
    return len(paths) / (time.perf_counter() - begun)


def _waits(server: "_Server", paths: list[str], clients: int) -> list[float]:
    """Return how many seconds each request takes, by so many clients."""

    def wait(path: str) -> float:
        begun = time.perf_counter()
        server.get(path)
        return time.perf_counter() - begun

    for path in paths[:40]:
        wait(path)
    with ThreadPoolExecutor(clients) as pool:
        return list(pool.map(wait, paths))


def _each(server: "_Server", paths: list[str], use: Callable[[bytes], int]) -> list[int]:
    with ThreadPoolExecutor(_CLIENTS) as pool:
        return list(pool.map(lambda path: use(server.get(path)), paths))


def _ids(server: "_Server", path: str) -> list[str]:
    return sorted(str(one["id"]) for one in json.loads(server.get(path))["features"])


# -- servers -----------------------------------------------------------------------------------


class _Server:
    """A server on a port of this machine, asked over connections that stay open, one a thread."""

    def __init__(self, port: int, headers: dict[str, str]) -> None:
        self._port, self._headers, self._own = port, headers, threading.local()

    def forget(self) -> None:
        """Let this thread's next request open a connection."""
        self._own.__dict__.pop("conn", None)

    def get(self, path: str) -> bytes:
        """Return an answer's body; raises `RuntimeError` unless it is a success."""
        if not hasattr(self._own, "conn"):
            self._own.conn = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        conn = self._own.conn
        try:
            conn.request("GET", path, headers=self._headers)
            answer = conn.getresponse()
        except OSError:  # the server closed it, since it was quiet for some seconds
            conn.close()
            conn.request("GET", path, headers=self._headers)
            answer = conn.getresponse()
        body: bytes = answer.read()
        if answer.status not in (200, 204):
            raise RuntimeError(f"{path}: {answer.status} {body[:300]!r}")
        return body


@contextlib.contextmanager
def gateway(endpoints: Endpoints, token: str, **settings: str) -> Iterator[_Server]:
    """Run a gateway on this ledger."""
    port = ports.choose("bench", asked=None, last=None)
    environment = os.environ | {
        "JINGWEI_KAFKA_BOOTSTRAP": endpoints.bootstrap,
        "JINGWEI_DATABASE_URL": endpoints.database_url,
        "JINGWEI_DATABASE_GATEWAY_URL": endpoints.gateway_url,
        "JINGWEI_GATEWAY_RATE": "0",
        **settings,
    }
    command = [sys.executable, "-m", "cli.main", "gateway", "--port", str(port)]
    server = _Server(port, {"Authorization": f"Bearer {token}"})
    with _running(command, environment, server, "/health"):
        yield server


@contextlib.contextmanager
def tipg(endpoints: Endpoints) -> Iterator[_Server]:
    """Run tipg on this ledger."""
    port = ports.choose("bench", asked=None, last=None)
    environment = os.environ | {
        "DATABASE_URL": endpoints.gateway_url,
        "TIPG_DB_TABLES": json.dumps(["public.incident", "public.street"]),
        "TIPG_DB_SPATIAL_EXTENT": "false",
        "TIPG_DB_DATETIME_EXTENT": "false",
        "TIPG_CATALOG_TTL": "0",
        "TIPG_TABLE_CONFIG__public_incident__properties": json.dumps(_COLUMNS),
        "TIPG_TABLE_CONFIG__public_street__properties": json.dumps([*_STREET_COLUMNS, "drawn"]),
    }
    command = [str(TIPG), "-m", "uvicorn", "tipg.main:app", "--port", str(port)]
    server = _Server(port, {})
    with _running([*command, "--log-level", "error"], environment, server, "/healthz"):
        yield server


@contextlib.contextmanager
def _running(
    command: list[str], environment: dict[str, Any], server: _Server, health: str
) -> Iterator[None]:
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + _DEADLINE_S
        while True:
            try:
                server.get(health)
                break
            except (OSError, http.client.HTTPException):
                server.forget()
                if process.poll() is not None or time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
        yield
    finally:
        process.terminate()
        process.wait(60)
