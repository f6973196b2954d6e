"""Everything that is made at its first use, used once before the first message.

Lexicon, gazetteer, fence grid and street index take a second together; without this the
first citizen to report would wait for them.
"""

from datetime import UTC, datetime

from atlas.city import CityData
from geo.errors import NoStreetNear, Unreachable
from geo.routing.conditions import Conditions
from geo.routing.reference import Router
from intake.places import locate
from intake.triage import triage
from schemas.inputs import CitizenReport
from schemas.records import Point


def warm_up(city: CityData, router: Router) -> None:
    """Ask each part of intake and core what a first report would ask."""
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    report = CitizenReport(
        service_request_id="warm-up", description="起火 fire", requested_datetime=noon
    )
    triage(report, noon.date())
    city.gazetteer.find(report.description)
    homes = [unit.home for unit in city.units] or [Point(lon=0.0, lat=0.0)]
    first, last = homes[0], homes[-1]
    locate(city, first)
    now = Conditions.of(hour=router.hour_at(datetime.now(UTC)))
    router.etas([(home.lon, home.lat) for home in homes], (last.lon, last.lat), now)
    try:
        router.route((first.lon, first.lat), (last.lon, last.lat), now)
    except (NoStreetNear, Unreachable):
        return
