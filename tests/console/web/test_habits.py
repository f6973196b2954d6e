"""The habits of who types, who points and who listens; and nothing by colour alone."""

import re
import time
from datetime import UTC, datetime

import pytest
from playwright.sync_api import expect

from tests.console.web.conftest import opened
from tests.console.web.test_console import AXE, check, is_done, number_of
from tests.patience import patience

# Each test has an address of its own: what another has left open may still be shown for a moment.
pytestmark = [pytest.mark.kafka, pytest.mark.postgis, pytest.mark.slow]


def by_line(page, line: str) -> None:
    """Type a command."""
    page.keyboard.press("/")
    page.keyboard.type(line)
    page.keyboard.press("Enter")


def test_who_types_commands_never_touches_another_incident(stage, page) -> None:
    stage.happen("fire", "P2", 1.2, 5.5)
    stage.happen("medical", "P2", 7, 0.5)
    fire = page.locator(".row", has_text="康定路287号")
    other = page.locator(".row", has_text="新闸路785号")
    mine, theirs = (row.locator(".row-number").inner_text() for row in (fire, other))
    by_line(page, f"go {mine}")
    page.locator("#sheet-title", has_text="Fire").wait_for()
    # The number without its sign would else be ignored, and the chosen incident acknowledged.
    by_line(page, f"ack {theirs}")
    expect(page.locator(".command .fault")).to_contain_text(f"Not understood: {theirs}")
    expect(page.locator(".d-done")).to_have_count(0)
    page.keyboard.press("Escape")
    by_line(page, f"ack #{theirs}")
    is_done(page, f"Acknowledge {theirs}")
    expect(fire).to_contain_text("Not acknowledged")
    by_line(page, f"go {mine}")
    page.locator("#sheet-title", has_text="Fire").wait_for()
    free = [one.inner_text()[-3:] for one in page.locator(".cell.u-available b").all()[:2]]
    by_line(page, f"send {free[0]} {free[1]}")
    is_done(page, f"Send recommended {mine}")
    expect(page.locator(".assignments > li:not(.is-over)")).to_have_count(2)
    for unit in free:
        by_line(page, f"unassign {unit} too far")
    expect(page.locator(".assignments > li:not(.is-over)")).to_have_count(0)
    page.keyboard.press("/")
    page.keyboard.press("ArrowUp")
    expect(page.locator("#command")).to_have_value(f"unassign {free[1]} too far")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    expect(page.locator("#command")).to_have_value(f"send {free[0]} {free[1]}")
    page.keyboard.press("ArrowDown")
    expect(page.locator("#command")).to_have_value(f"unassign {free[0]} too far")
    page.locator("#command").fill("close unfounded toast")
    page.keyboard.press("Enter")
    page.locator(".sheet-state", has_text="Closed").wait_for()


def test_who_points_types_nothing_but_reasons(stage, page) -> None:
    stage.happen("fire", "P2", 2.2, 4.5)
    row = page.locator(".row", has_text="康定路371号")
    row.click()
    page.locator("#do-acknowledge").click()
    is_done(page, "Acknowledge")
    # A unit is dragged from the board to the incident, and taken back with one click.
    cell = page.locator(".cell.u-available").first
    first = cell.locator("b").inner_text()
    cell.drag_to(row)
    is_done(page, "Send recommended")
    active = page.locator(".assignments > li:not(.is-over)")
    expect(active).to_have_count(1)
    expect(active).to_contain_text(first)
    page.locator(".undo").first.click()
    expect(active).to_have_count(0)
    # A form that asks for units takes them from the board.
    page.locator("#do-override").click()
    free = page.locator(".cell.u-available")
    names = [free.nth(one).locator("b").inner_text() for one in (0, 1)]
    for name in names:
        page.locator(".cell", has_text=name).click()
    page.locator(".cell", has_text=names[1]).click()
    expect(page.locator(".cell[aria-pressed=true]")).to_have_count(1)
    page.locator(".deed [name=reason]").fill("the crew knows the house")
    page.locator(".deed .primary").click()
    is_done(page, "Override")
    expect(active).to_have_count(1)
    expect(active).to_contain_text(names[0])
    page.locator("#do-unassign").click()
    page.locator(".cell.mine").click()
    page.locator(".deed [name=reason]").fill("burnt food")
    page.locator(".deed .primary").click()
    expect(active).to_have_count(0)
    page.locator("header.top").get_by_role("button", name="List").click()
    expect(page.locator(".open-list")).to_contain_text("康定路371号")
    page.locator(".open-list").get_by_role("button", name="Dismiss").click()
    page.locator("#do-close").click()
    page.locator(".deed select").select_option("unfounded")
    page.locator(".deed .primary").click()
    page.locator(".sheet-state", has_text="Closed").wait_for()


def test_who_listens_keeps_the_place_and_hears_what_came_of_it(stage, page) -> None:
    for name in ("Incidents", "Units"):
        expect(page.get_by_role("region", name=name)).to_be_visible()
    stage.happen("fire", "P1", 0.2, 6.5)
    expect(page.get_by_role("alert").filter(has_text="New P1")).to_contain_text("康定路203号")
    page.get_by_role("link", name="Skip to the incidents").focus()
    page.keyboard.press("Enter")
    row = page.get_by_role("link", name=re.compile(r"P1 .*Fire.*康定路203号"))
    expect(row).to_have_count(1)
    row.focus()
    page.keyboard.press("Enter")
    sheet = page.get_by_role("region", name=re.compile("Fire"))
    expect(sheet).to_be_visible()
    expect(row).to_have_attribute("aria-current", "true")
    said = page.get_by_role("status", name="Commands given")
    for name in ("Acknowledge", "Send recommended"):
        button = sheet.get_by_role("button", name=re.compile(name))
        button.focus()
        page.keyboard.press("Enter")
        expect(said).to_contain_text(re.compile(rf"{name} \d+: done"))
        # The button may have gone: its place is not lost with it.
        expect(page.locator("#sheet:focus, #sheet :focus")).to_have_count(1)
    page.keyboard.press("n")
    box = page.get_by_role("form", name="Note").get_by_role("textbox", name="Text")
    expect(box).to_be_focused()
    page.keyboard.press("Enter")
    alert = page.get_by_role("form", name="Note").get_by_role("alert")
    expect(alert).to_have_text("Fill in: Text")
    page.keyboard.type("a neighbour has the key")
    page.keyboard.press("Enter")
    expect(said).to_contain_text(re.compile(r"Note \d+: done"))
    expect(page.locator("#sheet:focus, #sheet :focus")).to_have_count(1)
    expect(sheet.get_by_role("region", name="Timeline")).to_contain_text("neighbour has the key")
    heard = sheet.aria_snapshot()
    for heading in ("Assigned units", "Recommendation", "Evidence", "Timeline"):
        assert f'heading "{heading}' in heard, heard
    assert 'heading "Fire Dispatched"' in heard, "words do not run into each other"


def test_button_key_and_command_move_to_the_same(stage, page, gateway) -> None:
    stage.happen("fire", "P2", 6.6, 6.6)
    page.locator(".row", has_text="愚园路").click()
    page.locator(".timeline > li").first.wait_for()

    def by_button(name: str) -> None:
        page.locator("header.top").get_by_role("button", name=name).click()

    asked: list[float] = []
    page.on("request", lambda one: asked.append(ago(one.url)) if "/api/v1/at?" in one.url else None)
    for way in (
        lambda: by_button("As it was"),
        lambda: page.keyboard.press("b"),
        lambda: by_line(page, "rewind"),
        lambda: by_line(page, "rewind 5"),
    ):
        before = len(asked)
        way()
        expect(page.locator("#past")).to_be_visible()
        deadline = time.monotonic() + patience(10)
        while len(asked) == before:
            assert time.monotonic() < deadline
            page.wait_for_timeout(20)
        page.keyboard.press("b")
        expect(page.locator("#past")).to_have_count(0)
    assert all(abs(seconds - 300) < patience(5) for seconds in asked), asked

    for way in (
        lambda: by_button("List"),
        lambda: page.keyboard.press("p"),
        lambda: by_line(page, "print"),
    ):
        way()
        expect(page.locator(".open-list")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.locator(".open-list")).to_have_count(0)

    drafts = []
    for way in (
        lambda: page.get_by_role("link", name="Hand-over").click(),
        lambda: page.keyboard.press("Shift+H"),
        lambda: by_line(page, "handover"),
    ):
        way()
        page.wait_for_url("**/handover")
        expect(page.locator("#hand-over")).to_contain_text("li")
        drafts.append(page.locator(".paper table").first.inner_text())
        page.go_back()
        page.locator(".timeline > li").first.wait_for()
    assert drafts[0] == drafts[1] == drafts[2]
    assert number_of(page) in drafts[0]


def ago(url: str) -> float:
    """Return how many seconds ago the time is that a page asks for."""
    at = datetime.fromisoformat(re.search(r"[?&]t=([^&]+)", url)[1].replace("%3A", ":"))
    return (datetime.now(UTC) - at).total_seconds()


KINDS = ("P1", "P2", "P3", "P4")


def test_every_state_is_told_apart_without_colours(stage, chromium, gateway) -> None:
    with opened(chromium, gateway, forced_colors="active") as page:
        assert page.evaluate("matchMedia('(forced-colors: active)').matches")
        stage.happen_all([("gas_leak", one, 2 * n, 2 * n + 0.4) for n, one in enumerate(KINDS)])
        rows = page.locator(".row")
        expect(rows).to_have_count(4)
        shapes = {page.locator(f".row svg.s-{one} path").first.get_attribute("d") for one in KINDS}
        assert len(shapes) == len(KINDS)
        rows.first.click()
        page.locator(".timeline > li").first.wait_for()
        # What is chosen, and which button is the next step, shows by more than a colour.
        assert differs(rows.nth(0), rows.nth(1))
        assert differs(page.locator("#do-acknowledge"), page.locator("#do-note"))
        pressed = page.locator(".chip", has_text="P1")
        pressed.click()
        assert differs(pressed, page.locator(".chip", has_text="P2"))
        pressed.click()
        page.keyboard.press("o")
        cells = page.locator(".cell.u-available")
        cells.first.click()
        assert differs(cells.nth(0), cells.nth(1))
        signs = {one.inner_text() for one in page.locator(".legend li").all()}
        assert len(signs) == 5
        page.keyboard.press("Escape")
        page.evaluate(f"(() => {{ {AXE.read_text()} }})()")
        check(page, "forced colours")


def differs(one, other) -> bool:
    """Return whether two things differ in an outline or a border, whatever the colours."""
    look = """(one) => {
        const {outlineStyle, outlineWidth, borderLeftWidth, borderBottomWidth,
            borderBottomStyle, textDecorationLine, fontWeight} = getComputedStyle(one);
        return JSON.stringify([outlineStyle, outlineWidth, borderLeftWidth, borderBottomWidth,
            borderBottomStyle, textDecorationLine, fontWeight]);
    }"""
    return one.evaluate(look) != other.evaluate(look)


def test_at_200_percent_nothing_is_cut_off(stage, chromium, gateway) -> None:
    """200 % of 1440 by 900 are 720 by 450 pixels of the page."""
    stage.happen("fire", "P1", 5.5, 2.2)
    with opened(chromium, gateway, viewport={"width": 720, "height": 450}) as page:
        page.locator(".row", has_text="新闸路662号").click()
        page.locator(".timeline > li").first.wait_for()
        page.locator("#do-acknowledge").click()
        is_done(page, "Acknowledge")
        page.locator("#do-override").click()
        page.locator(".deed [name=reason]").fill("nearer")
        for path in (None, "/?wall", "/handover", "/streets"):
            if path is not None:
                page.goto(gateway.url + path)
                page.locator("h1").first.wait_for()
            wide = page.evaluate(TOO_WIDE)
            assert wide == [], (path, wide)


TOO_WIDE = """() => {
    if (document.documentElement.scrollWidth > innerWidth) return ['the page'];
    const hidden = (one) => {
        const {left, right, width} = one.getBoundingClientRect();
        return width > 0 && one.checkVisibility() && (left < -1 || right > innerWidth + 1);
    };
    return [...document.querySelectorAll('button, input, select, a:not(.skip), h1, h2')]
        .filter(hidden).map((one) => one.outerHTML.slice(0, 120));
}"""
