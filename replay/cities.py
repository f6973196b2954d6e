"""Routers over the cities that the archive has copies of."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

from geo.city import load_city
from geo.router import deciding_router
from geo.routing import Router
from infra.archive import city_folder


def kept_routers(archive_dir: Path) -> Callable[[str], Router]:
    """Return what ``dispatch.Region`` asks for the streets of a city by its content hash.

    Parameters
    ----------
    archive_dir
        ``Endpoints.archive_dir``, where workers keep the cities they serve.

    Returns
    -------
    callable
        Raises ``infra.archive.CityMissing`` and ``geo.errors.GeoError``.
    """

    @cache
    def router(digest: str) -> Router:
        return deciding_router(load_city(city_folder(archive_dir, digest)))

    return router
