"""`jingwei incidents` and `jingwei units` over a real ledger."""

import asyncio
import json
from datetime import timedelta

import msgspec
import pytest
from rich.console import Console

from cli import watching
from cli.output import city_clock, set_city_clock
from desk import command_for
from infra.ledger.pool import connect
from schemas import codes, journal
from schemas.words import said
from tests.cli.conftest import Run, data
from tests.cli.scene import Scene
from tests.dispatch import dispatch_world as world

ESC = "\x1b"


def command(scene: Scene, incident: str, action: journal.Action) -> journal.Command:
    record = next(i for i in scene.core.snapshot().incidents if i.id == incident)
    return command_for(record, action, "li")


def test_lists_the_open_ones_worst_first(scene: Scene, run: Run) -> None:
    found = data(run("incidents", "list", "--json"))
    assert [line["incident"]["severity"] for line in found] == ["P1", "P3", "P3"]
    assert found[0]["incident"]["number"] == scene.numbers[0]
    assert scene.unit in found[0]["units"]


def test_a_list_off_a_terminal_is_plain_aligned_lines(scene: Scene, run: Run) -> None:
    result = run("incidents", "list")
    lines = result.stdout.splitlines()
    assert len(lines) == 4
    assert ESC not in result.stdout
    assert lines[0].startswith("number")
    assert "火灾 Fire" in lines[1]
    assert lines[1].startswith(scene.numbers[0])


def test_lists_by_what_is_asked(scene: Scene, run: Run) -> None:
    assert len(data(run("incidents", "list", "--severity", "P3", "--json"))) == 2
    assert len(data(run("incidents", "list", "--category", "fire", "--json"))) == 1
    assert data(run("incidents", "list", "--state", "closed", "--json")) == []
    nothing = run("incidents", "list", "--state", "closed")
    assert (nothing.stdout, nothing.stderr) == ("", "no such incident\n")


@pytest.mark.parametrize("part", ["id", "number", "suffix", "prefix"])
def test_shows_an_incident_by_any_unique_part(scene: Scene, run: Run, part: str) -> None:
    incident, number = scene.ids[0], scene.numbers[0]
    key = {"id": incident, "number": number, "suffix": number[-4:], "prefix": incident[:13]}[part]
    assert data(run("incidents", "show", key, "--json"))["incident"]["id"] == incident


def test_a_shown_incident_answers_why(scene: Scene, run: Run) -> None:
    text = run("incidents", "show", scene.ids[0]).stdout
    assert ESC not in text
    for part in ("Timeline", "Recommendations", "Assignments", "Evidence", "Alerts"):
        assert part in text
    assert "fewest seconds to the scene" in text
    assert "later than" in text
    assert "send" in text
    assert "could go" in text
    assert "on_scene" in text


@pytest.mark.parametrize("asked", [(), ("--lang", "zh")])
def test_reasons_are_in_the_readers_language(
    scene: Scene, run: Run, monkeypatch: pytest.MonkeyPatch, asked: tuple[str, ...]
) -> None:
    monkeypatch.setenv("LC_ALL", "en_US.UTF-8" if asked else "zh_CN.UTF-8")
    text = run("incidents", "show", scene.numbers[0], *asked).stdout
    assert "逐项需求选最快到达的单位" in text
    assert "派出" in text
    assert "fewest seconds" not in text
    text = run("incidents", "show", scene.numbers[0], "--lang", "en").stdout
    assert "fewest seconds" in text
    assert "逐项需求选最快到达的单位" not in text


def test_programs_get_english_and_the_data_beside_it(scene: Scene, run: Run) -> None:
    found = data(run("incidents", "show", scene.numbers[0], "--json", "--lang", "zh"))
    (sent,) = [line for line in found["timeline"] if line["kind"] == "recommended"][:1]
    assert sent["text"].startswith("Send ")
    assert sent["said"]["code"] == "send"
    assert "fewest seconds to the scene for each requirement in turn" in sent["reasons"]
    assert {"code": "fewest_seconds", "values": {}} in sent["because"]
    assert all(isinstance(alert["text"], str) and alert["said"] for alert in found["alerts"])


def test_a_refusal_is_in_the_readers_language(scene: Scene, run: Run) -> None:
    close = command(scene, scene.ids[0], journal.Close(disposition="resolved"))
    asyncio.run(scene.apply(close))
    english = run("incidents", "outcome", close.id)
    assert "still has units" in str(english.exception)
    assert "仍有单位" in str(run("incidents", "outcome", close.id, "--lang", "zh").exception)
    known = json.loads(run("incidents", "outcome", close.id, "--json", "--lang", "zh").stdout)
    assert "still has units" in known["reason"]
    assert known["said"]["code"] == "still_has_units"


def test_a_shown_incident_names_others_by_number_and_units_by_name(scene: Scene, run: Run) -> None:
    merge = journal.Merge(into=scene.ids[0])
    asyncio.run(scene.apply(command(scene, scene.ids[1], merge)))
    text = run("incidents", "show", scene.ids[1]).stdout
    assert f"merged into   {scene.numbers[0]}" in text
    assert f"{scene.numbers[1]} → {scene.numbers[0]}" in text
    assert scene.ids[0] not in text
    unit = next(u for u in scene.core.snapshot().units if u.id == scene.unit)
    assert f"{unit.id}  {unit.name}" in run("incidents", "show", scene.ids[0]).stdout


def test_commands_are_listed_with_what_was_asked(scene: Scene, run: Run) -> None:
    close = journal.Close(disposition="resolved", reason="all out")
    asyncio.run(scene.apply(command(scene, scene.ids[0], journal.AddNote(text="seen\x1b[2J"))))
    asyncio.run(scene.apply(command(scene, scene.ids[0], close)))
    found = data(run("incidents", "commands", "--incident", scene.numbers[0], "--json"))
    assert [one["outcome"] for one in found] == ["refused", "accepted"]
    assert found[0]["action"] == {
        "action": "close",
        "disposition": "resolved",
        "reason": "all out",
    }
    lines = run("incidents", "commands", "--operator", "li").stdout.splitlines()
    assert "disposition=resolved  reason=all out" in lines[1]
    assert scene.numbers[0] in lines[1]
    assert "text=seen\\x1b[2J" in lines[2]
    assert run("incidents", "commands", "--operator", "nobody").stdout == ""


def test_what_people_wrote_never_reaches_the_terminal_raw(scene: Scene, run: Run) -> None:
    assert "\\x1b" in _after_a_hostile_report(scene, run)


def _after_a_hostile_report(scene: Scene, run: Run) -> str:
    made = scene.journal
    noted = made.evidence("fire", "P2", None)
    hostile = msgspec.structs.replace(
        noted.evidence, text=f"{ESC}[2Jgone", reasons=(said(f"{ESC}]0;x"),)
    )
    asyncio.run(scene.apply(msgspec.structs.replace(noted, evidence=hostile)))
    text: str = run("incidents", "show", scene.numbers[-1]).stdout
    assert ESC not in text
    return text


@pytest.mark.parametrize("key", ["nothing-like-it", "0000"])
def test_an_unknown_incident_is_one_sentence(scene: Scene, run: Run, key: str) -> None:
    result = run("incidents", "show", key)
    assert result.exit_code == 2
    assert "jingwei incidents list" in str(result.exception)


def test_an_ambiguous_part_names_some(scene: Scene, run: Run) -> None:
    result = run("incidents", "show", scene.region)
    assert result.exit_code == 2
    assert scene.numbers[0] in str(result.exception)


def test_units_are_listed_and_shown(scene: Scene, run: Run) -> None:
    units = data(run("units", "list", "--json"))
    assert len(units) == 16
    busy = data(run("units", "list", "--state", "on_scene", "--json"))
    assert [unit["id"] for unit in busy] == [scene.unit]
    assert data(run("units", "show", scene.unit, "--json"))["incident"] == scene.ids[0]
    shown = run("units", "show", scene.unit).stdout
    assert "到场 On scene" in shown
    for text in (shown, run("units", "list").stdout):
        assert scene.numbers[0] in text
        assert scene.ids[0] not in text
    assert ESC not in run("units", "list").stdout


def test_stamps_that_were_refused_are_shown_with_the_reason(scene: Scene, run: Run) -> None:
    assert data(run("units", "refusals", "--json")) == []
    free = data(run("units", "list", "--state", "available", "--json"))[0]["id"]
    for _ in range(12):
        scene.journal.wait(1)
        asyncio.run(scene.apply(scene.journal.stamp(free, "on_scene")))
    found = data(run("units", "refusals", "--json"))
    assert len(found) == 12
    assert {(one["unit"], one["status"]) for one in found} == {(free, "on_scene")}
    assert found[0]["at"] > found[-1]["at"]
    assert len(data(run("units", "refusals", "--limit", "3", "--json"))) == 3
    assert found[0]["reason"] in run("units", "refusals").stdout
    assert data(run("units", "show", free, "--json"))["refusals"] == found[:10]
    shown = run("units", "show", free).stdout
    assert shown.count("refused") >= 10
    assert found[0]["reason"] in shown
    assert "refused" not in run("units", "show", scene.unit).stdout


def test_times_are_told_on_the_clock_of_the_regions_policy(scene: Scene, run: Run) -> None:
    assert "+0800" in run("incidents", "show", scene.numbers[0]).stdout
    policy = msgspec.structs.replace(codes.default_policy(), utc_offset_minutes=-300)
    asyncio.run(scene.apply(scene.journal.policy(policy)))
    try:
        assert "-0500" in run("incidents", "show", scene.numbers[0]).stdout
    finally:
        set_city_clock(())


def test_regions_on_different_clocks_are_told_in_utc() -> None:
    try:
        set_city_clock([480, -300])
        assert city_clock().utcoffset(None) == timedelta(0)
    finally:
        set_city_clock(())


def test_an_unknown_or_ambiguous_unit_is_one_sentence(scene: Scene, run: Run) -> None:
    assert run("units", "show", "X99").exit_code == 2
    result = run("units", "show", "U0")
    assert result.exit_code == 2
    assert "U00, U01" in str(result.exception)


def test_watching_off_a_terminal_is_a_line_a_change(scene: Scene, run: Run) -> None:
    async def fresh() -> tuple[int, int, str]:
        conn = await connect(scene.endpoints.worker_url)
        try:
            lines = watching.Lines(scene.journal.now - timedelta(hours=1))
            first = await lines.fresh(conn)
            again = await lines.fresh(conn)
        finally:
            await conn.close()
        return len(first), len(again), watching.plain(first[0])

    count, again, line = asyncio.run(fresh())
    assert count > 10
    assert again == 0
    assert "接报 Reported" in line
    result = run("incidents", "watch", "--for", "0.3", "--every", "0.1")
    assert result.exit_code == 0


def test_the_live_view_fits_the_screen(scene: Scene) -> None:
    async def draw(console: Console) -> str:
        conn = await connect(scene.endpoints.worker_url)
        try:
            seen = await watching.look(conn)
        finally:
            await conn.close()
        with console.capture() as captured:
            console.print(watching.draw(seen, console, "Jingwei"))
        return captured.get()

    text = asyncio.run(draw(Console(width=140, height=40, force_terminal=True)))
    assert "未结警情" in text
    assert "赶赴中" in text
    assert len(text.splitlines()) <= 40


def test_what_nobody_has_read_is_first_in_every_list(scene: Scene, run: Run) -> None:
    """However many came later: it is never beyond the limit of a list."""
    scene.journal.wait(5)
    unread = scene.journal.evidence("other", "unknown", world.place(0, 7), confidence=0.1)
    asyncio.run(scene.apply(unread))
    scene.journal.wait(5)
    later = scene.journal.evidence("fire", "P1", world.place(7, 0))
    asyncio.run(scene.apply(later))
    (first,) = data(run("incidents", "list", "--limit", 1, "--json"))
    assert first["incident"]["severity"] == "unknown"
    found = data(run("incidents", "list", "--json"))
    assert [line["incident"]["severity"] for line in found] == ["unknown", "P1", "P1", "P3", "P3"]
    assert "未知" in run("incidents", "list", "--lang", "zh").stdout

    async def look() -> tuple[watching.Look, str]:
        conn = await connect(scene.endpoints.worker_url)
        try:
            seen = await watching.look(conn, scene.region)
            return seen, await conn.fetchval("SELECT severity FROM open_incident LIMIT 1")
        finally:
            await conn.close()

    seen, first_of_view = asyncio.run(look())
    assert first_of_view == "unknown"
    assert seen.alerts[0].kind == "unread"


def test_without_services_it_is_one_sentence(run: Run, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("JINGWEI_HOME", str(tmp_path))
    result = run("incidents", "list")
    assert result.exit_code == 4
    assert "jingwei up" in str(result.exception)


def test_a_database_that_is_not_there_is_one_sentence(run: Run, monkeypatch) -> None:
    monkeypatch.setenv("JINGWEI_KAFKA_BOOTSTRAP", "127.0.0.1:1")
    monkeypatch.setenv("JINGWEI_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    result = run("incidents", "list")
    assert result.exit_code == 4
    assert "jingwei status" in str(result.exception)
