"""``jingwei map``: the city, its open incidents, units and routes, as a PNG."""

import asyncio
from pathlib import Path
from typing import Annotated

import asyncpg
import typer

from atlas.changed_fences import with_changes
from atlas.city import CityData
from atlas.errors import CityError
from atlas.folder import load_city
from cli import exit_codes
from cli.asking import ask_at, where
from cli.output import progress
from cli.services import HomeOption
from infra.archive import CityMissing
from infra.cities import changes_now, city_by_digest
from infra.ledger.errors import NotFound
from infra.ledger.queries import RegionLine, find_incident, status
from infra.ledger.snapshot import load_snapshot
from infra.settings import Endpoints
from schemas.snapshot import Snapshot


class MapNotWritten(RuntimeError):
    """The picture cannot be written to its file."""


exit_codes.BY_ERROR.update(
    {
        CityError: exit_codes.USAGE,
        CityMissing: exit_codes.USAGE,
        MapNotWritten: exit_codes.USAGE,
    }
)


def register(app: typer.Typer) -> None:
    """Add this command to the application."""
    app.command(name="map")(map_)


def map_(
    out: Annotated[Path, typer.Argument(metavar="OUT.png")] = Path("jingwei-map.png"),
    home: HomeOption = None,
    *,
    city: Annotated[
        Path | None,
        typer.Option(help="City's folder (default: the city in force)."),
    ] = None,
    incident: Annotated[
        str | None, typer.Option(help="Zoom in on this incident and its units.")
    ] = None,
) -> None:
    """Draw the city with its open incidents, units and their routes."""
    write_map(where(home), out, None if city is None else load_city(city), incident)
    typer.echo(str(out))


def write_map(
    endpoints: Endpoints, out: Path, city: CityData | None = None, incident: str | None = None
) -> None:
    """Draw the map to a PNG file, completely or not at all.

    Parameters
    ----------
    city
        None for the city in force, from this host's cache or the ledger.
    incident
        Id, number or unique part of the incident to zoom in on.

    Raises
    ------
    CityMissing
        Neither the cache nor the ledger has the city in force.
    NotFound
        No region has a city yet, or there is no such incident.
    MapNotWritten
        The file cannot be written.
    """
    from cli import drawing  # noqa: PLC0415 - matplotlib takes a second to load

    region = None if city is None else city.manifest.region

    async def question(conn: asyncpg.Connection) -> tuple[Snapshot, str | None]:
        found = _choose(list((await status(conn)).regions), region)
        snapshot = await load_snapshot(conn, found.region)
        assert snapshot is not None, "the region was read just before"
        chosen = None if incident is None else await find_incident(conn, incident)
        return snapshot, chosen

    snapshot, chosen = asyncio.run(ask_at(endpoints, question))
    if city is None:
        city = _city_in_force(endpoints, snapshot)
    elif city.digest != snapshot.city:
        progress("note: the map shows another city than the one the region works with")
    figure = drawing.draw(city, snapshot, chosen, progress)
    draft = out.with_name(f".{out.name}.draft")
    try:
        figure.savefig(draft, format="png", dpi=drawing.DPI)
        draft.replace(out)
    except OSError as error:
        raise MapNotWritten(
            f"cannot write the map to {out}: {error.strerror or error}; name another file"
        ) from error
    finally:
        draft.unlink(missing_ok=True)


def _choose(regions: list[RegionLine], wanted: str | None) -> RegionLine:
    """Return the region to draw: the given one, or the one with the latest clock."""
    found = [
        region for region in regions if region.city is not None and wanted in (None, region.region)
    ]
    if not found:
        which = "no region" if wanted is None else f"region {wanted}"
        raise NotFound(
            f"{which} has a city yet: start a worker, for instance with `jingwei demo`"
            if wanted is None
            else f"{which} has no city yet: start its worker, or omit --city"
        )
    return max(found, key=lambda region: (region.clock is not None, region.clock))


def _city_in_force(endpoints: Endpoints, snapshot: Snapshot) -> CityData:
    assert snapshot.city is not None, "chosen because it has one"
    url = endpoints.worker_url
    files = city_by_digest(endpoints.archive_dir, url, snapshot.city, load_city)
    return with_changes(files, changes_now(url, snapshot.city))
