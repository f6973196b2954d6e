"""The operators' page: how soon it shows what was decided, and how it bears a flood.

Everything is real: Apache Kafka, PostGIS, a worker and a gateway in processes of their own, the
page in Debian's Chromium (without a graphics card: it draws the map by the processor).

1. ``first_view_ms``, ``first_view_kib``: from asking for the page, with nothing in the browser's
   cache, until the queue is shown, and what came over the wire until it was idle.
2. ``commit_to_queue_p99_ms``: 50 clients of the stream, one of them the page; from the commit of an
   incident that is a danger to life, by the ledger's clock, until its row is in the page's queue.
3. ``longest_task_ms``, ``heap_mib``, ``heap_growth_mib``: 1,000 open incidents, and 500 units that
   tell their positions once a second: the longest time in which the page could not answer a key,
   its heap at the end after a collection, and by how much that grew from the first minute on.
4. ``duplicates_p95_ms``: the gateway's answer, with these incidents open, to which of them a call
   of a place and a text may belong.

Needs Playwright (``make setup``) and Chromium.
"""

import argparse
import asyncio
import contextlib
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
from aiokafka import AIOKafkaProducer

from atlas.city import CityData
from atlas.folder import save_city
from bench._gateway_live import joined, until_it_answers
from bench._live_kills import gateway_program, held_port, make_tokens, worker_program
from bench._worker import (
    city_outside,
    message,
    on_a_stack,
    send_report,
    send_separate_reports,
    until,
)
from bench.report import Report, percentile
from city.make import make_city
from console import secret
from console.access import Role
from infra.settings import Endpoints
from schemas import topics
from schemas.inputs import CitizenReport, Location, UnitPosition
from streams.topics import make_topics

_ARGUMENTS = ("--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader")
_PASSWORD = "a password for a bench only"
_CLIENTS, _UNITS, _INCIDENTS = 50, 500, 1_000
_GRAVE = "着火了，楼上有人被困，快来救人"
_SPACING = 0.0045  # degrees between events of one category: beyond twice its radius
_WAIT_MS = 120_000.0

_WATCH_ROWS = """() => {
  window.rows = {};
  const look = () => {
    for (const row of document.querySelectorAll('[id^=row-]')) window.rows[row.id] ??= Date.now();
  };
  window.watching = new MutationObserver(look);
  window.watching.observe(document.body, { childList: true, subtree: true });
}"""
_WATCH_TASKS = """() => {
  window.tasks = [];
  const note = (list) => window.tasks.push(...list.getEntries().map((one) => one.duration));
  new PerformanceObserver(note).observe({ type: 'longtask' });
}"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this benchmark."""
    parser.add_argument("--seconds", type=float, default=180, help="how long part 3 lasts")


def run(*, quick: bool, seconds: float = 180) -> Report:
    """Measure; ``quick`` with a tenth of the incidents and units, for half a minute."""
    scale = 10 if quick else 1
    lasts = min(seconds, 30) if quick else seconds
    return on_a_stack(
        lambda endpoints, folder: _measure(endpoints, folder, scale=scale, lasts=lasts)
    )


async def _measure(endpoints: Endpoints, folder: Path, *, scale: int, lasts: float) -> Report:
    city = _with_units(make_city(seed=1), _UNITS // scale)
    save_city(city, folder / "city")
    await make_topics(endpoints.bootstrap)
    hashed = secret.hash_password(_PASSWORD)
    tokens = await make_tokens(endpoints, city.units[0].id, hashed)
    ledger = await asyncpg.connect(endpoints.database_url)
    with held_port() as port:
        programs = worker_program(endpoints, folder), gateway_program(endpoints, folder, port)
        for program in programs:
            program.start()
        url = f"http://127.0.0.1:{port}"
        try:
            await until(ledger, "SELECT count(*) FROM unit", len(city.units))
            async with city_outside(endpoints) as sender, _chromium() as browser:
                page = await _signed_in(browser, url)
                views = [await _first_view(page, url) for _ in range(1 if scale > 1 else 3)]
                async with joined(f"{url}/api/v1", tokens[Role.OPERATOR], _CLIENTS - 1):
                    delays = await _latency(page, sender, ledger, city, count=40 // min(scale, 4))
                flood = await _flood(
                    page, sender, ledger, city, incidents=_INCIDENTS // scale, lasts=lasts
                )
                found = await _duplicates(url, tokens[Role.OPERATOR], ledger)
        finally:
            for program in programs:
                program.kill()
            await ledger.close()
    views.sort()
    ms, kib = views[len(views) // 2]
    return Report(
        figures={
            "first_view_ms": round(ms),
            "first_view_kib": round(kib),
            "commit_to_queue_p50_ms": round(percentile(delays, 0.5), 1),
            "commit_to_queue_p99_ms": round(percentile(delays, 0.99), 1),
            **flood,
            "duplicates_p95_ms": round(percentile(found, 0.95), 1),
        },
        notes=[
            f"{len(delays)} rows; all clients but the page read the stream and show nothing",
            f"{_INCIDENTS // scale} open incidents, {len(city.units)} units at 1 Hz, {lasts:g} s",
            "page, worker, gateway, Kafka and PostgreSQL on the same cores",
        ],
    )


def _with_units(city: CityData, count: int) -> CityData:
    """Return the city with so many units: copies of its own, at the same stations."""
    own = city.units
    more = (own[n % len(own)] for n in range(len(own), count))
    copies = [msgspec.structs.replace(one, id=f"{one.id}-{n}") for n, one in enumerate(more)]
    return CityData.of(
        city.manifest,
        city.streets,
        fences=city.fences,
        places=city.places,
        sensors=city.sensors,
        units=[*own, *copies],
    )


# -- the page --------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def _chromium() -> AsyncIterator[Any]:
    from playwright.async_api import async_playwright  # noqa: PLC0415 - only this bench needs it

    found = shutil.which("chromium")
    if found is None:
        raise FileNotFoundError("Chromium is not installed: apt-get install chromium")
    async with async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=found, args=list(_ARGUMENTS))
        try:
            yield browser
        finally:
            await browser.close()


async def _signed_in(browser: Any, url: str) -> Any:  # noqa: ANN401 - an extra's types
    page = await (await browser.new_context(viewport={"width": 1440, "height": 900})).new_page()
    page.set_default_timeout(_WAIT_MS)
    await until_it_answers(url)
    await page.goto(url)
    await page.locator("input[name=name]").fill(Role.OPERATOR.value)
    await page.locator("input[name=password]").fill(_PASSWORD)
    await page.locator(".door button.primary").click()
    await page.locator(".door").wait_for(state="detached")
    await page.locator(".banner.trouble").wait_for(state="detached")
    return page


async def _first_view(page: Any, url: str) -> tuple[float, float]:  # noqa: ANN401
    """Return milliseconds until the page shows the queue, and the KiB that came for it."""
    wire = await page.context.new_cdp_session(page)
    came = 0.0

    def finished(event: dict[str, float]) -> None:
        nonlocal came
        came += event["encodedDataLength"]

    await wire.send("Network.enable")
    await wire.send("Network.clearBrowserCache")
    wire.on("Network.loadingFinished", finished)
    begun = time.perf_counter()
    await page.goto(url, wait_until="commit")
    await page.locator("#queue").wait_for()
    await page.locator(".banner.trouble").wait_for(state="detached")
    took = time.perf_counter() - begun
    await asyncio.sleep(3)  # the map comes behind the queue
    await wire.detach()
    return took * 1_000, came / 1_024


# -- what is measured ------------------------------------------------------------------------


async def _latency(
    page: Any,  # noqa: ANN401
    sender: AIOKafkaProducer,
    ledger: asyncpg.Connection,
    city: CityData,
    *,
    count: int,
) -> list[float]:
    """Return by how many milliseconds rows came after their incidents were written."""
    await page.evaluate(_WATCH_ROWS)
    west, south, *_ = city.manifest.bounds
    for number in range(count):
        row, column = divmod(number, 8)
        report = CitizenReport(
            service_request_id=f"grave-{number}",
            description=_GRAVE,
            requested_datetime=datetime.now(UTC),
            location=Location(
                lon=round(west + 0.01 + column * _SPACING, 6),
                lat=round(south + 0.01 + row * _SPACING, 6),
                accuracy_m=10.0,
            ),
        )
        await send_report(sender, report)
        await asyncio.sleep(0.5)
    await until(ledger, "SELECT count(placed) FROM evidence WHERE source = 'report'", count)
    await asyncio.sleep(3)
    shown = await page.evaluate("window.watching.disconnect(), window.rows")
    rows = await ledger.fetch("SELECT incident_id, recorded_at FROM incident_entry WHERE seq = 1")
    return [
        shown[f"row-{row['incident_id']}"] - row["recorded_at"].timestamp() * 1_000
        for row in rows
        if f"row-{row['incident_id']}" in shown
    ]


async def _flood(
    page: Any,  # noqa: ANN401
    sender: AIOKafkaProducer,
    ledger: asyncpg.Connection,
    city: CityData,
    *,
    incidents: int,
    lasts: float,
) -> dict[str, float]:
    """Return the page's figures while many incidents are open and all units move."""
    before = await ledger.fetchval("SELECT count(placed) FROM evidence WHERE source = 'report'")
    await send_separate_reports(sender, city, incidents)
    placed = "SELECT count(placed) FROM evidence WHERE source = 'report'"
    await until(ledger, placed, before + incidents)
    await asyncio.sleep(5)
    await page.evaluate(_WATCH_TASKS)
    devtools = await page.context.new_cdp_session(page)
    over = asyncio.Event()
    moving = asyncio.create_task(_move(sender, city, over))
    await asyncio.sleep(lasts / 3)
    first = await _heap_mib(devtools)
    await asyncio.sleep(lasts - lasts / 3)
    over.set()
    await moving
    tasks = await page.evaluate("window.tasks")
    last = await _heap_mib(devtools)
    return {
        "longest_task_ms": round(max(tasks, default=0.0)),
        "long_tasks_per_minute": round(len(tasks) * 60 / lasts, 1),
        "heap_mib": round(last, 1),
        "heap_growth_mib": round(last - first, 1),
    }


async def _duplicates(url: str, token: str, ledger: asyncpg.Connection) -> list[float]:
    """Return the milliseconds that answers took, at places of open incidents."""
    rows = await ledger.fetch("SELECT ST_X(point) AS x, ST_Y(point) AS y FROM incident LIMIT 50")
    took = []
    for row in rows:
        asked = urllib.request.Request(
            f"{url}/api/v1/duplicates",
            msgspec.json.encode({"text": _GRAVE, "point": {"lon": row["x"], "lat": row["y"]}}),
            {"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
        )
        begun = time.perf_counter()
        await asyncio.to_thread(_answer_of, asked)
        took.append((time.perf_counter() - begun) * 1_000)
    return took


def _answer_of(asked: urllib.request.Request) -> bytes:
    """Ask, again after the 503 of a machine with too much to do: the wait counts."""
    while True:
        try:
            with urllib.request.urlopen(asked) as answer:
                return bytes(answer.read())
        except urllib.error.HTTPError as error:
            if error.code != 503:
                raise
            time.sleep(0.5)


async def _heap_mib(devtools: Any) -> float:  # noqa: ANN401
    await devtools.send("HeapProfiler.enable")
    await devtools.send("HeapProfiler.collectGarbage")
    used = await devtools.send("Runtime.getHeapUsage")
    return float(used["usedSize"]) / 2**20


async def _move(sender: AIOKafkaProducer, city: CityData, over: asyncio.Event) -> None:
    """Let every unit tell a position once a second: back and forth near its station."""
    step = 0
    while not over.is_set():
        step += 1
        for number, unit in enumerate(city.units):
            shift = ((step + number) % 20) * 0.00005
            value, headers = message(
                topics.POSITIONS,
                UnitPosition(
                    unit=unit.id,
                    location=Location(lon=unit.home.lon + shift, lat=unit.home.lat),
                    time=datetime.now(UTC),
                ),
                f"{unit.id}-{step}",
            )
            await sender.send(topics.POSITIONS.name, value, key=unit.id.encode(), headers=headers)
            if number % 50 == 49:
                await asyncio.sleep(50 / len(city.units))
