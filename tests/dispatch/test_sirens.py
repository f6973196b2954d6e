"""Crews that drive without siren: a policy says to which severities, and how much slower."""

from typing import Any

import msgspec
import pytest
from dispatch_world import REGION, Journal, place, routers, unit

from dispatch import Region
from schemas import codes, effects
from schemas.admission import policy_fault
from schemas.policy import Policy
from schemas.records import Assignment


def policy(**changes: Any) -> Policy:
    default = codes.default_policy()
    return msgspec.structs.replace(default, version="no siren", **changes)


def sent(severity: str, rules: Policy) -> Assignment | None:
    """Return the assignment of an incident of a severity, of the one ambulance there is."""
    log = Journal()
    region = Region(REGION, routers)
    units = (unit("A0", "ambulance", 0, 0),)
    fleet = msgspec.structs.replace(log.fleet(), units=units)
    evidence = log.evidence("medical", severity, place(4, 4))
    answers: list[effects.Effect] = []
    for entry in (fleet, log.policy(rules), evidence):
        answers += region.apply(entry, log.wait(1.0))
    made = [a.assignment for a in answers if isinstance(a, effects.AssignmentWritten)]
    return made[-1] if made else None


@pytest.mark.parametrize("assigner", ["fewest_seconds", "joint"])
def test_a_way_without_siren_takes_longer(assigner: str) -> None:
    usual = sent("P3", policy(assigner=assigner))
    slower = sent("P3", policy(assigner=assigner, travel_factors={"P3": 1.5}))
    worse = sent("P1", policy(assigner=assigner, travel_factors={"P3": 1.5}))
    assert usual is not None
    assert slower is not None
    assert worse is not None
    assert usual.route is not None
    assert slower.route is not None
    assert slower.eta_s == pytest.approx(1.5 * usual.eta_s, abs=0.001)
    assert slower.route.seconds == slower.eta_s
    assert slower.route.coordinates == usual.route.coordinates
    assert worse.eta_s == usual.eta_s


@pytest.mark.parametrize("assigner", ["fewest_seconds", "joint"])
def test_nobody_is_sent_who_would_be_there_too_late_without_siren(assigner: str) -> None:
    usual = sent("P3", policy(assigner=assigner))
    assert usual is not None
    rules = policy(assigner=assigner, max_eta_s=1.2 * usual.eta_s)
    assert sent("P3", rules) is not None
    assert sent("P3", msgspec.structs.replace(rules, travel_factors={"P3": 1.5})) is None


@pytest.mark.parametrize(("severity", "factor"), [("P9", 1.5), ("P3", 0.0), ("P3", float("nan"))])
def test_a_factor_that_is_none_is_refused(severity: str, factor: float) -> None:
    fault = policy_fault(policy(travel_factors={severity: factor}))
    assert fault is not None
    assert severity in fault
