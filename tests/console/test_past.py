"""What was open at an earlier time, against what the core said it was then."""

from datetime import UTC, datetime, timedelta

import pytest

from console.access import Role
from infra.ledger.past import Past
from schemas import codes, wire
from tests.cli.scene import Scene
from tests.console.live_city import LiveCity
from tests.console.visitors import Visitors

pytestmark = pytest.mark.postgis
PATH = "/api/v1/at"


async def shown(visitors: Visitors, at: datetime) -> Past:
    answer = await visitors.of(Role.OPERATOR).get(PATH, params={"t": at.isoformat()})
    assert answer.status_code == 200, answer.text
    return wire.decode(answer.content, Past)


async def test_each_moment_is_as_the_core_had_it(visitors: Visitors, scene: Scene) -> None:
    city = LiveCity(scene.region, scene.endpoints, seed=7)
    # It goes on from where the scene's core stands.
    city.core, city.offset, city.journal.now = scene.core, scene.offset, scene.journal.now
    city.ids, city.numbers = scene.ids, scene.numbers
    moments = []
    for _ in range(12):
        await city.go_on(6)
        moments.append((city.journal.now, city.core.snapshot()))
    states = codes.incident_states()
    for at, then in moments:
        found = await shown(visitors, at)
        expected = {one.id: one for one in then.incidents if states[one.state].open}
        assert {one.id: one.version for one in found.incidents} == {
            key: one.version for key, one in expected.items()
        }
        for one in found.incidents:
            assert (one.state, one.severity, one.category, one.acknowledged_by) == (
                expected[one.id].state,
                expected[one.id].severity,
                expected[one.id].category,
                expected[one.id].acknowledged_by,
            )
        units = {unit.id: unit for unit in then.units}
        assert found.unknown == ()
        assert {unit.id: unit for unit in found.units} == units
        assert {one.id for one in found.assignments} == {
            one.id for one in then.assignments if one.ended is None
        }
        assert {one.id for one in found.alerts} == {
            one.id for one in then.alerts if one.ended_at is None
        }


async def test_a_time_that_nobody_kept_is_refused(visitors: Visitors) -> None:
    asks = visitors.of(Role.OPERATOR)
    long_ago = (datetime.now(UTC) - timedelta(days=2)).isoformat()
    for params in ({}, {"t": "yesterday"}, {"t": long_ago}):
        assert (await asks.get(PATH, params=params)).status_code == 422
