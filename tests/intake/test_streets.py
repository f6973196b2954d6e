"""Street conditions become entries of the journal."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from atlas.city import CityData
from intake import BadInput, Fault, Streets
from schemas import topics
from schemas.inputs import StreetCondition
from schemas.journal import StreetChanged
from tests.intake.messages import AT, sent

STREET = "南京西一路"


def taken(city: CityData, **fields: object) -> StreetChanged:
    usual: dict[str, object] = {
        "condition": "c",
        "kind": "closure",
        "street": STREET,
        "valid_from": AT,
    }
    condition = StreetCondition(**(usual | fields))  # type: ignore[arg-type]
    streets = Streets(city)
    return streets.take(streets.open(sent(topics.STREETS, condition)))


def test_conditions_are_journaled_in_utc(city: CityData):
    there = AT.astimezone(timezone(timedelta(hours=8)))
    entry = taken(city, valid_from=there)
    assert entry.valid_from.utcoffset() == timedelta(0)
    assert entry.valid_from == AT


@pytest.mark.parametrize(
    ("kind", "figure"),
    [
        ("lane_closure", {"lanes_closed": 1}),
        ("lane_closure", {"lanes_closed": 20}),
        ("flood_depth", {"depth_m": 0.0}),
        ("flood_depth", {"depth_m": 10}),
    ],
)
def test_lanes_and_water_are_journaled(city: CityData, kind: str, figure: dict[str, float]):
    entry = taken(city, kind=kind, **figure)
    assert entry.kind == kind
    assert {name: getattr(entry, name) for name in figure} == figure


def test_a_street_is_all_its_arcs_and_they_are_named_once(city: CityData):
    whole = taken(city).segments
    names = {city.streets.arcs.name[list(city.streets.arcs.id).index(arc)] for arc in whole}
    assert names == {STREET}
    assert taken(city, segments=whole[:1]).segments == whole


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"kind": "closed"}, Fault.UNKNOWN_CODE),
        ({"street": "无此路"}, Fault.UNKNOWN_STREET),
        ({"street": None, "segments": ("nowhere",)}, Fault.UNKNOWN_STREET),
        ({"street": None}, Fault.CONDITION),
        ({"kind": "speed_factor"}, Fault.CONDITION),
        ({"kind": "flood_depth", "depth_m": 11}, Fault.CONDITION),
        ({"valid_until": AT}, Fault.CONDITION),
        ({"valid_from": datetime(2026, 11, 24, 8)}, Fault.TIME),  # noqa: DTZ001 - that it is naive
        ({"condition": "c\n"}, Fault.TEXT),
    ],
)
def test_a_condition_that_cannot_be_is_refused_by_its_fault(
    city: CityData, fields: dict[str, object], fault: Fault
):
    with pytest.raises(BadInput) as caught:
        taken(city, **fields)
    assert caught.value.fault == fault


def test_a_tombstone_withdraws_the_condition_of_its_key(city: CityData):
    streets = Streets(city)
    entry = streets.withdraw(b"c", "streets/0/7", AT)
    assert (entry.condition, entry.kind, entry.valid_from) == ("c", "cleared", AT)
    assert entry == streets.withdraw(b"c", "streets/0/7", AT)
    assert entry.id != streets.withdraw(b"c", "streets/0/8", AT).id
    for key in (None, b"", b"\xff", b"a\x00"):
        with pytest.raises(BadInput, match="tombstone"):
            streets.withdraw(key, "streets/0/7", datetime.now(UTC))
