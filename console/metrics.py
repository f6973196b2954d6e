"""Figures for Prometheus, on a port of their own."""

import time
from http.server import HTTPServer

import asyncpg
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    start_http_server,
)
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from console.settings import GatewaySettings
from infra.local.errors import InvalidSettings

_BUCKETS_S = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Metrics:
    """What a gateway process counts.

    Attributes
    ----------
    sign_ins
        By ``way`` (local, oidc) and ``outcome`` (ok, failed, limited).
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self.requests = Histogram(
            "jingwei_gateway_request_seconds",
            "Time until an answer begins.",
            ("method", "route", "status"),
            buckets=_BUCKETS_S,
            registry=self.registry,
        )
        self.in_flight = Gauge(
            "jingwei_gateway_requests_in_flight",
            "Requests under way, open streams included.",
            registry=self.registry,
        )
        self.sign_ins = Counter(
            "jingwei_gateway_sign_ins",
            "Attempts to sign in.",
            ("way", "outcome"),
            registry=self.registry,
        )

    def watch(self, pool: asyncpg.Pool) -> None:
        """Also show the connections to the ledger."""
        connections = Gauge(
            "jingwei_gateway_ledger_connections",
            "Connections to the ledger.",
            ("state",),
            registry=self.registry,
        )
        connections.labels("idle").set_function(pool.get_idle_size)
        connections.labels("busy").set_function(lambda: pool.get_size() - pool.get_idle_size())
        most = Gauge(
            "jingwei_gateway_ledger_connections_most",
            "Connections to the ledger at most.",
            registry=self.registry,
        )
        most.set_function(pool.get_max_size)


class Measured:
    """Measures every request by its route; what nobody serves is ``(none)``, whatever its path."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begin = time.perf_counter()

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                method = scope["method"] if scope["method"] in _METHODS else "(other)"
                route = getattr(scope.get("route"), "path", "(none)")
                self._metrics.requests.labels(method, route, message["status"]).observe(
                    time.perf_counter() - begin
                )
            await send(message)

        with self._metrics.in_flight.track_inprogress():
            await self._app(scope, receive, sending)


def serve_metrics(metrics: Metrics, settings: GatewaySettings) -> HTTPServer | None:
    """Serve the figures on a thread of its own; None without a port for them.

    Raises
    ------
    InvalidSettings
        The port is taken, or the address is not this host's.
    """
    if settings.metrics_port is None:
        return None
    try:
        server, _ = start_http_server(
            settings.metrics_port, settings.metrics_host, registry=metrics.registry
        )
    except OSError as error:
        raise InvalidSettings(
            f"metrics cannot be served at {settings.metrics_host} port {settings.metrics_port} "
            f"({error.strerror or error}): set JINGWEI_GATEWAY_METRICS_HOST, …_METRICS_PORT"
        ) from error
    return server
