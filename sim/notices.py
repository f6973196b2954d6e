"""What is noticed of an event, straight as evidence: nothing is read, detected or looked up.

It stands in for sensors, citizens and intake where only the dispatching is judged, and costs a
hundredth of them. Reports keep their place, its accuracy and their time; a place told in words is
known to `_IN_WORDS_M`. Reports that are wrong are left out: what they say is lost with the words.
Pranks stay.
"""

from collections.abc import Iterator
from typing import NamedTuple

from city.simulate.clock import Clock
from city.simulate.reports import Report
from city.simulate.world import Event, Sighting
from geo.crs import to_wgs84
from schemas.codes import observed_property
from schemas.ids import derive
from schemas.kinds import Phase
from schemas.records import Evidence, Point, Where
from schemas.words import said

__all__ = ["Notice", "notices"]

_READ = 0.85
"""Usual confidence of triage in a report that it could read."""
_IN_WORDS_M = 60.0
_SENSOR_M = 30.0


class Notice(NamedTuple):
    """A piece of evidence and the seconds since the run began when it stands in the journal."""

    at_s: float
    evidence: Evidence


def notices(event: Event, clock: Clock, run: str = "") -> Iterator[Notice]:
    """Yield what is noticed of an event; not in order of time.

    ``run`` is put before the ids of reports, as the simulator does with its own.
    """
    for report in event.reports:
        if report.wrong in (None, "prank"):
            yield Notice(report.at_s, _of_report(event, report, clock, run))
    for sighting in event.sightings:
        yield from _of_sighting(event, sighting, clock)


def _of_report(event: Event, report: Report, clock: Clock, run: str) -> Evidence:
    key = f"{run}-{report.id}" if run else report.id
    said_at = clock.wall(report.at_s)
    if report.lon is None or report.lat is None:
        point = Point(lon=event.site.lon, lat=event.site.lat, accuracy_m=_IN_WORDS_M)
    else:
        lon, lat = to_wgs84(report.lon, report.lat, report.crs)
        point = Point(lon=round(lon, 7), lat=round(lat, 7), accuracy_m=report.accuracy_m)
    return Evidence(
        id=derive("report", key),
        source="report",
        source_id=key,
        phase="opened",
        category=event.category,
        severity=event.severity,
        confidence=_READ,
        point=point,
        where=Where(address=event.site.street or None),
        observed_at=said_at,
        received_at=said_at,
        text=report.description,
        reasons=(said(f"category {event.category} by words"),),
    )


def _of_sighting(event: Event, sighting: Sighting, clock: Clock) -> Iterator[Notice]:
    """Yield a sensor's alarm and its end."""
    row = observed_property(sighting.observed_property)
    ripe_s = sighting.at_s + row.minimum_duration_s
    ends: Phase = "silent" if sighting.dies else "cleared"
    phases: tuple[tuple[Phase, float], ...] = (("opened", ripe_s), (ends, sighting.until_s))
    for phase, at_s in phases:
        at = clock.wall(at_s)
        yield Notice(
            at_s,
            Evidence(
                id=derive(f"{event.id}/{sighting.datastream}", phase),
                source="sensor",
                source_id=sighting.datastream,
                phase=phase,
                category=row.category,
                severity=row.severity,
                confidence=row.confidence,
                point=Point(lon=event.site.lon, lat=event.site.lat, accuracy_m=_SENSOR_M),
                where=Where(address=event.site.street or None),
                observed_at=at,
                received_at=at,
                text=f"{row.code} {sighting.result:g}",
                reasons=(said(f"{row.code} is beyond {row.opens_at:g}"),),
            ),
        )
