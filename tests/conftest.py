"""What tests share: services of their own, fresh databases, and the data beside the clone.

The services start when the first test asks for them, in a folder of their own, and are
stopped and wiped at the end. The kernel stops them if the test session is killed.
"""

import asyncio
import contextlib
import dataclasses
import os
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from infra.local import postgres
from infra.local import stack as local_stack
from infra.local.state import BrokerKind, Home
from infra.settings import Endpoints, Settings, load_settings

ROOT = Path(__file__).resolve().parent.parent
IN_CI = os.environ.get("CI") == "true"
_OURS = ("JINGWEI_MAVEN", "JINGWEI_MAVEN_TIMEOUT_S", "JINGWEI_SHARED_DATA")
_TEMPLATE = "jingwei_template"


def pytest_configure() -> None:
    """Forget the settings of the shell: tests never touch someone's broker or database."""
    for name in list(os.environ):
        if name.startswith("JINGWEI_") and name not in _OURS:
            del os.environ[name]


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
    asyncio.run(_execute(admin, f"CREATE DATABASE {name} TEMPLATE {_TEMPLATE} OWNER jingwei_owner"))
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


@contextlib.contextmanager
def _reachable_folder() -> Iterator[Path]:
    """Make a temporary folder open to other users; pytest's own are closed to them."""
    with tempfile.TemporaryDirectory(prefix="jingwei-test-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o755)
        yield Path(name)


async def _make_template(endpoints: Endpoints) -> None:
    name = endpoints.database_url.rpartition("/")[2]
    await _execute(
        _admin_url(endpoints),
        f"CREATE DATABASE {_TEMPLATE} TEMPLATE {name} OWNER jingwei_owner",
    )


def _admin_url(endpoints: Endpoints) -> str:
    port = int(endpoints.database_url.rpartition("/")[0].rpartition(":")[2])
    return postgres.superuser_url(Home(endpoints.home), port)


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
