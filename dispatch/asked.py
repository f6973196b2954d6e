"""What the router has answered, so that it is asked once.

Travel times and ways hold for one entry, compiled street conditions until one begins or ends.
"""

from datetime import datetime
from typing import NamedTuple

from geo.routing.reference import Conditions
from schemas.records import Reason, Route, Vehicle

Place = tuple[float, float]
"""Longitude and latitude, WGS-84 degrees."""

Start = tuple[float, float, Vehicle | None]
"""Where a unit is, and how large if the fleet says so."""


class Way(NamedTuple):
    """Seconds to the scene, the route if the map has one, and a remark for the reasons."""

    seconds: float
    route: Route | None
    remark: Reason | None


class InForce(NamedTuple):
    """Street conditions as one value, and when the next one begins or ends (None: never)."""

    conditions: Conditions
    until: datetime | None


class Asked:
    """Answers of one entry.

    Attributes
    ----------
    seconds
        By scene, place of a unit and its dimensions.
    reached
        By scene, whether any street is near it.
    ways
        By place of a unit, its dimensions and scene.
    """

    def __init__(self) -> None:
        self.seconds: dict[Place, dict[Start, float]] = {}
        self.reached: dict[Place, bool] = {}
        self.ways: dict[tuple[Start, Place], Way] = {}
