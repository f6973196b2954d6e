"""One node of Apache Kafka in KRaft mode."""

import asyncio
import base64
import os
import shutil
import struct
import subprocess
import uuid
from collections.abc import Callable
from functools import partial
from pathlib import Path

from infra.local import ports, process
from infra.local.broker import answers
from infra.local.errors import StartFailed
from infra.local.state import BrokerKind, Home, Running, StackState, write_state

NAME = "Apache Kafka"
_TEMPLATE = Path(__file__).with_name("kafka.properties")
_MEMORY = ("-Xms128m", "-Xmx384m", "-XX:+UseSerialGC")
_BRIEFLY = "-XX:TieredStopAtLevel=1"  # a tool ends before thorough compiling pays: 1.6 s, not 2.5
_LOGGING = (
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSXXX",
    "-Djava.awt.headless=true",
)


def start(
    home: Home,
    state: StackState,
    *,
    java: Path,
    jars: Path,
    how: process.Start,
) -> Callable[[], None]:
    """Start the node, formatting its storage first if there is none.

    Returns
    -------
    callable
        Waits until it answers; raises StartFailed if it does not.

    Raises
    ------
    PortTaken
        If the port asked for is in use.
    StartFailed
        If it ends at once.
    """
    port = ports.choose("JINGWEI_KAFKA_PORT", asked=how.port, last=state.ports.get("kafka"))
    controller = ports.choose("controller", asked=None, last=state.ports.get("kafka_controller"))
    state.ports |= {"kafka": port, "kafka_controller": controller}
    storage = home.kafka / "storage"
    formatted = storage.exists()
    settings = _configure(home, home.kafka / "server.properties", storage, port, controller)
    if not formatted:
        state.cluster_id = _format(home, java, jars, port, controller)
    launch = process.Launch(
        name=NAME,
        argv=[*_command(java, jars), "kafka.Kafka", str(settings)],
        log=home.logs / "kafka.log",
        env=_environment(),
        end_with_parent=how.bound,
    )
    identity = process.spawn(launch)
    state.broker, state.broker_kind = Running(identity, port), BrokerKind.APACHE_KAFKA
    state.database = state.own_database()
    write_state(home, state)
    return partial(
        process.wait_until_ready,
        launch,
        identity,
        lambda: asyncio.run(answers(f"{ports.LOOPBACK}:{port}")),
        how.timeout_s,
    )


def _command(java: Path, jars: Path, *options: str) -> list[str]:
    return [str(java), *_MEMORY, *_LOGGING, *options, "-cp", f"{jars}/*"]


def _environment() -> dict[str, str]:
    """Return an environment in which Java reads paths as UTF-8, whatever the locale."""
    return os.environ | {"LC_ALL": "C.UTF-8"}


def _configure(home: Home, file: Path, storage: Path, port: int, controller: int) -> Path:
    """Write the node's properties; ports may change from start to start."""
    host = ports.LOOPBACK
    properties = {
        "listeners": f"PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller}",
        "advertised.listeners": f"PLAINTEXT://{host}:{port}",
        "controller.quorum.bootstrap.servers": f"{host}:{controller}",
        "log.dirs": str(storage),
    }
    home.kafka.mkdir(parents=True, exist_ok=True)
    added = "".join(f"{name}={_escaped(value)}\n" for name, value in properties.items())
    file.write_text(f"{_TEMPLATE.read_text()}\n{added}", encoding="ascii")
    return file


def _escaped(value: str) -> str:
    """Write a value as Java's properties files want it: ASCII, UTF-16 units escaped."""
    encoded = value.replace("\\", "\\\\").encode("utf-16-be")
    units = struct.unpack(f">{len(encoded) // 2}H", encoded)
    return "".join(chr(unit) if chr(unit).isascii() else f"\\u{unit:04x}" for unit in units)


def _format(home: Home, java: Path, jars: Path, port: int, controller: int) -> str:
    """Format the storage beside its place and move it there whole; return the cluster's id."""
    draft = home.kafka / "draft"
    shutil.rmtree(draft, ignore_errors=True)
    settings = _configure(home, home.kafka / "format.properties", draft, port, controller)
    cluster_id = _random_id()
    tool = ["kafka.tools.StorageTool", "format", "--standalone", "--config", str(settings)]
    result = subprocess.run(
        [*_command(java, jars, _BRIEFLY), *tool, f"--cluster-id={cluster_id}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=_environment(),
        check=False,
    )
    settings.unlink()
    log = home.logs / "kafka-format.log"
    log.write_text(result.stdout)
    if result.returncode:
        raise StartFailed(f"{NAME}'s storage", "formatting failed", log, process.tail(log))
    draft.rename(home.kafka / "storage")
    return cluster_id


def _random_id() -> str:
    """Return a UUID as Kafka writes it; one that begins with a dash would look like an option."""
    while True:
        text = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        if not text.startswith("-"):
            return text
