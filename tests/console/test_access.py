"""Who may ask what: every endpoint by every role and by nobody, and what each sees."""

import uuid
from datetime import UTC, datetime

import pytest
from fastapi.routing import APIRoute

from console.access import ACCESS, NARROWER, Person, Role, Scope, scoped
from streams.topics import make_topics
from tests.cli.scene import Scene
from tests.console.visitors import Visitors
from tests.dispatch import dispatch_world as world

pytestmark = [pytest.mark.kafka, pytest.mark.postgis]

ALL = set(Role)
COMMAND = {Role.OPERATOR, Role.SUPERVISOR}
STAFF = COMMAND | {Role.ADMINISTRATOR}
ADMINISTER = {Role.ADMINISTRATOR}
WATCH = ALL - {Role.PLANNER}
EXPECTED = {
    "GET /health": "anybody",
    "GET /health/live": "anybody",
    "GET /health/ready": "anybody",
    "GET /api/v1/openapi.json": "anybody",
    "GET /": "anybody",
    "GET /incidents/{incident}": "anybody",
    "GET /unit": "anybody",
    "GET /unit-worker.js": "anybody",
    "GET /streets": "anybody",
    "GET /handover": "anybody",
    "GET /admin": "anybody",
    "GET /assets/{name}": "anybody",
    "GET /api/v1/docs": "anybody",
    "GET /api/v1/docs.css": "anybody",
    "POST /api/v1/session": "anybody",
    "POST /api/v1/session/link": "anybody",
    "GET /api/v1/session/oidc": "anybody",
    "GET /api/v1/session/oidc/callback": "anybody",
    "GET /api/v1/session/oidc/end": "anybody",
    "GET /api/v1/session": ALL,
    "DELETE /api/v1/session": ALL,
    "GET /api/v1/incidents": WATCH,
    "GET /api/v1/incidents/{incident}": WATCH,
    "GET /api/v1/incidents/{incident}/timeline": WATCH,
    "GET /api/v1/incidents/{incident}/assignments": WATCH,
    "GET /api/v1/incidents/{incident}/evidence": WATCH - {Role.VIEWER},
    "GET /api/v1/incidents/{incident}/recommendation": STAFF,
    "GET /api/v1/incidents/{incident}/commands": STAFF,
    "POST /api/v1/incidents/{incident}/commands": COMMAND,
    "GET /api/v1/commands": STAFF,
    "GET /api/v1/commands/{command}": STAFF,
    "GET /api/v1/stream": ALL,
    "GET /api/v1/units": ALL,
    "GET /api/v1/units/{unit}": ALL,
    "GET /api/v1/alerts": WATCH,
    "GET /api/v1/at": STAFF | {Role.VIEWER},
    "GET /api/v1/conditions": ALL,
    "GET /api/v1/conditions/{condition}": ALL,
    "POST /api/v1/conditions": COMMAND,
    "DELETE /api/v1/conditions/{condition}": COMMAND,
    "POST /api/v1/streets": COMMAND,
    "GET /api/v1/handovers": STAFF,
    "GET /api/v1/handovers/draft": STAFF,
    "GET /api/v1/handovers/{handover}": STAFF,
    "POST /api/v1/handovers": COMMAND,
    "POST /api/v1/handovers/{handover}/taken": COMMAND,
    "GET /api/v1/policies": STAFF | {Role.VIEWER, Role.PLANNER},
    "GET /api/v1/sources": STAFF | {Role.PLANNER},
    "GET /api/v1/dead-letters/summary": STAFF - {Role.OPERATOR},
    "GET /api/v1/audit": STAFF - {Role.OPERATOR},
    "GET /api/v1/accounts": ADMINISTER,
    "POST /api/v1/accounts": ADMINISTER,
    "PUT /api/v1/accounts/{account}/role": ADMINISTER,
    "PUT /api/v1/accounts/{account}/enabled": ADMINISTER,
    "POST /api/v1/accounts/{account}/password": ADMINISTER,
    "DELETE /api/v1/accounts/{account}/sessions": ADMINISTER,
    "POST /api/v1/accounts/{account}/tokens": ADMINISTER,
    "GET /api/v1/tokens": ADMINISTER,
    "DELETE /api/v1/tokens/{prefix}": ADMINISTER,
    "GET /api/v1/status": STAFF - {Role.OPERATOR},
    "GET /api/v1/dead-letters": ADMINISTER,
    "POST /api/v1/dead-letters/{letter}/redrive": ADMINISTER,
    "POST /api/v1/evidence/{evidence}/reveal": COMMAND,
    "GET /api/v1/places": ALL,
    "GET /api/v1/places/reverse": ALL,
    "GET /api/v1/fences": ALL,
    "POST /api/v1/fences": ADMINISTER,
    "POST /api/v1/fences/dry-run": ADMINISTER,
    "GET /api/v1/fences/changes": STAFF - {Role.OPERATOR},
    "GET /api/v1/route": ALL,
    "GET /api/v1/isochrone": ALL,
    "GET /api/v1/incidents/{incident}/candidates": STAFF,
    "POST /api/v1/reading": STAFF,
    "POST /api/v1/duplicates": STAFF,
    "POST /api/v1/reports": COMMAND,
    "GET /api/v1/reports/{evidence}": STAFF,
    "POST /api/v1/units/{unit}/stamps": COMMAND | {Role.RESPONDER},
    "GET /api/v1/units/{unit}/stamps/{stamp}": COMMAND | {Role.RESPONDER},
    "GET /api/v1/plans": STAFF | {Role.VIEWER, Role.PLANNER},
    "POST /api/v1/policies": STAFF - {Role.OPERATOR},
    "POST /api/v1/policies/dry-run": STAFF - {Role.OPERATOR},
    "GET /api/v1/tiles": ALL,
    "GET /api/v1/tiles/{layer}.json": ALL,
    "GET /api/v1/tiles/{layer}/{z}/{x}/{y}.mvt": ALL,
    "GET /api/v1/ogc": ALL,
    "GET /api/v1/ogc/conformance": ALL,
    "GET /api/v1/ogc/collections": ALL,
    "GET /api/v1/ogc/collections/{collection}": ALL,
    "GET /api/v1/ogc/collections/{collection}/items": ALL,
    "GET /api/v1/ogc/collections/{collection}/items/{feature}": ALL,
}
"""Written out a second time, so that no row of the table changes by a slip."""
PAGES = {"GET /", "GET /incidents/{incident}", "GET /assets/{name}"}
PAGES |= {f"GET /{name}" for name in ("unit", "unit-worker.js", "streets", "handover", "admin")}


QUERIES = {
    "GET /api/v1/at": f"?t={datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
    "GET /api/v1/places": "?q=a",
    "GET /api/v1/places/reverse": f"?lon={world.LON}&lat={world.LAT}",
    "GET /api/v1/route": f"?from={world.LON},{world.LAT}&to={world.LON},{world.LAT}",
    "GET /api/v1/isochrone": f"?from={world.LON},{world.LAT}&seconds=60",
}
"""What an endpoint asks for at least."""
NOT_THERE = {
    "GET /api/v1/commands/{command}",
    "GET /api/v1/conditions/{condition}",
    "GET /api/v1/handovers/{handover}",
    "GET /api/v1/reports/{evidence}",
    "GET /api/v1/units/{unit}/stamps/{stamp}",
}
"""Asked for by an id that nobody has."""


async def test_every_endpoint_has_a_row(visitors: Visitors) -> None:
    described = {
        f"{method.upper()} {path}"
        for path, methods in visitors.app.openapi()["paths"].items()
        for method in methods
    }
    hidden = {"GET /api/v1/openapi.json", "GET /api/v1/docs", "GET /api/v1/docs.css", *PAGES}
    assert described | hidden == set(ACCESS) == set(EXPECTED)


async def test_nothing_is_served_beside_the_table(visitors: Visitors) -> None:
    """Also what stands in no document: each route is one endpoint with a row."""
    served, left = set(), list(visitors.app.routes)
    while left:
        route = left.pop()
        router = getattr(route, "original_router", None)  # FastAPI includes them as they are
        if router is not None:
            left += router.routes
            continue
        assert isinstance(route, APIRoute), f"{route} is not asked for a sign-in"
        served |= {f"{method} {route.path}" for method in route.methods}
    assert served == set(ACCESS)


async def test_every_endpoint_by_every_role_and_none(visitors: Visitors, scene: Scene) -> None:
    """A role that may not gets 403 and nobody 401, whatever the rest of the request is like."""
    await make_topics(scene.endpoints.bootstrap)
    ids = {"incident": scene.ids[0], "unit": scene.unit}
    ids |= {
        name: uuid.uuid4() for name in ("command", "condition", "evidence", "stamp", "handover")
    }
    ids |= {"account": "nobody-here", "prefix": "abcdefgh", "letter": 1}
    ids |= {"layer": "units", "z": 0, "x": 0, "y": 0, "collection": "units", "feature": scene.unit}
    for row, expected in EXPECTED.items():
        if row in PAGES:  # they are there where they have been built
            continue
        method, path = row.split(" ")
        path = path.format_map(ids) + QUERIES.get(row, "")
        if path.endswith("/stream"):
            path += "?once=true"  # else it never ends
        for role in Role:
            answer = await visitors.of(role).request(method, path)
            if expected == "anybody" or role in expected:
                assert answer.status_code not in (401, 403, 500), (row, role, answer.text)
                if method == "GET" and row not in NOT_THERE and "oidc" not in row:
                    assert answer.is_success or role is Role.DEPARTMENT, (row, role)
            else:
                assert answer.status_code == 403, (row, role, answer.text)
        answer = await visitors.nobody().request(method, path)
        assert (answer.status_code != 401) == (expected == "anybody"), (row, answer.text)


async def test_an_endpoint_without_a_row_is_closed(visitors: Visitors) -> None:
    visitors.app.add_api_route("/api/v1/new", lambda: {"secret": 1}, methods=["GET"])
    answer = await visitors.of(Role.ADMINISTRATOR).get("/api/v1/new")
    assert (answer.status_code, "secret" in answer.text) == (403, False)


def test_a_narrower_token_reaches_nothing_more() -> None:
    for role, narrower in NARROWER.items():
        for token in narrower:
            assert all(role in who for who in ACCESS.values() if token in who), (role, token)
            assert Person("a", token).scope() in (Person("a", role).scope(), Scope())
    assert scoped("viewer", "administrator") is None
    assert scoped("responder", "viewer") is None
    assert scoped("supervisor", "operator") is Role.OPERATOR


async def test_a_responder_sees_its_own_unit_and_its_incident(
    visitors: Visitors, scene: Scene
) -> None:
    own = visitors.of(Role.RESPONDER)
    everybody = (await visitors.of(Role.OPERATOR).get("/api/v1/units")).json()["items"]
    other = next(unit["id"] for unit in everybody if unit["id"] != scene.unit)
    assert [u["id"] for u in (await own.get("/api/v1/units")).json()["items"]] == [scene.unit]
    assert (await own.get(f"/api/v1/units/{other}")).status_code == 404
    listed = (await own.get("/api/v1/incidents")).json()["items"]
    assert [line["incident"]["id"] for line in listed] == [scene.ids[0]]
    for part in ("", "/timeline", "/evidence", "/assignments"):
        assert (await own.get(f"/api/v1/incidents/{scene.ids[0]}{part}")).status_code == 200
        foreign = await own.get(f"/api/v1/incidents/{scene.ids[1]}{part}")
        unknown = await own.get(f"/api/v1/incidents/nothing{part}")
        assert (foreign.status_code, foreign.json()) == (404, unknown.json())
    sent = (await own.get(f"/api/v1/incidents/{scene.ids[0]}/assignments")).json()
    assert {one["unit"] for one in sent} == {scene.unit}
    alerts = (await own.get("/api/v1/alerts?active=")).json()
    assert {a["incident"] for a in alerts.get("items", [])} <= {scene.ids[0]}


async def test_a_department_sees_its_own(visitors: Visitors, scene: Scene) -> None:
    """Medical has to do with a fire and a crash, and not with a lift."""
    medical = visitors.of(Role.DEPARTMENT)
    lines = (await medical.get("/api/v1/incidents")).json()["items"]
    seen = {line["incident"]["category"] for line in lines}
    assert "fire" in seen
    assert "lift_entrapment" not in seen
    lift = scene.ids[2]
    assert (await medical.get(f"/api/v1/incidents/{lift}")).status_code == 404
    alerts = (await medical.get("/api/v1/alerts")).json()["items"]
    assert alerts
    assert lift not in {alert["incident"] for alert in alerts}
    units = (await medical.get("/api/v1/units")).json()["items"]
    assert {unit["department"] for unit in units} == {"medical"}


async def test_pseudonyms_are_for_those_who_may_call_back(visitors: Visitors, scene: Scene) -> None:
    path = f"/api/v1/incidents/{scene.ids[0]}/evidence"
    for role in (Role.DEPARTMENT, Role.RESPONDER):
        items = (await visitors.of(role).get(path)).json()["items"]
        assert [line["evidence"]["reporter"] for line in items] == [None] * len(items) != []
