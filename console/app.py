"""The gateway's application: endpoints, what stands before them, and the OpenAPI document."""

from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import msgspec
from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.responses import Response

from console import (
    accounts,
    audit,
    calls,
    city,
    commands,
    documents,
    features,
    federated,
    fences,
    handovers,
    incidents,
    operations,
    pages,
    past,
    places,
    policies,
    reveal,
    sign_in,
    stamps,
    streets,
    tiles,
    ways,
)
from console.access import ACCESS, ANYBODY
from console.bodies import answers, components, reply
from console.entry import COOKIE, CSRF_HEADER, admit
from console.guards import BodyLimit, SafeHeaders
from console.limits import AddressLimit
from console.live import stream
from console.metrics import Measured
from console.problems import answer_problems
from console.services import Services, services_of
from infra.ledger.accounts import has_accounts
from infra.ledger.errors import LedgerError
from infra.ledger.pool import reading

_API = "/api/v1"


class Health(msgspec.Struct, frozen=True):
    """Whether this gateway can answer."""

    ok: bool
    ledger: bool


class Alive(msgspec.Struct, frozen=True):
    """That this gateway runs."""

    ok: bool


about = APIRouter(tags=["about"])


@about.get("/health/live", responses=answers(Alive))
async def live() -> Response:
    """Return that this process answers; whether it is of use, ``/health/ready`` says."""
    return reply(Alive(ok=True))


@about.get("/health/ready", responses=answers(Health))
@about.get("/health", responses=answers(Health))
async def ready(request: Request) -> Response:
    """Return whether the ledger answers: 200 if it does, else 503."""
    try:
        async with reading(services_of(request).pool) as conn:
            await has_accounts(conn)
    except LedgerError:
        return reply(Health(ok=False, ledger=False), 503)
    return reply(Health(ok=True, ledger=True))


@about.get(f"{_API}/openapi.json", include_in_schema=False)
async def openapi_document(request: Request) -> Response:
    """Return the OpenAPI document."""
    return reply(request.app.openapi())


@about.get(f"{_API}/docs", include_in_schema=False)
async def docs(request: Request) -> Response:
    """Return the document as a page that loads nothing from elsewhere and runs no script."""
    return Response(documents.as_page(request.app.openapi(), ACCESS), media_type="text/html")


@about.get(f"{_API}/docs.css", include_in_schema=False)
async def docs_style() -> Response:
    """Return the page's style sheet."""
    return Response(documents.STYLE, media_type="text/css")


def make_routes() -> FastAPI:
    """Return the endpoints and their OpenAPI document, with nothing to work with yet."""
    app = FastAPI(
        title="Jingwei gateway",
        version=version("jingwei"),
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        dependencies=[Depends(admit)],
    )
    app.include_router(about)
    # Each router has the whole path: an endpoint's own is what the table of access names.
    parts = (
        fences,
        sign_in,
        incidents,
        commands,
        city,
        places,
        ways,
        calls,
        stamps,
        streets,
        policies,
    )
    others = (federated, audit, reveal, accounts, operations, handovers, past, stream, tiles)
    for part in (*parts, *others, features, pages):
        app.include_router(part.router)
    app.openapi = _described(app.openapi)  # type: ignore[method-assign] # FastAPI's own way
    return app


def make_app(services: Services) -> FastAPI:
    """Return the application that works with these services."""
    app = make_routes()
    app.state.services = services
    answer_problems(app)
    settings = services.settings
    app.add_middleware(BodyLimit, most_bytes=settings.body_bytes, most_s=settings.body_s)
    app.add_middleware(AddressLimit, rate=settings.rate, burst=settings.burst)
    app.add_middleware(SafeHeaders, tls=settings.certificate is not None)
    app.add_middleware(Measured, metrics=services.metrics)
    return app


def _described(made: Callable[[], dict[str, Any]]) -> Callable[[], dict[str, Any]]:
    """Add to FastAPI's document the shapes that msgspec knows, and how one signs in."""

    def described() -> dict[str, Any]:
        document = made()
        known = document.setdefault("components", {})
        if "securitySchemes" in known:
            return document
        known["schemas"] = components()
        known["securitySchemes"] = {
            "token": {"type": "http", "scheme": "bearer"},
            "session": {"type": "apiKey", "in": "cookie", "name": COOKIE},
            "csrf": {"type": "apiKey", "in": "header", "name": CSRF_HEADER},
        }
        for path, methods in document["paths"].items():
            for method, operation in methods.items():
                for media in operation["responses"].values():
                    media.get("content", {}).pop("text/html", None)
                if ACCESS[f"{method.upper()} {path}"] != ANYBODY:
                    operation["security"] = [{"token": []}, {"session": [], "csrf": []}]
        return document

    return described
