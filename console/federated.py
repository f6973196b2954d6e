"""Signing in through an identity provider: ``/api/v1/session/oidc``."""

import base64
import binascii
from typing import TYPE_CHECKING, Any

import msgspec
from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from console import secret
from console.bodies import answers
from console.problems import Problem
from console.services import services_of
from console.settings import CALLBACK
from console.sign_in import enter, set_session
from infra.ledger import accounts, audit
from infra.ledger.pool import transaction

if TYPE_CHECKING:
    from console.oidc import Attempt, Provider

router = APIRouter(prefix="/api/v1", tags=["session"])
COOKIE = "__Host-jingwei-oidc"
_ATTEMPT_S = 600
_REDIRECT: dict[int | str, dict[str, Any]] = {
    303: {"description": "Go to the address in Location"},
}


@router.get(
    "/session/oidc",
    status_code=303,
    response_class=Response,
    responses=answers(None, 404) | _REDIRECT,
)
async def begin(request: Request) -> Response:
    """Send the browser to the identity provider, which sends it back to the callback."""
    url, attempt = await _provider(request).begin()
    answer = RedirectResponse(url, 303)
    kept = base64.urlsafe_b64encode(msgspec.json.encode(attempt)).decode()
    # Not strict: the browser comes back by a link on the provider's page.
    answer.set_cookie(
        COOKIE, kept, _ATTEMPT_S, path="/", secure=True, httponly=True, samesite="lax"
    )
    return answer


@router.get(
    CALLBACK.removeprefix(router.prefix),
    status_code=303,
    response_class=Response,
    responses=answers(None, 404) | _REDIRECT,
)
async def finish(request: Request) -> Response:
    """Take what the provider says of somebody; the session comes as a cookie, as by password.

    An account is made at the first time. Its role follows the provider's claim at each sign-in.
    """
    provider, services = _provider(request), services_of(request)
    sign_ins, made = services.metrics.sign_ins, secret.make_session()
    address = request.client.host if request.client else "unknown"
    try:
        who = await provider.finish(_attempt(request), dict(request.query_params))
    except Problem:
        sign_ins.labels("oidc", "failed").inc()
        raise
    async with transaction(services.pool) as conn:
        name = await accounts.enter_federated(
            conn,
            who.issuer,
            who.subject,
            who.name,
            role=who.role.value,
            department=who.department,
            unit=who.unit,
        )
        entered = name and await enter(conn, request, made, name)
        if name:
            done = "sign_in" if entered else "sign_in_failed"
            await audit.write(conn, name, done, name, address=address, issuer=who.issuer)
    sign_ins.labels("oidc", "ok" if entered else "failed").inc()
    if not entered:
        raise Problem("no-role", "the account is disabled, or its name is taken: ask who runs this")
    answer = RedirectResponse(provider.settings.after, 303)
    answer.delete_cookie(COOKIE, path="/", secure=True, httponly=True, samesite="lax")
    set_session(answer, made, int(services.settings.session_s))
    return answer


@router.get(
    "/session/oidc/end",
    status_code=303,
    response_class=Response,
    responses=answers(None, 404) | _REDIRECT,
)
async def end(request: Request) -> Response:
    """Send the browser to where its session at the provider ends.

    The one here is ended by ``DELETE /api/v1/session``, before.
    """
    url = await _provider(request).end_url()
    if url is None:
        raise Problem("not-found", "the identity provider has no page that ends a session")
    return RedirectResponse(url, 303)


def _provider(request: Request) -> "Provider":
    provider = services_of(request).provider
    if provider is None:
        raise Problem("not-found", "no identity provider is set up: sign in with a local account")
    return provider


def _attempt(request: Request) -> "Attempt":
    """Return what the browser kept; what it made up itself fits nothing that a provider sends."""
    from console.oidc import Attempt  # noqa: PLC0415 - only a gateway with a provider needs it

    try:
        data = base64.b64decode(request.cookies.get(COOKIE, ""), altchars=b"-_", validate=True)
        return msgspec.json.decode(data, type=Attempt)
    except (binascii.Error, ValueError, msgspec.MsgspecError):
        raise Problem("identity", "no sign-in was begun in this browser; sign in again") from None
