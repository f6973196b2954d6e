"""What crews on the scene tell by radio: whether they found anything, and whether it is over.

The one way by which the truth reaches the operator, as it does in life.
"""

from collections.abc import Iterable

from city.simulate.world import Event
from schemas.codes import observed_property

__all__ = ["Radio"]

_LINGERS_S = 5.0


class Radio:
    """Knows of every source of evidence what it was about, and when nobody speaks of it more."""

    def __init__(self, run: str) -> None:
        self._run = run
        self._nothing: set[str] = set()
        self._quiet_at: dict[str, float] = {}

    def know(self, event: Event) -> None:
        """Take in an event that begins, with all that will be said of it."""
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
        """Return the id of a report as the ledger knows it."""
        return f"{self._run}-{report}"

    def unfounded(self, sources: Iterable[str]) -> bool:
        """Whether the crews sent because of these sources found nothing."""
        known = set(sources)
        return bool(known) and known <= self._nothing

    def over(self, sources: Iterable[str], now: float) -> bool:
        """Whether what these sources spoke of is over: nobody else will notice it.

        Sped-up crews are done with a fire before the neighbours have called; in life they are
        still there when the calls come.
        """
        return all(self._quiet_at.get(source, now) <= now for source in sources)
