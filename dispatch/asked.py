"""What the router has answered, so that it is asked once.

Ways hold for one entry, travel times as long as streets and conditions are the same, compiled
street conditions until one begins or ends.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from geo.routing.reference import Conditions, Router
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
    reached
        By scene, whether any street is near it.
    ways
        By place of a unit, its dimensions and scene.
    """

    def __init__(self) -> None:
        self.reached: dict[Place, bool] = {}
        self.ways: dict[tuple[Start, Place], Way] = {}


class Known:
    """Travel times to scenes, from one entry to the next: only who has moved is asked about again.

    It never changes an answer, only saves asking, so it is in no snapshot.
    """

    most_scenes = 256
    """So many are kept, those asked about last."""
    most_starts = 1_024
    """A scene with more than these, and more than twice those asked about now, keeps only them."""

    def __init__(self) -> None:
        self._under: tuple[Router, Conditions, float] | None = None
        self._seconds: dict[Place, dict[Start, float]] = {}

    def under(self, router: Router, now: Conditions, most_s: float) -> None:
        """Forget what is not of this router under these conditions, infinite above ``most_s``."""
        known = self._under
        if known is None or known[0] is not router or known[1] is not now or known[2] != most_s:
            self._under, self._seconds = (router, now, most_s), {}

    def to(self, scene: Place) -> dict[Start, float]:
        """Return the seconds to a scene by start; to be added to, and kept."""
        return self._seconds.get(scene, {})

    def keep(self, scene: Place, seconds: dict[Start, float], starts: Sequence[Start]) -> None:
        """Keep what is known of a scene, which was asked about from these starts."""
        if len(seconds) > max(self.most_starts, 2 * len(starts)):
            seconds = {start: seconds[start] for start in starts}
        self._seconds.pop(scene, None)
        self._seconds[scene] = seconds
        if len(self._seconds) > self.most_scenes:
            del self._seconds[next(iter(self._seconds))]
