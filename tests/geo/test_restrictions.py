from itertools import pairwise
from pathlib import Path

import networkx as nx
import osmium
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.maps.graphml import write_graphml
from geo.maps.load import load_streets
from geo.maps.restrictions import Relation, resolve
from geo.streets.graph import StreetGraph
from tests.geo.maps import LAT, LON, STEP

# A crossing at 5 of two streets, each cut there or not, and a block to drive round:
#
#   7 - 8 - 9
#   |   |   |
#   4 - 5 - 6
#   |   |   |
#   1 - 2 - 3
PLACES = {n + 1: (n % 3, n // 3) for n in range(9)}
CUT = {1: [2, 5], 2: [5, 8], 3: [4, 5], 4: [5, 6], 5: [1, 2, 3], 6: [7, 8, 9], 7: [3, 6, 9]}
WHOLE = {1: [2, 5, 8], 3: [4, 5, 6], 5: [1, 2, 3], 6: [7, 8, 9], 7: [3, 6, 9]}


def osm(  # noqa: PLR0917 - a map has many parts
    tmp_path: Path,
    ways: dict[int, list[int]],
    members: list[tuple[str, int, str]],
    tags: dict[str, str],
    way_tags: dict[int, dict[str, str]] | None = None,
    node_tags: dict[int, dict[str, str]] | None = None,
) -> StreetGraph:
    def kvs(found: dict[str, str]) -> str:
        return "".join(f'<tag k="{k}" v="{v}"/>' for k, v in found.items())

    lines = ['<osm version="0.6">']
    for node, (x, y) in PLACES.items():
        lines.append(
            f'<node id="{node}" version="1" lon="{LON + x * STEP:.7f}" lat="{LAT + y * STEP:.7f}">'
            f"{kvs((node_tags or {}).get(node, {}))}</node>"
        )
    for way, refs in ways.items():
        nds = "".join(f'<nd ref="{ref}"/>' for ref in refs)
        kept = {"highway": "primary"} | (way_tags or {}).get(way, {})
        lines.append(f'<way id="{way}" version="1">{nds}{kvs(kept)}</way>')
    ends = "".join(f'<member type="{t}" ref="{ref}" role="{role}"/>' for t, ref, role in members)
    lines.append(
        f'<relation id="77" version="1">{ends}{kvs({"type": "restriction"} | tags)}</relation>'
    )
    path = tmp_path / "map.osm"
    path.write_text("".join([*lines, "</osm>"]))
    return load_streets(path)


def node_rule(start: int, end: int, via: int = 5) -> list[tuple[str, int, str]]:
    return [("way", start, "from"), ("node", via, "via"), ("way", end, "to")]


def bans(streets: StreetGraph) -> set[str]:
    ids = streets.arcs.id
    return {" ".join(ids[a].removesuffix("-0") for a in ban) for ban in streets.turns.banned}


@pytest.mark.parametrize(
    ("kind", "to", "banned"),
    [
        ("no_left_turn", 3, {"2-5 5-4"}),
        ("no_right_turn", 4, {"2-5 5-6"}),
        ("no_straight_on", 2, {"2-5 5-8"}),
        ("no_u_turn", 1, {"2-5 5-2"}),
        ("no_entry", 4, {"2-5 5-6"}),
        ("no_exit", 4, {"2-5 5-6"}),
        ("only_straight_on", 2, {"2-5 5-2", "2-5 5-4", "2-5 5-6"}),
        ("only_left_turn", 3, {"2-5 5-2", "2-5 5-8", "2-5 5-6"}),
        ("only_right_turn", 4, {"2-5 5-2", "2-5 5-4", "2-5 5-8"}),
        ("only_u_turn", 1, {"2-5 5-4", "2-5 5-6", "2-5 5-8"}),
    ],
)
def test_every_kind_at_a_node(tmp_path: Path, kind: str, to: int, banned: set[str]) -> None:
    streets = osm(tmp_path, CUT, node_rule(1, to), {"restriction": kind})
    assert bans(streets) == banned
    assert streets.report.restrictions == 1
    assert streets.report.unresolved == ()


@pytest.mark.parametrize(
    ("kind", "banned"),
    [
        # North and south both arrive by the uncut way 1, and way 3 leaves to west and east.
        ("no_left_turn", None),
        ("no_u_turn", {"2-5 5-2", "8-5 5-8"}),
        ("only_straight_on", None),
    ],
)
def test_ways_that_are_not_cut_at_the_node(
    tmp_path: Path, kind: str, banned: set[str] | None
) -> None:
    to = 1 if kind == "no_u_turn" else 3
    streets = osm(tmp_path, WHOLE, node_rule(1, to), {"restriction": kind})
    if banned is None:
        assert bans(streets) == set()
        assert streets.report.restrictions == 0
        ((name, what, reason),) = streets.report.unresolved
        assert (name, what) == ("relation/77", kind)
        assert reason.startswith("ambiguous: 4 paths match")
    else:
        assert bans(streets) == banned


def test_the_angle_decides_between_two_splits(tmp_path: Path) -> None:
    ways = WHOLE | {3: [4, 5], 4: [5, 6]}  # only the from-way runs through
    assert bans(osm(tmp_path, ways, node_rule(1, 3), {"restriction": "no_left_turn"})) == {
        "2-5 5-4"
    }
    assert bans(osm(tmp_path, ways, node_rule(1, 3), {"restriction": "no_right_turn"})) == {
        "8-5 5-4"
    }


def test_over_a_way(tmp_path: Path) -> None:
    members = [("way", 5, "from"), ("way", 1, "via"), ("way", 3, "to")]
    turn = osm(tmp_path, CUT, members, {"restriction": "no_u_turn"})
    assert bans(turn) == {"1-2 2-5 5-4"}  # the other way to come, from 3, does not go back
    no = osm(tmp_path, CUT, members, {"restriction": "no_left_turn"})
    assert bans(no) == set()
    assert "ambiguous: 2 paths" in no.report.unresolved[0][2]
    ways = CUT | {5: [1, 2], 8: [2, 3]}
    no = osm(tmp_path, ways, members, {"restriction": "no_left_turn"})
    assert bans(no) == {"1-2 2-5 5-4"}
    only = osm(tmp_path, ways, members, {"restriction": "only_left_turn"})
    assert bans(only) == {
        "1-2 2-1",
        "1-2 2-3",
        "1-2 2-5 5-2",
        "1-2 2-5 5-6",
        "1-2 2-5 5-8",
    }


def test_over_several_ways_in_any_order(tmp_path: Path) -> None:
    ways = CUT | {5: [1, 2], 8: [2, 3]}
    members = [
        *(("way", 5, "from"), ("way", 2, "via"), ("way", 1, "via")),
        ("way", 6, "to"),
    ]
    streets = osm(tmp_path, ways | {6: [7, 8], 9: [8, 9]}, members, {"restriction": "no_u_turn"})
    assert bans(streets) == {"1-2 2-5 5-8 8-7"}
    apart = [("way", 5, "from"), ("way", 4, "via"), ("way", 6, "to")]
    lost = osm(tmp_path, ways, apart, {"restriction": "no_u_turn"})
    assert "do not lead from way 5 to way 6" in lost.report.unresolved[0][2]


def test_several_ways_in_or_out(tmp_path: Path) -> None:
    members = [*node_rule(1, 4), ("way", 3, "from")]
    assert bans(osm(tmp_path, CUT, members, {"restriction": "no_entry"})) == {"2-5 5-6", "4-5 5-6"}
    only = osm(tmp_path, CUT, members, {"restriction": "only_left_turn"})
    assert "several from or to ways" in only.report.unresolved[0][2]


@pytest.mark.parametrize(
    ("members", "tags", "text"),
    [
        (node_rule(99, 3), {"restriction": "no_left_turn"}, "way 99 is not a street of the map"),
        (node_rule(1, 3, via=9), {"restriction": "no_left_turn"}, "cannot be left at via node 9"),
        (node_rule(1, 6), {"restriction": "no_left_turn"}, "cannot be entered at via node 5"),
        (node_rule(1, 3)[:2], {"restriction": "no_left_turn"}, "it has no to way"),
        (node_rule(1, 3)[1:], {"restriction": "no_left_turn"}, "it has no from way"),
        (
            [("way", 1, "from"), ("way", 3, "to")],
            {"restriction": "no_left_turn"},
            "no via member",
        ),
        (node_rule(1, 3), {"restriction": "no_joy"}, "unknown restriction 'no_joy'"),
    ],
)
def test_what_points_nowhere_is_named_and_counted(
    tmp_path: Path, members: list[tuple[str, int, str]], tags: dict[str, str], text: str
) -> None:
    streets = osm(tmp_path, CUT, members, tags)
    assert bans(streets) == set()
    ((name, kind, reason),) = streets.report.unresolved
    assert (name, kind) == ("relation/77", tags["restriction"])
    assert text in reason
    what = "unresolved turn restrictions left out"
    assert streets.report.warnings[what] == 1


@pytest.mark.parametrize(
    ("tags", "exempt", "condition"),
    [
        ({"restriction": "no_left_turn", "except": "psv;emergency"}, True, ""),
        ({"restriction": "no_left_turn", "except": "psv"}, False, ""),
        ({"restriction:conditional": "no_left_turn @ (Mo-Fr 07:00-09:00)"}, False, "Mo-Fr 07:00"),
        ({"restriction:motorcar": "no_left_turn"}, False, ""),
        ({"restriction:hgv": "no_left_turn"}, None, ""),
        ({"restriction": "no_left_turn", "except": "motorcar"}, None, ""),
    ],
)
def test_whom_it_is_for(
    tmp_path: Path, tags: dict[str, str], exempt: bool | None, condition: str
) -> None:
    streets = osm(tmp_path, CUT, node_rule(1, 3), tags)
    if exempt is None:
        assert streets.turns.banned == ()
        assert streets.report.warnings["turn restrictions not for cars"] == 1
        return
    assert streets.turns.emergency_exempt == (exempt,)
    (found,) = streets.turns.restrictions
    assert found.condition.startswith(condition)
    assert found.emergency_exempt == exempt


def test_a_node_that_only_a_restriction_needs_becomes_one(tmp_path: Path) -> None:
    members = [("way", 5, "from"), ("node", 2, "via"), ("way", 5, "to")]
    ways = {5: [1, 2, 3], 7: [3, 6, 9]}
    streets = osm(tmp_path, ways, members, {"restriction": "no_u_turn"})
    assert bans(streets) == {"1-2 2-1", "3-2 2-3"}


def test_restrictions_survive_graphml(tmp_path: Path) -> None:
    streets = osm(
        tmp_path,
        CUT,
        node_rule(1, 3),
        {"restriction": "only_left_turn", "except": "emergency"},
        node_tags={8: {"highway": "traffic_signals", "traffic_signals:direction": "backward"}},
    )
    write_graphml(streets, tmp_path / "map.graphml")
    again = load_streets(tmp_path / "map.graphml")
    assert again.turns.banned == streets.turns.banned
    assert again.turns.restrictions == streets.turns.restrictions
    assert again.report == streets.report
    assert again.graph.graph["restrictions"] == streets.graph.graph["restrictions"]
    lost = osm(tmp_path, CUT, node_rule(99, 3), {"restriction": "no_left_turn"})
    write_graphml(lost, tmp_path / "map.graphml")
    assert load_streets(tmp_path / "map.graphml").report == lost.report


def test_signals_of_one_direction(tmp_path: Path) -> None:
    tags = {2: {"highway": "traffic_signals", "traffic_signals:direction": "forward"}}
    streets = osm(
        tmp_path, {5: [1, 2, 3], 7: [3, 6, 9]}, [], {"restriction": "no_u_turn"}, node_tags=tags
    )
    faced = {streets.arcs.id[i] for i in range(len(streets.arcs)) if streets.arcs.signalled[i]}
    assert faced == {"1-2-0"}


# What the relations say, read by ways and nodes only, shares nothing with the resolver.
def test_all_of_monaco(monaco: StreetGraph, shared_data: Path) -> None:
    assert monaco.report.restrictions == 27
    assert monaco.report.unresolved == ()
    graph, banned = monaco.graph, set(monaco.turns.banned)
    checked = 0
    for item in osmium.FileProcessor(str(shared_data / "monaco.osm.pbf"), osmium.osm.RELATION):
        tags = {tag.k: tag.v for tag in item.tags}
        if tags.get("type") != "restriction":
            continue
        role = {member.role: member.ref for member in item.members}
        ins = [
            (u, v, k)
            for u, v, k, way in graph.in_edges(role["via"], keys=True, data="osmid")
            if way == role["from"]
        ]
        outs = list(graph.out_edges(role["via"], keys=True, data="osmid"))
        assert len(ins) == 1
        for u, v, key, way in outs:
            turn = tuple(
                monaco.arc_index("-".join(map(str, edge))) for edge in (ins[0], (u, v, key))
            )
            to = way == role["to"]
            assert (turn in banned) == (to if tags["restriction"].startswith("no_") else not to)
            checked += 1
    assert checked > 60


kinds = st.sampled_from(
    ["no_left_turn", "no_entry", "only_straight_on", "no_u_turn", "only_u_turn"]
)
some_ways = st.lists(st.integers(0, 8), max_size=2)


@given(
    st.lists(
        st.tuples(kinds, some_ways, st.lists(st.integers(1, 10), max_size=2), some_ways, some_ways),
        max_size=4,
    )
)
def test_any_relation_is_either_resolved_or_named(
    found: list[tuple[str, list[int], list[int], list[int], list[int]]],
) -> None:
    graph = StreetGraph.from_networkx(_graph()).graph
    relations = [Relation(i, *parts) for i, parts in enumerate(found)]
    done, lost = resolve(relations, graph)
    names = {f"relation/{i}" for i in range(len(found))}
    assert {d["id"] for d in done} | {d["id"] for d in lost} == names
    assert len(done) + len(lost) == len(found)
    graph.graph["restrictions"] = done
    streets = StreetGraph.from_networkx(graph)
    assert "invalid banned turns left out" not in streets.report.warnings
    arcs = streets.arcs
    for ban in streets.turns.banned:
        assert len(ban) >= 2
        assert all(arcs.head[a] == arcs.tail[b] for a, b in pairwise(ban))


def _graph():
    graph = nx.MultiDiGraph(crs="epsg:4326")
    for node, (x, y) in PLACES.items():
        graph.add_node(node, x=LON + x * STEP, y=LAT + y * STEP)
    for way, refs in CUT.items():
        for u, v in pairwise(refs):
            graph.add_edge(u, v, osmid=way)
            if way % 3:
                graph.add_edge(v, u, osmid=way)
    return graph
