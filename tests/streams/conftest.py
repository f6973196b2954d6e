"""A real worker process on a real broker and database, with a small made city.

Topics have fixed names and the session's broker is shared, so each worker has a group of its
own whose fences begin where the topics end when it starts.
"""

import asyncio
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from atlas.city import CityData
from atlas.folder import save_city
from infra.settings import Endpoints
from tests import nursery
from tests.city.toy import toy_city
from tests.conftest import fresh_database
from tests.streams.fenced import fenced
from tests.streams.rig import Rig, WorkerProcess, begin_at_the_end, make_all_topics


@pytest.fixture(scope="session")
def city() -> CityData:
    return fenced(toy_city())


@pytest.fixture(scope="session")
def city_folder(city: CityData, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("city") / "toy"
    save_city(city, folder)
    return folder


def _rig(endpoints: Endpoints, city_folder: Path, home: Path) -> Rig:
    group = f"test-{uuid.uuid4().hex[:12]}"
    asyncio.run(make_all_topics(endpoints.bootstrap))
    since = asyncio.run(begin_at_the_end(endpoints, group))
    return Rig(endpoints, group, WorkerProcess(endpoints, city_folder, home, group), since)


@pytest.fixture
def rig(endpoints: Endpoints, city_folder: Path, tmp_path: Path) -> Iterator[Rig]:
    """Return a fresh database and group with a worker that is not started yet."""
    with nursery.ending():
        yield _rig(endpoints, city_folder, tmp_path)


@pytest.fixture(scope="module")
def running(
    stack: Endpoints, city_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Rig]:
    """Return a running worker that the tests of a module share."""
    with fresh_database(stack) as endpoints, nursery.ending():
        rig = _rig(endpoints, city_folder, tmp_path_factory.mktemp("home"))
        rig.worker.start()
        rig.worker.wait_ready()
        yield rig
