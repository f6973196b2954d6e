"""Pictures of the pages for the documents, of a gateway that runs (`jingwei demo` beside it).

``python -m tests.console.web.pictures URL NAME docs/pictures`` asks for the password on stdin. NAME
is an operator, or, with ``--crew``, a responder whose page alone is drawn.
"""

import shutil
import sys
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

ARGUMENTS = ("--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader")
SCREEN = {"width": 1600, "height": 1000}
PHONE = {"width": 390, "height": 844}
_SETTLE_MS = 3_000
_SENT_MS = 600_000
_COLOURS = 256


def main(url: str, name: str, folder: Path, password: str) -> None:
    """Draw the console by day and night, as it was, on a wall, and a hand-over."""
    shots: tuple[tuple[str, str, str, str, Callable[[Page], None]], ...] = (
        ("console-day-en", "en-GB", "light", "/", _chosen),
        ("console-night-zh", "zh-CN", "dark", "/", _chosen),
        ("past-day-en", "en-GB", "light", "/", _past),
        ("wall-night-zh", "zh-CN", "dark", "/?wall", _wall),
        ("handover-day-en", "en-GB", "light", "/handover", _handover),
    )
    with sync_playwright() as driver:
        browser = _browser(driver)
        for file, locale, scheme, path, arrange in shots:
            page = _open(browser, url + path, (name, password), SCREEN, locale, scheme)
            arrange(page)
            _draw(page, folder / f"{file}.png")
        browser.close()


def crew(url: str, name: str, folder: Path, password: str) -> None:
    """Draw a crew's page as soon as it is on its way."""
    with sync_playwright() as driver:
        browser = _browser(driver)
        page = _open(browser, url + "/unit", (name, password), PHONE, "en-GB", "light")
        page.locator(".way-steps li").nth(1).wait_for(timeout=_SENT_MS)
        _draw(page, folder / "unit-day-en.png")
        browser.close()


def _browser(driver) -> Browser:
    return driver.chromium.launch(executable_path=shutil.which("chromium"), args=list(ARGUMENTS))


def _open(  # noqa: PLR0917 - what, who, how
    browser: Browser,
    url: str,
    who: tuple[str, str],
    size: dict[str, int],
    locale: str,
    scheme: str,
) -> Page:
    context = browser.new_context(locale=locale, color_scheme=scheme, viewport=size)
    page = context.new_page()
    page.goto(url)
    page.locator("input[name=name]").fill(who[0])
    page.locator("input[name=password]").fill(who[1])
    page.locator(".door button.primary").click()
    page.locator(".door").wait_for(state="detached")
    return page


def _chosen(page: Page) -> None:
    page.locator(".row").first.wait_for()
    page.locator(".banners .banner button").first.click()
    page.keyboard.press("j")
    page.locator(".timeline > li").first.wait_for()


def _past(page: Page) -> None:
    _chosen(page)
    page.keyboard.press("/")
    page.keyboard.type("rewind 2")
    page.keyboard.press("Enter")
    page.locator("#past .row").first.wait_for()


def _wall(page: Page) -> None:
    page.locator(".wall .map-box[data-ready]").wait_for()
    page.locator(".banners .banner button").first.click()


def _handover(page: Page) -> None:
    page.locator("#handed_open tbody tr").first.wait_for()


def _draw(page: Page, file: Path) -> None:
    """Write a picture in few colours: a tenth of the size, and the eye sees no difference."""
    page.wait_for_timeout(_SETTLE_MS)  # the map draws its tiles
    seen = Image.open(BytesIO(page.screenshot())).convert("RGB")
    few = seen.quantize(_COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    few.save(file, optimize=True)
    page.context.close()


if __name__ == "__main__":
    told = [one for one in sys.argv[1:] if one != "--crew"]
    draw = crew if "--crew" in sys.argv else main
    draw(told[0], told[1], Path(told[2]), sys.stdin.readline().strip())
