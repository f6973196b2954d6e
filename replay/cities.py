"""Routers over the cities that a journal names, from this host's copies or the ledger's."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

from geo.city import load_city
from geo.router import deciding_router
from geo.routing import Router
from infra.cities import city_by_digest


def kept_routers(archive_dir: Path, url: str) -> Callable[[str], Router]:
    """Return what ``dispatch.Region`` asks for the streets of a city by its content hash.

    Parameters
    ----------
    archive_dir
        ``Endpoints.archive_dir``, where this host has copies of cities.
    url
        The ledger's, which has all of them.

    Returns
    -------
    callable
        Raises ``infra.archive.CityMissing``, ``infra.ledger.errors.LedgerError`` and
        ``geo.errors.GeoError``.
    """

    @cache
    def router(digest: str) -> Router:
        return deciding_router(city_by_digest(archive_dir, url, digest, load_city))

    return router
