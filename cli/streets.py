"""``jingwei route`` and ``jingwei isochrone``: query the dispatcher's router."""

import calendar
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, TypeVar
from zoneinfo import ZoneInfo

import msgspec
import shapely
import typer
from typer.core import TyperCommand

from atlas.city import CityData
from atlas.folder import load_city
from cli import exit_codes
from cli.output import clean, duration, progress, write_json, write_table
from cli.places import Found, closed_arcs, find_place
from cli.services import HomeOption, JsonOption
from geo.errors import BadConditions, BadCoordinates, NoStreetNear, Unreachable
from geo.routing.compiled import CompiledRouter
from geo.routing.conditions import Conditions
from geo.routing.profiles import PROFILES
from geo.routing.reference import Route
from geo.routing.steps import Step, steps
from geo.streets.graph import StreetGraph
from geo.streets.limits import SIZES
from infra.local.state import Home
from infra.settings import load_settings

N = TypeVar("N", int, float)

_DEMO = Path("cities/310106")  # where `jingwei city make` writes by default


class BadProfile(ValueError):
    """There is no profile with this name."""


class BadFigure(ValueError):
    """A street's lanes or depth of water is not STREET=NUMBER."""


class BadTime(ValueError):
    """A time is not ISO 8601."""


class AreasNotWritten(RuntimeError):
    """The GeoJSON file cannot be written."""


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
    str, typer.Option("--profile", help="Way of travel: emergency, civilian or foot.")
]
CloseOption = Annotated[
    list[str] | None,
    typer.Option(
        "--close", metavar="STREET", help="Close a street, by name or arc id; repeatable."
    ),
]
LanesOption = Annotated[
    list[str] | None,
    typer.Option(
        "--lanes-closed",
        metavar="STREET=N",
        help="Close N lanes in each direction; with no lane left, no vehicle passes; repeatable.",
    ),
]
FloodOption = Annotated[
    list[str] | None,
    typer.Option(
        "--flood",
        metavar="STREET=M",
        help="Put a street M metres under water, such as 0.4; repeatable.",
    ),
]
_SizeOption = float | None


def _size_option(name: str, what: str) -> Any:  # noqa: ANN401 - Typer's own
    return typer.Option(name, metavar="N", help=f"{what}; streets with a lower limit are not used.")


HeightOption = Annotated[_SizeOption, _size_option("--height", "Height of the vehicle in metres")]
WidthOption = Annotated[_SizeOption, _size_option("--width", "Width of the vehicle in metres")]
WeightOption = Annotated[_SizeOption, _size_option("--weight", "Weight of the vehicle in tonnes")]
LengthOption = Annotated[_SizeOption, _size_option("--length", "Length of the vehicle in metres")]
AtOption = Annotated[
    str | None,
    typer.Option(
        "--at",
        metavar="T",
        help="ISO 8601 time, in the city's time if no offset (default: now). Its hour of the "
        "week selects the speeds, if the city has learnt any.",
    ),
]
CityOption = Annotated[
    Path | None,
    typer.Option(
        "--city", metavar="FOLDER", help="City's folder (default: data/cities/310106 in --home)."
    ),
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
    height: HeightOption = None,
    width: WidthOption = None,
    weight: WeightOption = None,
    length: LengthOption = None,
    city: CityOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find the fastest route from A to B, with its turns in Chinese and English."""
    size = {"height_m": height, "width_m": width, "weight_t": weight, "length_m": length}
    found, router = _opened(city, home, profile, size)
    ends = find_place(found, source), find_place(found, target)
    hour = _hour(found, router, at)
    conditions = _conditions(found.streets, close, lanes_closed, flood, hour)
    way = router.route(ends[0].lonlat, ends[1].lonlat, conditions)
    told = steps(way, found.streets)
    limits = _limits(found.streets, router)
    if as_json:
        write_json(_route_document(way, told, ends, profile, conditions) | {"limits": limits})
    else:
        _write_route(way, told, ends, profile + _limits_told(limits), conditions)


def isochrone(
    source: Annotated[str, typer.Argument(metavar="FROM", help=_SPOT)],
    *,
    minutes: Annotated[
        list[float],
        typer.Option("--minutes", metavar="M…", help="One or more times: --minutes 4 8."),
    ],
    profile: ProfileOption = "emergency",
    close: CloseOption = None,
    lanes_closed: LanesOption = None,
    flood: FloodOption = None,
    at: AtOption = None,
    height: HeightOption = None,
    width: WidthOption = None,
    weight: WeightOption = None,
    length: LengthOption = None,
    city: CityOption = None,
    home: HomeOption = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE.geojson", help="File to write (default: stdout)."),
    ] = None,
) -> None:
    """Compute the areas reachable within some minutes, as GeoJSON polygons."""
    size = {"height_m": height, "width_m": width, "weight_t": weight, "length_m": length}
    found, router = _opened(city, home, profile, size)
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
            f"cannot write the areas to {out}: {error.strerror or error}; name another file"
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
    """Return the hour of the week at a time, or now; None if the city has no historic speeds."""
    try:
        time = datetime.now(UTC) if at is None else datetime.fromisoformat(at)
    except ValueError as error:
        raise BadTime(
            f"--at {at!r:.40} is not an ISO 8601 time: write it like 2026-11-24T08:30"
        ) from error
    if time.tzinfo is None:
        time = time.replace(tzinfo=ZoneInfo(found.manifest.timezone))
    hour = router.hour_at(time)
    if hour is None and at is not None:
        progress(
            "the city has no speeds by hour of the week (`jingwei city learn`): using the map's"
        )
    return hour


def _limits(streets: StreetGraph, router: CompiledRouter) -> dict[str, dict[str, float]]:
    """Return, for each size of the vehicle, its figure and how many arcs allow less."""
    found = {}
    for size in SIZES:
        own: float | None = getattr(router.profile, size)
        if own is not None:
            largest = streets.arcs.limits.get(size)
            small = 0 if largest is None else int((largest < own).sum())
            found[size] = {"vehicle": own, "arcs_not_used": small}
    return found


def _limits_told(limits: Mapping[str, Mapping[str, float]]) -> str:
    """Say how large the vehicle is, and how many arcs it does not use for that."""
    return "".join(
        f", {size.replace('_', ' ')} {said['vehicle']:g} ({said['arcs_not_used']} arcs allow less)"
        for size, said in limits.items()
    )


def _figures(
    streets: StreetGraph, wanted: Sequence[str], option: str, number: Callable[[str], N]
) -> dict[str, N]:
    """Parse STREET=NUMBER; if an arc gets several numbers, the largest counts."""
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


def _opened(
    city: Path | None, home: Path | None, profile: str, size: Mapping[str, float | None]
) -> tuple[CityData, CompiledRouter]:
    """Load the city and compile its streets, or load the compiled order from the cache."""
    if profile not in PROFILES:
        raise BadProfile(f"unknown profile {profile!r:.40}: use {', '.join(sorted(PROFILES))}")
    data = Home.at(load_settings(home).local.home).data
    found = load_city(city or data / _DEMO)
    cache = data / "street-orders"
    return found, CompiledRouter(
        found.streets,
        PROFILES[profile].sized(**size),
        found.snapper,
        cache=cache,
        speeds=found.speeds,
        timezone=found.manifest.timezone,
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
