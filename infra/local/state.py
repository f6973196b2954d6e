"""The stack's home folder and the one file that says what runs there.

The file is written by renaming, so a reader sees the old state or the new one, and is
changed only under the home's lock, so that two ``jingwei up`` at once are one.
"""

import contextlib
import fcntl
import hashlib
import os
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import msgspec

from infra.local import process
from infra.local.errors import InvalidSettings, StackNotRunning, UnreadableState

ROLES = ("owner", "worker", "gateway", "planner")
_VERSION = 1


class BrokerKind(StrEnum):
    """What answers at the bootstrap address."""

    EXTERNAL = "external"
    APACHE_KAFKA = "apache-kafka"
    EMBEDDED = "embedded"


@dataclass(frozen=True)
class Home:
    """The stack's folder and the names in it."""

    path: Path

    @classmethod
    def at(cls, path: Path) -> "Home":
        """Return the home at a path, made absolute so that a later ``chdir`` is harmless."""
        return cls(path.expanduser().resolve())

    @property
    def digest(self) -> str:
        """A short name of this home for folders that must lie outside of it."""
        return hashlib.sha256(os.fsencode(self.path)).hexdigest()[:16]

    @property
    def state_file(self) -> Path:
        """``stack.json``."""
        return self.path / "stack.json"

    @property
    def lock_file(self) -> Path:
        """Held while the stack is being changed."""
        return self.path / "lock"

    @property
    def secret_file(self) -> Path:
        """The database roles' generated password, readable by the owner only."""
        return self.path / "secret"

    @property
    def key_file(self) -> Path:
        """The key under which reporters' contacts are sealed, unless the settings name another."""
        return self.path / "reporters.key"

    @property
    def logs(self) -> Path:
        """Logs of the services."""
        return self.path / "logs"

    @property
    def kafka(self) -> Path:
        """Apache Kafka's configuration and log segments."""
        return self.path / "kafka"

    @property
    def data(self) -> Path:
        """Cities and other generated data."""
        return self.path / "data"

    @property
    def archive(self) -> Path:
        """The archive of the journal and of the input."""
        return self.path / "archive"

    def make(self) -> None:
        """Make the folder and those in it.

        Raises
        ------
        InvalidSettings
            If that cannot be done at this path.
        """
        try:
            for folder in (self.path, self.logs, self.data, self.archive):
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InvalidSettings(
                f"cannot create the home folder {self.path} ({error.strerror}): set JINGWEI_HOME "
                "to a writable folder"
            ) from error

    def secret(self) -> str:
        """Return the generated password, making it when there is none.

        Raises
        ------
        UnreadableState
            If the file is there but empty.
        """
        with contextlib.suppress(FileExistsError):
            descriptor = os.open(self.secret_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(secrets.token_urlsafe(24))
        text = self.secret_file.read_text()
        if not text:
            raise UnreadableState(
                f"{self.secret_file} is empty, so the database's password is lost: "
                "delete the data with `jingwei down --wipe`"
            )
        return text


class Running(msgspec.Struct, frozen=True):
    """A service that was started: which process, on which port."""

    process: process.Identity
    port: int


class StackState(msgspec.Struct, kw_only=True):
    """What ``stack.json`` holds.

    Attributes
    ----------
    cluster
        Folder of the PostgreSQL cluster; outside the home where the home is out of reach
        for the system user that PostgreSQL runs as.
    sockets
        Folder of PostgreSQL's Unix socket.
    database
        ``jingwei``; with the embedded broker, which forgets all, a new one at each start.
    gateway_serves
        Digest of the addresses that the gateway was started with.
    ports
        Ports last used, by name: taken again when free.
    """

    version: int = _VERSION
    cluster: str | None = None
    sockets: str | None = None
    postgres: Running | None = None
    broker: Running | None = None
    broker_kind: BrokerKind = BrokerKind.APACHE_KAFKA
    cluster_id: str | None = None
    database: str = "jingwei"
    embedded_runs: int = 0
    gateway: Running | None = None
    gateway_serves: str | None = None
    ports: dict[str, int] = {}

    def own_database(self) -> str:
        """Return the name of the database that belongs to this home's broker."""
        if self.broker_kind is BrokerKind.EMBEDDED:
            return f"jingwei_embedded_{self.embedded_runs}"
        return "jingwei"

    def postgres_alive(self) -> bool:
        """Whether the process of PostgreSQL is there."""
        return self.postgres is not None and process.alive(self.postgres.process)

    def broker_alive(self) -> bool:
        """Whether the process of the broker is there."""
        return self.broker is not None and process.alive(self.broker.process)

    def gateway_alive(self) -> bool:
        """Whether the process of the gateway is there."""
        return self.gateway is not None and process.alive(self.gateway.process)

    def bootstrap(self) -> str:
        """Return the broker's address."""
        assert self.broker is not None, "asked for the address of a broker never started"
        return f"127.0.0.1:{self.broker.port}"

    def urls(self, home: Home, database: str | None = None) -> dict[str, str]:
        """Return the database's URL by role: ``owner``, ``worker``, ``gateway``, ``planner``.

        Raises
        ------
        StackNotRunning
            If PostgreSQL has not been started.
        """
        if self.postgres is None:
            raise StackNotRunning(home.path)
        place = f"127.0.0.1:{self.postgres.port}/{database or self.database}"
        secret = home.secret()
        return {role: f"postgresql://jingwei_{role}:{secret}@{place}" for role in ROLES}


def read_state(home: Home) -> StackState | None:
    """Return what the state file says, None when there is none.

    Raises
    ------
    UnreadableState
        If it is damaged or was written by a newer version.
    """
    try:
        content = home.state_file.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UnreadableState(
            f"{home.state_file} cannot be read ({error.strerror}): set JINGWEI_HOME to your own "
            "folder"
        ) from error
    try:
        state = msgspec.json.decode(content, type=StackState)
    except msgspec.DecodeError as error:
        raise UnreadableState(
            f"{home.state_file} cannot be read ({error}): stop the stack's processes by hand, then "
            "delete the file"
        ) from error
    if state.version > _VERSION:
        raise UnreadableState(
            f"{home.state_file} was written by a newer Jingwei (version {state.version}, "
            f"this one knows {_VERSION}): use that one, or another JINGWEI_HOME"
        )
    return state


def write_state(home: Home, state: StackState) -> None:
    """Write the state file; on return it is on disk, whole."""
    draft = home.state_file.with_suffix(".new")
    with draft.open("wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(state), indent=2))
        file.flush()
        os.fsync(file.fileno())
    draft.replace(home.state_file)


@contextlib.contextmanager
def locked(home: Home, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Hold the home's lock; calls ``waiting`` once if another process has it."""
    descriptor = _lock(home, waiting)
    try:
        yield
    finally:
        os.close(descriptor)


def _lock(home: Home, waiting: Callable[[], None]) -> int:
    while True:
        descriptor = os.open(home.lock_file, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        # A wipe deletes the file under the lock: what was waited for may be no longer there.
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(descriptor), home.lock_file.stat()):
                return descriptor
        os.close(descriptor)
