"""``jingwei route`` and ``jingwei isochrone``: what the dispatcher's street engine would say."""

import calendar
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, TypeVar
from zoneinfo import ZoneInfo

import msgspec
import shapely
import typer
from typer.core import TyperCommand

from cli import exit_codes
from cli.output import clean, duration, progress, write_json, write_table
from cli.places import Found, closed_arcs, find_place
from cli.services import HomeOption, JsonOption
from geo.city import CityData, load_city
from geo.conditions import Conditions
from geo.errors import BadConditions, BadCoordinates, NoStreetNear, Unreachable
from geo.profiles import PROFILES
from geo.router import CompiledRouter
from geo.routing import Route
from geo.steps import Step, steps
from geo.streets import StreetGraph
from infra.local.state import Home
from infra.settings import load_settings

N = TypeVar("N", int, float)

_DEMO = Path("cities/310106")  # where `jingwei city make` writes by default


class BadProfile(ValueError):
    """Nobody drives like that."""


class BadFigure(ValueError):
    """A street's lanes or depth of water is not STREET=NUMBER."""


class BadTime(ValueError):
    """A time is not in ISO 8601."""


class AreasNotWritten(RuntimeError):
    """The GeoJSON file cannot be written where it should be."""


exit_codes.BY_ERROR.update(
    {
        BadProfile: exit_codes.USAGE,
        BadFigure: exit_codes.USAGE,
        BadTime: exit_codes.USAGE,
        AreasNotWritten: exit_codes.USAGE,
        BadCoordinates: exit_codes.USAGE,
        BadConditions: exit_codes.USAGE,
        NoStreetNear: exit_codes.USAGE,
        Unreachable: exit_codes.FAILED,
    }
)


class _ManyMinutes(TyperCommand):
    """Takes ``--minutes 4 8`` for ``--minutes 4 --minutes 8``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - Typer's own copy of click has the class
        """Repeat the option before each further number."""
        spread: list[str] = []
        for word in args:
            if spread[-2:-1] == ["--minutes"] and _is_number(word):
                spread.append("--minutes")
            spread.append(word)
        return super().parse_args(ctx, spread)


_COORDINATES_ALLOWED = {"ignore_unknown_options": True}  # a western longitude looks like an option
_SPOT = "'lon,lat', the id of a place, sensor or unit (its station), or a name in the city."

ProfileOption = Annotated[
    str, typer.Option("--profile", help="emergency, civilian or foot: who is on the way.")
]
CloseOption = Annotated[
    list[str] | None,
    typer.Option("--close", metavar="STREET", help="A street's name or an arc's id; repeatable."),
]
LanesOption = Annotated[
    list[str] | None,
    typer.Option(
        "--lanes-closed",
        metavar="STREET=N",
        help="N lanes shut in each direction; closed to vehicles with none left; repeatable.",
    ),
]
FloodOption = Annotated[
    list[str] | None,
    typer.Option(
        "--flood", metavar="STREET=M", help="Water M metres deep, such as 0.4; repeatable."
    ),
]
AtOption = Annotated[
    str | None,
    typer.Option(
        "--at",
        metavar="T",
        help="ISO 8601 time, on the city's clocks unless it says; now if none. Its hour of the "
        "week chooses the speeds, where the city has learnt any.",
    ),
]
CityOption = Annotated[
    Path | None,
    typer.Option("--city", metavar="FOLDER", help="data/cities/310106 in --home by default."),
]


def register(app: typer.Typer) -> None:
    """Add these commands to the application."""
    app.command(context_settings=_COORDINATES_ALLOWED)(route)
    app.command(cls=_ManyMinutes, context_settings=_COORDINATES_ALLOWED)(isochrone)


def route(
    source: Annotated[str, typer.Argument(metavar="A", help=_SPOT)],
    target: Annotated[str, typer.Argument(metavar="B", help="As A.")],
    *,
    profile: ProfileOption = "emergency",
    close: CloseOption = None,
    lanes_closed: LanesOption = None,
    flood: FloodOption = None,
    at: AtOption = None,
    city: CityOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find the quickest way from A to B, with its turns in Chinese and English."""
    found, router = _opened(city, home, profile)
    ends = find_place(found, source), find_place(found, target)
    hour = _hour(found, router, at)
    conditions = _conditions(found.streets, close, lanes_closed, flood, hour)
    way = router.route(ends[0].lonlat, ends[1].lonlat, conditions)
    told = steps(way, found.streets)
    if as_json:
        write_json(_route_document(way, told, ends, profile, conditions))
    else:
        _write_route(way, told, ends, profile, conditions)


def isochrone(
    source: Annotated[str, typer.Argument(metavar="FROM", help=_SPOT)],
    *,
    minutes: Annotated[
        list[float], typer.Option("--minutes", metavar="M…", help="One or more: --minutes 4 8.")
    ],
    profile: ProfileOption = "emergency",
    close: CloseOption = None,
    lanes_closed: LanesOption = None,
    flood: FloodOption = None,
    at: AtOption = None,
    city: CityOption = None,
    home: HomeOption = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE.geojson", help="Write there, not stdout.")
    ] = None,
) -> None:
    """Draw how far one gets within some minutes, as GeoJSON polygons."""
    found, router = _opened(city, home, profile)
    begin = find_place(found, source)
    hour = _hour(found, router, at)
    conditions = _conditions(found.streets, close, lanes_closed, flood, hour)
    areas = router.isochrone(begin.lonlat, minutes, conditions)
    features = [
        {
            "type": "Feature",
            "properties": {"minutes": limit, "profile": profile, "from": _place_document(begin)},
            "geometry": _geojson(area),
        }
        for limit, area in zip(minutes, areas, strict=True)
    ]
    collection = {"type": "FeatureCollection", "features": features}
    if out is None:
        write_json(collection)
        return
    try:
        out.write_bytes(msgspec.json.encode(collection))
    except OSError as error:
        raise AreasNotWritten(
            f"the areas cannot be written to {out}: {error.strerror or error}; name another file"
        ) from error
    typer.echo(str(out))


def _conditions(
    streets: StreetGraph,
    close: Sequence[str] | None,
    lanes_closed: Sequence[str] | None,
    flood: Sequence[str] | None,
    hour: int | None,
) -> Conditions:
    lanes = _figures(streets, lanes_closed or (), "--lanes-closed", int)
    depths = _figures(streets, flood or (), "--flood", float)
    return Conditions.of(closed_arcs(streets, close or ()), None, lanes, depths, hour=hour)


def _hour(found: CityData, router: CompiledRouter, at: str | None) -> int | None:
    """Hour of the week at a time, or now; None where the city has no historic speeds."""
    try:
        time = datetime.now(UTC) if at is None else datetime.fromisoformat(at)
    except ValueError as error:
        raise BadTime(
            f"--at {at!r:.40} is no ISO 8601 time: write it like 2026-11-24T08:30"
        ) from error
    if time.tzinfo is None:
        time = time.replace(tzinfo=ZoneInfo(found.manifest.timezone))
    hour = router.hour_at(time)
    if hour is None and at is not None:
        progress(
            "the city has no speeds by hour of the week (`jingwei city learn`): the map's hold"
        )
    return hour


def _figures(
    streets: StreetGraph, wanted: Sequence[str], option: str, number: Callable[[str], N]
) -> dict[str, N]:
    """Read STREET=NUMBER; of several figures for one arc the larger holds."""
    found: dict[str, N] = {}
    for text in wanted:
        street, _, figure = text.rpartition("=")
        try:
            value = number(figure)
        except ValueError as error:
            raise BadFigure(
                f"{option} {text!r:.80}: give a street and a number, such as "
                f"'{street[:40] or 'STREET'}=1'"
            ) from error
        for arc_id in sorted(closed_arcs(streets, [street])):
            found[arc_id] = max(value, found.get(arc_id, value))
    return found


def _opened(city: Path | None, home: Path | None, profile: str) -> tuple[CityData, CompiledRouter]:
    """Load the city and compile its streets, quickly if that was done before."""
    if profile not in PROFILES:
        raise BadProfile(f"no profile {profile!r:.40}: use {', '.join(sorted(PROFILES))}")
    data = Home.at(load_settings(home).local.home).data
    found = load_city(city or data / _DEMO)
    cache = data / "street-orders"
    return found, CompiledRouter(
        found.streets, profile, found.snapper, cache=cache, speeds=found.speeds
    )


def _route_document(
    way: Route,
    told: Sequence[Step],
    ends: tuple[Found, Found],
    profile: str,
    conditions: Conditions,
) -> dict[str, Any]:
    return {
        "from": _place_document(ends[0]),
        "to": _place_document(ends[1]),
        "profile": profile,
        "closed": sorted(conditions.closed),
        "lanes_closed": dict(conditions.lanes_closed),
        "flood_depths": dict(conditions.flood_depths),
        "hour_of_week": conditions.hour,
        "seconds": way.seconds,
        "walk_seconds": way.walk_ms / 1000.0,
        "metres": round(way.metres, 1),
        "streets": list(way.streets),
        "steps": [
            {
                "manoeuvre": str(step.manoeuvre),
                "metres": round(step.metres, 1),
                "seconds": step.milliseconds / 1000.0,
                "street": step.street,
                "zh": step.zh,
                "en": step.en,
            }
            for step in told
        ],
        "geometry": _geojson(way.line),
    }


def _write_route(
    way: Route,
    told: Sequence[Step],
    ends: tuple[Found, Found],
    profile: str,
    conditions: Conditions,
) -> None:
    walked = f", {way.walk_ms / 1000.0:.1f} s of them on foot" if way.walk_ms else ""
    counts = (
        (len(conditions.closed), "arcs closed"),
        (len(conditions.lanes_closed), "with lanes closed"),
        (len(conditions.flood_depths), "under water"),
    )
    without = "".join(f", {count} {what}" for count, what in counts if count)
    typer.echo(f"from     {_shown(ends[0])}")
    typer.echo(f"to       {_shown(ends[1])}")
    typer.echo(f"profile  {profile}{without}")
    if conditions.hour is not None:
        day, hour = divmod(conditions.hour, 24)
        typer.echo(f"speeds   of {calendar.day_name[day]}s from {hour:02d}:00")
    typer.echo(f"time     {duration(way.seconds)} ({way.seconds:.1f} s{walked})")
    typer.echo(f"length   {way.metres:.0f} m")
    rows = [
        (number, f"{step.metres:.0f}", f"{step.milliseconds / 1000.0:.1f}", step.zh, step.en)
        for number, step in enumerate(told, 1)
    ]
    write_table(("step", "metres", "seconds", "中文", "English"), rows, "no steps")


def _shown(place: Found) -> str:
    return f"{clean(place.name)} ({place.kind}) {place.lon:.6f},{place.lat:.6f}"


def _place_document(place: Found) -> dict[str, Any]:
    return {"name": place.name, "kind": place.kind, "lon": place.lon, "lat": place.lat}


def _geojson(geometry: shapely.Geometry) -> msgspec.Raw:
    return msgspec.Raw(shapely.to_geojson(geometry).encode())


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True
