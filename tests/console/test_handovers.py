"""What a shift hands over, and its two signatures."""

import uuid
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from console.access import Role
from infra.ledger.pool import connect
from schemas import journal
from tests.cli.scene import Scene
from tests.console.visitors import Visitors

pytestmark = pytest.mark.postgis
PATH = "/api/v1/handovers"


def given(**fields) -> dict:
    since = datetime.now(UTC) - timedelta(hours=8)
    return {"since": since.isoformat(), "note": "the key is with the porter"} | fields


async def test_it_has_what_is_open_promised_and_overridden(
    visitors: Visitors, scene: Scene
) -> None:
    crash = scene.ids[1]
    free = next(u.id for u in scene.core.snapshot().units if u.state == "available")
    override = journal.Override(units=(free,), reason="nearer by foot")
    await scene.apply(scene.journal.command(crash, override))
    draft = (await visitors.of(Role.OPERATOR).get(f"{PATH}/draft")).json()
    assert {line["incident"] for line in draft["open"]} == set(scene.ids)
    states = {one.id: one for one in scene.core.snapshot().incidents}
    for line in draft["open"]:
        assert line["short"] == bool(states[line["incident"]].short)
    assert not all(line["short"] for line in draft["open"])
    ranks = [line["severity"] for line in draft["open"]]
    assert ranks == sorted(ranks)
    coming = {line["unit"]: line for line in draft["promised"]}
    assert free in coming
    assert scene.unit not in coming, "it is there already"
    assert coming[free]["expected"] > coming[free]["dispatched"]
    (overridden,) = draft["overridden"]
    assert (overridden["incident"], overridden["action"]["reason"]) == (crash, "nearer by foot")
    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    none = (await visitors.of(Role.OPERATOR).get(f"{PATH}/draft", params={"since": later})).json()
    assert none["overridden"] == []


async def test_both_sign_and_neither_for_the_other(visitors: Visitors, scene: Scene) -> None:
    goes, comes = visitors.of(Role.OPERATOR), visitors.of(Role.SUPERVISOR)
    put = {
        "incident": scene.ids[2],
        "number": scene.numbers[2],
        "until": datetime.now(UTC).isoformat(),
        "reason": "waits for the key",
    }
    key = {"Idempotency-Key": uuid.uuid4().hex}
    first = await goes.post(PATH, json=given(shelved=[put]), headers=key)
    again = await goes.post(PATH, json=given(shelved=[put]), headers=key)
    assert (first.status_code, again.status_code) == (201, 201)
    made = first.json()
    assert again.json() == made
    assert (made["given_by"], made["taken_by"]) == ("operator", None)
    assert made["content"]["shelved"][0]["reason"] == "waits for the key"
    taken = f"{PATH}/{made['id']}/taken"
    assert (await goes.post(taken)).status_code == 409
    signed = await comes.post(taken)
    assert (signed.status_code, signed.json()["taken_by"]) == (200, "supervisor")
    assert (await comes.post(taken)).json() == signed.json(), "a signature counts once"
    kept = (await comes.get(first.headers["Location"])).json()
    assert kept == signed.json()
    assert kept["content"] == made["content"]
    listed = (await comes.get(PATH)).json()["items"]
    assert listed[0]["id"] == made["id"]
    audit = (await comes.get("/api/v1/audit", params={"subject": made["id"]})).json()["items"]
    assert [(line["actor"], line["action"], line["detail"]["sha256"]) for line in audit] == [
        ("supervisor", "take_over", made["sha256"]),
        ("operator", "hand_over", made["sha256"]),
    ]


async def test_what_is_signed_never_changes(visitors: Visitors, scene: Scene) -> None:
    key = {"Idempotency-Key": uuid.uuid4().hex}
    made = (await visitors.of(Role.OPERATOR).post(PATH, json=given(), headers=key)).json()
    await visitors.of(Role.SUPERVISOR).post(f"{PATH}/{made['id']}/taken")
    owner = await connect(scene.endpoints.database_url)
    for change in ("content = ''", "given_by = 'viewer'", "taken_at = now()"):
        with pytest.raises(asyncpg.IntegrityConstraintViolationError, match="never changes"):
            await owner.execute(f"UPDATE handover SET {change} WHERE id = $1", made["id"])
    await owner.close()


async def test_what_cannot_be_used_is_refused(visitors: Visitors) -> None:
    goes = visitors.of(Role.OPERATOR)
    key = {"Idempotency-Key": uuid.uuid4().hex}
    assert (await goes.post(PATH, json=given())).status_code == 400
    for bad in ({"since": "2001-01-01T00:00:00Z"}, {"since": "2026-01-01T00:00:00"}, {"x": 1}):
        assert (await goes.post(PATH, json=given(**bad), headers=key)).status_code == 422
    assert (await goes.get(f"{PATH}/nothing")).status_code == 404
    assert (await goes.post(f"{PATH}/nothing/taken")).status_code == 404
