"""What cannot be decided by is not admitted: a refusal names field, value and reason."""

from datetime import datetime

import msgspec
import pytest

from schemas import codes, wire
from schemas.admission import entry_fault, policy_fault
from schemas.envelope import Envelope
from schemas.errors import PayloadError
from schemas.journal import Entry, FleetChanged, PolicyChanged
from schemas.policy import CorrelationRule, Policy, Requirement, ResponsePlan
from schemas.records import Point, Unit

ENVELOPE = Envelope(id="e", source="test", type="t")
DEFAULT = codes.default_policy()


def with_(**changes):
    return msgspec.structs.replace(DEFAULT, **changes)


def test_the_default_policy_is_admitted():
    assert policy_fault(DEFAULT) is None


@pytest.mark.parametrize(
    ("policy", "named"),
    [
        (with_(timers={}), "policy.timers has none for P1"),
        (with_(correlation={}), "policy.correlation has no rule '*'"),
        (with_(correlation={"*": CorrelationRule(radius_m=0, window_s=60)}), "radius_m is 0"),
        (
            with_(correlation=DEFAULT.correlation | {"dragon": DEFAULT.correlation["*"]}),
            "'dragon', which is no category",
        ),
        (with_(timers=DEFAULT.timers | {"P9": DEFAULT.timers["P1"]}), "'P9'"),
        (with_(ask_score=0.9), "ask_score 0.9 is above"),
        (with_(attach_score=float("nan")), "attach_score is nan"),
        (with_(max_eta_s=-1), "max_eta_s is -1"),
        (with_(closed_memory_s=1e11), "closed_memory_s is 1e+11"),
        (with_(ask_hold_s=float("inf")), "ask_hold_s is inf"),
        (with_(correlation={"*": CorrelationRule(radius_m=1e305, window_s=60)}), "radius_m"),
        (with_(auto_assign=("P0",)), "auto_assign names 'P0'"),
        (with_(version=""), "policy.version"),
        (
            with_(
                plans=(
                    ResponsePlan(
                        category="fire",
                        severity="*",
                        requirements=(Requirement(capability="magic", count=1),),
                    ),
                )
            ),
            "'magic'",
        ),
        (
            with_(
                plans=(
                    ResponsePlan(
                        category="fire",
                        severity="*",
                        requirements=(Requirement(capability="pump", count=0),),
                    ),
                )
            ),
            "count of pump is 0",
        ),
    ],
)
def test_a_policy_is_checked_whole(policy: Policy, named: str):
    entry = PolicyChanged(id="p", region="r", policy=policy)
    fault = entry_fault(ENVELOPE, entry)
    assert fault is not None
    assert named in fault


def test_a_policy_with_a_field_that_is_not_known_is_refused():
    data = msgspec.to_builtins(PolicyChanged(id="p", region="r", policy=DEFAULT))
    data["policy"]["never_send"] = True
    with pytest.raises(PayloadError, match="never_send"):
        wire.decode(msgspec.json.encode(data), Entry)


def unit(**changes):
    known = Unit(
        id="U1",
        region="r",
        kind="ambulance",
        name="1",
        department="medical",
        capabilities=("als",),
        station="S",
        home=Point(lon=121.4, lat=31.2),
        state="available",
        position=Point(lon=121.4, lat=31.2),
    )
    return msgspec.structs.replace(known, **changes)


@pytest.mark.parametrize(
    ("units", "named"),
    [
        ((unit(kind="dragon"),), "units[0].kind: 'dragon'"),
        ((unit(state="asleep"),), "units[0].state: 'asleep'"),
        ((unit(), unit()), "units[1].id 'U1' stands there twice"),
        ((unit(region="other"),), "region 'other'"),
        ((unit(home=Point(lon=999.0, lat=0.0)),), "home 999.0"),
        ((unit(position=Point(lon=float("nan"), lat=0.0)),), "position nan"),
        ((unit(id="a\x00b"),), "units[0].id has a control character"),
        ((unit(assignment="A"),), "assignment"),
        ((unit(state="dispatched"),), "only the core sends a unit"),
        ((unit(position_at=datetime(2026, 1, 1)),), "position_at 2026-01-01"),  # noqa: DTZ001
    ],
)
def test_a_fleet_is_checked_whole(units, named: str):
    fault = entry_fault(ENVELOPE, FleetChanged(id="f", region="r", city="c", units=units))
    assert fault is not None
    assert named in fault


def test_a_fleet_that_can_be_sent_is_admitted():
    fleet = FleetChanged(id="f", region="r", city="c", units=(unit(),))
    assert entry_fault(ENVELOPE, fleet) is None
