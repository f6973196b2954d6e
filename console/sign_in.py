"""Signing in and out: ``/api/v1/session``."""

from datetime import datetime

import asyncpg
import msgspec
from fastapi import APIRouter, Request
from fastapi.responses import Response

from console import secret
from console.bodies import answers, body_of, json_body, reply
from console.entry import COOKIE, AsPerson, address_of
from console.problems import Problem
from console.services import services_of
from infra.ledger import accounts, audit
from infra.ledger.accounts import Entered
from infra.ledger.pool import transaction

router = APIRouter(prefix="/api/v1", tags=["session"])
_WINDOW_S = 900.0
_ADDRESS_FACTOR = 10


class Credentials(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Name and password of an account."""

    name: str
    password: str

    def __repr__(self) -> str:
        """Return the name only."""
        return f"Credentials({self.name!r})"


class OneTimeLink(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The secret of a link that signs somebody in once."""

    link: str

    def __repr__(self) -> str:
        """Return nothing of the secret."""
        return "OneTimeLink()"


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """Who is signed in.

    Attributes
    ----------
    csrf
        For the header X-CSRF-Token of every request that changes something; null for a token.
    expires_at
        When the session ends at the latest; null where it is not known.
    """

    name: str
    role: str
    department: str | None
    unit: str | None
    csrf: str | None = None
    expires_at: datetime | None = None


@router.post("/session", openapi_extra=json_body(Credentials), responses=answers(Session, 401, 429))
async def sign_in(request: Request) -> Response:
    """Sign in; the session comes as a cookie, its CSRF token in the answer.

    After 10 failures of a name from an address in 15 minutes further attempts are not looked at.
    """
    services, given = services_of(request), await body_of(request, Credentials)
    if len(given.password) > secret.LONGEST or len(given.name) > secret.LONGEST:
        raise Problem("invalid", f"name and password have at most {secret.LONGEST} characters")
    # What is typed as a name may be a password: no unknown name is kept in clear.
    name, hashed = given.name.replace("\x00", ""), secret.digest(given.name).hex()
    async with transaction(services.pool) as conn:
        await _attempt(conn, request, "POST /api/v1/session", hashed)
        known = await accounts.password_of(conn, name)
    right = await secret.fits(given.password, known, services.checks)
    made = secret.make_session()
    async with transaction(services.pool) as conn:
        entered = await enter(conn, request, made, name) if right else None
        await _note(conn, request, name if known else None, hashed, entered)
    otherwise = Problem("credentials", "check both; an administrator can set a new password")
    return _entered(request, made, entered, otherwise)


@router.post(
    "/session/link", openapi_extra=json_body(OneTimeLink), responses=answers(Session, 401, 429)
)
async def sign_in_by_link(request: Request) -> Response:
    """Sign in by a link of `jingwei users link`: once, and until it expires."""
    services, given = services_of(request), await body_of(request, OneTimeLink)
    if len(given.link) > secret.LONGEST:
        raise Problem("invalid", f"link has at most {secret.LONGEST} characters")
    hashed, made = secret.digest(given.link), secret.make_session()
    async with transaction(services.pool) as conn:
        await _attempt(conn, request, "POST /api/v1/session/link", hashed.hex())
        name = await accounts.use_link(conn, hashed)
        entered = await enter(conn, request, made, name) if name else None
        await _note(conn, request, name, hashed.hex(), entered)
    otherwise = Problem("link", "it was used, or has expired: sign in with a password")
    return _entered(request, made, entered, otherwise)


@router.get("/session", responses=answers(Session))
async def session(request: Request, person: AsPerson) -> Response:
    """Return who is signed in, and the CSRF token again."""
    cookie = None if "Authorization" in request.headers else request.cookies.get(COOKIE)
    return reply(
        Session(
            name=person.name,
            role=person.role,
            department=person.department,
            unit=person.unit,
            csrf=None if cookie is None else secret.csrf_token(cookie),
        )
    )


@router.delete("/session", status_code=204, responses=answers(None))
async def sign_out(request: Request, person: AsPerson) -> Response:
    """Sign out: the session is over at once. A token is revoked by `jingwei tokens revoke`."""
    answer, cookie = Response(status_code=204), request.cookies.get(COOKIE)
    if cookie is not None and "Authorization" not in request.headers:
        async with transaction(services_of(request).pool) as conn:
            await accounts.end_session(conn, secret.digest(cookie))
            await audit.write(conn, person.name, "sign_out", person.name)
        set_session(answer, "", 0)
    return answer


async def _attempt(conn: asyncpg.Connection, request: Request, where: str, hashed: str) -> None:
    """Count an attempt; raises `Problem` if there were too many that failed."""
    services, address = services_of(request), address_of(request)
    of_pair, of_address = await accounts.failures(conn, hashed, address, _WINDOW_S)
    most = services.settings.attempts
    if of_pair >= most or of_address >= most * _ADDRESS_FACTOR:
        services.metrics.sign_ins.labels("local", "limited").inc()
        await services.refusals.note("(unknown)", where, "too-many", address)
        raise Problem("too-many", "wait 15 minutes", {"Retry-After": str(int(_WINDOW_S))})
    # Before it is tried: attempts at the same time count, too.
    await accounts.add_failure(conn, hashed, address)


async def _note(
    conn: asyncpg.Connection,
    request: Request,
    name: str | None,
    hashed: str,
    entered: Entered | None,
) -> None:
    """Audit an attempt; ``name`` None if there is no such account."""
    address, who = address_of(request), name or "(unknown)"
    what = "sign_in" if entered else "sign_in_failed"
    await audit.write(conn, who, what, who, address=address)
    if entered:
        await accounts.clear_failures(conn, hashed, address)


def _entered(request: Request, made: str, entered: Entered | None, otherwise: Problem) -> Response:
    """Return the answer to an attempt, with the session's cookie; raise ``otherwise`` if none."""
    services = services_of(request)
    services.metrics.sign_ins.labels("local", "ok" if entered else "failed").inc()
    if entered is None:
        raise otherwise
    answer = reply(
        Session(
            name=entered.name,
            role=entered.role,
            department=entered.department,
            unit=entered.unit,
            csrf=secret.csrf_token(made),
            expires_at=entered.expires_at,
        )
    )
    set_session(answer, made, int(services.settings.session_s))
    return answer


async def enter(conn: asyncpg.Connection, request: Request, made: str, name: str) -> Entered | None:
    """Open a session under a new secret; the one that the browser had before is over.

    None if the account is gone or disabled.
    """
    settings, hashed = services_of(request).settings, secret.digest(made)
    if not await accounts.open_session(conn, hashed, name):
        return None
    old = request.cookies.get(COOKIE)
    if old is not None:
        await accounts.end_session(conn, secret.digest(old))
    return await accounts.session(conn, hashed, settings.idle_s, settings.session_s)


def set_session(answer: Response, value: str, seconds: int) -> None:
    """Let an answer set the session's cookie."""
    answer.set_cookie(
        COOKIE, value, max_age=seconds, path="/", secure=True, httponly=True, samesite="strict"
    )
