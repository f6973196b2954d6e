"""Routers for the cities that a journal names, from this host's cache or the ledger."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

from atlas.deciding import deciding_router
from atlas.folder import load_city
from geo.routing.reference import Router
from infra.cities import city_by_digest


def kept_routers(archive_dir: Path, url: str) -> Callable[[str], Router]:
    """Return a function that gives ``dispatch.Region`` the router of a city by its digest.

    Parameters
    ----------
    archive_dir
        ``Endpoints.archive_dir``, where this host caches cities.
    url
        URL of the ledger, which has all cities.

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
