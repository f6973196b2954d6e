"""The console's other views of a city in Chromium: as it was, on a wall, in a second tab."""

import re
import time
from datetime import UTC, datetime

import pytest
from playwright.sync_api import expect

from tests.console.web.conftest import opened
from tests.console.web.test_console import AXE, check
from tests.patience import patience

pytestmark = [pytest.mark.kafka, pytest.mark.postgis, pytest.mark.slow]


def test_an_earlier_time_is_seen_beside_the_present(stage, page) -> None:
    stage.happen("fire", "P3", 2.3, 2.3)
    page.locator(".row", has_text="Fire").first.wait_for()
    early = stage.journal.now
    stage.journal.wait(120)
    stage.happen("flood", "P4", 6.2, 6.2)
    page.locator("#queue .row", has_text="Fire").click()
    page.keyboard.press("e")
    page.keyboard.type("it spreads")
    page.keyboard.press("Enter")
    expect(page.locator(".sheet-head svg.s-P2")).to_have_count(1)
    page.locator("#queue .row").nth(1).wait_for()
    page.keyboard.press("/")
    page.keyboard.type("rewind 13h")
    page.keyboard.press("Enter")
    expect(page.locator(".command .fault")).to_contain_text("From 30 s to 12 h")
    # This city's journal is minutes behind the machine's clock.
    ago = (datetime.now(UTC) - early).total_seconds() - 60
    page.locator("#command").fill(f"rewind {ago:.0f}s")
    page.keyboard.press("Enter")
    then = page.locator("#past .row")
    expect(then).to_have_count(1)
    expect(then).to_contain_text("Fire")
    expect(then.locator("svg.s-P3")).to_have_count(1)
    expect(then).to_contain_text("now: P2")
    expect(page.locator(".past-sum")).to_contain_text("1 opened since")
    expect(page.locator("#queue .row")).to_have_count(2)
    page.evaluate(f"(() => {{ {AXE.read_text()} }})()")
    for theme in range(2):
        check(page, f"past {theme}")
        page.locator(".preferences .quiet").last.click()
    page.keyboard.press("b")
    expect(page.locator("#past")).to_have_count(0)


def test_a_wall_map_stays_where_it_is(stage, page) -> None:
    stage.happen("fire", "P2", 0.2, 0.2)
    page.locator(".row").first.wait_for()
    page.keyboard.press("f")
    page.locator(".wall .map-box[data-ready]").wait_for(timeout=patience(30_000))
    expect(page).to_have_url(re.compile(r"\?wall"))
    expect(page.locator(".wall-counts li").nth(2)).to_contain_text("1")
    box = page.locator(".wall .map-box")
    around = box.bounding_box()
    page.mouse.move(around["x"] + around["width"] * 0.8, around["y"] + around["height"] * 0.2)
    settled(page, box)
    page.mouse.wheel(0, -900)
    seen = settled(page, box)
    stage.happen("flood", "P4", 0.2, 7.2)
    expect(page.locator(".wall-counts li").nth(4)).to_contain_text("1")
    assert settled(page, box) == seen, "what happens elsewhere moves no wall"
    page.keyboard.press("a")  # nobody decides on a wall
    page.evaluate(f"(() => {{ {AXE.read_text()} }})()")
    check(page, "wall")
    page.keyboard.press("Escape")
    expect(page.locator("#queue .row").first).to_contain_text("Not acknowledged")
    expect(page).not_to_have_url(re.compile(r"\?wall"))


def settled(page, box) -> bytes:
    """Return how a map looks once two looks at it are the same."""
    deadline = time.monotonic() + patience(30)
    before, seen = b"", box.screenshot()
    while before != seen:
        assert time.monotonic() < deadline, "the map does not come to rest"
        page.wait_for_timeout(500)
        before, seen = seen, box.screenshot()
    return seen


def test_a_second_tab_shares_the_stream_and_takes_it_over(stage, chromium, gateway) -> None:
    with opened(chromium, gateway) as first:
        streams: list[str] = []
        stage.happen("fire", "P3", 2.3, 2.3)
        first.locator(".row").first.wait_for()
        second = first.context.new_page()
        second.set_default_timeout(patience(8_000))
        second.on("request", lambda one: streams.append(one.url) if "/stream" in one.url else None)
        second.goto(gateway.url)
        expect(second.locator(".row")).to_have_count(1)
        second.locator(".banner.trouble").wait_for(state="detached")
        stage.happen("flood", "P3", 6.3, 6.3)
        for tab in (first, second):
            expect(tab.locator(".row")).to_have_count(2)
        assert streams == []
        first.close()
        stage.happen("gas_leak", "P3", 2.3, 6.3)
        expect(second.locator(".row")).to_have_count(3, timeout=patience(20_000))
        (taken,) = streams
        assert "last_event_id" in taken, "it goes on where the first one was"


def test_a_tab_that_says_nothing_is_followed_by_the_next(stage, chromium, gateway) -> None:
    with opened(chromium, gateway) as first:
        second = first.context.new_page()
        second.set_default_timeout(patience(8_000))
        second.goto(gateway.url)
        second.locator(".banner.trouble").wait_for(state="detached")
        with second.expect_request(lambda one: "/stream" in one.url, timeout=patience(30_000)):
            first.evaluate("BroadcastChannel.prototype.postMessage = () => {}")
        stage.happen("fire", "P3", 2.3, 2.3)
        for tab in (second, first):
            expect(tab.locator(".row")).to_have_count(1)
