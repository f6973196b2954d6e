"""The code tables hold together, and what is not in them is said."""

from datetime import date

import pytest

from schemas import codes
from schemas.errors import UnknownCode

CAP_CATEGORIES = {
    "Geo",
    "Met",
    "Safety",
    "Security",
    "Rescue",
    "Fire",
    "Health",
    "Env",
    "Transport",
    "Infra",
    "CBRNE",
    "Other",
}
GBT_35561 = {"natural_disaster", "accident", "public_health", "social_security"}


def test_every_category_maps_to_the_standards():
    services = [c.open311_service_code for c in codes.categories().values()]
    assert len(services) == len(set(services))
    for category in codes.categories().values():
        assert category.cap_category in CAP_CATEGORIES
        assert category.gbt35561 in GBT_35561
        assert category.default_severity in codes.severities()
        assert category.departments
        assert set(category.departments) <= set(codes.departments())


def test_severities_map_to_cap():
    assert [s.rank for s in codes.severities().values()] == [1, 2, 3, 4]
    for severity in codes.severities().values():
        assert severity.cap_urgency in {"Immediate", "Expected", "Future", "Past", "Unknown"}
        assert severity.cap_severity in {"Extreme", "Severe", "Moderate", "Minor", "Unknown"}
        assert severity.cap_certainty in {
            "Observed",
            "Likely",
            "Possible",
            "Unlikely",
            "Unknown",
        }
        assert severity.gbt35561_grade in {"I", "II", "III", "IV"}


def test_units_and_plans_speak_of_known_capabilities():
    capabilities = set(codes.capabilities())
    served = set()
    for kind in codes.unit_kinds().values():
        assert kind.department in codes.departments()
        served.update(kind.capabilities)
    assert served == capabilities
    policy = codes.default_policy()
    for plan in policy.plans:
        assert plan.category == "*" or plan.category in codes.categories()
        assert plan.severity == "*" or plan.severity in codes.severities()
        assert {r.capability for r in plan.requirements} <= capabilities
    assert set(policy.timers) == set(codes.severities())
    assert policy.ask_score < policy.attach_score


def test_every_category_has_a_plan_of_its_own():
    planned = {plan.category for plan in codes.default_policy().plans}
    assert set(codes.categories()) <= planned


def test_alarms_close_behind_where_they_open():
    for observed in codes.observed_properties().values():
        assert observed.category in codes.categories()
        gap = observed.opens_at - observed.closes_at
        assert gap > 0 if observed.direction == "above" else gap < 0
        assert observed.minimum <= observed.opens_at <= observed.maximum


def test_an_unknown_code_names_those_there_are():
    with pytest.raises(UnknownCode, match=r"'dragon' is not in the table categories.*fire"):
        codes.category("dragon")


def test_codes_are_valid_from_a_day():
    assert codes.category("fire", on=date(2026, 1, 1)).code == "fire"
    with pytest.raises(UnknownCode, match="on 2025-12-31"):
        codes.category("fire", on=date(2025, 12, 31))
