"""Who is at the door: a session's cookie or an API token, and whether its role may come in."""

from typing import Annotated

from fastapi import Depends, Request

from console import secret
from console.access import ACCESS, ANYBODY, UNATTENDED, Person, Role, scoped
from console.problems import Problem
from console.services import Services, services_of
from infra.ledger import accounts, audit
from infra.ledger.accounts import Entered
from infra.ledger.pool import asking

COOKIE = "__Host-jingwei"
CSRF_HEADER = "X-CSRF-Token"
_SAFE = ("GET", "HEAD", "OPTIONS")
_LONGEST = 200
_TELL = {"WWW-Authenticate": "Bearer"}


async def admit(request: Request) -> None:
    """Let a request in whose role the table names for the endpoint; every request passes here.

    Raises
    ------
    Problem
        401 without a valid session or token, 403 if the role may not or the request may come from
        a foreign page, 429 if there are too many. Such a refusal is in the audit, but for a
        session that is over.
    """
    try:
        await _admit(request)
    except Problem as problem:
        await _note(request, problem)
        raise


async def _admit(request: Request) -> None:
    foreign = request.headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin")
    if foreign and request.method not in _SAFE:
        raise Problem("csrf", "the browser says that another site's page sent this")
    allowed = ACCESS.get(_endpoint(request))
    if allowed is None:
        raise Problem("forbidden", "no role may use this endpoint")
    if allowed == ANYBODY:
        return
    person = request.state.person = await _person(request, services_of(request))
    if person.role not in allowed:
        raise Problem("forbidden", f"the role {person.role} may not do this")


async def _note(request: Request, problem: Problem) -> None:
    token = request.headers.get("Authorization", "").partition(" ")[2]
    if problem.kind == "sign-in" and not token:
        return
    person: Person | None = getattr(request.state, "person", None)
    await services_of(request).refusals.note(
        "(unknown)" if person is None else person.name,
        _endpoint(request),
        problem.kind,
        address_of(request),
        token=secret.prefix_of(token),
    )


def _endpoint(request: Request) -> str:
    return f"{request.method} {request.scope['route'].path}"


def address_of(request: Request) -> str:
    """Return the address that a request comes from."""
    return request.client.host if request.client else "unknown"


async def person_of(request: Request) -> Person:
    """Return who asks; `admit` has found out. Were it not async, a thread would be asked."""
    person: Person = request.state.person
    return person


AsPerson = Annotated[Person, Depends(person_of)]


async def _person(request: Request, services: Services) -> Person:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme:
        if scheme.lower() != "bearer":
            raise Problem("sign-in", "only bearer tokens are taken", _TELL)
        return await _by_token(token.strip(), services)
    cookie = request.cookies.get(COOKIE)
    if cookie is None:
        raise Problem("sign-in", "no session and no token", _TELL)
    return await _by_session(cookie, request, services)


async def _by_token(token: str, services: Services) -> Person:
    prefix = secret.prefix_of(token) if len(token) < _LONGEST else None
    async with asking(services.pool) as conn:
        found = None if prefix is None else await accounts.token(conn, prefix)
        if found is None or not secret.same(found[1], secret.digest(token)):
            raise Problem("sign-in", "the token is unknown, revoked or expired", _TELL)
        entered = found[0]
        if entered.stale and await accounts.use_token(conn, str(prefix)):
            await audit.write(conn, entered.name, "first_use_of_token", str(prefix))
    services.buckets.take(f"token {prefix}")
    role = scoped(entered.role, entered.scope)
    if role is None:
        raise Problem("sign-in", "the account's role no longer covers the token's", _TELL)
    return _of(entered, role)


async def _by_session(cookie: str, request: Request, services: Services) -> Person:
    settings, hashed = services.settings, secret.digest(cookie[:_LONGEST])
    if request.method not in _SAFE:
        given = request.headers.get(CSRF_HEADER, "")
        if not secret.same(given.encode(), secret.csrf_token(cookie).encode()):
            raise Problem("csrf", f"give {CSRF_HEADER} as the sign-in answered it")
    async with asking(services.pool) as conn:
        entered = await accounts.session(conn, hashed, settings.idle_s, settings.session_s)
        if entered is None:
            raise Problem("sign-in", "the session has ended", _TELL)
        services.buckets.take(f"account {entered.name}")
        if entered.stale and _endpoint(request) not in UNATTENDED:
            await accounts.see_session(conn, hashed)
    return _of(entered, Role(entered.role))


def _of(entered: Entered, role: Role) -> Person:
    return Person(entered.name, role, entered.department, entered.unit)
