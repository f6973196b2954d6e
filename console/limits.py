"""How many requests somebody may make: token buckets, each gateway by itself."""

import math
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable

from starlette.types import ASGIApp, Receive, Scope, Send

from console.problems import Problem

_MOST = 10_000
"""So many names are remembered: whoever was longest away is forgotten, and begins anew."""
ADDRESS_FACTOR = 5
"""An address may make so many times the requests of an account: a control room shares one."""


class Buckets:
    """A bucket for each name: a request takes a token, and tokens come back at a rate.

    Parameters
    ----------
    rate
        Tokens a second; 0 is no limit.
    burst
        Tokens of a full bucket: so many requests may come at once.
    clock
        Seconds.
    """

    def __init__(
        self, rate: float = 0, burst: float = 1, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rate, self._burst, self._clock = rate, burst, clock
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, name: str) -> None:
        """Take a token.

        Raises
        ------
        Problem
            429: there is none; Retry-After says when there is.
        """
        if not self._rate:
            return
        now = self._clock()
        left, at = self._left.get(name, (self._burst, now))
        left = min(self._burst, left + (now - at) * self._rate)
        enough = left >= 1
        self._left[name] = (left - enough, now)
        self._left.move_to_end(name)
        if len(self._left) > _MOST:
            self._left.popitem(last=False)
        if not enough:
            wait = {"Retry-After": str(math.ceil((1 - left) / self._rate))}
            raise Problem("rate", f"{self._rate:g} a second, {self._burst:g} at once", wait)


class Connections:
    """Counts connections by address.

    Parameters
    ----------
    most
        Of an address.
    proxies
        Addresses that may have any number: behind them are many clients. ``*`` is every address.
    """

    def __init__(self, most: int, proxies: Iterable[str] = ()) -> None:
        self._most, self._proxies = most, frozenset(proxies)
        self._open: Counter[str] = Counter()

    def begin(self, address: str) -> bool:
        """Count a connection; False if it is one too many."""
        self._open[address] += 1
        is_free = not self._proxies.isdisjoint((address, "*"))
        return is_free or self._open[address] <= self._most

    def end(self, address: str) -> None:
        """Count a connection no more, also one that was too many."""
        self._open[address] -= 1
        if not self._open[address]:
            del self._open[address]


class AddressLimit:
    """Limits requests by address, before anything is done for them."""

    def __init__(self, app: ASGIApp, rate: float, burst: float) -> None:
        self._app = app
        self._buckets = Buckets(rate * ADDRESS_FACTOR, burst * ADDRESS_FACTOR)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] == "http":
            try:
                self._buckets.take(scope["client"][0] if scope.get("client") else "unknown")
            except Problem as problem:
                await problem.response()(scope, receive, send)
                return
        await self._app(scope, receive, send)
