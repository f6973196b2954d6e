"""A small city with fences."""

import pytest

from atlas.city import CityData
from tests.city.toy import toy_city
from tests.streams.fenced import fenced


@pytest.fixture(scope="session")
def city() -> CityData:
    return fenced(toy_city())
