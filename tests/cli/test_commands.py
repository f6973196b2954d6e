"""Operators' commands: through the broker's journal, answered by a real core."""

import asyncio
import dataclasses

import pytest

from tests.cli.conftest import Run, data, point_at
from tests.cli.scene import Scene, make_journal
from tests.patience import pace

pytestmark = pytest.mark.kafka


def test_a_command_is_accepted_and_stands_in_the_timeline(desk: Scene, run: Run) -> None:
    result = run("incidents", "ack", desk.ids[0], "--operator", "王 Wang")
    assert result.exit_code == 0
    assert result.stdout.startswith(f"accepted: {desk.numbers[0]} is at version")
    shown = data(run("incidents", "show", desk.ids[0], "--json"))
    assert shown["incident"]["acknowledged_by"] == "王 Wang"
    assert shown["timeline"][-1]["kind"] == "acknowledged"


def test_a_refusal_says_why(desk: Scene, run: Run) -> None:
    result = run("incidents", "close", desk.numbers[0][-4:], "-d", "resolved")
    assert result.exit_code == 5
    assert "still has units" in str(result.exception)


def test_a_refusal_as_json(desk: Scene, run: Run) -> None:
    result = run("incidents", "resume", desk.ids[1], "--json")
    assert result.exit_code == 5
    assert '"refused"' in result.stdout


def test_an_expected_version_that_is_not_there(desk: Scene, run: Run) -> None:
    result = run("incidents", "note", desk.ids[0], "seen", "--expected-version", "1")
    assert result.exit_code == 5
    assert "not 1" in str(result.exception)


def test_every_command_through_an_incidents_life(desk: Scene, run: Run) -> None:
    fire, crash, lift = desk.ids
    lift_unit = next(u.id for u in desk.core.snapshot().units if u.state == "available")

    def order(*arguments: str) -> None:
        result = run("incidents", *arguments, "--operator", "li")
        assert result.exit_code == 0, (arguments, result.exception, result.output)

    order("classify", lift, "--severity", "P2", "--at", "121.45,31.235", "-m", "caller is sure")
    order("hold", lift, "--reason", "caller rings back")
    order("resume", lift)
    order("override", lift, lift_unit, "--reason", "is next door")
    order("unassign", lift, lift_unit, "-m", "wrong kind")
    order("note", lift, "doors are open")
    refused = run("incidents", "merge", crash, fire[:20], "--operator", "li")
    assert refused.exit_code == 5
    assert "goes on from" in refused.stderr
    assert "--yes" in str(refused.exception)
    tried = run("incidents", "merge", crash, fire[:20], "--dry-run")
    assert tried.exit_code == 0
    assert "its plan asks for" in tried.stdout
    assert data(run("incidents", "show", crash, "--json"))["incident"]["merged_into"] is None
    order("merge", crash, fire[:20], "--yes")
    order("unmerge", crash, "-m", "two streets", "--yes")
    assert data(run("incidents", "show", crash, "--json"))["incident"]["merged_into"] is None
    order("merge", crash, fire[:20], "-m", "one after all", "--yes")
    for unit in [u.id for u in desk.core.snapshot().units if u.incident == lift]:
        order("unassign", lift, unit, "-m", "over")
    order("close", lift, "--disposition", "unfounded")
    order("reopen", lift, "--reason", "they are stuck again")
    free = next(u.id for u in desk.core.snapshot().units if u.state == "available")
    order("assign", lift, free, "--reason", "one more to lift the car")
    assert data(run("incidents", "show", crash, "--json"))["incident"]["merged_into"] == fire


def test_nobody_answers(scene: Scene, run: Run) -> None:
    asyncio.run(make_journal(scene.endpoints.bootstrap))
    result = run("incidents", "ack", scene.ids[0], "--timeout", pace(1))
    assert result.exit_code == 8
    text = str(result.exception)
    assert "jingwei incidents outcome" in text
    assert "do not give another one" in text
    command = text.split()[1]
    assert run("incidents", "outcome", command).exit_code == 8


def test_no_broker(scene: Scene, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    point_at(dataclasses.replace(scene.endpoints, bootstrap="127.0.0.1:1"), monkeypatch)
    result = run("incidents", "ack", scene.ids[0], "--timeout", "1")
    assert result.exit_code == 4
    assert "jingwei status" in str(result.exception)


def test_a_place_that_is_none(scene: Scene, run: Run) -> None:
    result = run("incidents", "classify", scene.ids[0], "--at", "here")
    assert result.exit_code == 2
