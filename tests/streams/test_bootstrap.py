"""The journal's first entries: the fleet, and the policy with the city's own clock."""

import msgspec
import pytest

from atlas.city import CityData
from schemas import codes
from schemas.journal import FleetChanged, PolicyChanged
from schemas.policy import Policy
from streams.bootstrap import _first_entries


def in_zone(city: CityData, zone: str) -> CityData:
    manifest = msgspec.structs.replace(city.manifest, timezone=zone)
    return CityData.of(
        manifest,
        city.streets,
        fences=city.fences,
        places=city.places,
        sensors=city.sensors,
        units=city.units,
    )


def policies(city: CityData, known: Policy | None) -> list[Policy]:
    entries = _first_entries(city, city.digest, known, 7)
    return [entry.policy for entry in entries if isinstance(entry, PolicyChanged)]


@pytest.mark.parametrize(
    ("zone", "minutes"),
    [
        ("Asia/Shanghai", 480),
        ("America/New_York", -300),
        ("Asia/Kathmandu", 345),
        # South of the equator the fixed date is in summer; the standard offset counts.
        ("Australia/Sydney", 600),
        ("UTC", 0),
    ],
)
def test_the_policy_has_the_standard_offset_of_the_citys_zone(
    city: CityData, zone: str, minutes: int
) -> None:
    (policy,) = policies(in_zone(city, zone), None)
    assert policy.utc_offset_minutes == minutes
    assert policies(in_zone(city, zone), policy) == []


def test_a_city_that_was_given_another_zone_gets_the_policy_again(city: CityData) -> None:
    (shanghai,) = policies(in_zone(city, "Asia/Shanghai"), None)
    (policy,) = policies(in_zone(city, "America/New_York"), shanghai)
    assert policy.utc_offset_minutes == -300


def test_an_operators_newer_policy_stays(city: CityData) -> None:
    newer = msgspec.structs.replace(
        codes.default_policy(), version="2999-01-01.1", utc_offset_minutes=60
    )
    assert policies(in_zone(city, "America/New_York"), newer) == []


def test_a_policy_that_was_changed_under_its_old_version_is_reported(
    city: CityData, caplog: pytest.LogCaptureFixture
) -> None:
    (ours,) = policies(city, None)
    changed = msgspec.structs.replace(ours, max_eta_s=1.0)

    assert policies(city, changed) == []

    (line,) = caplog.records
    assert f"keeps its policy {ours.version}" in line.getMessage()
    assert "give schemas/codes/policy.json a later version" in line.getMessage()


def test_another_fleet_is_journaled_after_the_policy(city: CityData) -> None:
    entries = _first_entries(city, None, None, -1)
    assert [type(entry) for entry in entries] == [PolicyChanged, FleetChanged]
    assert _first_entries(city, None, None, -1) == entries
