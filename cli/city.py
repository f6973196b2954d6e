"""``jingwei city make | import | inspect | simulate | learn | demand | call-types``: its folder."""

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import typer

from atlas.city import CityData, Manifest, Place
from atlas.folder import load_city, save_city
from cli import call_types, demand, learn, simulate
from cli.output import progress
from cli.services import HomeOption, JsonOption
from geo.streets.graph import Notice
from infra.local.state import Home
from infra.settings import load_settings

city = typer.Typer(help="Make, import, inspect and simulate a city.", no_args_is_help=True)

_MAP_HELP = (
    "OSM extract (.osm, .osm.gz, .osm.bz2, .osm.pbf), or streets as .graphml, .gpkg, .parquet."
)
_Side = Literal["left", "right"]
SideOption = Annotated[
    _Side | None,
    typer.Option(
        "--driving-side",
        help="Side that traffic keeps to: left or right (default: as the map tells).",
    ),
]
SeedOption = Annotated[int, typer.Option("--seed", help="The same seed gives the same city.")]


def register(app: typer.Typer) -> None:
    """Add the group to the application."""
    app.add_typer(city, name="city")


simulate.register(city)
learn.register(city)
call_types.register(city)
demand.register(city)


@city.command()
def make(
    folder: Annotated[
        Path | None,
        typer.Argument(help="Folder to write (default: data/cities/310106 in --home)."),
    ] = None,
    *,
    seed: SeedOption = 1,
    size: Annotated[str, typer.Option("--size", help="full, or small (for tests).")] = "full",
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make the demo city: a schematic Jing'an, the same for the same seed."""
    from city.make import make_city  # noqa: PLC0415 - other commands need no maker

    made = make_city(seed, size, progress)
    target = folder or _default(home, made)
    save_city(made, target)
    _show(made, target, [], as_json=as_json)


@city.command(name="import")
def import_(
    file: Annotated[Path, typer.Argument(help=_MAP_HELP)],
    folder: Annotated[
        Path | None,
        typer.Argument(help="Folder to write (default: data/cities/REGION in --home)."),
    ] = None,
    *,
    region: Annotated[
        str | None,
        typer.Option("--region", help="Key of its journal (default: the file's name)."),
    ] = None,
    name: Annotated[str | None, typer.Option("--name", help="Name of the city.")] = None,
    timezone: Annotated[
        str | None, typer.Option("--timezone", help="Time zone, such as America/New_York.")
    ] = None,
    driving_side: SideOption = None,
    seed: SeedOption = 1,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a city from a map; generate missing parts and mark them."""
    from city.import_map import import_map  # noqa: PLC0415 - loads the OSM reader

    imported = import_map(
        file, region=region, name=name, timezone=timezone, driving_side=driving_side, seed=seed
    )
    target = folder or _default(home, imported.city)
    save_city(imported.city, target)
    _show(imported.city, target, list(imported.facts), imported.left_out, as_json=as_json)


@city.command()
def inspect(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER|FILE", help="A city's folder, or a map of streets.")
    ],
    *,
    map_file: Annotated[
        Path | None,
        typer.Option("--map", metavar="OUT.png", help="Also draw the streets and problems."),
    ] = None,
    driving_side: SideOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the contents of a city's folder or of a map: what was read, what left out and why."""
    left_out = None
    if folder.is_file():
        found, left_out = _map_alone(folder, driving_side)
    else:
        found = load_city(folder)
    _show(found, folder, [], left_out, as_json=as_json)
    if map_file is not None:
        from cli.city_map import write_city_map  # noqa: PLC0415 - drawing takes a second to load

        write_city_map(found, map_file)
        progress(f"map written to {map_file}")


def _map_alone(file: Path, driving_side: _Side | None) -> tuple[CityData, Counter[str]]:
    """Return what is in a map as a city without anything generated, and what could not be used."""
    from geo.maps.load import is_osm, load_streets  # noqa: PLC0415 - loads the map readers

    places: list[Place] = []
    left_out: Counter[str] = Counter()
    if is_osm(file):
        from city.import_map import read_map  # noqa: PLC0415 - needs the OSM reader

        streets, tagged = read_map(file, driving_side=driving_side)
        places, left_out = tagged.places, tagged.left_out
    else:
        streets = load_streets(file, driving_side=driving_side)
    lon, lat = streets.nodes.lon, streets.nodes.lat
    manifest = Manifest(
        name=file.name,
        name_en="",
        region="none",
        schematic=False,
        source=f"map {file.name}",
        licence=f"that of {file.name}",
        bounds=(float(lon.min()), float(lat.min()), float(lon.max()), float(lat.max())),
    )
    city = CityData.of(manifest, streets, fences=(), places=places, sensors=(), units=())
    return city, left_out


def _default(home: Path | None, made: CityData) -> Path:
    data = Home.at(load_settings(home).local.home).data
    return data / "cities" / made.manifest.region


def _show(
    found: CityData,
    folder: Path,
    facts: list[str],
    left_out: Counter[str] | None = None,
    *,
    as_json: bool,
) -> None:
    summary = summarise(found, folder, left_out)
    if as_json:
        typer.echo(msgspec.json.format(msgspec.json.encode(summary | {"facts": facts}), indent=2))
        return
    manifest, streets = found.manifest, found.streets.report
    kind = "schematic" if manifest.schematic else "imported"
    typer.echo(f"city       {manifest.name} {manifest.name_en} ({kind}, region {manifest.region})")
    typer.echo(f"folder     {folder}")
    typer.echo(f"digest     {found.digest}")
    typer.echo(
        f"streets    {streets.nodes} crossings, {streets.arcs} arcs, {streets.length_km:.0f} km, "
        f"{streets.signals} signals, {streets.components} strongly connected part(s)"
    )
    if streets.components > 1:
        sizes = ", ".join(str(size) for size in streets.largest_components)
        more = ", …" if streets.components > len(streets.largest_components) else ""
        typer.echo(f"parts      {sizes}{more} crossings")
    rules = summary["restrictions"]
    side = summary["driving_side"]
    typer.echo(f"traffic    keeps {side['side']} ({side['told_by']})")
    typer.echo(
        f"turns      {rules['resolved']} restrictions ban {rules['banned_turns']} turns, "
        f"{len(rules['unresolved'])} restrictions unresolved"
    )
    if (speeds := summary["speeds"]) is not None:
        typer.echo(f"speeds     {speeds['arcs']} arcs by hour of the week, {speeds['rows']} rows")
    for part in ("fences", "places", "sensors", "units"):
        counts = summary[part]
        text = ", ".join(f"{n} {what}" for what, n in counts.items())
        typer.echo(f"{part:10} {sum(counts.values())}: {text}")
    for fact in facts:
        typer.echo(f"           {fact}")
    for part, title in (("read", "read"), ("left_out", "left out")):
        for line in summary[part]:
            typer.echo(f"{title:10} {_told(line)}")
    for warning in summary["warnings"]:
        typer.echo(f"warning    {warning}")


def summarise(
    found: CityData, folder: Path, left_out: Counter[str] | None = None
) -> dict[str, Any]:
    """Count the contents of a city and list its problems, as a JSON object.

    `left_out` are places and boundaries of a map that could not be used, as
    `geo.streets.notes.Notes`.
    """
    report = found.streets.report
    places = {} if left_out is None else _notices(left_out)
    return {
        "folder": str(folder),
        "digest": found.digest,
        "manifest": msgspec.to_builtins(found.manifest),
        "streets": {
            "nodes": report.nodes,
            "arcs": report.arcs,
            "length_km": round(report.length_km, 1),
            "signals": report.signals,
            "components": report.components,
            "largest_nodes": report.largest_nodes,
            "largest_components": list(report.largest_components),
            "emergency_only_arcs": int(found.streets.arcs.emergency_only.sum()),
        },
        "restrictions": {
            "resolved": report.restrictions,
            "banned_turns": len(found.streets.turns.banned),
            "unresolved": [
                {"id": name, "kind": kind, "reason": reason}
                for name, kind, reason in report.unresolved
            ],
        },
        "speeds": found.speeds
        and {"arcs": len(set(found.speeds.arc.tolist())), "rows": len(found.speeds)},
        "fences": _count(f.kind for f in found.fences),
        "places": _count(p.kind for p in found.places),
        "sensors": _count(s.observed_property for s in found.sensors),
        "units": _count(u.kind for u in found.units),
        "generated_places": sum(p.generated for p in found.places),
        "driving_side": {
            "side": found.streets.attributes.get("driving_side", "right"),
            "told_by": found.streets.attributes.get("driving_side_by", "default"),
        },
        "read": _lines(report.read),
        "left_out": _lines({**report.left_out, **places}),
        "warnings": _warnings(found),
    }


def _count(kinds: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(kinds).items()))


def _notices(notes: Counter[str]) -> dict[str, Notice]:
    examples: dict[str, list[str]] = getattr(notes, "examples", {})
    return {what: Notice(n, tuple(examples.get(what, ()))) for what, n in sorted(notes.items())}


def _lines(notices: Mapping[str, Notice]) -> list[dict[str, Any]]:
    return [
        {"what": what, "count": notice.count, "examples": list(notice.examples)}
        for what, notice in notices.items()
    ]


def _told(line: Mapping[str, Any]) -> str:
    """Write a line of what was read or left out, with its examples."""
    more = ", …" if line["count"] > len(line["examples"]) else ""
    ids = f": {', '.join(line['examples'])}{more}" if line["examples"] else ""
    return f"{line['count']} {line['what']}{ids}"


def _warnings(found: CityData) -> list[str]:
    report = found.streets.report
    noticed = {
        what: Notice(n, report.examples.get(what, ())) for what, n in report.warnings.items()
    }
    warnings = [_told(line) for line in _lines(noticed)]
    warnings += [f"{kind} of {name}: {reason}" for name, kind, reason in report.unresolved]
    if report.largest_nodes < report.nodes:
        warnings.append(
            f"{report.nodes - report.largest_nodes} of {report.nodes} crossings are outside the "
            "largest strongly connected part"
        )
    warnings += [f"fence {r.fence}: {r.reason}" for r in found.fence_index.repairs]
    for what, points in (
        ("sensors", [s.point for s in found.sensors]),
        ("units", [u.home for u in found.units]),
    ):
        snapped = found.snapper.snap_many([p.lon for p in points], [p.lat for p in points])
        far = sum(s is None for s in snapped)
        if far:
            warnings.append(f"{far} {what} are farther than 300 m from any street")
    return warnings
