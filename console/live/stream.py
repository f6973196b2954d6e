"""``/stream``: the endpoint, and the answer that goes on until either side ends it."""

import asyncio
import contextlib
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import Field
from starlette.types import Receive, Scope, Send

from console import paging, secret
from console.bodies import answers
from console.entry import COOKIE, AsPerson
from console.incidents import bbox_of
from console.live.client import Client, Credential
from console.live.hub import Hub
from console.live.place import LONGEST
from console.live.visibility import Filters, view_of
from console.protocol import WIRE
from console.services import services_of

router = APIRouter(prefix="/api/v1", tags=["stream"])
_STALLED_S = 15.0
"""A client that takes nothing for so long is gone."""

Kind = Literal["incident", "dispatch", "alert", "unit", "fence"]


class StreamQuery(paging.Query):
    """Filters of the stream; several values of one filter mean any of them."""

    type: list[Kind] = Field(default=[], max_length=5, description="Kinds of events; default: all.")
    severity: paging.Codes = Field(default=[], description="Of incidents: P1 to P4.")
    category: paging.Codes = Field(default=[], description="Of incidents: codes of categories.")
    bbox: str | None = Field(
        default=None,
        max_length=200,
        description="west,south,east,north in WGS-84 degrees, of incidents and units.",
    )
    last_event_id: str | None = Field(
        default=None, max_length=LONGEST, description="As the header Last-Event-ID, which wins."
    )
    once: bool = Field(default=False, description="End the stream behind the snapshot.")


_DESCRIBED: dict[int | str, dict[str, Any]] = answers(None, 429) | {
    200: {
        "description": "Server-Sent Events",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    }
}


@router.get("/stream", responses=_DESCRIBED)
async def stream(
    request: Request, person: AsPerson, query: Annotated[StreamQuery, Query()]
) -> Response:
    """Stream what is open now, then every change of it, as Server-Sent Events.

    Events are `snapshot`, `incident`, `dispatch`, `alert`, `unit`, `fence`, `enter`, `gone`,
    `heartbeat` and `end`. A client that comes back with `Last-Event-ID` goes on where it was.
    """
    services = services_of(request)
    filters = Filters(
        kinds=frozenset(query.type) or None,
        bbox=bbox_of(query.bbox),
        categories=frozenset(query.category) or None,
        severities=frozenset(query.severity) or None,
    )
    client = Client(
        person,
        _credential(request),
        view_of(person, filters),
        services.settings.stream_bytes,
        once=query.once,
    )
    word = request.headers.get("Last-Event-ID") or query.last_event_id
    services.live.join(client, None if query.once else word)
    return EventStream(services.live, client)


def _credential(request: Request) -> Credential:
    _, _, token = request.headers.get("Authorization", "").partition(" ")
    if token:
        return Credential(secret.digest(token.strip()), is_token=True)
    return Credential(secret.digest(request.cookies[COOKIE]), is_token=False)


class EventStream(Response):
    """Sends what is told to a client until it is over, gone, or takes nothing any more."""

    media_type = "text/event-stream"

    def __init__(self, hub: Hub, client: Client) -> None:
        super().__init__(headers={"X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._hub, self._client = hub, client

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request."""
        watching = asyncio.create_task(self._watch(receive))
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            wire = scope.get("state", {}).get(WIRE)
            if wire is not None and scope["http_version"] == "1.1":  # else there are no chunks
                self._client.attach(wire)
            while (data := await self._client.take()) is not None:
                async with asyncio.timeout(_STALLED_S):
                    await send({"type": "http.response.body", "body": data, "more_body": True})
            async with asyncio.timeout(_STALLED_S):
                await send({"type": "http.response.body", "body": b"", "more_body": False})
        except TimeoutError:
            pass  # the connection is closed with the answer not complete
        finally:
            self._hub.leave(self._client)
            watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watching

    async def _watch(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._client.end(None)
