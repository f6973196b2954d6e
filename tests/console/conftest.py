"""A real ledger with a small scenario, accounts of every role, and a gateway on it."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
import pytest_asyncio

from bench._live_kills import make_tokens
from console.access import Role
from console.app import make_app
from console.services import Services, open_services
from console.settings import GatewaySettings
from infra.settings import Endpoints
from tests.cli.scene import Scene, answering
from tests.conftest import fresh_database
from tests.console.on_map import put_on_map
from tests.console.town import settle_in
from tests.console.visitors import Visitors, hashed


@pytest.fixture(scope="module")
def module_endpoints(stack: Endpoints) -> Iterator[Endpoints]:
    """Return the session's broker, and a ledger that the tests of a module share."""
    with fresh_database(stack) as endpoints:
        yield endpoints


@pytest.fixture(scope="module")
def scene(module_endpoints: Endpoints) -> Scene:
    """Return a ledger in which a fire, a crash and a lift have happened; tests of it only read."""
    made = Scene(f"r{uuid.uuid4().hex[:8]}", module_endpoints)
    asyncio.run(_play(made))
    return made


async def _play(made: Scene) -> None:
    await settle_in(made)
    await made.play()


@pytest.fixture(scope="module")
def mapped(scene: Scene) -> Scene:
    """Return the scene with its city on the map."""
    asyncio.run(put_on_map(scene))
    return scene


@pytest.fixture(scope="module")
def tokens(scene: Scene) -> dict[Role, str]:
    """Return a token of an account of each role; accounts are named as their role."""
    return asyncio.run(make_accounts(scene))


async def make_accounts(scene: Scene) -> dict[Role, str]:
    """Make an account of each role with a token, all with the same password."""
    return await make_tokens(scene.endpoints, scene.unit, hashed())


@pytest.fixture
async def services(scene: Scene, tokens: dict[Role, str]) -> AsyncIterator[Services]:
    """Return the connections of a gateway."""
    settings = GatewaySettings(compute_s=60, answer_s=60)
    async with open_services(scene.endpoints, settings) as opened:
        yield opened


@pytest.fixture
async def visitors(services: Services, tokens: dict[Role, str]) -> AsyncIterator[Visitors]:
    """Return clients of a gateway in this process."""
    visitors = Visitors(make_app(services), tokens)
    yield visitors
    await visitors.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway(
    scene: Scene, tokens: dict[Role, str]
) -> AsyncIterator[tuple[Services, Visitors]]:
    """Return a gateway that a module's tests share, with its city loaded, and its clients."""
    settings = GatewaySettings(processes=1, compute_s=60, answer_s=60)
    async with open_services(scene.endpoints, settings) as services:
        await services.compute.warm()
        visitors = Visitors(make_app(services), tokens)
        yield services, visitors
        await visitors.close()


@pytest.fixture
async def browser(visitors: Visitors) -> httpx.AsyncClient:
    """Return a client that nobody has signed in with."""
    return visitors.nobody()


@pytest.fixture
def answered(scene: Scene) -> Iterator[Scene]:
    """Return the scene, with a dispatcher that answers commands."""
    with answering(scene):
        yield scene
