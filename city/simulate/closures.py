"""Streets that close, narrow, flood or slow down in front of driving units, and open again."""

from collections.abc import Sequence
from datetime import timedelta
from random import Random

from city.simulate.agenda import Agenda
from city.simulate.clock import Clock
from city.simulate.fleet import Fleet
from city.simulate.mail import Send, letter
from city.simulate.truth import Closed, TruthLog
from schemas import topics
from schemas.inputs import StreetCondition

__all__ = ["Closures"]

_EVERY_S = (10.0, 30.0)
_LASTS_S = (300.0, 900.0)
"""Of life: divided by the speed."""
_AHEAD = (0.35, 0.9)
_SLOWED = 0.4
_WITH_END = 0.6
_SLOW_KINDS = ("speed_factor", "speed_factor", "lane_closure", "flood_depth")
_DEPTH_M = (0.05, 0.6)
_SOURCE = "urn:city:road-works"
_REASONS = ("crash ahead", "施工占道", "burst main", "临时管制")


class Closures:
    """Sometimes closes or slows a street on a unit's route, and clears it later."""

    def __init__(
        self,
        fleet: Fleet,
        agenda: Agenda,
        clock: Clock,
        send: Send,
        truth: TruthLog,
        *,
        seed: int,
        speed: float,
        run: str,
    ) -> None:
        self._fleet, self._agenda, self._clock, self._send = fleet, agenda, clock, send
        self._truth, self._speed, self._run = truth, speed, run
        self._rng = Random(f"{seed}/closures")
        # Separate, so that the time and place of closures do not depend on their kind.
        self._kinds = Random(f"{seed}/closures/kinds")
        self._number = 0
        agenda.at(self._rng.uniform(*_EVERY_S), self._turn)

    def _turn(self, now: float) -> None:
        self._agenda.at(now + self._rng.uniform(*_EVERY_S), self._turn)
        ways = [
            assignment.route.arcs
            for terminal in self._fleet.driving()
            if (assignment := terminal.assignment) is not None and assignment.route is not None
        ]
        ways = [arcs for arcs in ways if len(arcs) > 4]  # noqa: PLR2004 - room to go round
        if ways:
            self._close(self._rng.choice(ways), now)

    def _close(self, arcs: Sequence[str], now: float) -> None:
        first = int(len(arcs) * self._rng.uniform(*_AHEAD))
        segments = tuple(arcs[first : first + self._rng.randint(1, 2)])
        slowed = self._rng.random() < _SLOWED
        lasts = self._rng.uniform(*_LASTS_S) / self._speed
        begins = self._clock.wall(now)
        self._number += 1
        ends = self._rng.random() < _WITH_END
        factor = round(self._rng.uniform(0.2, 0.6), 2) if slowed else None
        kind = self._kinds.choice(_SLOW_KINDS) if slowed else "closure"
        depth_m = round(self._kinds.uniform(*_DEPTH_M), 2)
        condition = StreetCondition(
            condition=f"{self._run}-C{self._number}",
            kind=kind,
            valid_from=begins,
            valid_until=begins + timedelta(seconds=2.0 * lasts) if ends else None,
            segments=segments,
            speed_factor=factor if kind == "speed_factor" else None,
            lanes_closed=1 if kind == "lane_closure" else None,
            depth_m=depth_m if kind == "flood_depth" else None,
            reason=self._rng.choice(_REASONS),
        )
        self._say(condition, now, "set")

        def clear(now: float) -> None:
            at = self._clock.wall(now)
            cleared = StreetCondition(
                condition=condition.condition, kind="cleared", valid_from=at, reason="clear again"
            )
            self._say(cleared, now, "cleared")

        self._agenda.at(now + lasts, clear)

    def _say(self, condition: StreetCondition, now: float, what: str) -> None:
        at = self._clock.wall(now)
        self._truth.write(Closed(id=condition.condition, kind=condition.kind, at=at))
        self._send(
            letter(
                topics.STREETS,
                condition.condition,
                condition,
                event_id=f"{condition.condition}-{what}",
                source=_SOURCE,
                at=at,
                subject=condition.condition,
            )
        )
