"""A fence drawn while a worker runs: what comes next is fenced by it, also after a kill."""

import uuid

import pytest
from shapely.geometry import mapping

from atlas.changed_fences import with_changes
from atlas.city import CityData
from infra.ledger import transaction, watch
from intake.fence_watch import FenceTerms
from schemas import topics, wire
from schemas.inputs import CitizenReport, Location
from schemas.journal import FenceChanged
from schemas.outputs import FenceEvent
from schemas.records import Evidence, FenceChange, FenceShape
from streams.fencing import Fencing
from tests.city.toy import lonlat
from tests.streams.fenced import zone
from tests.streams.rig import Rig, message, now
from tests.streams.test_fencing import LIMITS, NOON, begun, fix, ledger, take  # noqa: F401


def shape(name: str, column: float, row: float, radius_m: float = 300.0) -> FenceShape:
    drawn = zone(name, column, row, radius_m)
    rings = mapping(drawn.geometry)["coordinates"]
    return FenceShape(kind=drawn.kind, name=drawn.name, polygons=(rings,))


def removed(fence: str) -> FenceShape:
    return FenceShape(kind="hazard_zone", name=fence)


def change(number: int, name: str, of: FenceShape) -> FenceChange:
    return FenceChange(number=number, fence=f"zone-{name}", shape=of)


def report(column: float, row: float) -> CitizenReport:
    lon, lat = lonlat(column, row)
    return CitizenReport(
        service_request_id=uuid.uuid4().hex,
        requested_datetime=now(),
        channel="app",
        description="楼道里全是烟",
        location=Location(lon=lon, lat=lat),
    )


@pytest.mark.kafka
@pytest.mark.postgis
@pytest.mark.timeout(240)
def test_reports_are_fenced_by_what_was_drawn_without_a_restart(rig: Rig, city: CityData) -> None:
    region = city.manifest.region

    def draw(number: int, of: FenceShape) -> None:
        entry = FenceChanged(
            id=uuid.uuid4().hex,
            region=region,
            city=city.digest,
            fence="zone-new",
            shape=of,
            instead_of=number,
            operator="root",
            reason="a new store",
        )
        rig.send([message(topics.JOURNAL, entry, key=region)])
        rig.await_rows("SELECT 1 FROM fence_change", count=number + 1)

    def zones(column: float, row: float) -> tuple[str, ...]:
        known = {found["id"] for found in rig.rows("SELECT id FROM evidence")}
        rig.send([message(topics.REPORTS, report(column, row))])
        rows = rig.await_rows(
            "SELECT record FROM evidence WHERE NOT id = ANY ($1)", sorted(known), count=1
        )
        return wire.decode(rows[0]["record"], Evidence).where.hazard_zones

    rig.worker.start()
    rig.worker.wait_ready()
    assert zones(18, 20) == ()
    draw(0, shape("new", 18, 20))
    rig.worker.await_line("fencing by change 1 of the fences")
    assert zones(18, 20) == ("zone-new",)
    draw(1, shape("new", 8, 20))
    rig.worker.await_line("fencing by change 2 of the fences")
    assert zones(18, 20) == ()
    rig.worker.kill()
    rig.worker.start()
    rig.worker.wait_ready()
    assert zones(8, 20) == ("zone-new",)
    rows = rig.rows("SELECT id FROM fence WHERE city = $1 AND id = 'zone-new'", city.digest)
    assert len(rows) == 1, "a worker that starts keeps what was drawn"
    draw(2, removed("zone-new"))
    rig.worker.await_line("fencing by change 3 of the fences")
    assert zones(8, 20) == ()
    # Two from one change: the first one in the journal holds.
    entries = rig.rows("SELECT fences FROM region WHERE region = $1", region)
    assert entries[0]["fences"] == 3
    assert rig.worker.stop() == 0


@pytest.mark.postgis
async def test_units_enter_what_is_drawn_around_them(ledger, city) -> None:  # noqa: F811
    fencing = await begun(ledger, city)
    await take(ledger, fencing, 0, fix(13, 13, 0))
    first = with_changes(city, [change(1, "new", shape("new", 13, 13))])
    fencing.move_to(first)
    assert fencing.is_due(0, NOON)
    assert await take(ledger, fencing, 5, fix(13, 13, 1)) == [("zone-new", "enter")]
    assert not fencing.is_due(0, NOON)
    # Gone, and another drawn, before anything is written of the first of the two.
    gone = change(2, "new", removed("zone-new"))
    fencing.move_to(with_changes(city, [change(1, "new", shape("new", 13, 13)), gone]))
    other = with_changes(city, [gone, change(3, "other", shape("other", 13, 13))])
    fencing.move_to(other)
    async with transaction(ledger):
        told = await fencing.write(ledger, 0, 6, [])
    events = [wire.decode(one.value or b"", FenceEvent) for one in told]
    assert {(one.fence, one.fence_name, one.detect) for one in events} == {
        ("zone-new", "危险区new", "closed"),
        ("zone-other", "危险区other", "enter"),
    }
    history = await watch.terms_history(ledger, 0)
    terms = [wire.decode(one.terms, FenceTerms) for one in history]
    assert [(one.from_offset, of.fences) for one, of in zip(history, terms, strict=True)] == [
        (0, 0),
        (5, 1),
        (6, 3),
    ]
    again = Fencing(other, LIMITS)
    await again.load(ledger, 0)
    assert not again.is_due(0, NOON), "a restart tells nothing twice"
