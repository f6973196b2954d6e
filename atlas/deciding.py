"""The router used for a city's decisions."""

from pathlib import Path

from atlas.city import CityData
from geo.routing.compiled import CompiledRouter

__all__ = ["deciding_router"]


def deciding_router(city: CityData, cache: Path | None = None) -> CompiledRouter:
    """Return the router for a city's dispatch decisions.

    Worker and replay both get it here, because with different routers a replay would differ.

    Parameters
    ----------
    cache
        Folder that speeds up compiling the streets the next time.
    """
    return CompiledRouter(
        city.streets,
        "emergency",
        city.snapper,
        cache=cache,
        speeds=city.speeds,
        timezone=city.manifest.timezone,
    )
