"""Errors as RFC 9457 problems: every answer above 399 has this form.

``type`` is ``urn:jingwei:problem:`` and a word of `KINDS`; ``title`` is that word's sentence;
``detail`` says what was wrong here. Further members depend on the type.
"""

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from console.compute.errors import Unanswerable
from desk import InvalidCommand, JournalRefused, JournalUnreachable
from infra.ledger.errors import LedgerUnavailable, NotFound, Unstorable

log = logging.getLogger(__name__)

MEDIA = "application/problem+json"
_URN = "urn:jingwei:problem:"

KINDS: dict[str, tuple[int, str]] = {
    "parameter": (400, "The request has a parameter that cannot be used"),
    "invalid": (422, "The request has a value that cannot be used"),
    "no-key": (400, "A command needs the header Idempotency-Key"),
    "sign-in": (401, "Sign in, or give a valid token"),
    "credentials": (401, "Name or password is wrong"),
    "link": (401, "The link signs nobody in"),
    "identity": (401, "What the identity provider says cannot be used"),
    "no-role": (403, "The identity provider gives you no role here"),
    "forbidden": (403, "Your role may not do this"),
    "csrf": (403, "The request does not prove that it comes from the page that signed in"),
    "not-found": (404, "There is no such thing, or you may not see it"),
    "method": (405, "The resource does not have this method"),
    "slow": (408, "The body took too long to arrive"),
    "refused": (409, "The command was refused"),
    "in-flight": (409, "A command with this Idempotency-Key is being carried out"),
    "fences-changed": (409, "Somebody else has changed a fence meanwhile"),
    "policy-changed": (409, "Another policy is in force by now"),
    "moved-on": (412, "The incident is no longer at the version that If-Match names"),
    "too-large": (413, "The body is too large"),
    "media-type": (415, "The body must be application/json"),
    "key-reused": (422, "The Idempotency-Key was used for another request"),
    "too-many": (429, "Too many attempts"),
    "streams": (429, "Too many live streams are open"),
    "rate": (429, "Too many requests"),
    "internal": (500, "The gateway failed"),
    "unavailable": (503, "A service that is needed does not answer: try again"),
    "no-answer": (504, "No answer in time: the command may still be carried out"),
    "http": (400, "The request cannot be answered"),
}
"""Status and title by the last word of the type."""

_STANDARD = "/api/v1/ogc"
"""Below it 400 is the answer that OGC API - Features wants to a bad parameter, not 422."""

_BY_STATUS = {401: "sign-in", 403: "forbidden", 404: "not-found", 405: "method", 413: "too-large"}


class Problem(Exception):
    """An answer that is an error.

    Parameters
    ----------
    kind
        A key of `KINDS`.
    detail
        What was wrong, where, and what to do.
    headers
        Further headers.
    members
        Further members of the problem.
    """

    def __init__(
        self, kind: str, detail: str, headers: Mapping[str, str] | None = None, **members: object
    ) -> None:
        super().__init__(detail)
        self.kind, self.detail, self.headers, self.members = kind, detail, headers, members

    def response(self, status: int | None = None, title: str | None = None) -> Response:
        """Return the answer, with another status and title than usual if they are given."""
        usual = KINDS[self.kind]
        status, title = status or usual[0], title or usual[1]
        said = {"type": _URN + self.kind, "title": title, "status": status, "detail": self.detail}
        body = msgspec.json.encode(said | self.members)
        return Response(body, status, headers=self.headers, media_type=MEDIA)


def answer_problems(app: FastAPI) -> None:
    """Let every error of the application be answered as a problem."""
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    for error, kind in (
        (LedgerUnavailable, "unavailable"),
        (JournalUnreachable, "unavailable"),
        (JournalRefused, "unavailable"),
        (NotFound, "not-found"),
        (Unstorable, "invalid"),
        (InvalidCommand, "invalid"),
    ):
        app.add_exception_handler(error, _as(kind))
    app.add_exception_handler(Unanswerable, _unanswerable)


def _as(kind: str) -> Any:  # noqa: ANN401 - Starlette's type of a handler
    async def handle(request: Request, error: Exception) -> Response:
        if kind == "unavailable":
            log.warning("%s", error)
        hidden = isinstance(error, LedgerUnavailable)
        said = "the ledger does not answer" if hidden else str(error)
        return _answer(request, Problem(kind, said))

    return handle


async def _problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return _answer(request, error)


def _answer(request: Request, problem: Problem) -> Response:
    if problem.kind == "invalid" and request.url.path.startswith(_STANDARD):
        problem.kind = "parameter"
    return problem.response()


async def _unanswerable(request: Request, error: Exception) -> Response:
    assert isinstance(error, Unanswerable)
    if error.kind == "internal":
        log.error("%s %s failed: %s", request.method, request.url.path, error.text)
        return Problem("internal", "it is in the gateway's log; try again later").response()
    return Problem(error.kind, error.text).response()


async def _http(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    kind = _BY_STATUS.get(error.status_code, "http")
    title = HTTPStatus(error.status_code).phrase if kind == "http" else None
    return Problem(kind, str(error.detail), error.headers).response(error.status_code, title)


async def _invalid(request: Request, error: Exception) -> Response:
    """Name the parameters that cannot be used; their values are not repeated."""
    assert isinstance(error, RequestValidationError)
    faults = [{"at": ".".join(map(str, one["loc"])), "fault": one["msg"]} for one in error.errors()]
    said = "; ".join(f"{one['at']}: {one['fault']}" for one in faults)
    return _answer(request, Problem("invalid", said, faults=faults))
