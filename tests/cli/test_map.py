"""`jingwei map`: a picture that shows what the ledger says."""

import asyncio
from pathlib import Path

import msgspec
import pytest
from matplotlib import font_manager

from atlas.city import CityData
from atlas.folder import save_city
from city.make import make_city
from cli import drawing
from cli.exit_codes import USAGE
from cli.map import MapNotWritten, write_map
from schemas import journal
from schemas.snapshot import Snapshot
from tests.cli.conftest import Run
from tests.cli.scene import Scene

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def city() -> CityData:
    return make_city(size="small")


@pytest.fixture
def busy(scene: Scene, city: CityData) -> Snapshot:
    """Return a moment of the made city, with the scene's incidents and assignments on it."""
    known = scene.core.snapshot()
    spots = [place.point for place in city.places]
    return msgspec.structs.replace(
        known,
        city=city.digest,
        units=city.units[:40],
        incidents=tuple(
            msgspec.structs.replace(i, point=spots[n]) for n, i in enumerate(known.incidents)
        ),
    )


def test_draws_every_open_incident_and_says_how_many(city: CityData, busy: Snapshot) -> None:
    figure = drawing.draw(city, busy)
    texts = [text.get_text() for axes in figure.axes for text in axes.texts]
    for incident in busy.incidents:
        assert any(incident.number[-4:] in text for text in texts)
    title = " ".join(text.get_text() for text in figure.texts)
    assert "3 open incidents" in title
    assert "静安区" in title


def test_without_a_chinese_font_it_is_english_and_says_so(
    city: CityData, busy: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(font_manager.fontManager, "ttflist", [
        font for font in font_manager.fontManager.ttflist if "CJK" not in font.name
    ])  # fmt: skip
    monkeypatch.setattr(font_manager, "findSystemFonts", list)
    said: list[str] = []
    figure = drawing.draw(city, busy, None, said.append)
    assert "fonts-noto-cjk" in said[0]
    assert len(said) == 1
    texts = [text.get_text() for axes in figure.axes for text in axes.texts]
    texts += [text.get_text() for text in figure.texts]
    assert all(text.isascii() for text in texts)


def test_writes_a_png(scene: Scene, city: CityData, run: Run, tmp_path: Path) -> None:
    taken_over = journal.FleetChanged(
        id=scene.journal.entry_id(), region=scene.region, city=city.digest, units=()
    )
    asyncio.run(scene.apply(taken_over))
    region = msgspec.structs.replace(city.manifest, region=scene.region)
    folder = tmp_path / "city"
    save_city(
        CityData.of(
            region, city.streets, fences=city.fences, places=city.places, sensors=(), units=()
        ),
        folder,
    )
    out = tmp_path / "map.png"
    result = run("map", out, "--city", folder, "--incident", scene.ids[0])
    assert result.exit_code == 0, result.exception
    assert result.stdout.strip() == str(out)
    assert out.read_bytes().startswith(PNG)
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["map.png"]


@pytest.mark.parametrize("arguments", [("--city", "nowhere"), ("--incident", "nothing")])
def test_what_is_not_there_is_one_sentence(scene: Scene, run: Run, arguments: tuple) -> None:
    assert run("map", *arguments).exit_code == USAGE


def test_a_folder_that_is_not_there(scene: Scene, city: CityData, tmp_path: Path) -> None:
    region = msgspec.structs.replace(city.manifest, region=scene.region)
    here = CityData.of(region, city.streets, fences=city.fences, places=(), sensors=(), units=())
    with pytest.raises(MapNotWritten, match="name another file"):
        write_map(scene.endpoints, tmp_path / "none" / "map.png", here)
