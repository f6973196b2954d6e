"""Find positions that no vehicle can have reached from its others.

A unit's fixes, in order of time, are cut into runs wherever the way between two of them would need
more than `FASTEST_MPS`. Of the runs, those that can follow one another and together hold most fixes
are right. The others are jumps if the right ones are clearly more; otherwise nothing is decided.
"""

from collections.abc import Sequence

from geo.crs import haversine_m
from schemas.intake import Fix

FASTEST_MPS = 300.0
"""Airliners fly at 250 m/s; rescue helicopters at 85, cars at less. The rest is never a drive."""
_CLEARLY = 3
"""There must be this many times more right fixes than jumps."""
_SLACK_S = 1.0
"""Times are often whole seconds."""
_FAR_BACK = 100
"""So many runs are looked back for the one before."""


def jumps(fixes: Sequence[Fix], fastest_mps: float = FASTEST_MPS) -> dict[int, Fix]:
    """Return the indices of a unit's fixes that are jumps, each with the right fix before it.

    Parameters
    ----------
    fixes
        Of one unit, in any order.
    fastest_mps
        Higher for vehicles of a simulated city that runs faster than time.
    """
    order = sorted(range(len(fixes)), key=lambda place: (fixes[place].at, place))
    runs: list[list[int]] = []
    for place in order:
        if runs and _reaches(fixes[runs[-1][-1]], fixes[place], fastest_mps):
            runs[-1].append(place)
        else:
            runs.append([place])
    if len(runs) <= 1:
        return {}
    chain = _chain(runs, fixes, fastest_mps)
    right = sum(len(runs[one]) for one in chain)
    if right < _CLEARLY * (len(fixes) - right):
        return {}
    kept = set(chain)
    found: dict[int, Fix] = {}
    before = fixes[runs[chain[0]][0]]
    for number, run in enumerate(runs):
        if number in kept:
            before = fixes[run[-1]]
        else:
            found |= dict.fromkeys(run, before)
    return found


def _chain(runs: Sequence[list[int]], fixes: Sequence[Fix], fastest_mps: float) -> list[int]:
    best: list[tuple[int, int | None]] = []
    for number, run in enumerate(runs):
        held, before = 0, None
        for earlier in range(number - 1, max(-1, number - 1 - _FAR_BACK), -1):
            if best[earlier][0] > held and _reaches(
                fixes[runs[earlier][-1]], fixes[run[0]], fastest_mps
            ):
                held, before = best[earlier][0], earlier
        best.append((held + len(run), before))
    link: int | None = max(range(len(runs)), key=lambda number: (best[number][0], number))
    chain = []
    while link is not None:
        chain.append(link)
        link = best[link][1]
    return chain[::-1]


def _reaches(one: Fix, other: Fix, fastest_mps: float) -> bool:
    seconds = (other.at - one.at).total_seconds() + _SLACK_S
    unsure = (one.accuracy_m or 0.0) + (other.accuracy_m or 0.0)
    return haversine_m(one.lon, one.lat, other.lon, other.lat) - unsure <= fastest_mps * seconds
