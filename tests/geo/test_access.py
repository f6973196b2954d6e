"""Who may drive: rows of OSRM's features/car suites for civilians, and what crews may do."""

import pytest

from geo.maps.access import use_of


def drawn(word: str | None) -> str:
    return {"all": "x", "emergency": "e", None: "-"}[word]


def use(tags: str) -> str:
    """Forwards and backwards: x for all, e for crews only, - for nobody."""
    found = use_of({"highway": "primary", **dict(pair.split("=") for pair in tags.split())})
    return "--" if found is None else drawn(found.forward) + drawn(found.backward)


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        # access.feature: hierarchy of classes
        ("access=no vehicle=yes", "xx"),
        ("access=yes vehicle=no", "ee"),
        ("vehicle=no motor_vehicle=yes", "xx"),
        ("vehicle=yes motor_vehicle=no", "ee"),
        ("motor_vehicle=no motorcar=yes", "xx"),
        ("motor_vehicle=yes motorcar=no", "ee"),
        ("motorcar=no", "ee"),
        ("access=no", "--"),
        # hierarchy and direction: the class goes before the direction
        ("access=yes access:forward=no", "-x"),
        ("access=yes access:backward=no", "x-"),
        ("access=yes access:forward=yes motorcar=no", "ee"),
        ("motorcar=yes motorcar:forward=no", "-x"),
        ("access=no access:forward=yes", "x-"),
        ("access=no access:forward=no motorcar=yes", "xx"),
        ("access=no access:backward=yes", "-x"),
        ("access:forward=no motorcar:backward=no", "-e"),
        ("access:forward=no motorcar:forward=yes", "xx"),
        ("motor_vehicle:backward=no", "x-"),
        ("motor_vehicle:forward=no motor_vehicle:backward=destination", "-x"),
        # values
        ("access=psv", "ee"),
        ("access=bus", "ee"),
        ("access=agricultural", "ee"),
        ("access=military", "ee"),
        ("access=foot", "ee"),
        ("access=destination", "xx"),
        ("access=customers", "xx"),
        ("access=unknown", "xx"),
        ("access=private", "ee"),
        # lists: the most open value counts
        ("access=agricultural;forestry", "ee"),
        ("access=yes;no", "xx"),
        ("motorcar=forestry;permissive", "xx"),
        ("access=destination;agricultural", "xx"),
        # other vehicles say nothing about cars
        ("bicycle=no foot=no psv=no hgv=no", "xx"),
        # oneway.feature
        ("oneway=yes", "x-"),
        ("oneway=-1", "-x"),
        ("oneway:motorcar=yes oneway:motor_vehicle=no", "x-"),
        ("oneway:motor_vehicle=yes oneway:vehicle=no", "x-"),
        ("oneway:vehicle=yes oneway=no", "x-"),
        ("oneway:motorcar=no oneway:motor_vehicle=yes", "xx"),
        ("oneway:vehicle=no oneway=yes", "xx"),
        ("oneway=yes oneway:bicycle=no", "x-"),
        ("junction=roundabout oneway:bicycle=-1", "x-"),
        ("highway=motorway", "x-"),
        ("highway=motorway_link", "xx"),
        ("oneway=reversible", "ee"),
        ("oneway=alternating", "xx"),
        # other classes of ways
        ("highway=cycleway motor_vehicle=designated", "xx"),
        ("highway=pedestrian motor_vehicle=yes", "xx"),
        ("highway=pedestrian motorcar=destination", "ee"),
        ("highway=pedestrian access=private", "ee"),
        ("highway=footway access=customers", "--"),
        ("highway=track access=yes", "xx"),
        ("highway=track access=private", "ee"),
        ("highway=steps access=yes", "--"),
        ("highway=runway", "--"),
        ("highway=service service=emergency_access", "ee"),
    ],
)
def test_civilians(tags: str, expected: str) -> None:
    assert use(tags) == expected


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ("highway=pedestrian", "ee"),
        ("highway=pedestrian oneway=yes", "e-"),
        ("highway=busway oneway=yes", "e-"),
        ("highway=track", "ee"),
        ("highway=bus_guideway", "--"),
        ("motor_vehicle=no", "ee"),
        ("vehicle=no bicycle=yes", "ee"),
        ("access=no psv=yes", "ee"),
        ("access=no bicycle=yes foot=yes", "ee"),
        ("access=no emergency=designated", "ee"),
        ("access=no psv=no", "--"),
        ("access=private emergency=no", "--"),
        ("emergency=no", "xx"),
        ("highway=footway emergency=yes", "ee"),
        ("highway=footway emergency=fire_hydrant", "--"),
        ("highway=path motor_vehicle=agricultural", "ee"),
        ("highway=path motor_vehicle=no", "--"),
        # a lane against a one-way street is driven as fast as along it, others three times slower
        ("oneway=yes oneway:bus=no", "xe"),
        ("oneway=yes oneway:psv=no", "xe"),
        ("oneway=yes oneway:emergency=no", "xe"),
        ("oneway=yes busway=opposite_lane", "xe"),
        ("oneway=yes busway:left=opposite_lane", "xe"),
        ("oneway=yes lanes:psv:backward=1", "xe"),
        ("oneway=yes bus:backward=designated", "xe"),
        ("oneway=yes busway:right=lane", "x-"),
        ("motor_vehicle:backward=no psv:backward=yes", "xe"),
        ("oneway=-1 oneway:bus=no", "ex"),
    ],
)
def test_crews(tags: str, expected: str) -> None:
    assert use(tags) == expected
