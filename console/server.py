"""One gateway process: HTTP on a port, until SIGTERM."""

import asyncio
import contextlib
import signal
import socket
import ssl
from collections.abc import Callable, Iterator
from functools import partial

import uvicorn
import uvloop

from console.app import make_app
from console.limits import Connections
from console.metrics import serve_metrics
from console.protocol import PatientProtocol, drop_who_does_not_read
from console.services import Services, open_services
from console.settings import GatewaySettings, OidcSettings
from infra import memory
from infra.ledger.accounts import has_accounts
from infra.ledger.pool import reading
from infra.local.errors import InvalidSettings
from infra.settings import Endpoints

_STOP_S = 15


class _Server(uvicorn.Server):
    """Ends in order at a signal; uvicorn would raise the signal again and die of it."""

    def __init__(self, config: uvicorn.Config, services: Services) -> None:
        super().__init__(config)
        self._services = services

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End the live streams, for which it would wait, then do as uvicorn does."""
        self._services.live.stop()
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave, instead of what uvicorn does, when SIGTERM or SIGINT comes."""
        loop = asyncio.get_running_loop()
        for sign in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(sign, self.handle_exit, sign, None)
        yield


def run_gateway(
    endpoints: Endpoints,
    settings: GatewaySettings,
    report: Callable[[str], None],
    oidc: OidcSettings | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT; requests under way are answered first.

    Parameters
    ----------
    report
        Takes one line of progress: where it listens.

    Raises
    ------
    LedgerError
        The ledger cannot be reached or has another schema.
    InvalidSettings
        The address is not this host's, the port is taken, or the certificate cannot be used.
    """
    _check_certificate(settings)
    uvloop.run(_serve(endpoints, settings, report, oidc))


async def _serve(
    endpoints: Endpoints,
    settings: GatewaySettings,
    report: Callable[[str], None],
    oidc: OidcSettings | None = None,
) -> None:
    async with open_services(endpoints, settings, oidc) as services:
        async with reading(services.pool) as conn:
            if not await has_accounts(conn):
                report("nobody has an account yet: `jingwei users add NAME --role administrator`")
        config = uvicorn.Config(
            make_app(services),
            http=partial(  # type: ignore[arg-type]
                PatientProtocol,
                head_s=settings.body_s,
                connections=Connections(
                    settings.connections_per_address, map(str.strip, settings.proxies.split(","))
                ),
            ),
            ws="none",
            host=settings.host,
            port=settings.port,
            ssl_certfile=settings.certificate,
            ssl_keyfile=settings.key,
            forwarded_allow_ips=settings.proxies,
            limit_concurrency=settings.most_requests + settings.streams,
            timeout_graceful_shutdown=_STOP_S,
            # URLs hold what people search for; problems and the audit say the rest.
            access_log=False,
            server_header=False,
            log_config=None,
            lifespan="off",
        )
        memory.settle()
        listening = _listen(settings)
        # Not waited for: a large city takes seconds, and health is told at once.
        warming = asyncio.create_task(services.compute.warm())
        drop_who_does_not_read(listening, settings.unread_s)
        figures = serve_metrics(services.metrics, settings)
        scheme = "http" if settings.certificate is None else "https"
        host, port = listening.getsockname()[:2]
        report(f"gateway at {scheme}://{host}:{port}, documents at /api/v1/docs")
        if figures is not None:
            report(f"metrics at http://{settings.metrics_host}:{figures.server_port}/metrics")
        try:
            await _Server(config, services).serve([listening])
        finally:
            listening.close()
            warming.cancel()
            if figures is not None:
                figures.shutdown()


def _listen(settings: GatewaySettings) -> socket.socket:
    """Bind here, since uvicorn would end the process by itself, with no sentence of ours."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        listening = socket.create_server((settings.host, settings.port), family=family)
        # asyncio sets this only on sockets that name their protocol. Without it an answer's body
        # waits up to 40 ms for the client to acknowledge the head. Connections inherit it.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except OSError as error:
        raise InvalidSettings(
            f"the gateway cannot listen at {settings.host} port {settings.port} "
            f"({error.strerror or error}): give another --host or --port"
        ) from error
    return listening


def _check_certificate(settings: GatewaySettings) -> None:
    if settings.certificate is None or settings.key is None:
        return
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(settings.certificate, settings.key)
    except (OSError, ValueError) as error:
        raise InvalidSettings(
            f"JINGWEI_GATEWAY_CERTIFICATE={settings.certificate} and JINGWEI_GATEWAY_KEY="
            f"{settings.key} cannot be used: {error}"
        ) from error
