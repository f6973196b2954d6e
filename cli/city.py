"""``jingwei city make | import | inspect | simulate | learn``: a city's folder."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from cli import learn, simulate
from cli.output import progress
from cli.services import HomeOption, JsonOption
from geo.city import CityData, Manifest, load_city, save_city
from infra.local.state import Home
from infra.settings import load_settings

city = typer.Typer(help="Make, import and look at a city's folder.", no_args_is_help=True)

_MAP_HELP = (
    "OSM extract (.osm, .osm.gz, .osm.bz2, .osm.pbf), or streets as .graphml, .gpkg, .parquet."
)
SeedOption = Annotated[int, typer.Option("--seed", help="The same seed gives the same city.")]


def register(app: typer.Typer) -> None:
    """Add the group to the application."""
    app.add_typer(city, name="city")


simulate.register(city)
learn.register(city)


@city.command()
def make(
    folder: Annotated[
        Path | None, typer.Argument(help="Where to; data/cities/310106 in --home by default.")
    ] = None,
    *,
    seed: SeedOption = 1,
    size: Annotated[str, typer.Option("--size", help="full, or small for tests.")] = "full",
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make the demo city: a schematic Jing'an, always the same for a seed."""
    from city.make import make_city  # noqa: PLC0415 - other commands need no maker

    made = make_city(seed, size, progress)
    target = folder or _default(home, made)
    save_city(made, target)
    _show(made, target, [], as_json=as_json)


@city.command(name="import")
def import_(
    file: Annotated[Path, typer.Argument(help=_MAP_HELP)],
    folder: Annotated[
        Path | None, typer.Argument(help="Where to; data/cities/REGION in --home by default.")
    ] = None,
    *,
    region: Annotated[
        str | None, typer.Option("--region", help="Key of its journal; the file's name if absent.")
    ] = None,
    name: Annotated[str | None, typer.Option("--name", help="What people call the city.")] = None,
    timezone: Annotated[
        str | None, typer.Option("--timezone", help="Such as America/New_York.")
    ] = None,
    seed: SeedOption = 1,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a city of a map; what the map lacks is generated and marked."""
    from city.import_map import import_map  # noqa: PLC0415 - loads the OSM reader

    imported = import_map(file, region=region, name=name, timezone=timezone, seed=seed)
    target = folder or _default(home, imported.city)
    save_city(imported.city, target)
    _show(imported.city, target, list(imported.facts), as_json=as_json)


@city.command()
def inspect(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER|FILE", help="A city's folder, or a map of streets.")
    ],
    *,
    map_file: Annotated[
        Path | None,
        typer.Option("--map", metavar="OUT.png", help="Draw the streets and what is odd, too."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Tell what a city's folder, or a map of streets, holds and what is odd about it."""
    found = _streets_alone(folder) if folder.is_file() else load_city(folder)
    _show(found, folder, [], as_json=as_json)
    if map_file is not None:
        from cli.city_map import write_city_map  # noqa: PLC0415 - drawing takes a second to load

        write_city_map(found, map_file)
        progress(f"map written to {map_file}")


def _streets_alone(file: Path) -> CityData:
    """Return a map as a city of nothing but streets."""
    from geo.load import load_streets  # noqa: PLC0415 - loads the OSM reader

    streets = load_streets(file)
    lon, lat = streets.nodes.lon, streets.nodes.lat
    manifest = Manifest(
        name=file.name,
        name_en="",
        region="none",
        schematic=False,
        source=f"streets of {file.name}",
        licence=f"that of {file.name}",
        bounds=(float(lon.min()), float(lat.min()), float(lon.max()), float(lat.max())),
    )
    return CityData.of(manifest, streets, fences=(), places=(), sensors=(), units=())


def _default(home: Path | None, made: CityData) -> Path:
    data = Home.at(load_settings(home).local.home).data
    return data / "cities" / made.manifest.region


def _show(found: CityData, folder: Path, facts: list[str], *, as_json: bool) -> None:
    summary = summarise(found, folder)
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
        typer.echo(f"parts      of {sizes}{more} crossings")
    rules = summary["restrictions"]
    typer.echo(
        f"turns      {rules['resolved']} restrictions ban {rules['banned_turns']} turns, "
        f"{len(rules['unresolved'])} restrictions unresolved"
    )
    if (speeds := summary["speeds"]) is not None:
        typer.echo(
            f"speeds     of {speeds['arcs']} arcs by hour of the week, {speeds['rows']} rows"
        )
    for part in ("fences", "places", "sensors", "units"):
        counts = summary[part]
        text = ", ".join(f"{n} {what}" for what, n in counts.items())
        typer.echo(f"{part:10} {sum(counts.values())}: {text}")
    for fact in facts:
        typer.echo(f"           {fact}")
    for warning in summary["warnings"]:
        typer.echo(f"warning    {warning}")


def summarise(found: CityData, folder: Path) -> dict[str, Any]:
    """Count what a city holds and find what is odd about it, as a JSON object."""
    report = found.streets.report
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
        "warnings": _warnings(found),
    }


def _count(kinds: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(kinds).items()))


def _warnings(found: CityData) -> list[str]:
    report = found.streets.report
    warnings = [f"{n} {what}" for what, n in report.warnings.items()]
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
