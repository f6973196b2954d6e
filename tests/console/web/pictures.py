"""Pictures of the console for the documents, of a gateway that runs (`jingwei demo` beside it).

``python -m tests.console.web.pictures URL NAME docs/pictures`` asks for the password on stdin.
"""

import shutil
import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

ARGUMENTS = ("--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader")
_SETTLE_MS = 3_000


def main(url: str, name: str, folder: Path, password: str) -> None:
    """Draw the screen by day in English and by night in Chinese."""
    with sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=shutil.which("chromium"), args=list(ARGUMENTS)
        )
        for locale, scheme, file in (
            ("en-GB", "light", "console-day-en"),
            ("zh-CN", "dark", "console-night-zh"),
        ):
            context = browser.new_context(
                locale=locale, color_scheme=scheme, viewport={"width": 1600, "height": 1000}
            )
            page = context.new_page()
            page.goto(url)
            _sign_in(page, name, password)
            page.locator(".row").first.wait_for()
            page.locator(".banners .banner button").first.click()
            page.keyboard.press("j")
            page.locator(".timeline > li").first.wait_for()
            page.wait_for_timeout(_SETTLE_MS)  # the map draws its tiles
            page.screenshot(path=folder / f"{file}.png")
            context.close()
        browser.close()


def _sign_in(page: Page, name: str, password: str) -> None:
    page.locator("input[name=name]").fill(name)
    page.locator("input[name=password]").fill(password)
    page.locator(".door button.primary").click()
    page.locator(".door").wait_for(state="detached")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]), sys.stdin.readline().strip())
