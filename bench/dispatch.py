"""Policies of dispatch in closed loop: closest idle unit, greedy diversion, and joint assignment.

Each policy answers the same calls with the same crews through the product's core and router
(``sim.calls``): common random numbers by call, paired differences over seeds with 95 % intervals
(Student's t). On the ambulances of Auckland as JEMSS sets them, where ``JINGWEI_AUCKLAND`` names
the data, and in the demo city with a thin fleet. A call that nobody reached counts as late.
"""

import argparse
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import msgspec
import numpy as np
from scipy.stats import t as student

from bench import _dispatch_auckland as auckland
from bench import _dispatch_city as demo
from bench._dispatch_crowd import decision_ms
from bench._dispatch_peers import GreedyDiversion
from bench.report import Report, percentile
from dispatch.assignment import Assigner
from geo.routing.reference import Router
from schemas import codes
from schemas.policy import Policy
from schemas.records import Unit
from sim.calls import Answered, Call, Outcome, Shift, answer

_DAY_S = 86_400.0
_FIRST_SEED = 1_001
"""Seeds 1 to 4 are for tuning."""
_NEVER_STALE_S = 1e9
_CLOSEST, _DIVERSION, _JOINT = "closest idle", "closest, greedy diversion", "joint"
_TARGETS_S = {"P1": 480.0, "P2": 480.0, "P3": 1_200.0, "P4": 3_600.0}
"""From the call: those of the JEMSS model; P4 is an estimate."""


class _Town(Protocol):
    router: Router
    units: tuple[Unit, ...]

    def calls(self, seed: int, days: float, load: float) -> list[Call]: ...


class _Where(NamedTuple):
    """Where it is played, and how long a call and a crew take until they are under way."""

    town: _Town
    delay_s: float
    turnout_s: float


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this benchmark's own options."""
    parser.add_argument("--seeds", type=int, default=20, help="runs of each policy (20)")
    parser.add_argument("--days", type=float, default=20.0, help="days that count in each (20)")
    parser.add_argument("--warm-up", type=float, default=2.0, help="days before them (2)")
    parser.add_argument("--load", type=float, default=1.0, help="times the usual calls (1)")
    places = ("auckland", "demo", "both")
    parser.add_argument("--place", choices=places, default="both", help="where (both)")
    parser.add_argument("--noise", type=float, default=0.0, help="of travel times, log-normal (0)")


def run(
    *,
    quick: bool,
    seeds: int,
    days: float,
    warm_up: float,
    load: float,
    noise: float,
    place: str,
) -> Report:
    """Measure; ``quick`` plays two seeds of half a day after two hours."""
    if quick:
        seeds, days, warm_up = 2, 0.5, 1 / 12
    size = _Size(seeds, days, warm_up, load, noise)
    played = (
        f"{seeds} seeds (from {_FIRST_SEED}) of {days:g} days after {warm_up:g} of warm-up, load "
        f"{load:g}, noise {noise:g}; half_interval is of the paired differences, 95 %"
    )
    notes = [
        played,
        "decision_p99_ms: processor time of one journal entry that is a call or frees a unit",
        "with 50 open: of a call in the demo city, the open incidents' units being on their way",
    ]
    detail: dict[str, Any] = {}
    lacks = auckland.missing()
    if place == "demo":
        notes.append("Auckland left out as asked")
    elif lacks is None:
        where = _Where(auckland.Auckland(), auckland.DELAY_S, 0.0)
        detail["auckland"] = _compare(where, size)
    else:
        notes.append(lacks)
    if place != "auckland" or not detail:
        where = _Where(demo.DemoCity(), demo.DELAY_S, demo.TURNOUT_S)
        detail["demo city"] = _compare(where, size)
    figures_of_crowds = {
        f"decision_p99_ms_50_open_{units}_units": percentile(decision_ms(50, units, 3), 0.99)
        for units in ((100,) if quick else (500, 1_000))
    }
    chosen = "auckland" if "auckland" in detail else "demo city"
    notes.append(f"figures: {chosen}; detail has all that was played")
    return Report(figures=_figures(detail[chosen]) | figures_of_crowds, notes=notes, detail=detail)


class _Size(NamedTuple):
    seeds: int
    days: float
    warm_up: float
    load: float
    noise: float


def _compare(where: _Where, size: _Size) -> dict[str, Any]:
    """Return each policy's figures by severity, and the changes between them."""
    found: dict[str, list[Outcome]] = {name: [] for name in (_CLOSEST, _DIVERSION, _JOINT)}
    for seed in range(_FIRST_SEED, _FIRST_SEED + size.seeds):
        calls = where.town.calls(seed, size.warm_up + size.days, size.load)
        for name, outcomes in found.items():
            outcomes.append(answer(_shift(where, name, size.noise), calls))
    begin = size.warm_up * _DAY_S
    counted = {
        name: [[one for one in o.answered if one.call.at_s >= begin] for o in outcomes]
        for name, outcomes in found.items()
    }
    return {
        "policies": {name: _policy_figures(counted[name], found[name], size) for name in found},
        f"{_JOINT} against {_CLOSEST}": _changes(counted[_JOINT], counted[_CLOSEST]),
        f"{_JOINT} against {_DIVERSION}": _changes(counted[_JOINT], counted[_DIVERSION]),
        f"{_DIVERSION} against {_CLOSEST}": _changes(counted[_DIVERSION], counted[_CLOSEST]),
    }


def _shift(where: _Where, name: str, noise: float) -> Shift:
    assigner: Assigner | None = GreedyDiversion() if name == _DIVERSION else None
    return Shift(
        router=where.town.router,
        units=where.town.units,
        policy=_policy(where, "joint" if name == _JOINT else "fewest_seconds"),
        assigner=assigner,
        delay_s=where.delay_s,
        turnout_s=where.turnout_s,
        noise=noise,
    )


def _policy(where: _Where, assigner: str) -> Policy:
    """Return the default policy; its targets count from opening, ours from the call."""
    default = codes.default_policy()
    targets = {severity: target - where.delay_s for severity, target in _TARGETS_S.items()}
    joint = msgspec.structs.replace(default.joint, targets_s=targets, turnout_s=where.turnout_s)
    return msgspec.structs.replace(
        default,
        version=f"bench-{assigner}",
        assigner=assigner,
        joint=joint,
        auto_assign_confidence=0.0,
        stale_position_s=_NEVER_STALE_S,
        closed_memory_s=3_600.0,
    )


def _policy_figures(
    counted: Sequence[Sequence[Answered]], outcomes: Sequence[Outcome], size: _Size
) -> dict[str, Any]:
    days = size.seeds * size.days
    every = [one for answered in counted for one in answered]
    decisions = [seconds for outcome in outcomes for seconds in outcome.decisions_s]
    by_severity: dict[str, Any] = {}
    for severity in _severities(counted):
        mine = [one for one in every if one.call.severity == severity]
        reached = [one.arrival_s for one in mine if one.arrival_s is not None]
        by_severity[severity] = {
            "calls": len(mine),
            "never_reached": len(mine) - len(reached),
            "late_pct": round(100.0 * np.mean([_is_late(one) for one in mine]), 2),
            "mean_s": round(float(np.mean(reached)), 1),
            "p90_s": round(float(np.percentile(reached, 90)), 1),
            "p95_s": round(float(np.percentile(reached, 95)), 1),
            "longest_s": round(max(reached), 1),
        }
    return {
        **by_severity,
        "diversions_a_day": round(sum(one.diverted for one in every) / days, 2),
        "displaced_twice": sum(one.diverted > 1 for one in every),
        "hours_driven_a_day": round(
            sum(outcome.driven_s for outcome in outcomes)
            / 3_600.0
            / (size.seeds * (size.days + size.warm_up)),
            2,
        ),
        "decision_ms": {
            "mean": round(1e3 * float(np.mean(decisions)), 3),
            "p99": round(1e3 * float(np.percentile(decisions, 99)), 3),
        },
    }


def _changes(
    ours: Sequence[Sequence[Answered]], base: Sequence[Sequence[Answered]]
) -> dict[str, dict[str, dict[str, float]]]:
    """Return by severity the change in per cent of what base has, with its half interval."""
    measures = {"late": _late_share, "mean": _mean_s, "p95": _p95_s}
    return {
        severity: {
            name: _paired(
                [measure(one, severity) for one in ours], [measure(one, severity) for one in base]
            )
            for name, measure in measures.items()
        }
        for severity in _severities(base)
    }


def _paired(ours: Sequence[float], base: Sequence[float]) -> dict[str, float]:
    one, other = np.array(ours), np.array(base)
    usual = float(np.nanmean(other))
    if not usual > 0.0:
        return {}
    changes = 100.0 * (one - other) / usual
    count = len(changes)
    half = float("nan")
    if count > 1:
        error = float(np.std(changes, ddof=1)) / count**0.5
        half = float(student.ppf(0.975, count - 1)) * error
    return {"change_pct": round(float(np.mean(changes)), 2), "half_interval": round(half, 2)}


def _figures(found: dict[str, Any]) -> dict[str, float]:
    usual = found[f"{_JOINT} against {_CLOSEST}"]
    diversion = found[f"{_JOINT} against {_DIVERSION}"]
    others = [
        changes[name]["change_pct"]
        for severity, changes in usual.items()
        for name in ("late", "mean")
        if (severity, name) != ("P1", "late") and changes[name]
    ]
    figures = {
        "late_p1_change_pct": _change(usual, "P1", "late"),
        "late_p1_change_vs_diversion_pct": _change(diversion, "P1", "late"),
        "worst_other_change_pct": max(others),
        "p3_p95_change_pct": _change(usual, "P3", "p95"),
        "decision_p99_ms": found["policies"][_JOINT]["decision_ms"]["p99"],
    }
    return {name: value for name, value in figures.items() if value is not None}


def _change(changes: dict[str, Any], severity: str, name: str) -> float | None:
    change: float | None = changes.get(severity, {}).get(name, {}).get("change_pct")
    return change


def _severities(counted: Sequence[Sequence[Answered]]) -> list[str]:
    return sorted({one.call.severity for answered in counted for one in answered})


def _is_late(one: Answered) -> bool:
    return one.arrival_s is None or one.arrival_s > _TARGETS_S[one.call.severity]


def _late_share(answered: Sequence[Answered], severity: str) -> float:
    mine = [_is_late(one) for one in answered if one.call.severity == severity]
    return float(np.mean(mine)) if mine else float("nan")


def _times(answered: Sequence[Answered], severity: str) -> list[float]:
    return [
        one.arrival_s
        for one in answered
        if one.call.severity == severity and one.arrival_s is not None
    ]


def _mean_s(answered: Sequence[Answered], severity: str) -> float:
    times = _times(answered, severity)
    return float(np.mean(times)) if times else float("nan")


def _p95_s(answered: Sequence[Answered], severity: str) -> float:
    times = _times(answered, severity)
    return float(np.percentile(times, 95)) if times else float("nan")
