"""The pages beside the console, in Chromium: a crew's, that of streets, an administrator's."""

import asyncio
import contextlib
import json
import math
import re
import uuid
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest
from playwright.sync_api import expect

from dispatch.lifecycle import UNIT
from infra.settings import Endpoints
from tests.conftest import fresh_database, lacking
from tests.console.visitors import PASSWORD
from tests.console.web.conftest import BUILT, Gateway
from tests.console.web.test_console import AXE, SOURCES, check
from tests.console.web.whole import WholeStage
from tests.patience import patience
from tests.streams.rig import make_all_topics

pytestmark = [pytest.mark.kafka, pytest.mark.postgis]

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


@pytest.fixture(scope="module")
def stage(stack: Endpoints) -> Iterator[WholeStage]:
    """Return a city with nothing open, its streets known."""
    if not (BUILT / "unit.html").is_file():
        lacking("the built pages (Node.js): make setup")
    asyncio.run(make_all_topics(stack.bootstrap))
    with fresh_database(stack) as endpoints:
        made = WholeStage(f"r{uuid.uuid4().hex[:8]}", endpoints)
        made.account("li", "operator")
        made.open()
        yield made
        made.close()


@contextlib.contextmanager
def visiting(
    chromium: Any, gateway: Gateway, path: str, name: str, **options: Any
) -> Iterator[Any]:
    """Open a page as somebody; no script may fail and no policy be broken on it."""
    gateway.ensure()
    expect.set_options(timeout=patience(8_000))
    context = chromium.new_context(**{"locale": "en-GB", "color_scheme": "light"} | options)
    page = context.new_page()
    page.set_default_timeout(patience(8_000))
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on(
        "console",
        lambda said: faults.append(said.text) if "Content Security Policy" in said.text else None,
    )
    page.goto(gateway.url + path)
    enter(page, name)
    yield page
    context.close()
    assert faults == []


def enter(page: Any, name: str) -> None:
    """Sign in."""
    page.locator("input[name=name]").fill(name)
    page.locator("input[name=password]").fill(PASSWORD)
    page.locator(".door button.primary").click()
    page.locator(".door").wait_for(state="detached")


def has_no_barrier(page: Any, view: str) -> None:
    """Let axe look at a view by day and by night."""
    page.evaluate(f"(() => {{ {AXE.read_text()} }})()")
    for theme in range(2):
        check(page, f"{view} {theme}")
        page.locator(".preferences .quiet").last.click()


def test_a_crew_stamps_without_a_signal_and_each_stamp_counts_once(
    stage, chromium, gateway
) -> None:
    stage.happen("medical", "P1", 6.5, 2.5, 0.9)
    stage.until(lambda: stage.ids and stage.unit_at())
    unit = stage.unit_at()
    stage.account("crew", "responder", unit.id)
    with visiting(chromium, gateway, "/unit", "crew", **PHONE) as page:
        expect(page.locator("#task-title")).to_have_text("Medical emergency")
        expect(page.locator(".place")).to_contain_text("号")
        expect(page.locator(".area")).to_have_text("静安区 · 南街道")
        page.locator(".way-steps li").nth(1).wait_for(timeout=patience(20_000))
        page.locator(".way canvas").wait_for()
        has_no_barrier(page, "assignment")
        with page.expect_response("**/stamps") as answer:
            page.locator("#stamp-acknowledged").tap()
        assert answer.value.status == 200
        page.evaluate("navigator.serviceWorker.ready")

        page.context.set_offline(True)
        page.locator(".banner.trouble", has_text="No signal").wait_for()
        page.locator("#stamp-en_route").tap()
        page.locator("#stamp-on_scene").tap()
        expect(page.locator(".waiting-stamps li")).to_have_count(2)
        pressed = page.evaluate("JSON.parse(localStorage['jingwei.unit.stamps'])")
        has_no_barrier(page, "no signal")
        # The page opens without a signal, too, with all that it knew.
        page.reload()
        expect(page.locator(".waiting-stamps li")).to_have_count(2)
        expect(page.locator(".banner.trouble")).to_contain_text("old")
        expect(page.locator("#task-title")).to_have_text("Medical emergency")
        expect(page.locator(".unit-state")).to_have_text("On scene")

        sent = []
        page.on("request", lambda one: sent.append(one) if one.method == "POST" else None)
        page.context.set_offline(False)
        expect(page.locator(".waiting-stamps")).to_have_count(0)
        page.locator(".banner.trouble").wait_for(state="detached")
        keys = [one.headers["idempotency-key"] for one in sent if one.url.endswith("/stamps")]
        assert list(dict.fromkeys(keys)) == [one["key"] for one in pressed]
        told = page.evaluate(
            f"fetch('/api/v1/incidents/{stage.ids[-1]}/assignments').then((one) => one.json())"
        )
        (own,) = [one for one in told if one["unit"] == unit.id]
        # The time is that of the press.
        assert [moment(own[name]) for name in ("en_route", "on_scene")] == [
            moment(one["at"]) for one in pressed
        ]

        page.locator("#leave").tap()
        page.locator(".door").wait_for()
        # Not by `wait_for_function`: the page's policy against eval stops its second look.
        stage.until(
            lambda: (
                not page.evaluate("Object.keys(localStorage).some((one) => one.includes('unit'))")
            )
        )
        kept = page.evaluate(KEPT)
        assert "/unit" in kept
        assert all(re.fullmatch(r"/unit|/assets/[\w.-]+", one) for one in kept)
        stage.until(
            lambda: page.evaluate("fetch('/api/v1/session').then((one) => one.status)") == 401
        )


KEPT = """async () => {
    const found = [];
    for (const name of await caches.keys())
        for (const one of await (await caches.open(name)).keys())
            found.push(new URL(one.url).pathname);
    return found;
}"""


def moment(text: str) -> int:
    """Return a time in the milliseconds of a phone's clock."""
    return round(datetime.fromisoformat(text).timestamp() * 1_000)


def test_a_crew_can_press_what_the_core_takes() -> None:
    source = (SOURCES / "src" / "unit" / "steps.ts").read_text()
    table = re.search(r"= (\{.*?\n\});", source, re.DOTALL)[1]
    steps = json.loads(re.sub(r"(\w+):", r'"\1":', re.sub(r",(\s*\})", r"\1", table)))
    for state, possible in UNIT.items():
        assert set(steps[state]) | {state} == set(possible) | {state}, state


def test_a_street_that_is_drawn_closed_is_driven_around(stage, chromium, gateway) -> None:
    stage.happen("fire", "P1", 4.5, 6.0, 0.9)
    stage.until(lambda: stage.driven("fire"))
    (west, south), (east, north) = stage.street_driven("fire")
    with visiting(chromium, gateway, "/streets", "li", viewport=SCREEN) as page:
        at = on_map(page)
        page.locator("#draw-area").click()
        page.mouse.click(*at(west, south))
        page.keyboard.press("Escape")
        expect(page.locator("#draw-area")).to_have_attribute("aria-pressed", "false")
        expect(page.get_by_role("button", name="Undo a point")).to_be_disabled()
        page.locator("#draw-line").click()
        middle = ((west + east) / 2, (south + north) / 2)
        for lon, lat in ((west, south), middle, (east, north)):
            page.mouse.click(*at(lon, lat))
        expect(page.locator(".hint[role=status]")).to_contain_text("路", timeout=patience(20_000))
        has_no_barrier(page, "drawing")
        page.locator("input[name=reason]").fill("burst main")
        with page.expect_response("**/conditions") as answer:
            page.locator("#put-in-force").click()
        assert answer.value.status == 201
        closed = set(answer.value.json()["condition"]["segments"])
        row = page.locator(".condition", has_text="burst main")
        expect(row).to_contain_text("Closed")
        expect(row).to_contain_text("路")
        stage.until(lambda: stage.driven("fire") and not closed & stage.driven("fire"))
        # By its name, without the map; and both are ended.
        page.locator("input[name=street]").fill("纵7路")
        page.locator("select[name=kind]").select_option("flood_depth")
        page.locator("input[name=figure]").fill("0.4")
        page.locator("#put-in-force").click()
        water = page.locator(".condition", has_text="0.4 m of water")
        expect(water).to_contain_text("纵7路")
        has_no_barrier(page, "in force")
        for one in (row, water):
            one.get_by_role("button").click()
            expect(one).to_have_count(0)


SCREEN = {"width": 1280, "height": 800}


def on_map(page: Any) -> Callable[[float, float], tuple[float, float]]:
    """Return where a place is on the screen, once the map shows the whole city."""
    page.locator(".map-box[data-ready]").wait_for(timeout=patience(30_000))
    box = page.locator(".map-box").bounding_box()
    bounds = page.evaluate("fetch('/api/v1/tiles/streets.json').then((one) => one.json())")[
        "bounds"
    ]
    (left, bottom), (right, top) = mercator(*bounds[:2]), mercator(*bounds[2:])
    scale = min((box["width"] - 48) / (right - left), (box["height"] - 48) / (top - bottom))

    def at(lon: float, lat: float) -> tuple[float, float]:
        x, y = mercator(lon, lat)
        return (
            box["x"] + box["width"] / 2 + (x - (left + right) / 2) * scale,
            box["y"] + box["height"] / 2 - (y - (bottom + top) / 2) * scale,
        )

    return at


def mercator(lon: float, lat: float) -> tuple[float, float]:
    """Return a place on the plane of web maps, in units of the earth's radius."""
    return math.radians(lon), math.log(math.tan(math.pi / 4 + math.radians(lat) / 2))


def test_an_administrator_makes_an_account_and_sends_a_dead_letter_again(
    stage, chromium, gateway
) -> None:
    stage.account("root", "administrator")
    stage.account("boss", "supervisor")
    letter = stage.dead_letter()
    with visiting(chromium, gateway, "/admin", "root", viewport=SCREEN) as page:
        expect(page.locator(".tables")).to_contain_text("city.journal", timeout=patience(20_000))
        has_no_barrier(page, "status")
        page.locator("#part-accounts").click()
        page.locator("#new-account input[name=name]").fill("zhou")
        page.locator("#new-account select[name=role]").select_option("viewer")
        page.locator("#new-account button").click()
        made = page.locator(".made")
        expect(made).to_contain_text("zhou")
        password = made.locator("code").inner_text()
        expect(page.locator("#account-zhou")).to_contain_text("Viewer")
        expect(page.locator("#account-root")).to_contain_text("jingwei users only")
        has_no_barrier(page, "accounts")
        made.get_by_role("button", name="Noted").click()
        expect(page.locator(".made")).to_have_count(0)
        assert password not in page.content()
        page.locator("#account-zhou").get_by_role("button", name="Disable").click()
        expect(page.locator("#account-zhou")).to_contain_text("Enable")
        page.locator("#part-tokens").click()
        page.locator("#new-token input[name=label]").fill("wall map")
        page.locator("#new-token select").select_option("li")
        page.locator("#new-token button").click()
        expect(page.locator(".made code")).to_contain_text("jw_")
        row = page.locator("tr", has_text="wall map")
        row.get_by_role("button", name="Revoke").click()
        expect(row).to_contain_text("Revoked")
        page.locator("#part-letters").click()
        waiting = page.locator("tr", has_text=letter)
        with page.expect_response("**/redrive") as answer:
            waiting.get_by_role("button").click()
        assert answer.value.status == 204
        expect(waiting).to_have_count(0)
        has_no_barrier(page, "letters")


def test_a_plan_is_changed_after_a_dry_run_and_not_over_anothers_change(
    stage, chromium, gateway
) -> None:
    stage.account("chief", "supervisor")
    stage.account("watcher", "viewer")
    stage.happen("fire", "P2", 5.5, 1.5, 0.9)
    with visiting(chromium, gateway, "/admin#plans", "chief", viewport=SCREEN) as page:
        row = page.locator("[id^='plan-fire-']").first
        row.get_by_role("button").click()
        page.locator("#policy-numbers [name=max_eta_s]").fill("2400")
        row.locator("input").first.fill("9")
        expect(page.locator(".draft")).to_contain_text("2 changes")
        expect(row.locator(".was")).to_contain_text("was")
        expect(page.locator("#decide-policy")).to_have_count(0)  # not before it was tried
        page.locator(".draft button.primary").click()
        changes = page.locator(".draft .changes")
        expect(changes.locator("li").first).to_be_visible(timeout=patience(30_000))
        expect(changes).to_contain_text(re.compile(r"\d+ open incidents? would change"))
        has_no_barrier(page, "draft")
        # Somebody else is first: it is refused with the present version, and nothing is lost.
        theirs = anothers_change(page)
        page.locator("#decide-policy input").fill("more hands")
        page.locator("#decide-policy button").click()
        expect(page.locator(".fault")).to_contain_text(theirs)
        expect(page.locator(".draft .warning")).to_contain_text(theirs)
        expect(page.locator(".draft")).to_contain_text("2 changes")
        has_no_barrier(page, "overtaken")
        page.get_by_role("button", name="Make my changes to that one").click()
        expect(page.locator(".draft")).to_contain_text("2 changes")
        page.locator(".draft button.primary").click()
        expect(page.locator("#decide-policy input")).to_have_value("more hands")
        page.locator("#decide-policy button").click()
        expect(page.locator(".draft")).to_have_count(0)
        row.get_by_role("button").click()
        expect(row).to_contain_text("9 ")
        policy = stage.core.snapshot().policy
        assert (policy.max_eta_s, policy.ask_hold_s) == (2_400, 17), "theirs stays, too"
        fires = [one for one in policy.plans if one.category == "fire"]
        assert any(each.count == 9 for one in fires for each in one.requirements)
        line = page.evaluate(
            "fetch('/api/v1/audit?action=policy&limit=1').then((one) => one.json())"
        )["items"][0]
        assert (line["actor"], line["detail"]["reason"]) == ("chief", "more hands")
        assert line["detail"]["version"] == policy.version
    with visiting(chromium, gateway, "/admin#plans", "watcher", viewport=SCREEN) as page:
        expect(page.locator(".admin")).to_contain_text("may not see")
        assert page.evaluate(ANOTHERS_CHANGE)["status"] == 403


ANOTHERS_CHANGE = """async () => {
    const [line] = await (await fetch('/api/v1/policies')).json();
    const version = `${line.policy.version}-x`;
    const body = JSON.stringify({
        policy: {...line.policy, version, ask_hold_s: 17},
        instead_of: line.policy.version,
        reason: 'theirs',
    });
    const {csrf} = await (await fetch('/api/v1/session')).json();
    const headers = {
        'Content-Type': 'application/json',
        'Idempotency-Key': crypto.randomUUID(),
        'X-CSRF-Token': csrf,
    };
    const answer = await fetch('/api/v1/policies', {method: 'POST', headers, body});
    return {status: answer.status, version, body: await answer.text()};
}"""


def anothers_change(page: Any) -> str:
    """Let the policy be changed beside the page's draft, and return the new version."""
    found = page.evaluate(ANOTHERS_CHANGE)
    assert found["status"] == 200, found
    return found["version"]


def test_an_administrator_changes_a_fence_and_a_supervisor_only_sees_it(
    stage, chromium, gateway
) -> None:
    stage.account("fencer", "administrator")
    stage.account("captain", "supervisor")
    with visiting(chromium, gateway, "/admin#fences", "fencer", viewport=SCREEN) as page:
        page.locator(".fence-map [data-ready]").wait_for(timeout=patience(20_000))
        page.locator("#new-fence").click()
        page.locator("[name=fence-name]").fill("新仓库")
        points = page.locator("[name=fence-points]")
        points.fill("121.45, 31.23\n121.46, 31.24\n121.46, 31.23\n121.45, 31.24")
        page.locator(".draft button", has_text="What would change?").click()
        expect(page.locator("#fence-fault-crossing")).to_contain_text("crosses itself")
        expect(page.locator("#decide-fence")).to_have_count(0)
        points.fill("121.45, 31.23\n121.46, 31.23\n121.46, 31.24\n121.45, 31.24")
        page.locator(".draft button", has_text="What would change?").click()
        expect(page.locator(".draft .changes")).to_contain_text("concerned")
        has_no_barrier(page, "a fence drawn")
        if page.locator("#decide-fence [name=accepted]").count():
            page.locator("#decide-fence [name=accepted]").check()
        page.locator("#decide-fence [name=reason]").fill("a new store")
        page.locator("#decide-fence button").click()
        expect(page.locator(".draft")).to_have_count(0)
        expect(page.locator("#fence-changes")).to_contain_text("a new store")
        assert stage.core.snapshot().fences == 1
    with visiting(chromium, gateway, "/admin#fences", "captain", viewport=SCREEN) as page:
        expect(page.locator("table").first).to_contain_text("新仓库")
        expect(page.locator("#new-fence")).to_have_count(0)
