"""A city in closed loop without Kafka or SQL, to try policies, fleets and software on.

::

    scene = scene_of(load_city(folder))
    outcome = run(Scenario(scene=scene, hours=24, per_hour=12, policy=mine))
    outcome.score.report_to_dispatch.p99_s                 # how well events are understood
    outcome.response.mean_s                                # how fast somebody is there

The same scenario gives the same run, byte for byte. Nothing is sent and nothing is stored.

============  ==========================================================================
module        what it holds
============  ==========================================================================
``scenario``  what is played: `Scene`, `Scenario`, `Closure`
``loop``      `run` to the end, or `Run` entry by entry
``senses``    from messages to the journal: through the intake, or directly
``notices``   what is noticed of an event, straight as evidence
``times``     a router that knows travel times and draws no routes
``outcome``   what became of it: `Outcome`
``calls``     crews that answer calls, every chance by the call alone: to compare who is sent
============  ==========================================================================
"""

from sim.loop import Run, run
from sim.outcome import Applied, Noted, Outcome, Served
from sim.scenario import Closure, Scenario, Scene, Words, scene_of

__all__ = [
    "Applied",
    "Closure",
    "Noted",
    "Outcome",
    "Run",
    "Scenario",
    "Scene",
    "Served",
    "Words",
    "run",
    "scene_of",
]
