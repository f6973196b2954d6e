"""A shift on the console: calls, floods, taking back, looking away, the core gone."""

import re
import time

import pytest
from playwright.sync_api import expect

from tests.console.web.conftest import opened
from tests.console.web.test_console import AXE, check, is_done
from tests.patience import patience

expect.set_options(timeout=patience(8_000))
pytestmark = [pytest.mark.kafka, pytest.mark.postgis, pytest.mark.slow]


def choose(page, text: str) -> None:
    """Choose the incident of this address."""
    page.locator(".row", has_text=text).first.click()
    page.locator(".sheet-place", has_text=text).wait_for()
    page.locator(".timeline > li").first.wait_for()


def test_a_call_is_taken_and_survives_the_tab(stage, chromium, gateway) -> None:
    gateway.ensure()
    with opened(chromium, gateway) as page:
        page.keyboard.press("t")
        page.keyboard.type("静安")
        expect(page.locator("[role=option]").first).to_contain_text("静安寺")
        page.keyboard.press("Enter")
        page.locator("[name=text]").fill("楼道里全是烟，着火了")
        expect(page.locator(".call-reading")).to_contain_text("Fire")
        page.locator("[name=callerPhone]").fill("13800138000")
        again = page.context.new_page()
        page.close()
        again.set_default_timeout(patience(8_000))
        again.goto(gateway.url)
        expect(again.locator(".call")).to_contain_text("Restored")
        assert again.locator("[name=text]").input_value() == "楼道里全是烟，着火了"
        assert again.locator("[name=place]").input_value() == "静安寺"
        again.locator("[name=text]").focus()
        again.keyboard.press("Control+Enter")
        expect(again.locator(".became")).to_contain_text("opened incident")
        expect(again.locator(".sheet-place")).to_contain_text("静安寺")
        expect(again.locator(".call")).to_have_count(0)
        kept = again.evaluate("JSON.stringify([localStorage, sessionStorage])")
        assert "13800138000" not in kept
        # The next caller tells of the same: its place alone brings the incident, with its score.
        again.keyboard.press("/")
        again.keyboard.type("call 着火了")
        again.keyboard.press("Enter")
        again.locator("[name=place]").fill("静安寺")
        again.locator("[role=option]").first.click()
        expect(again.locator(".duplicates li").first).to_contain_text("%")
        again.locator(".call .primary").click()
        expect(again.locator(".became")).to_contain_text("became part of")


def test_why_not_the_nearest_in_one_key(stage, page) -> None:
    stage.happen("medical", "P2", 6.2, 0.4)
    choose(page, "康定路706号")
    page.keyboard.press("w")
    line = page.locator(".comparison").first
    expect(line.locator("dd").first).to_contain_text(re.compile(r"\d+ (s|min)"))
    expect(line.locator("dd").first).to_contain_text("m straight")
    page.keyboard.press("w")
    expect(page.locator(".comparison")).to_have_count(0)


def test_what_is_done_is_taken_back_by_one_key(stage, page) -> None:
    stage.happen("fire", "P3", 0.3, 0.2)
    choose(page, "南京西路131号")
    page.keyboard.press("s")
    is_done(page, "Send")
    expect(page.locator(".assignments > li:not(.is-over)").first).to_be_visible()
    page.keyboard.press("z")
    is_done(page, "Call back")
    expect(page.locator(".assignments > li:not(.is-over)")).to_have_count(0)
    page.keyboard.press("h")
    page.keyboard.type("wait")
    page.keyboard.press("Enter")
    is_done(page, "Hold")
    page.locator(".undo").click()
    is_done(page, "Resume")
    # Put aside for a while: told to the others, kept by this browser, and taken off again.
    page.keyboard.press("/")
    page.keyboard.type("shelve 10 waits for the key")
    page.keyboard.press("Enter")
    is_done(page, "Shelve")
    page.reload()
    expect(page.locator(".row", has_text="shelved until")).to_contain_text("waits for the key")
    expect(page.locator(".timeline")).to_contain_text("Shelved for 10 minutes: waits for the key")
    page.locator("#do-unshelve").click()
    expect(page.locator(".row", has_text="shelved until")).to_have_count(0)
    page.keyboard.press("e")
    page.keyboard.type("it spreads")
    page.keyboard.press("Enter")
    expect(page.locator(".sheet-head svg.s-P2")).to_have_count(1)


def hear(page, hertz: int) -> list[int]:
    """Wait until a tone was played; return all that were."""
    deadline = time.monotonic() + patience(8)
    while hertz not in (heard := page.evaluate("window.heard")):
        assert time.monotonic() < deadline, heard
        page.wait_for_timeout(50)
    return heard


LISTEN = """(() => {
    window.heard = [];
    const Real = window.OscillatorNode;
    window.OscillatorNode = class extends Real {
        constructor(context, options) {
            super(context, options);
            window.heard.push(options.frequency);
        }
    };
})()"""


def test_a_flood_is_grouped_with_one_sound_and_p1_apart(stage, page) -> None:
    page.add_init_script(LISTEN)
    page.reload()
    expect(page.locator(".banner", has_text="Sound is off")).to_be_visible()
    page.locator(".banner button", has_text="Enable sound").click()
    expect(page.locator(".banner", has_text="Sound is off")).to_have_count(0)
    stage.happen_all([("gas_leak", "P4", n % 8, n // 8 + 0.4) for n in range(40)])
    expect(page.locator(".is-flood")).to_contain_text("Flood")
    area = page.locator(".area").first
    expect(area).to_contain_text(re.compile(r"南街道 \d+ incidents?, \d+ alarms"))
    expect(page.locator(".oldest")).to_be_visible()
    page.evaluate("window.heard = []")
    stage.happen("lift_entrapment", "P3", 2.5, 6.5)
    stage.happen("fire", "P1", 7.4, 7.4)
    urgent = page.locator(".rows").first.locator(".row", has_text="Fire")
    expect(urgent.locator("svg.s-P1").first).to_be_visible()
    expect(page.locator(".group").first).to_contain_text("P1 and unread")
    heard = hear(page, 1175)
    assert 520 not in heard, "a P3 is silent in a flood"
    page.evaluate(f"(() => {{ {AXE.read_text()} }})()")
    check(page, "flood")


def test_what_changed_while_away_is_marked_until_read(stage, page) -> None:
    stage.happen("flood", "P3", 3.3, 3.4, 0.9)
    row = page.locator(".row", has_text="Flood").first
    row.wait_for()
    page.evaluate("window.dispatchEvent(new Event('blur'))")
    stage.happen("lift_entrapment", "P2", 6.5, 6.4)
    page.locator(".row", has_text="Lift").filter(has_text="P2").first.wait_for()
    page.evaluate("(() => { const now = Date.now; Date.now = () => now() + 31000 })()")
    page.evaluate("window.dispatchEvent(new Event('focus'))")
    expect(page.locator(".since")).to_contain_text(re.compile(r"[1-9]\d* new"))
    new = page.locator(".row", has=page.locator(".flag.changed", has_text="new")).first
    identity = new.get_attribute("id")
    new.click()
    page.locator(".timeline .is-unread").first.wait_for()
    page.keyboard.press("Escape")
    expect(page.locator(f"#{identity} .flag.changed")).to_have_count(0)


CORE_DOWN = """(() => {
    window.EventSource = class extends EventSource {
        addEventListener(name, take) {
            super.addEventListener(name, name !== "heartbeat" ? take : (event) => {
                const data = JSON.stringify({...JSON.parse(event.data), core_age: 40});
                take(new MessageEvent(name, {data, lastEventId: event.lastEventId}));
            });
        }
    };
})()"""


def test_the_list_is_there_when_the_core_is_not(stage, page) -> None:
    stage.happen("medical", "P3", 1.4, 5.3)
    page.locator(".row").first.wait_for()
    page.keyboard.press("p")
    listed = page.locator(".open-list")
    expect(listed.locator("tbody").first).to_contain_text("Medical")
    expect(listed.locator("tbody").last).to_contain_text("U01")
    with page.expect_download() as saved:
        listed.locator("button", has_text="Save").click()
    assert "U01" in saved.value.path().read_text()
    page.evaluate(f"(() => {{ {AXE.read_text()} }})()")
    check(page, "list")
    page.keyboard.press("Escape")
    page.keyboard.press("t")
    page.locator(".call").wait_for()
    check(page, "call")
    page.add_init_script(CORE_DOWN)
    page.reload()
    expect(page.locator(".banner.trouble")).to_contain_text("The core has not answered")
    page.locator(".banner.trouble button").click()
    expect(listed).to_be_visible()
