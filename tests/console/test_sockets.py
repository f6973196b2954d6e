"""A gateway process and its sockets: TLS, metrics, proxies, clients that are slow or never read."""

import asyncio
import contextlib
import datetime as dt
import ipaddress
import os
import re
import signal
import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import httpx
import psutil
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from infra.ledger.pool import connect
from infra.local import gateway
from tests import nursery
from tests.cli.conftest import point_at
from tests.patience import patience

pytestmark = [pytest.mark.kafka, pytest.mark.postgis]


@pytest.fixture
def ledger(endpoints, monkeypatch):
    point_at(endpoints, monkeypatch)
    monkeypatch.setenv("JINGWEI_DATABASE_GATEWAY_URL", endpoints.gateway_url)
    return endpoints


@contextlib.contextmanager
def running(monkeypatch, folder: Path, **settings: object) -> Iterator[tuple[str, str, int]]:
    """Run a gateway process; yield its address, what it has said, and its process id."""
    for name, value in settings.items():
        monkeypatch.setenv(f"JINGWEI_GATEWAY_{name.upper()}", str(value))
    wanted = r"metrics at .*\n" if "metrics_port" in settings else r"gateway at .*\n"
    with nursery.ending():
        errors = folder / "errors"
        errors.touch()
        arguments = ["gateway", "--port", "0"]
        process = nursery.start(
            nursery.COMMAND, arguments, folder / "log", os.environ, errors=errors
        )
        deadline = time.monotonic() + patience(40)
        while not re.search(wanted, said := errors.read_text()):
            assert process.poll() is None, said
            assert time.monotonic() < deadline, said
            time.sleep(0.05)
        found = re.search(r"gateway at (https?://[\d.:]+)", said)
        assert found, said
        yield found[1], said, process.pid
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0, errors.read_text()
        assert "Traceback" not in errors.read_text()


def closed_within(connection: socket.socket, seconds: float) -> bool:
    """Return whether the other side closes; what it sends before is thrown away."""
    connection.settimeout(seconds)
    try:
        while connection.recv(65_536):
            pass
    except TimeoutError:
        return False
    except ConnectionError:
        return True
    return True


def test_clients_that_are_slow_or_never_read_are_cut_off(ledger, monkeypatch, tmp_path) -> None:
    limits = {"body_s": 1, "unread_s": 1, "metrics_port": 0, "proxies": "192.0.2.1"}
    with running(monkeypatch, tmp_path, **limits) as (url, said, pid):
        place = ("127.0.0.1", int(url.rpartition(":")[2]))
        figures = re.search(r"metrics at (\S+)", said)[1]

        def in_flight() -> dict[str, float]:
            text = httpx.get(figures, timeout=patience(20)).text
            return {
                name: float(value)
                for name, value in re.findall(r"^(jingwei\S+) (\S+)$", text, re.MULTILINE)
            }

        # No head at all; one that comes a byte now and then; a second one of that kind.
        with socket.create_connection(place) as silent, socket.create_connection(place) as slow:
            begin = time.monotonic()
            slow.sendall(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n")
            assert b"200" in slow.recv(65_536)
            slow.settimeout(patience(10))
            with contextlib.suppress(ConnectionError):
                while time.monotonic() - begin < patience(10):
                    slow.sendall(b"G")
                    time.sleep(0.1)
            assert time.monotonic() - begin < patience(10)
            assert closed_within(silent, patience(10))
        # A body that never comes.
        with socket.create_connection(place) as slow:
            slow.sendall(b"POST /api/v1/session HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{")
            slow.settimeout(patience(10))
            assert b"408" in slow.recv(65_536)
        # A client that asks for much and takes nothing.
        with socket.socket() as deaf:
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            deaf.connect(place)
            deadline = time.monotonic() + patience(20)
            while not _holds(pid, deaf):
                assert time.monotonic() < deadline
            ask = b"GET /api/v1/openapi.json HTTP/1.1\r\nHost: x\r\n\r\n"
            with contextlib.suppress(ConnectionError, TimeoutError):
                deaf.settimeout(1)
                for _ in range(100):
                    deaf.sendall(ask)
            deadline = time.monotonic() + patience(20)
            while _holds(pid, deaf) and time.monotonic() < deadline:
                time.sleep(0.1)
            assert not _holds(pid, deaf), "it still holds on to who never reads"
        # It has answered others all the while, and counted.
        assert httpx.get(f"{url}/health/live", timeout=patience(20)).json() == {"ok": True}
        # The figures are served beside it, so its last request may not be over for them yet.
        deadline = time.monotonic() + patience(20)
        while (known := in_flight())["jingwei_gateway_requests_in_flight"]:
            assert time.monotonic() < deadline
        live = (
            'jingwei_gateway_request_seconds_count{method="GET",route="/health/live",status="200"}'
        )
        assert known[live] >= 2
        assert {n for n in known if n.startswith("jingwei_gateway_ledger_connections")}

        # Anybody could write X-Forwarded-For: only a proxy that is named is believed.
        wrong = {"name": "nobody", "password": "wrong"}
        forged = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https"}
        answer = httpx.post(
            f"{url}/api/v1/session", json=wrong, headers=forged, timeout=patience(20)
        )
        assert answer.status_code == 401
        failed = 'jingwei_gateway_sign_ins_total{outcome="failed",way="local"}'
        assert in_flight()[failed] == 1
    assert asyncio.run(_addresses(ledger.database_url)) == ["127.0.0.1"]


def _holds(pid: int, client: socket.socket) -> bool:
    """Whether the process still has its end of a connection; the client is not told of it."""
    port = client.getsockname()[1]
    return any(
        one.raddr and one.raddr.port == port for one in psutil.Process(pid).net_connections("tcp")
    )


async def _addresses(url: str) -> list[str]:
    conn: asyncpg.Connection = await connect(url)
    try:
        return [row[0] for row in await conn.fetch("SELECT address FROM sign_in_failure")]
    finally:
        await conn.close()


def test_a_gateway_with_a_certificate_talks_tls_only(ledger, monkeypatch, tmp_path) -> None:
    certificate, key = _certificate(tmp_path)
    limits = {"connections_per_address": 5, "proxies": "192.0.2.1", "body_s": 60}
    limits |= {"certificate": certificate, "key": key}
    with running(monkeypatch, tmp_path, **limits) as (url, _, _):
        assert url.startswith("https://")
        trusted = ssl.create_default_context(cafile=certificate)
        with httpx.Client(verify=trusted, timeout=patience(20)) as client:
            answer = client.get(f"{url}/health/ready")
        assert answer.json() == {"ok": True, "ledger": True}
        assert "max-age" in answer.headers["Strict-Transport-Security"]
        old = ssl.create_default_context(cafile=certificate)
        with pytest.warns(DeprecationWarning, match="TLSv1_1"):
            old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
        place = ("127.0.0.1", int(url.rpartition(":")[2]))
        with (
            socket.create_connection(place) as plain,
            pytest.raises((ssl.SSLError, ConnectionError)),
        ):
            old.wrap_socket(plain, server_hostname="127.0.0.1")
        with pytest.raises(httpx.TransportError):
            httpx.get(url.replace("https", "http"), timeout=patience(20))
        assert gateway.answers(place[1], tls=True)
        # An address has so many connections; as one ends, there is room again.
        with contextlib.ExitStack() as held:

            def connected() -> ssl.SSLSocket:
                plain = held.enter_context(socket.create_connection(place))
                return held.enter_context(trusted.wrap_socket(plain, server_hostname="127.0.0.1"))

            def answers(connection: ssl.SSLSocket) -> bool:
                connection.settimeout(patience(20))
                with contextlib.suppress(OSError):
                    connection.sendall(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n")
                    return b"200" in connection.recv(65_536)
                return False

            six = [connected() for _ in range(6)]
            assert sum(map(answers, six)) == 5
            for one in six:
                one.close()
            deadline = time.monotonic() + patience(20)
            while not answers(connected()):
                assert time.monotonic() < deadline
        assert not gateway.answers(place[1], tls=False)


def _certificate(folder):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "gateway")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    certificate, secret = folder / "certificate.pem", folder / "key.pem"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return certificate, secret
