"""The demo's city: a given folder, an imported map, or the schematic Jing'an.

A made or imported city is kept in the home and reused as long as its source, its seed and the
code that makes cities are the same.
"""

import hashlib
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

from atlas.city import CityData
from atlas.errors import CityError
from atlas.folder import load_city, save_city

_BLOCK = 1 << 20


def prepare(
    data: Path, source: Path | None, seed: int, say: Callable[[str], None]
) -> tuple[Path, CityData]:
    """Return the city's folder and the city.

    Parameters
    ----------
    data
        Folder for cities.
    source
        A city's folder, an OSM extract, or None for the demo city.

    Raises
    ------
    CityError, BadMap
        The source is neither of these, or cannot be used.
    """
    if source is not None and not source.exists():
        raise CityError(f"{source} does not exist: give a city's folder or an OSM extract")
    if source is not None and source.is_dir():
        return source.resolve(), load_city(source)
    name = f"jingan-{seed}" if source is None else f"{source.name.partition('.')[0]}-{seed}"
    folder = data / "cities" / f"{name}-{_key(source, seed)}"
    if (folder / "city.json").is_file():
        return folder, load_city(folder)
    made = _made(seed, say) if source is None else _imported(source, seed, say)
    save_city(made, folder)
    return folder, made


def _made(seed: int, say: Callable[[str], None]) -> CityData:
    from city.make import make_city  # noqa: PLC0415 - not needed where the city is kept

    say("making the schematic Jing'an (once)")
    return make_city(seed)


def _imported(source: Path, seed: int, say: Callable[[str], None]) -> CityData:
    from city.import_map import import_map  # noqa: PLC0415 - as above

    say(f"importing {source} (once)")
    imported = import_map(source, seed=seed)
    for fact in imported.facts:
        say(f"  {fact}")
    return imported.city


def _key(source: Path | None, seed: int) -> str:
    """Return a hash of everything that the city depends on."""
    sums = hashlib.sha256(str(seed).encode())
    code = files("city")
    for path in sorted(Path(str(code)).rglob("*")):
        if path.suffix in (".py", ".yaml") and "simulate" not in path.parts:
            sums.update(path.read_bytes())
    if source is not None:
        with source.open("rb") as file:
            while block := file.read(_BLOCK):
                sums.update(block)
    return sums.hexdigest()[:12]
