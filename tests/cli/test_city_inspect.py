"""`jingwei city inspect`: what it counts, what it warns of, and its picture."""

from pathlib import Path

import msgspec
import networkx as nx
import numpy as np
import pytest
from matplotlib.image import imread

from atlas.folder import save_city
from city.import_map import import_map
from cli.exit_codes import USAGE
from tests.cli.conftest import Run

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def folder(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("inspect") / "monaco"
    save_city(import_map(shared_data / "monaco.osm.pbf", timezone="Europe/Monaco").city, where)
    return where


def test_counts_restrictions_and_parts(run: Run, folder: Path, tmp_path: Path) -> None:
    picture = tmp_path / "map.png"
    shown = run("city", "inspect", str(folder), "--map", str(picture), "--json")
    assert shown.exit_code == 0
    found = msgspec.json.decode(shown.stdout)
    assert found["restrictions"] == {"resolved": 27, "banned_turns": 35, "unresolved": []}
    sizes = found["streets"]["largest_components"]
    assert sizes[0] == found["streets"]["largest_nodes"] > sizes[1]
    gates = "15 barriers open to emergency vehicles only: node/"  # from the import
    assert any(warning.startswith(gates) for warning in found["warnings"])
    read = {line["what"]: line for line in found["read"]}
    assert len(read["ways open to crews only"]["examples"]) == 3
    assert picture.read_bytes().startswith(PNG)
    pixels = imread(picture)[:, :, :3].reshape(-1, 3)
    for colour in ((0xC6, 0x28, 0x28), (0x7B, 0x1F, 0xA2), (0x2F, 0x6F, 0xB0)):
        near = np.abs(pixels - np.array(colour) / 255).max(axis=1) < 0.02
        assert near.sum() > 50


def test_a_map_of_streets_alone(run: Run, folder: Path, shared_data: Path, tmp_path: Path) -> None:
    picture = tmp_path / "map.png"
    shown = run("city", "inspect", str(shared_data / "monaco.osm.pbf"), "--map", str(picture))
    assert "27 restrictions ban 35 turns, 0 restrictions unresolved" in shown.stdout
    assert picture.read_bytes().startswith(PNG)
    same = run("city", "inspect", str(folder / "streets.graphml"), "--json")
    assert msgspec.json.decode(same.stdout)["restrictions"]["banned_turns"] == 35


def test_what_is_not_resolved_is_named(run: Run, folder: Path, tmp_path: Path) -> None:
    graph = nx.read_graphml(folder / "streets.graphml", node_type=int, force_multigraph=True)
    graph.graph["unresolved_restrictions"] = (
        '[{"id": "relation/5", "kind": "no_left_turn", "reason": "it has no to way"}]'
    )
    for part in folder.iterdir():
        (tmp_path / part.name).write_bytes(part.read_bytes())
    nx.write_graphml(graph, tmp_path / "streets.graphml")
    shown = run("city", "inspect", str(tmp_path))
    assert "27 restrictions ban 35 turns, 1 restrictions unresolved" in shown.stdout
    assert "no_left_turn of relation/5: it has no to way" in shown.stdout


def test_a_picture_that_cannot_be_written(run: Run, folder: Path, tmp_path: Path) -> None:
    shown = run("city", "inspect", str(folder), "--map", str(tmp_path / "no" / "map.png"))
    assert shown.exit_code == USAGE
