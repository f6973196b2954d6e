"""What is played: a city, who is on duty, by which policy, what happens, for how long."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, NamedTuple

from atlas.city import CityData
from atlas.deciding import deciding_router
from city.simulate import Setting
from dispatch.assignment import Assigner
from dispatch.correlation import Correlator
from geo.routing.reference import Router
from schemas.policy import Policy
from schemas.records import Unit

__all__ = ["Closure", "Scenario", "Scene", "Words", "scene_of"]

Words = Mapping[str, Sequence[str]]
"""Sentences by category."""


class Scene(NamedTuple):
    """A city, indexed and with a router: made once, shared by all scenarios in it."""

    city: CityData
    setting: Setting
    router: Router


def scene_of(city: CityData) -> Scene:
    """Return a scene of a city; takes seconds."""
    return Scene(city, Setting(city), deciding_router(city))


class Closure(NamedTuple):
    """Arcs of the street graph that are closed; times are seconds since the run began."""

    id: str
    segments: tuple[str, ...]
    begins_s: float
    ends_s: float


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """All that a run depends on: the same scenario gives the same run, byte for byte.

    Attributes
    ----------
    scene
        Where.
    seed
        What happens, and what crews, citizens and the operator choose.
    hours
        How long events happen; the run goes on for ``afterwards_s`` seconds, without new ones.
    per_hour
        True events an hour, as a Poisson process; six in a hundred more are false alarms.
    demand
        ``full``: citizens' texts and sensors' readings go through intake, with all that is wrong
        or vague in them. ``plain``: what happens is noticed straight as evidence, a hundred times
        quicker; for what is judged by who is sent and when.
    speed
        How many times faster than life crews turn out, drive and work and events are over.
    fixes
        Whether units tell their positions every few seconds. If not, they do when they begin
        something, and no position is too old to be relied on.
    drawn
        Whether routes have their streets and arcs. If not, they have the same times, and a closure
        reroutes nobody who needs no longer for it.
    policy
        The default policy if None.
    units
        Who is on duty; the city's units if None. With ``full`` demand they must be the city's.
    closures
        Streets that are closed for some time.
    words
        What citizens say instead of the simulator's sentences; wrong reports stay as they are.
    correlator, assigner
        As in `dispatch.Region`.
    start
        When the run begins (aware).
    keep
        Whether the outcome has the journal and its effects.
    """

    scene: Scene
    seed: int = 1
    hours: float = 1.0
    per_hour: float = 12.0
    demand: Literal["plain", "full"] = "plain"
    speed: float = 1.0
    afterwards_s: float = 3_600.0
    fixes: bool = False
    drawn: bool = False
    policy: Policy | None = None
    units: tuple[Unit, ...] | None = None
    closures: tuple[Closure, ...] = ()
    words: Words | None = None
    correlator: Correlator | None = None
    assigner: Assigner | None = None
    start: datetime = datetime(2026, 11, 24, tzinfo=UTC)
    keep: bool = False
