"""What cannot be decided by is not admitted: a refusal names field, value and reason."""

from datetime import UTC, datetime

import msgspec
import pytest

from schemas import codes, wire
from schemas.admission import entry_fault, policy_fault
from schemas.envelope import Envelope
from schemas.errors import PayloadError
from schemas.journal import Entry, EvidenceNoted, FleetChanged, PolicyChanged
from schemas.policy import (
    CorrelationRule,
    Joint,
    Kinds,
    Life,
    Opinions,
    Places,
    Policy,
    Requirement,
    ResponsePlan,
    StraightLine,
    Unresourced,
)
from schemas.records import Evidence, Point, Unit, Where

ENVELOPE = Envelope(id="e", source="test", type="t")
DEFAULT = codes.default_policy()
WEIGHTS = DEFAULT.joint.weights
NOW = datetime(2026, 11, 24, tzinfo=UTC)


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
        (
            with_(kinds=Kinds(related={"fire": {"dragon": 0.5}})),
            "policy.kinds.related names 'dragon'",
        ),
        (with_(kinds=Kinds(related={"fire": {"flood": 1.5}})), "related[fire][flood] is 1.5"),
        (with_(kinds=Kinds(related={"fire": {"fire": 0.5}})), "with itself at 1"),
        (
            with_(kinds=Kinds(related={"fire": {"flood": 0.5}, "flood": {"fire": 0.6}})),
            "the other way round",
        ),
        (with_(kinds=Kinds(unread_below=-1)), "policy.kinds.unread_below is -1"),
        (with_(places=Places(nowhere_m=0)), "policy.places.nowhere_m is 0"),
        (with_(places=Places(refining_factor=0.5)), "refining_factor is 0.5"),
        (with_(places=Places(unknown_accuracy_m=float("nan"))), "unknown_accuracy_m is nan"),
        (with_(life=Life(dangers=("dragon",))), "policy.life.dangers names 'dragon'"),
        (with_(life=Life(covers={"fire": ("dragon",)})), "policy.life.covers names 'dragon'"),
        (with_(life=Life(mild_severities=("P9",))), "policy.life.mild_severities names 'P9'"),
        (with_(unresourced=Unresourced(look_again_s=0)), "policy.unresourced.look_again_s is 0"),
        (with_(opinions=Opinions(danger=0.2)), "policy.opinions.danger is 0.2, not 0.5 to 1"),
        (with_(straight_line=StraightLine(speed_mps=0)), "policy.straight_line.speed_mps is 0"),
        (with_(joint=Joint(targets_s={"P1": 480.0})), "policy.joint.targets_s has none for P2"),
        (with_(joint=Joint(weights=WEIGHTS | {"P9": 1.0})), "policy.joint.weights names 'P9'"),
        (with_(joint=Joint(weights=WEIGHTS | {"P4": 0.0})), "policy.joint.weights[P4] is 0"),
        (with_(joint=Joint(weights=WEIGHTS | {"P3": 0.9})), "P3 weighs more than P2"),
        (with_(joint=Joint(may_take={"P1": ("P9",)})), "policy.joint.may_take names 'P9'"),
        (with_(joint=Joint(most_displacements=3)), "most_displacements is 3, not 0 to 2"),
        (with_(joint=Joint(grown_at=1.0)), "policy.joint.grown_at is 1"),
        (
            with_(assigner="joint", joint=Joint(queue_cost=2.0)),
            "queue_cost is 2: P1 would be left alone",
        ),
        (
            with_(assigner="joint", joint=Joint(queue_wait_s=86_400.0)),
            "waited long would be left alone",
        ),
    ],
)
def test_a_policy_is_checked_whole(policy: Policy, named: str):
    entry = PolicyChanged(id="p", region="r", policy=policy)
    fault = entry_fault(ENVELOPE, entry)
    assert fault is not None
    assert named in fault


def test_evidence_of_an_unknown_source_is_refused():
    evidence = Evidence(
        id="e",
        source="rumour",
        source_id="s",
        phase="opened",
        category="fire",
        severity="P1",
        confidence=0.9,
        point=None,
        where=Where(),
        observed_at=NOW,
        received_at=NOW,
        text="",
    )
    fault = entry_fault(ENVELOPE, EvidenceNoted(id="e", region="r", evidence=evidence))
    assert fault == "evidence.source is 'rumour': it is one of report, sensor"


def test_a_policy_with_a_field_that_is_not_known_is_refused():
    data = msgspec.to_builtins(PolicyChanged(id="p", region="r", policy=DEFAULT))
    data["policy"]["never_send"] = True
    with pytest.raises(PayloadError, match="never_send"):
        wire.decode(msgspec.json.encode(data), Entry)


def test_a_policy_from_before_decides_by_the_same_numbers():
    """A journal of 0.2.0 has policies without these; they stood in the code then."""
    data = msgspec.to_builtins(DEFAULT)
    for name in ("kinds", "places", "life", "unresourced", "straight_line", "opinions"):
        del data[name]
    data.pop("assigner"), data.pop("joint")
    old = wire.decode(msgspec.json.encode(data), Policy)
    assert old.assigner == "fewest_seconds"
    assert (
        old.kinds.relation("explosion", "fire") == old.kinds.relation("fire", "explosion") == 0.85
    )
    assert old.kinds.relation("fire", "flood") == 0.0
    assert (old.kinds.unread_below, old.kinds.unread_score) == (0.35, 0.6)
    assert (old.kinds.alternative_share, old.kinds.naming_confidence) == (0.9, 0.5)
    assert old.kinds.clearly_better == 0.1
    assert msgspec.to_builtins(old.places) == {
        "unknown_accuracy_m": 30.0,
        "most_benefit_m": 150.0,
        "vague_m": 100.0,
        "vague_factor": 0.85,
        "nowhere_m": 500.0,
        "unplaced_factor": 0.45,
        "refining_factor": 2.0,
    }
    assert len(old.life.dangers) == 11
    assert old.life.covers["fire"] == ("explosion", "gas_leak")
    assert old.unresourced == Unresourced(alert_at_once=("P1", "P2"), look_again_s=60.0)
    assert old.straight_line == StraightLine(detour=1.4, speed_mps=30 / 3.6)


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


def evidence(**changes):
    known = Evidence(
        id="e",
        source="sensor",
        source_id="s",
        phase="opened",
        category="fire",
        severity="P1",
        confidence=1.0,
        point=None,
        where=Where(),
        observed_at=NOW,
        received_at=NOW,
        text="",
    )
    return msgspec.structs.replace(known, **changes)


@pytest.mark.parametrize(
    ("entry", "named"),
    [
        (FleetChanged(id="f", region="r", city="c", units=(unit(state="asleep"),)), "asleep"),
        (EvidenceNoted(id="e", region="r", evidence=evidence(phase="begun")), "begun"),
    ],
)
def test_a_code_of_a_newer_producer_is_refused_by_name(entry, named: str):
    with pytest.raises(PayloadError, match=named):
        wire.decode(wire.encode(entry), Entry)


def test_a_fleet_that_can_be_sent_is_admitted():
    fleet = FleetChanged(id="f", region="r", city="c", units=(unit(),))
    assert entry_fault(ENVELOPE, fleet) is None
