"""A real browser, on a real gateway with ledger and broker."""

import asyncio
import contextlib
import os
import shutil
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench._live_kills import held_port
from console.pages import BUILT
from infra.ledger import accounts
from infra.ledger.pool import connect, transaction
from infra.settings import Endpoints
from tests import nursery
from tests.conftest import fresh_database, lacking
from tests.console.visitors import PASSWORD, hashed
from tests.console.web.stage import Stage
from tests.patience import patience
from tests.streams.rig import make_all_topics

playwright = pytest.importorskip("playwright.sync_api")

ARGUMENTS = ("--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader")


class Gateway:
    """A gateway process that can be killed and started again at the same port."""

    def __init__(self, endpoints: Endpoints, folder: Path, port: int) -> None:
        self._env = os.environ | {
            "JINGWEI_KAFKA_BOOTSTRAP": endpoints.bootstrap,
            "JINGWEI_KAFKA_IDEMPOTENT": str(endpoints.broker_idempotent),
            "JINGWEI_DATABASE_URL": endpoints.database_url,
            "JINGWEI_DATABASE_GATEWAY_URL": endpoints.gateway_url,
            "JINGWEI_HOME": str(endpoints.home),
        }
        self._folder, self._starts = folder, 0
        self._process: nursery.Child | None = None
        self.url = f"http://127.0.0.1:{port}"

    def start(self) -> None:
        """Start it and wait until it listens."""
        self._starts += 1
        log = self._folder / f"gateway-{self._starts}.log"
        port = self.url.rpartition(":")[2]
        arguments = ["gateway", "--port", port]
        self._process = nursery.start(nursery.COMMAND, arguments, log, self._env)
        deadline = time.monotonic() + patience(40)
        while not log.exists() or f"gateway at {self.url}" not in log.read_text():
            assert self._process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)

    def kill(self) -> None:
        """End it by SIGKILL."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def ensure(self) -> None:
        """Start it again if a test that failed has left it dead."""
        if self._process is None or self._process.poll() is not None:
            self.start()


@pytest.fixture(scope="module")
def stage(stack: Endpoints) -> Iterator[Stage]:
    """Return a city with nothing open, and operators li and wang."""
    if not (BUILT / "index.html").is_file():
        lacking("the built pages (Node.js): make setup")
    asyncio.run(make_all_topics(stack.bootstrap))
    with fresh_database(stack) as endpoints:
        made = Stage(f"r{uuid.uuid4().hex[:8]}", endpoints)
        asyncio.run(_accounts(endpoints))
        made.open()
        yield made
        made.close()


async def _accounts(endpoints: Endpoints) -> None:
    known = hashed()  # not within the transaction: on a busy machine it takes seconds
    owner = await connect(endpoints.database_url)
    try:
        async with transaction(owner) as conn:
            for name in ("li", "wang"):
                await accounts.add_account(conn, name, "operator", known)
    finally:
        await owner.close()


@pytest.fixture(scope="module")
def gateway(stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """Return a gateway process on the city's ledger."""
    with held_port() as port, nursery.ending():
        made = Gateway(stage.endpoints, tmp_path_factory.mktemp("gateway"), port)
        made.start()
        yield made


@pytest.fixture(scope="module")
def chromium(gateway: Gateway) -> Iterator[Any]:
    """Return Debian's Chromium: begun last and ended first, as no other loop runs beside it."""
    found = shutil.which("chromium")
    if found is None:
        lacking("Chromium: apt-get install chromium")
    playwright.expect.set_options(timeout=patience(8_000))
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=found, args=list(ARGUMENTS))
        yield browser
        browser.close()


@pytest.fixture(autouse=True)
def _cleared(request: pytest.FixtureRequest) -> None:
    """Let every test that shows the city begin with nothing open and every unit free."""
    if "stage" in request.fixturenames:
        request.getfixturevalue("stage").clear()


@pytest.fixture
def page(chromium: Any, gateway: Gateway) -> Iterator[Any]:
    """Return a page on which li has signed in; no script may fail and no policy be broken on it."""
    gateway.ensure()
    with opened(chromium, gateway) as made:
        yield made


@contextlib.contextmanager
def opened(chromium: Any, gateway: Gateway, **options: Any) -> Iterator[Any]:
    """Open a page and sign in."""
    settings = {"locale": "en-GB", "viewport": {"width": 1440, "height": 900}} | options
    context = chromium.new_context(**settings)
    page = context.new_page()
    page.set_default_timeout(patience(8_000))
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on(
        "console",
        lambda said: faults.append(said.text) if "Content Security Policy" in said.text else None,
    )
    page.goto(gateway.url)
    sign_in(page)
    page.locator(".banner.trouble").wait_for(state="detached")
    yield page
    context.close()
    assert faults == []


def sign_in(page: Any) -> None:
    """Fill in the form and wait until it has gone."""
    page.locator("input[name=name]").fill("li")
    page.locator("input[name=password]").fill(PASSWORD)
    page.locator(".door button.primary").click()
    page.locator(".door").wait_for(state="detached")
