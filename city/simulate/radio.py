"""The crews' radio from the scene: whether they found anything, and whether the event is over.

This is the only way by which the truth reaches the operator, as in reality.
"""

from collections.abc import Iterable

from city.simulate.world import Event
from schemas.codes import observed_property

__all__ = ["Radio"]

_LINGERS_S = 5.0


class Radio:
    """Knows for every source of evidence its event, and when nobody will report it any more."""

    def __init__(self, run: str) -> None:
        self._run = run
        self._nothing: set[str] = set()
        self._quiet_at: dict[str, float] = {}

    def know(self, event: Event) -> None:
        """Add a new event, with all reports and alarms that will follow."""
        reports = [self.report_id(report.id) for report in event.reports]
        if event.false_alarm:
            self._nothing.update(reports)
        said = [again.at_s for report in event.reports for again in report.again]
        said += [report.at_s for report in event.reports]
        said += [
            sighting.at_s + observed_property(sighting.observed_property).minimum_duration_s
            for sighting in event.sightings
        ]
        quiet_at = max(said) + _LINGERS_S
        for source in (*reports, *(sighting.datastream for sighting in event.sightings)):
            self._quiet_at[source] = quiet_at

    def report_id(self, report: str) -> str:
        """Return a report's id in the ledger."""
        return f"{self._run}-{report}"

    def unfounded(self, sources: Iterable[str]) -> bool:
        """Whether the crews sent because of these sources found nothing."""
        known = set(sources)
        return bool(known) and known <= self._nothing

    def over(self, sources: Iterable[str], now: float) -> bool:
        """Whether the events of these sources are over: nobody else will notice them.

        Accelerated crews finish a fire before the neighbours have called; in reality they are still
        there when the calls arrive.
        """
        return all(self._quiet_at.get(source, now) <= now for source in sources)
