"""Policies of dispatch in closed loop: closest idle unit, greedy diversion, and joint assignment.

Each policy answers the same calls with the same crews through the product's core and router
(``sim.calls``): common random numbers by call, paired differences over seeds with 95 % intervals
(Student's t). On the ambulances of Auckland as JEMSS sets them, where ``JINGWEI_AUCKLAND`` names
the data, or in the demo city with a thin fleet. A call that nobody reached counts as late.

A day of a policy takes about 2 s of a core: 20 seeds of 20 days an hour. With ``--keep FOLDER`` a
run that was stopped goes on where it stood, and several processes can share the work: each plays
some seeds (``--first-seed``, ``--seeds``), and a last call for all of them reads what they kept.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import msgspec
import numpy as np
from scipy.stats import t as student

from bench import _dispatch_auckland as auckland
from bench import _dispatch_city as demo
from bench._dispatch_crowd import decision_ms
from bench._dispatch_kept import Kept
from bench._dispatch_peers import GreedyDiversion
from bench.report import Report, percentile
from dispatch.assignment import Assigner
from geo.routing.reference import Router
from schemas import codes
from schemas.policy import Coverage, Policy
from schemas.records import Unit
from sim.calls import Answered, Call, Outcome, Shift, answer

_DAY_S = 86_400.0
_FIRST_SEED = 1_001
"""Seeds 1 to 4 are for tuning."""
_NEVER_STALE_S = 1e9
_CLOSEST, _DIVERSION, _JOINT = "closest idle", "closest, greedy diversion", "joint"
_CLOSEST_AT_ONCE, _JOINT_AT_ONCE = "closest idle, at once", "joint, at once"
_COVERED, _COVERED_AT_ONCE = "joint, bases by coverage", "joint, bases by coverage, at once"
_CLOSEST_COVERED = "closest idle, bases by coverage"
_AT_ONCE = (_CLOSEST_AT_ONCE, _JOINT_AT_ONCE, _COVERED_AT_ONCE)
_WITH_BASES = (_COVERED, _COVERED_AT_ONCE, _CLOSEST_COVERED)
"""Where the demand is known: units that clear wait where the policy's coverage is best."""
_JOINTLY = (_JOINT, _JOINT_AT_ONCE, _COVERED, _COVERED_AT_ONCE)
_POLICIES = (_CLOSEST, _DIVERSION, _JOINT, _CLOSEST_COVERED, _COVERED, *_AT_ONCE)
_AT_ONCE_S = 5.0
"""From a call until it stands in the journal, where whoever goes is refined later."""
_COMPARED = (
    (_JOINT, _CLOSEST),
    (_JOINT, _DIVERSION),
    (_DIVERSION, _CLOSEST),
    (_CLOSEST_COVERED, _CLOSEST),
    (_COVERED, _CLOSEST),
    (_COVERED, _DIVERSION),
    (_COVERED, _JOINT),
    (_JOINT_AT_ONCE, _CLOSEST),
    (_COVERED_AT_ONCE, _CLOSEST),
    (_CLOSEST_AT_ONCE, _CLOSEST),
)
_TARGETS_S = {"P1": 480.0, "P2": 480.0, "P3": 1_200.0, "P4": 3_600.0}
"""From the call: those of the JEMSS model; P4 is an estimate."""


class _Town(Protocol):
    router: Router
    units: tuple[Unit, ...]

    def calls(self, seed: int, days: float, load: float) -> list[Call]: ...


class _Where(NamedTuple):
    """Where it is played, and how long calls and crews take until they are under way.

    ``slower`` is by severity, where crews drive without siren; ``coverage`` by kind of unit, where
    it is known where calls come from.
    """

    name: str
    town: _Town
    delay_s: float
    turnout_s: float
    slower: Mapping[str, float]
    policies: Sequence[str]
    coverage: Mapping[str, Coverage] = {}


class _Size(NamedTuple):
    seeds: range
    days: float
    warm_up: float
    load: float
    noise: float


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add this benchmark's own options."""
    parser.add_argument("--seeds", type=int, default=20, help="runs of each policy (20)")
    parser.add_argument("--first-seed", type=int, default=_FIRST_SEED, help="the first of them")
    parser.add_argument("--days", type=float, default=20.0, help="days that count in each (20)")
    parser.add_argument("--warm-up", type=float, default=2.0, help="days before them (2)")
    parser.add_argument("--load", type=float, default=1.0, help="times the usual calls (1)")
    places = ("auckland", "demo", "both")
    about = "where (auckland, where its data are, else demo)"
    parser.add_argument("--place", choices=places, default="auckland", help=about)
    parser.add_argument("--noise", type=float, default=0.0, help="of travel times, log-normal (0)")
    about = "one of those that are played (all); may be said several times"
    parser.add_argument("--policy", action="append", choices=_POLICIES, help=about)
    about = "folder in which runs are kept, to go on with"
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help=about)


def run(
    *,
    quick: bool,
    seeds: int,
    first_seed: int = _FIRST_SEED,
    days: float,
    warm_up: float,
    load: float,
    noise: float,
    place: str,
    policy: Sequence[str] | None = None,
    keep: Path | None = None,
) -> Report:
    """Measure; ``quick`` plays two seeds of half a day after two hours."""
    if quick:
        seeds, days, warm_up = 2, 0.5, 1 / 12
    size = _Size(range(first_seed, first_seed + seeds), days, warm_up, load, noise)
    played = (
        f"{seeds} seeds (from {first_seed}) of {days:g} days after {warm_up:g} of warm-up, load "
        f"{load:g}, noise {noise:g}; half_interval is of the paired differences, 95 %"
    )
    notes = [
        played,
        "decision_p99_ms: processor time of one journal entry that is a call or frees a unit",
        "with 50 open: of a call in the demo city, the open incidents' units being on their way",
    ]
    lacks = auckland.missing()
    if lacks is not None and place != "demo":
        notes.append(lacks)
    kept = Kept(keep)
    detail = {
        where.name: _compare(where, size, kept)
        for where in _places(place, policy or _POLICIES, has_auckland=lacks is None)
    }
    crowds = {
        f"decision_p99_ms_50_open_{units}_units": percentile(decision_ms(50, units, 3), 0.99)
        for units in ((100,) if quick else (500, 1_000))
    }
    chosen = next(iter(detail))
    notes.append(f"figures: {chosen}; detail has all that was played")
    return Report(figures=_figures(detail[chosen]) | crowds, notes=notes, detail=detail)


def _places(place: str, policies: Sequence[str], *, has_auckland: bool) -> list[_Where]:
    places: list[_Where] = []
    if place != "demo" and has_auckland:
        delay_s, slower = auckland.DELAY_S, auckland.SLOWER
        there = auckland.Auckland()
        covered = {"ambulance": there.coverage()}
        places.append(_Where("auckland", there, delay_s, 0.0, slower, policies, covered))
    if place != "auckland" or not has_auckland:
        # There everything is at once, and nobody has counted where calls come from.
        usual = [name for name in policies if name not in (*_AT_ONCE, *_WITH_BASES)]
        town = demo.DemoCity()
        places.append(_Where("demo city", town, demo.DELAY_S, demo.TURNOUT_S, {}, usual))
    return places


def _compare(where: _Where, size: _Size, kept: Kept) -> dict[str, Any]:
    """Return each policy's figures by severity, and the changes between them."""
    found: dict[str, list[Outcome]] = {name: [] for name in where.policies}
    length = size.days, size.warm_up, size.load, size.noise
    for seed in size.seeds:
        calls = where.town.calls(seed, size.warm_up + size.days, size.load)
        for name, outcomes in found.items():
            shift = _shift(where, name, size.noise)
            settings = where.name, name, seed, length, shift.policy, shift.delay_s, shift.turnout_s
            outcome, known = kept.run(settings, partial(answer, shift, calls))
            outcomes.append(outcome)
            told = "kept" if known else "played"
            print(f"{where.name}, seed {seed}, {name}: {told}", file=sys.stderr, flush=True)
    begin = size.warm_up * _DAY_S
    counted = {
        name: [[one for one in o.answered if one.call.at_s >= begin] for o in outcomes]
        for name, outcomes in found.items()
    }
    changes = {
        f"{one} against {other}": _changes(counted[one], counted[other])
        for one, other in _COMPARED
        if one in found and other in found
    }
    policies = {name: _policy_figures(counted[name], found[name], size) for name in found}
    return {"policies": policies, **changes}


def _shift(where: _Where, name: str, noise: float) -> Shift:
    assigner: Assigner | None = GreedyDiversion() if name == _DIVERSION else None
    delay_s = _AT_ONCE_S if name in _AT_ONCE else where.delay_s
    picks = "joint" if name in _JOINTLY else "fewest_seconds"
    policy = _policy(where, picks, delay_s)
    if name in _WITH_BASES:
        policy = msgspec.structs.replace(policy, coverage=dict(where.coverage))
    return Shift(
        router=where.town.router,
        units=where.town.units,
        policy=policy,
        assigner=assigner,
        delay_s=delay_s,
        turnout_s=where.turnout_s,
        noise=noise,
    )


def _policy(where: _Where, assigner: str, delay_s: float) -> Policy:
    """Return the default policy; its targets count from opening, ours from the call."""
    default = codes.default_policy()
    targets = {severity: target - delay_s for severity, target in _TARGETS_S.items()}
    joint = msgspec.structs.replace(default.joint, targets_s=targets, turnout_s=where.turnout_s)
    return msgspec.structs.replace(
        default,
        version=f"bench-{assigner}",
        assigner=assigner,
        joint=joint,
        travel_factors=dict(where.slower),
        auto_assign_confidence=0.0,
        stale_position_s=_NEVER_STALE_S,
        closed_memory_s=3_600.0,
    )


def _policy_figures(
    counted: Sequence[Sequence[Answered]], outcomes: Sequence[Outcome], size: _Size
) -> dict[str, Any]:
    days = len(size.seeds) * size.days
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
            / (len(size.seeds) * (size.days + size.warm_up)),
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
    """Return the figures of what was played."""
    ours = _COVERED if _COVERED in found["policies"] else _JOINT
    soon = _COVERED_AT_ONCE if _COVERED_AT_ONCE in found["policies"] else _JOINT_AT_ONCE
    usual = found.get(f"{ours} against {_CLOSEST}", {})
    diversion = found.get(f"{ours} against {_DIVERSION}", {})
    at_once = found.get(f"{soon} against {_CLOSEST}", {})
    others = [
        changes[name]["change_pct"]
        for severity, changes in usual.items()
        for name in ("late", "mean")
        if (severity, name) != ("P1", "late") and changes[name]
    ]
    joint = found["policies"].get(ours)
    figures = {
        "late_p1_change_pct": _change(usual, "P1", "late"),
        "late_p1_change_vs_diversion_pct": _change(diversion, "P1", "late"),
        "late_p1_at_once_pct": _change(at_once, "P1", "late"),
        "worst_other_change_pct": max(others, default=None),
        "p3_p95_change_pct": _change(usual, "P3", "p95"),
        "decision_p99_ms": None if joint is None else joint["decision_ms"]["p99"],
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
