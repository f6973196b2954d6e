"""The cities that a worker decides in: the one it serves, and those that the journal names.

A city is kept in the ledger before the journal names it, so any worker on any host finds it
there. The folder of cities in the archive is a cache, and may be empty or lost.
"""

import asyncio
import logging
from pathlib import Path

import asyncpg

from atlas.city import CityData
from atlas.deciding import deciding_router
from atlas.folder import city_files, load_city
from geo.errors import GeoError
from geo.routing.reference import Router
from infra.archive import CityMissing, city_folder, keep_city
from infra.cities import city_by_digest
from infra.ledger import city_files as kept_files
from infra.ledger import reading, transaction
from infra.ledger.city_files import CityFile, CityName
from infra.settings import Endpoints
from streams.errors import CityNotNamed

log = logging.getLogger(__name__)


class Cities:
    """Finds cities and their streets.

    Parameters
    ----------
    folder
        The city to serve; None takes the one that the ledger's region is in.
    region
        Which region's, when there is no folder; None where there is but one.

    Raises
    ------
    GeoError
        The folder is no city that can be served.
    CityNotNamed
        The folder's city is of another region.
    """

    def __init__(self, endpoints: Endpoints, folder: Path | None, region: str | None) -> None:
        self._root, self._url = endpoints.archive_dir, endpoints.worker_url
        self._orders = endpoints.data_dir / "street-orders"
        self._folder, self._region = folder, region
        self._routers: dict[str, Router] = {}
        self._files: tuple[CityFile, ...] = ()
        self._mine: CityData | None = None
        if folder is None:
            return
        # Looked at first: what is kept in the ledger must be what was read.
        self._files = kept_files.look_at(folder, city_files(folder))
        self._mine = load_city(folder)
        if region not in (None, self._mine.manifest.region):
            raise CityNotNamed(
                f"the city in {folder} is of the region {self._mine.manifest.region!r}, not of "
                f"{region!r}: leave --region or --city away"
            )

    async def serve(self, pool: asyncpg.Pool) -> CityData:
        """Return the city to serve; on return the ledger keeps it.

        Raises
        ------
        CityNotNamed
            No folder was given, and the ledger does not name one city.
        infra.archive.CityMissing, infra.ledger.errors.LedgerError
            The city that the ledger names is nowhere, or cannot be read.
        """
        if self._mine is None:
            async with reading(pool) as conn:
                digest = await self._in_force(conn)
            self._mine = await asyncio.to_thread(self._by_digest, digest)
            log.info("serving %s, as the ledger says", _named(self._mine))
        elif self._folder is not None:
            await self._keep(pool, self._mine, self._folder, self._files)
            try:
                keep_city(self._root, self._folder, self._mine.digest)
            except OSError as error:
                log.warning("no copy of the city is kept on this host: %s", error)
        await self._share(pool)
        return self._mine

    def router(self, digest: str) -> Router:
        """Return the streets of a city by its content hash.

        Raises
        ------
        infra.archive.CityMissing
            Neither this host nor the ledger has it.
        infra.ledger.errors.LedgerError
            The ledger cannot be asked, or its copy is damaged.
        """
        if digest not in self._routers:
            mine = self._mine
            city = mine if mine is not None and mine.digest == digest else self._by_digest(digest)
            self._routers[digest] = deciding_router(city, self._orders)
        return self._routers[digest]

    def _by_digest(self, digest: str) -> CityData:
        return city_by_digest(self._root, self._url, digest, load_city)

    async def _in_force(self, conn: asyncpg.Connection) -> str:
        """Return the digest of the city in force in the region that is wanted."""
        found = await kept_files.in_force(conn)
        wanted = [row for row in found if self._region in (None, row.region)]
        if len(wanted) == 1:
            return wanted[0].city
        if wanted:
            names = ", ".join(row.region for row in wanted)
            raise CityNotNamed(f"the ledger has several regions ({names}): choose by --region")
        which = "a city" if self._region is None else f"a city of the region {self._region!r}"
        raise CityNotNamed(
            f"the ledger does not name {which} yet: start the first worker with --city FOLDER; "
            "those after it need none"
        )

    async def _share(self, pool: asyncpg.Pool) -> None:
        """Keep in the ledger what only this host has, from before the ledger kept cities."""
        async with reading(pool) as conn:
            kept = await kept_files.kept(conn)
            missing = [digest for digest in await kept_files.served(conn) if digest not in kept]
        for digest in missing:
            try:
                folder = city_folder(self._root, digest)
                files = kept_files.look_at(folder, city_files(folder))
                city = await asyncio.to_thread(load_city, folder)
            except (CityMissing, GeoError, OSError):
                log.warning(
                    "the ledger names the city %s, and neither it nor this host has the files: "
                    "a replay of that time needs them",
                    digest,
                )
                continue
            if city.digest == digest:
                await self._keep(pool, city, folder, files)

    async def _keep(
        self, pool: asyncpg.Pool, city: CityData, folder: Path, files: tuple[CityFile, ...]
    ) -> None:
        manifest = city.manifest
        async with transaction(pool) as conn:
            name = CityName(city.digest, manifest.region, manifest.name, manifest.name_en)
            new = await kept_files.keep(conn, name, folder, files)
        if new:
            log.info("the ledger keeps %s now", _named(city))


def _named(city: CityData) -> str:
    return f"the city {city.manifest.name_en or city.manifest.name} ({city.digest[:12]}…)"
