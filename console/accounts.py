"""Accounts and tokens, for administrators: ``/api/v1/accounts``, ``/api/v1/tokens``.

Passwords and tokens are made here and shown once. No administrator's account is made or changed
here: the migration `administration` says why.
"""

import asyncio
from datetime import datetime
from typing import Annotated

import msgspec
from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response
from pydantic import Field

from console import paging, secret
from console.access import NARROWER, Role
from console.bodies import answers, body_of, json_body, reply
from console.entry import AsPerson
from console.problems import Problem
from console.services import Services, services_of
from infra.ledger import accounts, administration
from infra.ledger.accounts import Account, Token
from infra.ledger.administration import Deed
from infra.ledger.pool import reading, transaction
from schemas import codes

router = APIRouter(prefix="/api/v1", tags=["administration"])
_PATTERN = r"^[a-z0-9][a-z0-9._-]{0,63}$"
AccountName = Annotated[str, Path(min_length=1, max_length=64, pattern=_PATTERN)]
Prefix = Annotated[str, Path(pattern=r"^[a-z0-9]{8}$")]
Short = Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f]+$")]
_FAULTS = {
    "administrator": "administrators are made and changed by `jingwei users` only",
    "federated": "an identity provider says this account's role and vouches for it",
}


class RoleGiven(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an account is for; ``department`` for that role, ``unit`` for a responder."""

    role: Role
    department: Short | None = None
    unit: Short | None = None


class AccountGiven(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new account; fields as in `RoleGiven`."""

    name: Annotated[str, msgspec.Meta(pattern=_PATTERN, max_length=64)]
    role: Role
    department: Short | None = None
    unit: Short | None = None


class Enabled(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whether an account may come in."""

    enabled: bool


class TokenGiven(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new token.

    Attributes
    ----------
    role
        That of the account, or a narrower one; default the account's.
    label
        What uses it.
    """

    role: Role | None = None
    label: Annotated[str, msgspec.Meta(max_length=100, pattern=r"^[^\x00-\x1f]*$")] = ""
    days: Annotated[int, msgspec.Meta(ge=1, le=366)] = 90


class PasswordMade(msgspec.Struct, frozen=True, kw_only=True):
    """A password, shown once."""

    account: str
    password: str

    def __repr__(self) -> str:
        """Return the name only."""
        return f"PasswordMade({self.account!r})"


class TokenMade(msgspec.Struct, frozen=True, kw_only=True):
    """A token, shown once."""

    account: str
    token: str
    prefix: str
    role: Role
    expires_at: datetime

    def __repr__(self) -> str:
        """Return the prefix only."""
        return f"TokenMade({self.prefix!r})"


class TokenQuery(paging.Query):
    """Filters of the list of tokens."""

    account: paging.Word | None = Field(default=None, description="Only of this account.")


@router.get("/accounts", responses=answers(list[Account]))
async def list_accounts(request: Request) -> Response:
    """List accounts by name; no password is among what is listed, nor its hash."""
    async with reading(services_of(request).pool) as conn:
        return reply(await accounts.list_accounts(conn))


@router.post(
    "/accounts",
    openapi_extra=json_body(AccountGiven),
    responses=answers(PasswordMade, 409, 413, 415, ok=201),
    status_code=201,
)
async def add_account(request: Request, person: AsPerson) -> Response:
    """Add an account, and show its password, once."""
    services, given = services_of(request), await body_of(request, AccountGiven)
    _check_of(given)
    made, hashed = await _password(services)
    async with transaction(services.pool) as conn:
        done = await administration.add_account(
            conn, person.name, given.name, given.role, given.department, given.unit, hashed
        )
    if done == "taken":
        raise Problem("refused", f"there is an account {given.name!r} already")
    if done == "administrator":
        raise Problem("refused", _FAULTS[done])
    return reply(PasswordMade(account=given.name, password=made), 201)


@router.put(
    "/accounts/{account}/role",
    openapi_extra=json_body(RoleGiven),
    responses=answers(None, 404, 409, 413, 415) | {204: {"description": "Done"}},
    status_code=204,
)
async def set_role(request: Request, person: AsPerson, account: AccountName) -> Response:
    """Change what an account is for; its sessions have the new role at once."""
    given = await body_of(request, RoleGiven)
    _check_of(given)
    return await _change(
        request,
        person.name,
        account,
        "set_role",
        role=given.role,
        department=given.department,
        unit=given.unit,
    )


@router.put(
    "/accounts/{account}/enabled",
    openapi_extra=json_body(Enabled),
    responses=answers(None, 404, 409, 413, 415) | {204: {"description": "Done"}},
    status_code=204,
)
async def set_enabled(request: Request, person: AsPerson, account: AccountName) -> Response:
    """Let an account in no more, which ends its sessions, or let it in again."""
    given = await body_of(request, Enabled)
    return await _change(request, person.name, account, "enable" if given.enabled else "disable")


@router.post(
    "/accounts/{account}/password",
    responses=answers(PasswordMade, 404, 409, ok=201),
    status_code=201,
)
async def new_password(request: Request, person: AsPerson, account: AccountName) -> Response:
    """Give an account a new password, shown once; its sessions end, its tokens stay."""
    services = services_of(request)
    made, hashed = await _password(services)
    await _change(request, person.name, account, "set_password", password=hashed)
    return reply(PasswordMade(account=account, password=made), 201)


@router.delete(
    "/accounts/{account}/sessions",
    responses=answers(None, 404, 409) | {204: {"description": "Done"}},
    status_code=204,
)
async def end_sessions(request: Request, person: AsPerson, account: AccountName) -> Response:
    """End all sessions of an account."""
    return await _change(request, person.name, account, "end_sessions")


@router.get("/tokens", responses=answers(list[Token]))
async def list_tokens(request: Request, query: Annotated[TokenQuery, Query()]) -> Response:
    """List tokens, the oldest first, by the prefix that names them; the tokens nobody has."""
    async with reading(services_of(request).pool) as conn:
        return reply(await accounts.list_tokens(conn, query.account))


@router.post(
    "/accounts/{account}/tokens",
    openapi_extra=json_body(TokenGiven),
    responses=answers(TokenMade, 404, 409, 413, 415, ok=201),
    status_code=201,
)
async def add_token(request: Request, person: AsPerson, account: AccountName) -> Response:
    """Make a token of an account, and show it, once."""
    services, given = services_of(request), await body_of(request, TokenGiven)
    async with reading(services.pool) as conn:
        known = next(
            (one for one in await accounts.list_accounts(conn) if one.name == account), None
        )
    if known is None:
        raise _missing()
    role = given.role or Role(known.role)
    if role not in NARROWER[Role(known.role)]:
        may = ", ".join(sorted(NARROWER[Role(known.role)]))
        raise Problem("invalid", f"role: a token of a {known.role} can be {may}")
    made = secret.make_token()
    async with transaction(services.pool) as conn:
        expires = await administration.add_token(
            conn,
            person.name,
            account,
            made.prefix,
            secret.digest(made.text),
            role,
            given.label,
            given.days,
        )
    if expires is None:
        raise Problem("refused", _FAULTS["administrator"])
    told = TokenMade(
        account=account, token=made.text, prefix=made.prefix, role=role, expires_at=expires
    )
    return reply(told, 201)


@router.delete(
    "/tokens/{prefix}",
    responses=answers(None, 404) | {204: {"description": "Done"}},
    status_code=204,
)
async def revoke_token(request: Request, person: AsPerson, prefix: Prefix) -> Response:
    """Revoke a token at once."""
    async with transaction(services_of(request).pool) as conn:
        account = await administration.revoke_token(conn, person.name, prefix)
    if account is None:
        raise Problem("not-found", "there is no such token")
    return Response(status_code=204)


async def _change(
    request: Request, actor: str, account: str, deed: Deed, **how: str | None
) -> Response:
    async with transaction(services_of(request).pool) as conn:
        done = await administration.change_account(conn, actor, account, deed, **how)
    if done == "unknown":
        raise _missing()
    if done != "done":
        raise Problem("refused", _FAULTS[done])
    return Response(status_code=204)


async def _password(services: Services) -> tuple[str, str]:
    """Return a new password and its hash."""
    made = secret.make_password()
    async with services.checks:
        return made, await asyncio.to_thread(secret.hash_password, made)


def _check_of(given: RoleGiven | AccountGiven) -> None:
    if (given.role is Role.DEPARTMENT) != (given.department is not None):
        raise Problem("invalid", "department: the role department needs it, and no other has it")
    if given.department is not None and given.department not in codes.departments():
        raise Problem("invalid", f"department: give one of {', '.join(codes.departments())}")
    if (given.role is Role.RESPONDER) != (given.unit is not None):
        raise Problem("invalid", "unit: a responder needs it, and no other role has it")


def _missing() -> Problem:
    return Problem("not-found", "there is no such account")
