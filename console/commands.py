"""Commands: each is carried out once, whatever is sent how often."""

import hashlib
import logging
import re
from datetime import datetime
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response
from pydantic import Field

from console import paging
from console.access import Person
from console.bodies import answers, body_of, json_body, reply
from console.entry import AsPerson
from console.incidents import IncidentId, seen
from console.keys import KEY_PARAMETER, claimed, key_of
from console.paging import AnswerPage, page, place
from console.problems import Problem
from console.services import Services, services_of
from desk import Accepted, Outcome, Refused, TimedOut, Tried, command_for
from infra.ledger import audit, pages
from infra.ledger.commands import Answer
from infra.ledger.errors import LedgerError
from infra.ledger.pool import asking, transaction
from infra.ledger.queries import IncidentLine
from schemas.ids import derive
from schemas.journal import Action, Command

log = logging.getLogger(__name__)
router = APIRouter(prefix="/api/v1", tags=["commands"])
_VERSION = re.compile(r'"([0-9]{1,9})"')


class Order(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is asked of an incident; ``dry_run`` only says what would change."""

    action: Action
    dry_run: bool = False


class CommandQuery(paging.ListQuery):
    """Filters of the list of commands."""

    operator: str | None = Field(
        default=None, max_length=200, pattern=r"^[^\x00]*$", description="Only of this account."
    )


@router.post(
    "/incidents/{incident}/commands",
    openapi_extra=json_body(Order)
    | {
        "parameters": [
            KEY_PARAMETER,
            {
                "name": "If-Match",
                "in": "header",
                "required": False,
                "description": 'Only if the incident is at this version: "7", as its ETag says.',
                "schema": {"type": "string", "pattern": '^"[0-9]{1,9}"$'},
            },
        ]
    },
    responses=answers(Accepted | Tried, 400, 404, 409, 412, 413, 415, 504)
    | answers(TimedOut, ok=202),
)
async def give(request: Request, person: AsPerson, incident: IncidentId) -> Response:
    """Give a command and wait for its outcome.

    200 is done (or tried), 409 refused with the reason and the present state, 412 refused because
    the incident has moved on, 202 not answered yet but in the journal, 504 not known to have
    reached it. After 202 and 504 send the same request again, or ask for the command by its id.
    """
    services = services_of(request)
    named = key_of(request)
    expected = _expected(request)
    order = await body_of(request, Order)
    _refuse_unknown_fields(await request.body(), order)
    async with asking(services.pool) as conn:
        found = await seen(conn, person, incident)
    command = msgspec.structs.replace(
        command_for(
            found.incident,
            order.action,
            person.name,
            expected_version=expected,
            dry_run=order.dry_run,
        ),
        id=derive(f"{person.name}\x1f{named}", "gateway-command"),
    )
    digest = hashlib.sha256(msgspec.json.encode((incident, order, expected))).digest()
    outcome = None
    async with claimed(services, person, named, digest, command.id):
        try:
            outcome = await services.desk.give(command, services.settings.answer_s)
        finally:
            await _note(services, person, command, outcome)
    return await _answer(services, person, incident, outcome)


@router.get("/commands", responses=answers(AnswerPage))
async def commands(request: Request, query: Annotated[CommandQuery, Query()]) -> Response:
    """List answered commands, the latest first."""
    after = place(query.after, datetime, str)
    async with asking(services_of(request).pool) as conn:
        found = await pages.commands(conn, after, query.limit, operator=query.operator)
    return reply(page(found))


@router.get("/commands/{command}", responses=answers(Answer, 404))
async def command(
    request: Request,
    command: Annotated[str, Path(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f]+$")],
) -> Response:
    """Return the answer to a command by its id, once there is one."""
    found = await services_of(request).desk.outcome(command)
    if found is None:
        raise Problem("not-found", "no answer to such a command is known: wait, or check its id")
    return reply(found)


def _expected(request: Request) -> int | None:
    given = request.headers.get("If-Match")
    if given is None:
        return None
    version = _VERSION.fullmatch(given.strip())
    if version is None:
        raise Problem("invalid", 'If-Match: give one version in quotes, as ETag says: "7"')
    return int(version[1])


def _refuse_unknown_fields(body: bytes, order: Order) -> None:
    """A misspelt field would be ignored by msgspec, and its value lost."""
    action: dict[str, Any] = msgspec.json.decode(body)["action"]
    known = {"action", *(field.encode_name for field in msgspec.structs.fields(order.action))}
    unknown = sorted(set(action) - known)
    if unknown:
        raise Problem(
            "invalid", f"action has no {', '.join(unknown)[:200]}; it has {sorted(known)}"
        )


async def _answer(services: Services, person: Person, incident: str, outcome: Outcome) -> Response:
    link = {"Location": f"/api/v1/commands/{outcome.command}"}
    match outcome:
        case TimedOut(written=True):
            return reply(outcome, 202, link)
        case TimedOut():
            raise Problem("no-answer", outcome.reason, link, answer=outcome)
        case Refused():
            moved = outcome.expected_version not in (None, outcome.version)
            kind = "moved-on" if moved else "refused"
            raise Problem(
                kind,
                outcome.reason,
                link,
                answer=outcome,
                incident=await _present(services, person, incident),
            )
    version = {} if outcome.version is None else {"ETag": f'"{outcome.version}"'}
    return reply(outcome, headers=link | version)


async def _note(
    services: Services, person: Person, command: Command, outcome: Outcome | None
) -> None:
    """Write the outcome to the audit; if that fails it is not to be hidden for it.

    The answers to commands are rows of the ledger as well.
    """
    try:
        async with transaction(services.pool) as conn:
            await audit.write(
                conn,
                person.name,
                "command",
                command.incident,
                command=command.id,
                action=command.action.__struct_config__.tag,
                dry_run=command.dry_run,
                outcome="failed" if outcome is None else outcome.__struct_config__.tag,
            )
    except LedgerError as error:
        log.warning("command %s is not in the audit: %s", command.id, error)


async def _present(services: Services, person: Person, incident: str) -> IncidentLine | None:
    """Return the incident as it is now, None if the ledger cannot say: the refusal stands."""
    try:
        async with asking(services.pool) as conn:
            return await seen(conn, person, incident)
    except LedgerError as error:
        log.warning("the current state of %s cannot be read: %s", incident, error)
        return None
