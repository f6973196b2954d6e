"""What a gateway process holds: connections to the ledger, and a desk."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
from starlette.requests import Request

from console import secret
from console.compute import Compute
from console.limits import Buckets
from console.live.hub import Hub
from console.metrics import Metrics
from console.refusals import Refusals
from console.settings import GatewaySettings, OidcSettings
from console.tile_cache import TileCache
from desk import Desk, open_desk
from infra.ledger.migrations import check_schema
from infra.ledger.pool import close_pool, open_pool
from infra.settings import Endpoints

if TYPE_CHECKING:
    from console.oidc import Provider

_NAME = "jingwei-gateway"


@dataclass(frozen=True)
class Services:
    """What endpoints work with.

    Attributes
    ----------
    checks
        Limits how many passwords are checked at once.
    tiles
        Tiles of layers that do not change.
    """

    pool: asyncpg.Pool = field(repr=False)
    desk: Desk = field(repr=False)
    compute: Compute = field(repr=False)
    settings: GatewaySettings
    refusals: Refusals = field(repr=False)
    key_file: Path
    bootstrap: str
    live: Hub = field(repr=False)
    metrics: Metrics = field(repr=False)
    buckets: Buckets = field(repr=False)
    provider: "Provider | None" = None
    checks: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(secret.CHECKS))
    tiles: TileCache = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Make an empty cache of the size that the settings say."""
        object.__setattr__(self, "tiles", TileCache(self.settings.tile_cache_bytes))


@contextlib.asynccontextmanager
async def open_services(
    endpoints: Endpoints, settings: GatewaySettings, oidc: OidcSettings | None = None
) -> AsyncIterator[Services]:
    """Connect to ledger and broker.

    Raises
    ------
    LedgerError
        The ledger cannot be reached or has another schema. A broker that does not answer is no
        reason not to start: what is in the ledger can be read without it.
    """
    pool = await open_pool(
        endpoints.gateway_url,
        1,
        settings.connections,
        _NAME,
        tidy=False,
        statement_timeout="10s",
        # Filters that are not given are null: a plan for all cases would read whole tables.
        plan_cache_mode="force_custom_plan",
        # Compiling and starting helpers takes longer than any of these reads.
        jit="off",
        max_parallel_workers_per_gather="0",
    )
    try:
        async with pool.acquire() as conn:
            await check_schema(conn)
        compute = Compute(
            pool,
            endpoints.archive_dir,
            endpoints.gateway_url,
            most=settings.processes,
            answer_s=settings.compute_s,
        )
        live = Hub(endpoints.bootstrap, pool, settings)
        metrics = Metrics()
        metrics.watch(pool)
        provider = None
        if oidc is not None and oidc.issuer:
            from console.oidc import Provider  # noqa: PLC0415 - only where there is one

            provider = Provider(oidc)
        try:
            async with open_desk(endpoints, application=_NAME) as desk:
                yield Services(
                    pool=pool,
                    desk=desk,
                    compute=compute,
                    settings=settings,
                    refusals=Refusals(pool),
                    key_file=endpoints.key_file,
                    bootstrap=endpoints.bootstrap,
                    live=live,
                    metrics=metrics,
                    buckets=Buckets(settings.rate, settings.burst),
                    provider=provider,
                )
        finally:
            await live.close()
            await compute.close()
    finally:
        await close_pool(pool)


def services_of(request: Request) -> Services:
    """Return what the application of a request works with."""
    services: Services = request.app.state.services
    return services
