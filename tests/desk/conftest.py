"""A real ledger with a small scenario, and desks on it."""

import uuid
from collections.abc import AsyncIterator
from functools import partial

import pytest

from desk import Desk, open_desk
from infra.settings import Endpoints
from tests.cli.scene import Scene, answering, make_journal
from tests.patience import patience


@pytest.fixture
async def scene(endpoints: Endpoints) -> Scene:
    """Return a ledger in which a fire, a crash and a lift have happened."""
    await make_journal(endpoints.bootstrap)
    made = Scene(f"r{uuid.uuid4().hex[:8]}", endpoints)
    await made.play()
    return made


@pytest.fixture
async def answered(scene: Scene) -> AsyncIterator[Scene]:
    """Return the same, with a dispatcher that answers commands."""
    with answering(scene):
        yield scene


@pytest.fixture
async def desk(scene: Scene) -> AsyncIterator[Desk]:
    """Return an open desk."""
    async with open_desk(scene.endpoints, "li", application="jingwei-test") as opened:
        opened.give = partial(opened.give, timeout_s=patience(10))  # its own is an operator's
        yield opened
