"""The code tables hold together, and what is not in them is said."""

from datetime import date
from typing import get_args

import msgspec
import pytest

from schemas import codes, kinds
from schemas.codes import tables
from schemas.errors import UnknownCode
from schemas.generate import RELEASED
from schemas.policy import Policy

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
    assert [(s.code, s.rank) for s in codes.severities().values()] == [
        ("unknown", 0),  # what nobody has read comes before all
        *((f"P{rank}", rank) for rank in (1, 2, 3, 4)),
    ]
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
        assert severity.gbt35561_grade in {"I", "II", "III", "IV", ""}
        of_cap = {severity.cap_urgency, severity.cap_severity, severity.cap_certainty}
        unknown = severity.code == "unknown"
        assert (severity.gbt35561_grade == "") == (of_cap == {"Unknown"}) == unknown


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


def test_broader_categories_are_in_the_table_and_have_none_above_themselves():
    known = codes.categories()
    for category in known.values():
        if category.broader is not None:
            assert known[category.broader].broader is None


def test_a_changed_policy_has_a_later_version():
    policy = codes.default_policy()
    released = msgspec.json.decode((RELEASED / "policy.json").read_bytes(), type=Policy)
    assert policy == released or policy.version > released.version, (
        "a running region takes a policy over only if its version is later: raise `version` in "
        "schemas/codes/policy.json, the date first"
    )


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


@pytest.mark.parametrize(
    ("named", "table"),
    [
        (kinds.IncidentState, codes.incident_states()),
        (kinds.UnitState, codes.unit_states()),
        (kinds.TimelineKind, codes.timeline_kinds()),
        (kinds.AlertKind, tables._valid("alert_kinds", codes.AlertKind, None)),
    ],
)
def test_what_the_core_branches_on_is_what_the_tables_say(named, table):
    assert set(get_args(named)) == set(table)
    assert len(get_args(named)) == len(set(get_args(named)))
