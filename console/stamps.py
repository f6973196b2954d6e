"""A unit's status, as its crew or an operator presses it."""

import hashlib
from datetime import datetime
from typing import Annotated

import msgspec
from fastapi import APIRouter, Path, Request
from fastapi.responses import Response

from console.access import Role
from console.bodies import answers, body_of, json_body, reply
from console.calls import moment_of, until
from console.city import UnitId, unit_seen
from console.compute.errors import Unanswerable
from console.compute.shapes import Tried
from console.entry import AsPerson
from console.keys import KEY_PARAMETER, claimed, key_of
from console.problems import Problem
from console.services import Services, services_of
from infra.ledger import advice, audit
from infra.ledger.pool import asking, transaction
from schemas import topics
from schemas.effects import AssignmentWritten, Effect, StampRefused, UnitWritten
from schemas.envelope import Envelope
from schemas.ids import derive, entry_of_stamp
from schemas.inputs import UnitStatus
from schemas.records import Unit
from schemas.words import render

router = APIRouter(prefix="/api/v1", tags=["stamps"])

StampId = Annotated[str, Path(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f]+$")]
_TRY_S = 2.0


class Stamp(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is pressed.

    Attributes
    ----------
    status
        A state of units: ``acknowledged``, ``en_route``, ``on_scene``, ``available`` …
    at
        When it was pressed, also long before it is sent; default now.
    incident
        The incident that it is about, by id.
    reason
        Why, for ``out_of_service``.
    """

    status: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    at: datetime | None = None
    incident: Annotated[str, msgspec.Meta(min_length=1, max_length=200)] | None = None
    reason: Annotated[str, msgspec.Meta(max_length=1_000)] | None = None


class Stamped(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a stamp.

    Attributes
    ----------
    taken
        Whether the core has applied it; false while nobody has.
    note
        What was changed of it: a time that cannot be is replaced by that of its arrival.
    unit
        The unit as it is now.
    """

    stamp: str
    taken: bool
    note: str | None
    unit: Unit


@router.post(
    "/units/{unit}/stamps",
    openapi_extra=json_body(Stamp) | {"parameters": [KEY_PARAMETER]},
    responses=answers(Stamped, 400, 404, 409, 413, 415, 504) | answers(Stamped, ok=202),
)
async def press(request: Request, person: AsPerson, unit: UnitId) -> Response:
    """Stamp a unit's status, once per key; a responder its own unit's only.

    200 is applied, 409 refused with the reason and the unit as it is: the refusal is kept, too.
    202: it was sent, and nobody has applied it yet.
    """
    services, key = services_of(request), key_of(request)
    given = await body_of(request, Stamp)
    known = await unit_seen(services, person, unit)
    status = UnitStatus(
        unit=unit,
        status=given.status,
        time=moment_of(given.at),
        incident=given.incident,
        by="crew" if person.role is Role.RESPONDER else person.name,
        reason=given.reason,
    )
    envelope = Envelope(
        id=derive(f"{person.name}\x1f{key}", "gateway-stamp"),
        source=f"/jingwei/gateway/{person.name}",
        type=topics.UNIT_STATUS.type,
        time=status.time,
        subject=unit,
    )
    entry = entry_of_stamp(envelope.source, envelope.id)
    note = await _try(services, known.region, envelope, status)
    digest = hashlib.sha256(msgspec.json.encode(("stamp", unit, given))).digest()
    async with claimed(services, person, key, digest, entry):
        effects = await _effects(services, entry)
        written = True
        if effects is None:
            async with transaction(services.pool) as conn:
                await audit.write(conn, person.name, "stamp", unit, entry=entry)
            most_s = services.settings.answer_s
            written = await services.desk.send(topics.UNIT_STATUS, unit, status, envelope, most_s)
            effects = await until(lambda: _effects(services, entry), lambda _: True, most_s)
    link = {"Location": f"/api/v1/units/{unit}/stamps/{entry}"}
    if effects is None and not written:
        raise Problem(
            "no-answer", "the broker has not confirmed the stamp: send the same request again", link
        )
    if effects is None:
        return reply(Stamped(stamp=entry, taken=False, note=note, unit=known), 202, link)
    return _answer(entry, effects, note, await unit_seen(services, person, unit), link)


@router.get("/units/{unit}/stamps/{stamp}", responses=answers(Stamped, 404, 409))
async def stamp(request: Request, person: AsPerson, unit: UnitId, stamp: StampId) -> Response:
    """Return what became of a stamp, once somebody has applied it; 409 if it was refused."""
    services = services_of(request)
    known = await unit_seen(services, person, unit)
    effects = await _effects(services, stamp)
    if effects is None or not any(_is_of(effect, unit) for effect in effects):
        raise Problem("not-found", "no such stamp of this unit is applied: wait, or check its id")
    return _answer(stamp, effects, None, known, {})


def _answer(
    entry: str, effects: tuple[Effect, ...], note: str | None, unit: Unit, link: dict[str, str]
) -> Response:
    for effect in effects:
        if isinstance(effect, StampRefused) and effect.unit == unit.id:
            raise Problem("refused", render(effect.reason), link, said=effect.reason, unit=unit)
    return reply(Stamped(stamp=entry, taken=True, note=note, unit=unit), headers=link)


def _is_of(effect: Effect, unit: str) -> bool:
    match effect:
        case StampRefused():
            return effect.unit == unit
        case UnitWritten():
            return effect.unit.id == unit
        case AssignmentWritten():
            return effect.assignment.unit == unit
    return False


async def _try(
    services: Services, region: str, envelope: Envelope, status: UnitStatus
) -> str | None:
    """Refuse what intake would refuse; where that cannot be tried the stamp goes out anyway."""
    arrived = moment_of(None)
    try:
        found = await services.compute.ask(
            "stamp", region, envelope, status, arrived, within_s=_TRY_S
        )
    except Unanswerable as error:
        if error.kind == "invalid":
            raise
        return None
    return msgspec.json.decode(found, type=Tried).note


async def _effects(services: Services, entry: str) -> tuple[Effect, ...] | None:
    async with asking(services.pool) as conn:
        return await advice.effects_of(conn, entry)
