"""Idempotency-Key: what is sent twice under one key is carried out once."""

import contextlib
import logging
import re
from collections.abc import AsyncIterator
from typing import Any

from fastapi import Request

from console.access import Person
from console.problems import Problem
from console.services import Services
from infra.ledger import command_keys
from infra.ledger.command_keys import Claim
from infra.ledger.errors import LedgerError
from infra.ledger.pool import transaction

log = logging.getLogger(__name__)

KEY_PARAMETER: dict[str, Any] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": True,
    "description": "Names this request for good: the same key is carried out once.",
    "schema": {"type": "string", "pattern": "^[!-~]{1,200}$"},
}
"""What the OpenAPI document says of the header."""

_KEY = re.compile(r"[\x21-\x7e]{1,200}")
_STALE_S = 30.0
"""So much longer than an answer is waited for, a claim of a key is somebody's who is gone."""


def key_of(request: Request) -> str:
    """Return the request's key; raises `Problem` if it has none that can be used."""
    key = request.headers.get("Idempotency-Key")
    if key is None:
        raise Problem("no-key", "give a new random one, such as a UUID, and keep it for repeats")
    if not _KEY.fullmatch(key):
        raise Problem("no-key", "give 1 to 200 visible ASCII characters")
    return key


@contextlib.asynccontextmanager
async def claimed(
    services: Services, person: Person, key: str, digest: bytes, subject: str
) -> AsyncIterator[None]:
    """Hold a key while its request is carried out.

    Parameters
    ----------
    digest
        SHA-256 of the request.
    subject
        Id of the command, report or stamp: the same each time.

    Raises
    ------
    Problem
        The same request is being carried out, or the key was used for another one.
    """
    stale_s = services.settings.answer_s + _STALE_S
    async with transaction(services.pool) as conn:
        claim = await command_keys.claim(
            conn, person.name, key, digest, command=subject, stale_s=stale_s
        )
    if claim is Claim.IN_FLIGHT:
        raise Problem("in-flight", "wait for its answer", {"Retry-After": "1"}, command=subject)
    if claim is Claim.OTHER_REQUEST:
        raise Problem("key-reused", "each request needs an Idempotency-Key of its own")
    try:
        yield
    finally:
        await _release(services, person, key)


async def _release(services: Services, person: Person, key: str) -> None:
    """Release a key; if that fails it is free in a moment, and the outcome is not to be hidden."""
    try:
        async with transaction(services.pool) as conn:
            await command_keys.release(conn, person.name, key)
    except LedgerError as error:
        log.warning("a key of a command is not released: %s", error)
