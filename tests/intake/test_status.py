"""A crew's stamp becomes an entry of the journal, whatever its clock says."""

from datetime import timedelta

import pytest

from atlas.city import CityData
from intake import BadInput, Fault, IntakeLimits, Stamps
from schemas import topics
from schemas.inputs import UnitStatus
from schemas.journal import UnitStamped
from schemas.words import render
from tests.intake.messages import AT, sent


def taken(city: CityData, **fields: object) -> UnitStamped:
    usual: dict[str, object] = {
        "unit": "ambulance-0",
        "status": "en_route",
        "time": AT,
        "by": "crew",
    }
    stamps = Stamps(city, IntakeLimits())
    stamp = UnitStatus(**(usual | fields))  # type: ignore[arg-type]
    return stamps.take(stamps.open(sent(topics.UNIT_STATUS, stamp)), AT)


def test_a_stamp_keeps_its_own_time(city: CityData):
    entry = taken(city, time=AT - timedelta(seconds=40), reason="traffic")
    assert (entry.time, entry.reason) == (AT - timedelta(seconds=40), "traffic")


@pytest.mark.parametrize("off_s", [-90_000, 301])
def test_a_stamp_of_a_wrong_clock_has_the_arrival_and_says_so(city: CityData, off_s: int):
    entry = taken(city, time=AT + timedelta(seconds=off_s), reason="traffic")
    assert entry.time == AT
    assert entry.reason == "traffic"
    assert entry.doubt is not None
    assert render(entry.doubt).startswith("its clock says")


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"unit": "fire-99"}, Fault.UNKNOWN_UNIT),
        ({"status": "lunch"}, Fault.UNKNOWN_CODE),
        ({"by": ""}, Fault.TEXT),
        ({"incident": "i" * 201}, Fault.TEXT),
        ({"reason": "r" * 1001}, Fault.TEXT),
    ],
)
def test_a_stamp_that_cannot_be_is_refused_by_its_fault(
    city: CityData, fields: dict[str, object], fault: Fault
):
    with pytest.raises(BadInput) as caught:
        taken(city, **fields)
    assert caught.value.fault == fault
