"""What an operator does on the console, in Chromium."""

import asyncio
import json
import re
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from playwright.sync_api import expect

from cli.sign_in_links import add_link
from infra.ledger.pool import connect, transaction
from infra.settings import Endpoints
from schemas import wire, words
from schemas.records import TimelineEntry
from tests.console.web.conftest import opened, sign_in
from tests.patience import patience

pytestmark = [pytest.mark.kafka, pytest.mark.postgis, pytest.mark.slow]

SOURCES = Path(__file__).parents[3] / "console" / "web"
AXE = SOURCES / "node_modules" / "axe-core" / "axe.min.js"


def number_of(page) -> str:
    """Return the number of the chosen incident."""
    return re.search(r"\d{4}(?= ·)", page.locator(".sheet-facts").first.inner_text())[0]


def is_done(page, what: str) -> None:
    """Wait until a decision was carried out, and put its notice away."""
    page.locator(".d-done", has_text=what).first.wait_for()


def test_a_new_p1_shows_and_two_keys_send_units(stage, page) -> None:
    stage.happen("traffic_crash", "P3", 5, 5, 0.9)
    page.locator(".row").first.wait_for()
    stage.happen("fire", "P1", 2, 2)
    row = page.locator(".row", has=page.locator("svg.s-P1"))
    expect(row).to_have_count(1)
    assert row.locator("svg.s-P1").get_attribute("aria-label").startswith("P1")
    expect(page.locator("[aria-live=assertive]")).to_contain_text("P1")
    first = page.locator(".row svg").first
    expect(first, "the worst one is first").to_have_class(re.compile("s-P1"))
    page.keyboard.press("j")
    page.keyboard.press("s")
    is_done(page, "Send")
    page.locator(".assignments > li").first.wait_for()


def test_the_row_under_the_pointer_stays_while_50_arrive(stage, page) -> None:
    stage.happen("medical", "P2", 3, 3, 0.9)
    row = page.locator(".row", has_text="Medical")
    row.hover()
    identity, before = row.get_attribute("id"), row.bounding_box()
    places = [("gas_leak", f"P{1 + n % 4}", n % 8, n // 8 + 0.3) for n in range(50)]
    held = page.locator(".waiting")
    with ThreadPoolExecutor() as beside:
        coming = beside.submit(stage.happen_all, places)
        deadline = time.monotonic() + patience(40)
        while not coming.done() or f"{stage.many - 1} " not in "".join(held.all_inner_texts()):
            assert time.monotonic() < deadline, held.all_inner_texts()
            # However long it takes: a pointer that rests for 15 s holds nothing any more.
            for dx in (60, 62):
                page.mouse.move(before["x"] + dx, before["y"] + 12)
    assert held.locator("svg.s-P1").count() == 1, "what waits shows its worst"
    assert page.locator(f"#{identity}").bounding_box() == before
    page.mouse.move(720, 300)
    held.wait_for(state="detached")
    assert stage.many > 20
    expect(page.locator(".row")).to_have_count(stage.many)
    # The filter and the chosen incident stand in the address, and come back with it.
    page.locator(".chip", has_text="P1").click()
    urgent = page.locator(".row", has=page.locator("svg.s-P1"))
    expect(page.locator(".row:not(:has(svg.s-P1))")).to_have_count(0)
    page.keyboard.press("j")
    page.wait_for_url(re.compile(r"/incidents/.+\?severity=P1"))
    shown = urgent.count()
    assert 5 < shown < stage.many
    page.reload()
    page.locator("#sheet-title").wait_for()
    expect(page.locator(".row")).to_have_count(shown)
    expect(urgent).to_have_count(shown)


def test_an_incidents_life_by_keyboard(stage, page) -> None:
    stage.happen("fire", "P1", 0.2, 6.5)
    stage.happen("medical", "P1", 7, 0.5)
    fire = page.locator(".row", has_text="康定路203号")
    fire.wait_for()
    other = page.locator(".row", has_text="新闸路785号").locator(".row-number").inner_text()
    page.keyboard.press("/")
    page.keyboard.type(f"go {fire.locator('.row-number').inner_text()}")
    page.keyboard.press("Enter")
    page.locator("#sheet-title", has_text="Fire").wait_for()
    mine = number_of(page)

    page.keyboard.press("a")
    is_done(page, f"Acknowledge {mine}")
    free = page.locator(".cell.u-available b").first.inner_text()[-3:]
    page.keyboard.press("o")
    page.keyboard.type(free)
    page.keyboard.press("Tab")
    page.keyboard.type("it knows the building")
    page.keyboard.press("Enter")
    is_done(page, f"Override {mine}")
    page.locator(".timeline", has_text="it knows the building").wait_for()
    # Its units are out: it is refused in the core's words, and nothing that was typed is lost.
    page.keyboard.press("c")
    page.keyboard.press("R")
    page.keyboard.press("Tab")
    page.keyboard.type("burnt food")
    page.keyboard.press("Enter")
    refused = page.locator(".d-refused")
    refused.wait_for()
    assert "still has units" in refused.inner_text()
    assert page.locator(".deed [name=reason]").input_value() == "burnt food"
    page.keyboard.press("Escape")
    page.keyboard.press("u")
    page.keyboard.type(free)
    page.keyboard.press("Tab")
    page.keyboard.type("not needed")
    page.keyboard.press("Enter")
    is_done(page, f"Call back {mine}")
    page.keyboard.press("m")
    page.keyboard.type(other)
    page.keyboard.press("Enter")
    is_done(page, f"Merge {mine}")
    page.locator(".sheet-state", has_text="Merged").wait_for()
    page.keyboard.press("Shift+M")
    page.keyboard.type("they are two")
    page.keyboard.press("Enter")
    is_done(page, f"Unmerge {mine}")
    page.locator("#do-close").wait_for()
    page.keyboard.press("c")
    assert page.locator(".deed [name=reason]").input_value() == "burnt food"
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.locator(".sheet-state", has_text="Closed").wait_for()

    assert is_told_as_python_tells_it(page, "en")
    page.locator(".preferences .quiet").first.click()
    assert is_told_as_python_tells_it(page, "zh")


def is_told_as_python_tells_it(page, language: str) -> bool:
    """Compare each line of the shown timeline with what `schemas.words` makes of it."""
    path = page.evaluate("location.pathname")
    told = page.evaluate(f"fetch('/api/v1{path}/timeline?limit=200').then((one) => one.json())")
    lines = [wire.decode(json.dumps(one).encode(), TimelineEntry) for one in told["items"]]
    shown = page.locator(".timeline > li")
    expect(shown).to_have_count(len(lines))
    for number, line in enumerate(reversed(lines)):
        for reason in (line.said, *line.reasons):
            expect(shown.nth(number)).to_contain_text(
                words.render(reason, language), use_inner_text=True
            )
    return len(lines) > 5


SLOW_FRAMES = """() => {
    const draw = window.requestAnimationFrame.bind(window);
    window.requestAnimationFrame = (then) => window.setTimeout(() => draw(then), 300);
}"""


def test_what_is_typed_is_text_however_slowly_frames_are_drawn(stage, page) -> None:
    """No letter of a note is taken for the key of an action."""
    stage.happen("fire", "P2", 6.2, 3.3)
    page.locator(".row").first.wait_for()
    page.evaluate(SLOW_FRAMES)
    text = "scouts chase ants and come"
    page.keyboard.press("j")
    page.keyboard.press("n")
    page.keyboard.type(text, delay=30)
    expect(page.locator(".deed [name=text]")).to_be_focused()
    assert page.locator(".deed [name=text]").input_value() == text
    assert page.locator(".decision").count() == 0


def test_typing_survives_a_killed_gateway_and_an_ended_session(stage, page, gateway) -> None:
    stage.happen("medical", "P2", 4.4, 6.1)
    page.locator(".row").first.wait_for()
    page.keyboard.press("j")
    page.locator(".timeline > li").first.wait_for()
    page.keyboard.press("n")
    page.keyboard.type("caller is on the third floor")
    gateway.kill()
    page.locator(".banner.trouble", has_text="Disconnected").wait_for()
    page.keyboard.press("Enter")
    page.locator(".decision", has_text="same command again").first.wait_for()
    page.context.clear_cookies()
    gateway.start()
    page.locator(".door").wait_for(timeout=patience(20_000))
    assert page.locator(".deed [name=text]").input_value() == "caller is on the third floor"
    sign_in(page)
    is_done(page, "Note")
    told = page.locator(".timeline > li", has_text="caller is on the third floor")
    told.first.wait_for()
    assert told.count() == 1
    page.locator(".banner.trouble").wait_for(state="detached")


DEEDS = [
    ("acknowledge", "a", "ack", {}),
    ("send", "s", "send", {}),
    ("override", "o", "override U09 so it is", {"units": "U09", "reason": "so it is"}),
    ("unassign", "u", "unassign U09 so it is", {"units": "U09", "reason": "so it is"}),
    ("note", "n", "note two callers", {"text": "two callers"}),
    (
        "classify",
        "y",
        "classify P2 gas_leak why",
        {"severity": "P2", "category": "gas_leak", "reason": "why"},
    ),
    ("hold", "h", "hold wait", {"reason": "wait"}),
    ("merge", "m", "merge {other} same", {"into": "{other}", "reason": "same"}),
    ("close", "c", "close resolved all out", {"disposition": "resolved", "reason": "all out"}),
]


def test_button_key_and_command_ask_for_the_same(stage, page) -> None:
    stage.happen("traffic_crash", "P3", 1.1, 1.1)
    stage.happen("fire", "P2", 6.6, 6.6)
    page.locator(".row").nth(1).wait_for()
    row = page.locator(".row", has_text="Fire").filter(has_text="Not acknowledged").first
    row.click()
    page.locator("#do-acknowledge").wait_for()
    mine = number_of(page)
    numbers = page.locator(".row-number").all_inner_texts()
    other = next(one for one in numbers if one != mine)
    asked, keys = [], []

    def answer(route) -> None:
        asked.append(json.loads(route.request.post_data))
        keys.append(route.request.headers["idempotency-key"])
        route.fulfill(status=200, content_type="application/json", body="{}")

    page.route("**/commands", answer)
    for deed, key, line, fields in DEEDS:
        typed = {name: value.format(other=other) for name, value in fields.items()}
        before = len(asked)
        for way in ("button", "key", "line"):
            with page.expect_response("**/commands", timeout=patience(8_000)):
                if way == "line":
                    page.keyboard.press("/")
                    page.keyboard.type(line.format(other=other))
                    page.keyboard.press("Enter")
                else:
                    if way == "button":
                        page.locator(f"#do-{deed}").click()
                    else:
                        page.locator("#sheet").focus()
                        page.keyboard.press(key)
                    fill(page, typed)
            expect(page.locator(".deed")).to_have_count(0)
        found = asked[before:]
        assert len(found) == 3, (deed, found)
        assert found[0] == found[1] == found[2], deed
    assert len(set(keys)) == len(keys) == 3 * len(DEEDS)


def fill(page, typed: dict[str, str]) -> None:
    """Fill in the form of an action, if it has one, and send it."""
    if not typed:
        return
    for name, value in typed.items():
        field = page.locator(f".deed [name={name}]")
        if field.evaluate("(one) => one.tagName") == "SELECT":
            field.select_option(value)
        else:
            field.fill(value)
    page.locator(".deed .primary").click()


def test_no_view_has_a_barrier(stage, page) -> None:
    stage.happen("fire", "P3", 2.2, 5.5)
    page.locator(".row").first.wait_for()
    page.evaluate(f"(() => {{ {AXE.read_text()} }})()")
    page.keyboard.press("j")
    page.locator(".timeline > li").first.wait_for()
    for theme in range(2):
        check(page, f"screen {theme}")
        page.keyboard.press("o")
        page.locator(".deed").wait_for()
        check(page, f"form {theme}")
        page.keyboard.press("Escape")
        page.keyboard.press("?")
        page.locator("dialog").wait_for()
        check(page, f"keys {theme}")
        page.keyboard.press("Escape")
        page.keyboard.press("/")
        page.locator("#command").wait_for()
        check(page, f"command line {theme}")
        page.keyboard.press("Escape")
        page.locator(".preferences .quiet").last.click()
    page.context.clear_cookies()
    page.reload()
    page.locator(".door").wait_for()
    page.evaluate(f"(() => {{ {AXE.read_text()} }})()")
    check(page, "door")


def check(page, view: str) -> None:
    """Let axe look at the page."""
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    told = [
        (one["id"], [node["target"] for node in one["nodes"]][:3]) for one in found["violations"]
    ]
    assert told == [], view


def test_zoomed_and_without_webgl_the_lists_work(stage, chromium, gateway) -> None:
    stage.happen("fire", "P3", 5.5, 2.2)
    with opened(chromium, gateway, viewport={"width": 720, "height": 450}) as page:
        page.add_init_script("HTMLCanvasElement.prototype.getContext = () => null")
        page.reload()
        page.locator(".no-map").wait_for()
        page.locator(".row").first.click()
        page.locator(".timeline > li").first.wait_for()
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_a_link_signs_in_once_and_leaves_no_trace_in_the_address(stage, chromium, gateway) -> None:
    with ThreadPoolExecutor(1) as aside:  # Playwright has a loop on this thread
        link = aside.submit(lambda: asyncio.run(_link_for("li", stage.endpoints))).result()
    for works in (True, False):
        context = chromium.new_context(locale="en-GB")
        page = context.new_page()
        page.set_default_timeout(patience(8_000))
        page.goto(f"{gateway.url}/#link={link}")
        if works:
            page.locator("#queue").wait_for()
            expect(page.locator(".door")).to_have_count(0)
        else:
            expect(page.locator(".door .fault")).to_contain_text("it was used, or has expired")
        assert page.url == f"{gateway.url}/"
        context.close()


async def _link_for(name: str, endpoints: Endpoints) -> str:
    owner = await connect(endpoints.database_url)
    try:
        async with transaction(owner) as conn:
            return await add_link(conn, name, 5, "test")
    finally:
        await owner.close()


UNCOUNTED = {"has", "was", "goes", "is"}
"""Words behind a value that end as plurals do."""


def test_all_text_stands_in_the_catalogue() -> None:
    """No words stand in the views themselves, and each of the catalogue's is in both languages."""
    literal = re.compile(r">[^<>{}=;()&|]*[A-Za-z\u4e00-\u9fff]{2,}[^<>{}=;()]*</")
    for source in (SOURCES / "src").rglob("*.tsx"):
        assert not literal.findall(source.read_text()), source.name
    text = (SOURCES / "src" / "words" / "catalogue.ts").read_text()
    pairs = re.findall(r'^  (\w+): \["(.*?)", "(.*?)"\],$', text, re.MULTILINE)
    assert len(pairs) == len(re.findall(r"^  \w+: \[", text, re.MULTILINE)) > 100
    for name, chinese, english in pairs:
        assert re.search(r"[\u4e00-\u9fff]", chinese) or name == "english", name
        assert not re.search(r"[\u4e00-\u9fff]", english) or name == "chinese", name
        assert set(re.findall(r"{\w+}", chinese)) == set(re.findall(r"{\w+}", english)), name
        assert "|" not in chinese, f"{name}: Chinese has one form"
        # What is counted has two forms: no "1 units". Measures are written by their signs.
        counted = re.findall(r"{(\w+)} ([a-z]{3,}s)\b", english)
        assert [word for _, word in counted if word not in UNCOUNTED] == [], name
        assert all(f"{{{one}}}" in english for one in re.findall(r"{(\w+):", english)), name
    used = {
        word
        for source in (SOURCES / "src").rglob("*.ts*")
        if source.name != "catalogue.ts"
        for word in re.findall(r'"(\w+)"', source.read_text())
    }
    assert {name for name, _, _ in pairs} - used == set(), "words that nothing says"
