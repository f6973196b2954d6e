"""A shift is handed over on one page, and signed by both, in Chromium."""

import re

import pytest
from playwright.sync_api import expect

from tests.console.web.conftest import opened
from tests.console.web.test_pages import SCREEN, has_no_barrier, visiting
from tests.patience import patience

pytestmark = [pytest.mark.kafka, pytest.mark.postgis, pytest.mark.slow]


def test_what_is_open_promised_shelved_and_overridden_is_signed_by_both(
    stage, chromium, gateway
) -> None:
    stage.happen_all([("fire", "P2", 2.3, 2.3), ("lift_entrapment", "P3", 6.2, 6.2)])
    with opened(chromium, gateway, color_scheme="light") as page:
        page.locator(".row", has_text="Fire").first.click()
        page.keyboard.press("s")
        expect(page.locator(".d-done").first).to_be_visible(timeout=patience(8_000))
        page.keyboard.press("u")
        page.locator(".assignments li").first.wait_for()
        unit = stage.core.snapshot().assignments[-1].unit
        page.keyboard.type(unit)
        page.keyboard.press("Tab")
        page.keyboard.type("needed elsewhere")
        page.keyboard.press("Enter")
        page.locator(".row", has_text="Lift").first.click()
        page.keyboard.press("/")
        page.keyboard.type("shelve 30 waits for the key")
        page.keyboard.press("Enter")
        page.locator(".row", has_text="shelved until").wait_for()
        page.get_by_role("link", name="Hand-over").click()
        expect(page.locator("#handed_open tbody tr")).to_have_count(2)
        expect(page.locator("#shelved tbody")).to_contain_text("waits for the key")
        expect(page.locator("#handed_promised tbody tr").first).to_be_visible()
        expect(page.locator("#handed_overridden tbody")).to_contain_text("needed elsewhere")
        page.locator("textarea").fill("the porter has the key")
        page.reload()
        expect(page.locator("textarea")).to_have_value("the porter has the key")
        has_no_barrier(page, "hand-over")
        page.locator("#hand-over").click()
        expect(page.locator(".signatures")).to_contain_text(re.compile(r"Handed over by\s*li"))
        expect(page.locator("#take-over")).to_have_count(0)
        address = page.url
        page.emulate_media(media="print")
        expect(page.locator(".page-head")).to_be_hidden()
        expect(page.locator(".signatures")).to_be_visible()
    path = address.removeprefix(gateway.url)
    with visiting(chromium, gateway, path, "wang", viewport=SCREEN) as page:
        expect(page.locator(".note")).to_have_text("the porter has the key")
        expect(page.locator("#shelved tbody")).to_contain_text("waits for the key")
        page.locator("#take-over").click()
        expect(page.locator(".signatures")).to_contain_text(re.compile(r"Taken over by\s*wang"))
        expect(page.locator("#take-over")).to_have_count(0)
        has_no_barrier(page, "signed")
        # What the next shift sees first: since the hand-over that was signed.
        page.locator(".past a").first.click()
        expect(page.locator("select option").first).to_contain_text("at the last hand-over")
