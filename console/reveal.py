"""A reporter's contact, for somebody who says why: ``/api/v1/evidence/{evidence}/reveal``."""

import asyncio
import logging
from contextlib import suppress
from datetime import datetime
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Path, Request
from fastapi.responses import Response

from console.bodies import answers, body_of, json_body, reply
from console.entry import AsPerson, address_of
from console.problems import Problem
from console.services import Services, services_of
from infra.ledger import reporters
from infra.ledger.pool import reading, transaction
from infra.ledger.reporters import Revealed
from infra.vault import VaultLocked, load_vault

log = logging.getLogger(__name__)
router = APIRouter(prefix="/api/v1/evidence", tags=["evidence"])
EvidenceId = Annotated[str, Path(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f]+$")]
_HOUR_S = 3_600.0
_ENDPOINT = "POST /api/v1/evidence/{evidence}/reveal"


class Purpose(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why somebody needs a contact; it is in the audit for good."""

    purpose: Annotated[
        str, msgspec.Meta(min_length=5, max_length=200, pattern=r"^[^\x00-\x1f]*\S[^\x00-\x1f]*$")
    ]


class Contact(msgspec.Struct, frozen=True, kw_only=True):
    """Who may be called back.

    Attributes
    ----------
    contact
        What was given of ``name``, ``phone``, ``email`` and ``reporter_ref``; null if erased.
    erased_at
        When that was.
    """

    reporter: str
    contact: dict[str, Any] | None
    erased_at: datetime | None = None

    def __repr__(self) -> str:
        """Return the pseudonym only."""
        return f"Contact({self.reporter!r})"


@router.post(
    "/{evidence}/reveal",
    openapi_extra=json_body(Purpose),
    responses=answers(Contact, 404, 413, 415, 429),
)
async def reveal(request: Request, person: AsPerson, evidence: EvidenceId) -> Response:
    """Show the contact of who told of some evidence, once: every look needs a purpose again.

    The audit has who looked, at whose contact and why, before it is shown. An account may look
    30 times an hour unless the gateway's settings say otherwise.
    """
    services, given = services_of(request), await body_of(request, Purpose)
    try:
        vault = await asyncio.to_thread(load_vault, services.key_file)
    except VaultLocked as error:
        log.error("contacts cannot be revealed: %s", error)  # noqa: TRY400 - it says all
        raise Problem("unavailable", "this gateway lacks the key of contacts") from None
    async with reading(services.pool) as conn:
        ref = await reporters.reporter_of(conn, evidence)
    if ref is None:
        raise Problem("not-found", "there is no such evidence, or it has no known reporter")
    found = await _found(services, ref, person.name, given.purpose, evidence)
    if found is None:
        await services.refusals.note(person.name, _ENDPOINT, "too-many", address_of(request))
        raise Problem("too-many", "wait an hour", {"Retry-After": str(int(_HOUR_S))})
    if found.sealed is None and found.erased_at is None:
        raise Problem("not-found", "no contact was given with this evidence")
    try:
        contact = None if found.sealed is None else vault.open(found.sealed)
    except VaultLocked as error:
        log.error("%s", error)  # noqa: TRY400 - it says all
        raise Problem("unavailable", "this gateway has another key than these contacts") from None
    return reply(Contact(reporter=ref, contact=contact, erased_at=found.erased_at))


async def _found(
    services: Services, ref: str, actor: str, purpose: str, evidence: str
) -> Revealed | None:
    """Return what the ledger has of a reporter, None if this account has looked too often."""
    with suppress(_TooOften):
        async with transaction(services.pool) as conn:
            found = await reporters.reveal(conn, ref, actor, purpose, evidence)
            # Behind the lock of the audit: at several gateways at once nobody sees one more.
            looked = await reporters.revealed_lately(conn, actor, _HOUR_S)
            if looked > services.settings.reveals_per_hour:
                raise _TooOften  # so that the row of this look is taken back
        return found
    return None


class _TooOften(Exception):
    """An account has been shown more contacts than it may."""
