"""What stands before the application: limits of bodies, and headers of every answer."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from console.problems import Problem

log = logging.getLogger(__name__)

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; frame-ancestors 'none'; "
    "base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}
_FAILED = "it is in the gateway's log; try again later"
_HSTS = "max-age=31536000"


class SafeHeaders:
    """Adds the headers that keep browsers safe to every answer, also after an unexpected error."""

    def __init__(self, app: ASGIApp, *, tls: bool) -> None:
        self._app = app
        self._more = _HEADERS | ({"Strict-Transport-Security": _HSTS} if tls else {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        started = False

        async def sending(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                for name, value in self._more.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except Exception:
            if started:
                raise
            # Not left to Starlette, whose answer would stand before this and have no such headers.
            log.exception("%s %s failed", scope["method"], scope["path"])
            await Problem("internal", _FAILED).response()(scope, receive, sending)


_READ_ON = 16
"""A body is read, and thrown away, up to so many times the limit."""


class BodyLimit:
    """Takes in a request's body before anything is done with it: neither too large nor too slow."""

    def __init__(self, app: ASGIApp, most_bytes: int, most_s: float) -> None:
        self._app, self._most, self._most_s = app, most_bytes, most_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            async with asyncio.timeout(self._most_s):
                body = await self._read(scope, receive)
        except TimeoutError:
            slow = Problem("slow", f"more than {self._most_s:g} s", {"Connection": "close"})
            await slow.response()(scope, receive, send)
        except Problem as problem:
            await problem.response()(scope, receive, send)
        else:
            if body is not None:
                await self._app(scope, _again(body, receive), send)

    async def _read(self, scope: Scope, receive: Receive) -> bytes | None:
        said = Headers(scope=scope).get("content-length", "0")
        # A connection that is closed with bytes unread is reset, and the client never sees the
        # answer: a body that is too large is read to its end, unless it is far too large.
        most_read = self._most * _READ_ON
        if said.isdecimal() and int(said) > most_read:
            raise self._too_large()
        parts, size = [], 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            part = message.get("body", b"")
            size += len(part)
            if size <= self._most:
                parts.append(part)
            if size > most_read:
                raise self._too_large()
            if not message.get("more_body", False):
                break
        if size > self._most:
            raise self._too_large()
        return b"".join(parts)

    def _too_large(self) -> Problem:
        return Problem("too-large", f"more than {self._most} bytes", {"Connection": "close"})


def _again(body: bytes, receive: Receive) -> Callable[[], Awaitable[Message]]:
    """Give the body as one message, then what else comes."""
    given = False

    async def first() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return first
