"""How many hours of a city are simulated in a minute, with and without intake.

The demo's city with its 206 units at the pace of life, crews, operator, incidents and false alarms
included. Plain demand (events straight as evidence) at 5, 10 and 20 true events an hour, and full
demand (citizens' texts and sensors' readings through the intake) at 10. One process; runs do not
know of each other, so as many can be played at once as there are cores.
"""

import time
from typing import Literal

from bench.report import Report
from city.make import make_city
from sim import Scenario, Scene, scene_of
from sim import run as play

_RATES = (5.0, 10.0, 20.0)
_USUAL = 10.0
_HOURS, _QUICK_HOURS = 240.0, 24.0
_FULL_HOURS, _QUICK_FULL_HOURS = 12.0, 2.0


def run(*, quick: bool) -> Report:
    """Measure; ``quick`` plays a tenth of the hours."""
    scene = scene_of(make_city(1))
    play(Scenario(scene=scene, hours=1.0))  # what is worked out once is worked out
    hours = _QUICK_HOURS if quick else _HOURS
    plain = {rate: _pace(scene, rate, hours, "plain") for rate in _RATES}
    full = _pace(scene, _USUAL, _QUICK_FULL_HOURS if quick else _FULL_HOURS, "full")
    return Report(
        figures={
            "hours_per_minute": plain[_USUAL]["hours_per_minute"],
            **{
                f"hours_per_minute_{rate:g}_an_hour": p["hours_per_minute"]
                for rate, p in plain.items()
            },
            "hours_per_minute_full": full["hours_per_minute"],
            "entries_per_s": plain[_USUAL]["entries_per_s"],
        },
        detail={
            **{f"plain, {rate:g} events an hour": pace for rate, pace in plain.items()},
            f"full, {_USUAL:g} events an hour": full,
        },
        notes=[
            f"hours_per_minute: plain demand, {_USUAL:g} true events an hour; processor time",
            "peers: none; simulators of other systems do not make the system's own decisions",
            *(["quick: a tenth of the hours"] if quick else []),
        ],
    )


def _pace(
    scene: Scene, per_hour: float, hours: float, demand: Literal["plain", "full"]
) -> dict[str, float]:
    scenario = Scenario(
        scene=scene, seed=2, hours=hours, per_hour=per_hour, demand=demand, keep=True
    )
    begun = time.process_time()
    outcome = play(scenario)
    seconds = time.process_time() - begun
    return {
        "hours": hours,
        "events": outcome.score.events,
        "found_once_share": round(outcome.score.found_once / outcome.score.events, 4),
        "hours_per_minute": round(60.0 * hours / seconds),
        "entries_per_s": round(len(outcome.journal) / seconds),
    }
