"""What tests share: services of their own, fresh databases, and the data beside the clone.

The services start when the first test asks for them, in a folder of their own, and are
stopped and wiped at the end. The kernel stops them if the test session is killed.
"""

import asyncio
import contextlib
import dataclasses
import os
import re
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from infra.local import postgres
from infra.local import stack as local_stack
from infra.local.state import BrokerKind, Home
from infra.settings import Endpoints, Settings, load_settings
from tests import nursery, patience

ROOT = Path(__file__).resolve().parent.parent
IN_CI = os.environ.get("CI") == "true"
_OURS = ("JINGWEI_MAVEN", "JINGWEI_MAVEN_TIMEOUT_S", "JINGWEI_SHARED_DATA", patience.NAME)
_TEMPLATE = "jingwei_template"
_MEMORY = Path("/dev/shm")
_STRATEGIES = 15  # PostgreSQL's first version in which the way to copy can be chosen
_ENOUGH = 6_000_000_000  # bytes that two stacks may come to use


def pytest_configure() -> None:
    """Forget the settings of the shell: tests never touch someone's broker or database."""
    for name in list(os.environ):
        if name.startswith("JINGWEI_") and name not in _OURS:
            del os.environ[name]
    # A broker of a few minutes starts with 4.6 s of processor time, not 7.6, compiled lightly.
    os.environ.setdefault(
        "JDK_JAVA_OPTIONS", "-XX:TieredStopAtLevel=1 -XX:+UseTransparentHugePages"
    )
    hypothesis_settings.register_profile(  # tests measure no speed
        "patient", deadline=None, suppress_health_check=[HealthCheck.too_slow]
    )
    hypothesis_settings.load_profile("patient")
    if patience.NAME not in os.environ:  # of xdist's processes only the first one measures
        os.environ[patience.NAME] = f"{patience.measure():.1f}"


def pytest_report_header() -> str:
    """Say by how much this machine, as busy as it is, makes the tests wait longer."""
    return f"patience: deadlines times {patience.patience(1):.1f} ({patience.NAME} sets it)"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Let a slow machine have more time for each test, too; begin with the longest files.

    Those that need services come before those that only compute: many short files are left for
    the end, so that no process is done long before the other.
    """
    usual = float(config.getini("timeout"))
    for item in items:
        own = item.get_closest_marker("timeout")
        seconds = own.args[0] if own is not None else usual
        item.add_marker(pytest.mark.timeout(patience.patience(seconds)), append=False)
    if hasattr(config, "workerinput"):  # one of xdist's processes: none is to begin long work last
        slow, serviced = (
            {item.path for item in items if any(map(item.get_closest_marker, names))}
            for names in (("slow",), ("kafka", "postgis", "apache_kafka"))
        )
        items.sort(key=lambda item: (item.path not in slow, item.path not in serviced))


@pytest.hookimpl(trylast=True)  # after the fixtures that an interrupted session leaves to its end
def pytest_sessionfinish() -> None:
    """End what tests have started, also where a fixture failed to."""
    nursery.close()


def lacking(what: str) -> None:
    """Skip the test for want of something; in CI nothing may be wanting."""
    if IN_CI:
        pytest.fail(f"CI lacks {what}")
    pytest.skip(f"needs {what}")


@pytest.fixture
def home() -> Iterator[Path]:
    """Return an empty folder that the system user of PostgreSQL can reach."""
    with _reachable_folder() as folder:
        yield folder / "home"


@pytest.fixture(scope="session")
def stack_settings() -> Iterator[Settings]:
    """Return the settings of the session's own stack."""
    with _reachable_folder() as folder:
        yield load_settings(folder / "home")


@pytest.fixture(scope="session")
def stack(stack_settings: Settings) -> Iterator[Endpoints]:
    """Return the session's own PostgreSQL and broker, started now if they are not."""
    nursery.prepare()  # whoever needs a broker soon needs a process of ours
    try:
        endpoints = local_stack.up(stack_settings, print, bound=True)
        asyncio.run(_make_template(endpoints))
        yield endpoints
    finally:
        local_stack.down(stack_settings, print, wipe=True)


@pytest.fixture
def endpoints(stack: Endpoints) -> Iterator[Endpoints]:
    """Return the session's broker and a fresh, migrated database, dropped afterwards."""
    with fresh_database(stack) as endpoints:
        yield endpoints


@contextlib.contextmanager
def fresh_database(stack: Endpoints) -> Iterator[Endpoints]:
    """Make a migrated database, for a fixture of any scope, and drop it afterwards."""
    name = f"test_{uuid.uuid4().hex}"
    admin = _admin_url(stack)
    asyncio.run(_copy_template(stack, name))
    yield dataclasses.replace(
        stack,
        **{
            role: getattr(stack, role).rpartition("/")[0] + f"/{name}"
            for role in ("database_url", "worker_url", "gateway_url", "planner_url")
        },
    )
    asyncio.run(_execute(admin, f"DROP DATABASE {name} WITH (FORCE)"))


@pytest.fixture
def database_url(endpoints: Endpoints) -> str:
    """Return the owner's URL of a fresh, migrated database."""
    return endpoints.database_url


@pytest.fixture(scope="session")
def broker(stack: Endpoints) -> str:
    """Return the broker's address; it is shared, so topics, groups and regions are unique."""
    return stack.bootstrap


@pytest.fixture(autouse=True)
def _real_kafka(request: pytest.FixtureRequest) -> None:
    """Let tests marked ``apache_kafka`` run on Apache Kafka only."""
    if request.node.get_closest_marker("apache_kafka") is None:
        return
    endpoints: Endpoints = request.getfixturevalue("stack")
    if endpoints.broker_kind is not BrokerKind.APACHE_KAFKA:
        lacking("Apache Kafka (Java 17 and Maven); there is only the embedded broker")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder of real maps and tracks beside the clone."""
    named = os.environ.get("JINGWEI_SHARED_DATA")
    places = [Path(named)] if named else [up / "shared/data" for up in ROOT.parents[:2]]
    found = next((place for place in places if place.is_dir()), None)
    if found is None:
        lacking(f"real data in {places[0]} (JINGWEI_SHARED_DATA)")
    assert found is not None
    return found


@pytest.fixture(scope="session")
def shared_cases() -> Path:
    """Return the folder of cases from the outside world beside the clone."""
    found = next(
        (up / "shared/cases" for up in ROOT.parents[:2] if (up / "shared/cases").is_dir()), None
    )
    if found is None:
        lacking(f"the cases in {ROOT.parent}/shared/cases")
    assert found is not None
    return found


@contextlib.contextmanager
def _reachable_folder() -> Iterator[Path]:
    """Make a temporary folder open to other users; pytest's own are closed to them."""
    with tempfile.TemporaryDirectory(
        prefix="jingwei-test-", dir=_memory(), ignore_cleanup_errors=True
    ) as name:
        Path(name).chmod(0o755)
        yield Path(name)


def _memory() -> Path | None:
    """Return where files are in memory, if there is room.

    The services are as durable there as tests can tell, who kill processes and never the machine;
    and nothing waits for a disk, which on shared machines takes 4 ms a transaction.
    """
    if not os.access(_MEMORY, os.W_OK) or shutil.disk_usage(_MEMORY).free < _ENOUGH:
        return None
    kilobytes = re.search(r"MemAvailable: +(\d+)", Path("/proc/meminfo").read_text())
    return _MEMORY if kilobytes and int(kilobytes[1]) * 1000 > _ENOUGH else None


async def _make_template(endpoints: Endpoints) -> None:
    name = endpoints.database_url.rpartition("/")[2]
    await _execute(
        _admin_url(endpoints),
        f"CREATE DATABASE {_TEMPLATE} TEMPLATE {name} OWNER jingwei_owner",
    )


async def _copy_template(stack: Endpoints, name: str) -> None:
    """Make a database like the template; 269 tests want one of their own.

    PostgreSQL 15 writes a copy block by block into its log, which takes 0.6 s. Copying the files
    takes a tenth of that in memory; on a disk each of 300 files would be waited for.
    """
    statement = f"CREATE DATABASE {name} TEMPLATE {_TEMPLATE} OWNER jingwei_owner"
    connection = await asyncpg.connect(_admin_url(stack))
    try:
        by_files = connection.get_server_version().major >= _STRATEGIES
        if by_files and Path(stack.home).is_relative_to(_MEMORY):
            statement += " STRATEGY FILE_COPY"
        await connection.execute(statement)
    finally:
        await connection.close()


def _admin_url(endpoints: Endpoints) -> str:
    port = int(endpoints.database_url.rpartition("/")[0].rpartition(":")[2])
    return postgres.superuser_url(Home(endpoints.home), port)


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
