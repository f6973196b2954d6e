"""Units go where they fit: their size decides which way they take, and who is nearest."""

from functools import cache

import msgspec
import pytest
from dispatch_world import REGION, Journal, place, streets, unit

from dispatch import Region
from geo.routing.compiled import CompiledRouter
from geo.routing.reference import NetworkxRouter, Router
from schemas import effects, journal, wire
from schemas.records import Assignment, Unit, Vehicle
from schemas.words import render

LOW = "横2路"
TALL = Vehicle(height_m=3.6, weight_t=18.0)
SMALL = Vehicle(height_m=2.6)
SCENE = place(4, 2)


@cache
def compiled(_city: str) -> Router:
    return CompiledRouter(streets(LOW), "emergency")


@cache
def reference(_city: str) -> Router:
    return NetworkxRouter(streets(LOW), "emergency")


def engine(name: str, column: float, vehicle: Vehicle | None) -> Unit:
    known = unit(name, "fire_engine", column, 2)
    return known if vehicle is None else msgspec.structs.replace(known, vehicle=vehicle)


@pytest.fixture(params=[compiled, reference])
def region(request: pytest.FixtureRequest) -> Region:
    return Region(REGION, request.param)


def sent(region: Region, log: Journal, *fleet: Unit) -> list[Assignment]:
    """Return who is sent to burning rubbish on the low street."""
    entry = journal.FleetChanged(id=log.entry_id(), region=REGION, city="grid", units=fleet)
    region.apply(entry, log.now)
    answers = region.apply(log.evidence("fire", "P3", SCENE), log.wait(1))
    return [a.assignment for a in answers if isinstance(a, effects.AssignmentWritten)]


def test_one_that_does_not_fit_goes_around_and_says_so(region: Region) -> None:
    log = Journal()
    (tall,) = sent(region, log, engine("T", 1, TALL))
    assert tall.route is not None
    assert LOW not in tall.route.streets[1:-1]
    assert any("too low, narrow or weak" in render(reason) for reason in tall.reasons)


@pytest.mark.parametrize("vehicle", [None, SMALL])
def test_one_that_fits_takes_the_street(region: Region, vehicle: Vehicle | None) -> None:
    (small,) = sent(region, Journal(), engine("S", 1, vehicle))
    assert small.route is not None
    assert small.route.streets == (LOW,)
    assert not any("too low" in render(reason) for reason in small.reasons)


def test_the_nearest_is_who_gets_there_first(region: Region) -> None:
    log = Journal()
    (first,) = sent(region, log, engine("T", 1.8, TALL), engine("S", 1.5, SMALL))
    assert first.unit == "S"
    assert region.snapshot() == wire.decode(wire.encode(region.snapshot()), type(region.snapshot()))


def test_units_of_one_place_and_several_sizes_have_their_own_times(region: Region) -> None:
    log = Journal()
    fleet = (engine("A", 1, TALL), engine("B", 1, None), engine("C", 1, SMALL))
    (first,) = sent(region, log, *fleet)
    assert first.unit == "B"
    assert first.eta_s == pytest.approx(
        compiled("").etas([(place(1, 2).lon, place(1, 2).lat)], (SCENE.lon, SCENE.lat))[0], abs=1
    )


def test_a_fleet_without_sizes_is_recorded_as_before() -> None:
    assert b"vehicle" not in msgspec.json.encode(engine("S", 1, None))
    sized = engine("T", 1, TALL)
    assert msgspec.json.decode(msgspec.json.encode(sized), type=Unit) == sized


@pytest.mark.parametrize("height", [0, -3.2, "3.2"])
def test_a_size_that_is_none_is_refused(height: object) -> None:
    fields = msgspec.to_builtins(engine("T", 1, None)) | {"vehicle": {"height_m": height}}
    with pytest.raises(msgspec.ValidationError, match="height_m"):
        msgspec.convert(fields, Unit)
