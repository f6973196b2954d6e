from pathlib import Path

import pytest
from hypothesis import settings

from geo.maps.load import load_streets
from geo.streets.graph import StreetGraph
from tests.geo.maps import made_graph

# A machine may be busy with other work: an example's time says nothing about the code.
settings.register_profile("jingwei", deadline=None)
settings.load_profile("jingwei")


@pytest.fixture(scope="session")
def baltimore(shared_data: Path) -> StreetGraph:
    return load_streets(shared_data / "baltimore.osm.pbf")


@pytest.fixture(scope="session")
def monaco(shared_data: Path) -> StreetGraph:
    return load_streets(shared_data / "monaco.osm.pbf")


@pytest.fixture(scope="session")
def shanghai(shared_data: Path) -> StreetGraph:
    return load_streets(shared_data / "shanghai-centre.osm")


@pytest.fixture
def small() -> StreetGraph:
    return StreetGraph.from_networkx(made_graph())
