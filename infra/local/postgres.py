"""A private PostgreSQL cluster with PostGIS, from Debian's packages.

It listens on the loopback interface and on a Unix socket, and asks for a generated
password. PostgreSQL refuses to run as root: started by root it runs as the system user
``postgres``, and its cluster lies outside the home where that user cannot reach the home.
"""

import asyncio
import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from infra import database_url
from infra.local import ports, process
from infra.local.errors import MissingPrerequisite, StartFailed, Unreachable
from infra.local.state import Home, Running, StackState, write_state

NAME = "PostgreSQL"
SUPERUSER = "postgres"
INSTALL = "sudo apt-get install postgresql postgresql-postgis"
_SYSTEM_USER = "postgres"
_OUTSIDE = Path("/var/lib/jingwei")
_LONGEST_SOCKET = 107  # bytes of sockaddr_un.sun_path, without the closing zero
_BOOTSTRAP = Path(__file__).with_name("bootstrap.sql")

# For a machine of two cores that also runs Kafka and the workers. fsync, full_page_writes
# and synchronous_commit stay on: what the ledger has acknowledged is never lost.
_PARAMETERS = {
    "autovacuum_naptime": "15s",
    "checkpoint_completion_target": "0.9",
    "checkpoint_timeout": "10min",
    "effective_cache_size": "1GB",
    "jit": "off",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    "log_timezone": "UTC",
    "maintenance_work_mem": "64MB",
    "max_connections": "100",
    "max_wal_size": "2GB",
    "min_wal_size": "256MB",
    "password_encryption": "scram-sha-256",
    "random_page_cost": "1.1",
    "shared_buffers": "256MB",
    "synchronous_commit": "on",
    "timezone": "UTC",
    "wal_compression": "on",
    "work_mem": "16MB",
}


@dataclass(frozen=True)
class Package:
    """An installed PostgreSQL that has PostGIS."""

    version: int
    programs: Path


def find_package(version: int | None = None) -> Package:
    """Return the newest PostgreSQL with PostGIS on this machine.

    Parameters
    ----------
    version
        Preferred, if it is there: that of a cluster made before.

    Raises
    ------
    MissingPrerequisite
        If there is none; the text tells a missing PostGIS from a missing PostgreSQL.
    """
    installed = sorted(
        (
            Package(int(programs.parent.name), programs)
            for programs in Path("/usr/lib/postgresql").glob("*/bin")
            if programs.parent.name.isdigit() and (programs / "postgres").exists()
        ),
        key=lambda package: (package.version != version, -package.version),
    )
    for package in installed:
        shared = Path("/usr/share/postgresql") / str(package.version)
        if (shared / "extension/postgis.control").exists():
            return package
    if installed:
        newest = installed[0].version
        raise MissingPrerequisite(
            f"PostgreSQL {newest} is installed without PostGIS: "
            f"`sudo apt-get install postgresql-{newest}-postgis-3`"
        )
    raise MissingPrerequisite(f"PostgreSQL is not installed: `{INSTALL}`")


def start(home: Home, state: StackState, how: process.Start) -> int:
    """Start the cluster, making it first if there is none; return its port.

    Parameters
    ----------
    state
        Is given the cluster's place, port and process, and written at once: from then on
        `down` knows it, even if this process is killed before it answers.

    Raises
    ------
    MissingPrerequisite
        If PostgreSQL, PostGIS or the system user is not there.
    PortTaken
        If the port asked for is in use.
    StartFailed
        If it does not start.
    """
    user = system_user()
    base = Path(state.cluster) if state.cluster else _place(home, user)
    cluster = base / "cluster"
    state.cluster = str(base)
    package = _package_for(cluster)
    if not cluster.exists():
        _initialise(package, cluster, user, home)
    port = ports.choose("JINGWEI_POSTGRES_PORT", asked=how.port, last=state.ports.get("postgres"))
    sockets = _socket_folder(state, base, port, user)
    state.sockets = str(sockets)
    state.ports["postgres"] = port
    parameters = _PARAMETERS | {
        "listen_addresses": ports.LOOPBACK,
        "port": str(port),
        "unix_socket_directories": str(sockets),
        "unix_socket_permissions": "0700",
    }
    launch = process.Launch(
        name=NAME,
        argv=[
            str(package.programs / "postgres"),
            "-D",
            str(cluster),
            *(f"--{name}={value}" for name, value in parameters.items()),
        ],
        log=home.logs / "postgres.log",
        user=user,
        end_with_parent=how.bound,
        stop_signal=signal.SIGINT,
    )
    identity = process.spawn(launch)
    state.postgres = Running(identity, port)
    write_state(home, state)
    url = superuser_url(home, port)
    process.wait_until_ready(launch, identity, lambda: answers(url), how.timeout_s)
    return port


def stop(running: Running) -> None:
    """Stop the cluster by its fast shutdown, and by its immediate one if that takes too long.

    Raises
    ------
    StopFailed
        If it is still there after that.
    """
    process.stop(NAME, running.process, signal.SIGINT, signal.SIGQUIT, timeout_s=20)


def make_database(home: Home, port: int, database: str) -> None:
    """Make the roles and a database with PostGIS, where they are not there.

    Raises
    ------
    StartFailed
        If psql reports an error.
    """
    package = find_package()
    result = subprocess.run(
        [
            str(package.programs / "psql"),
            *("--no-psqlrc", "--quiet", "--tuples-only", "--output=/dev/null"),
            f"--file={_BOOTSTRAP}",
            f"postgresql://{SUPERUSER}@{ports.LOOPBACK}:{port}/postgres",
        ],
        env=os.environ
        | {
            "PGPASSWORD": home.secret(),
            "JINGWEI_SECRET": home.secret(),
            "JINGWEI_DATABASE": database,
            "PGOPTIONS": "--client-min-messages=warning",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode:
        raise StartFailed(
            f"{NAME}'s database {database}",
            result.stderr.strip() or f"psql ended with {result.returncode}",
            home.logs / "postgres.log",
            process.tail(home.logs / "postgres.log"),
        )


def superuser_url(home: Home, port: int, database: str = "postgres") -> str:
    """Return the URL of the cluster's superuser, for bootstrap and tests only."""
    return f"postgresql://{SUPERUSER}:{home.secret()}@{ports.LOOPBACK}:{port}/{database}"


def answers(url: str) -> bool:
    """Whether a database answers a query; False as long as it is starting or not there.

    Raises
    ------
    Unreachable
        If it refuses for a reason that waiting does not change (password, name, address).
    """
    try:
        database_url.check(url)
    except ValueError as error:
        raise Unreachable(f"the database's URL cannot be used: {error}") from None

    async def ask() -> bool:
        try:
            connection = await asyncpg.connect(url, timeout=5)
        except (OSError, asyncpg.CannotConnectNowError, asyncpg.PostgresConnectionError):
            return False
        except (asyncpg.PostgresError, asyncpg.InterfaceError, ValueError) as error:
            text = database_url.redact(str(error), url)
            raise Unreachable(f"the database refuses: {text}") from None
        try:
            return bool(await connection.fetchval("SELECT true"))
        finally:
            await connection.close()

    return asyncio.run(ask())


def wipe(state: StackState) -> None:
    """Delete the cluster and its socket folder, wherever they lie."""
    for folder in (state.cluster, state.sockets):
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)
    with contextlib.suppress(OSError):
        _OUTSIDE.rmdir()


def system_user() -> str | None:
    """Return the user that the cluster runs as, None for one's own.

    Raises
    ------
    MissingPrerequisite
        If one is root and there is no system user ``postgres``.
    """
    if os.geteuid() != 0:
        return None
    try:
        pwd.getpwnam(_SYSTEM_USER)
    except KeyError as error:
        raise MissingPrerequisite(
            "PostgreSQL does not run as root, and there is no system user `postgres`: "
            f"`{INSTALL}` creates it, or run Jingwei as another user"
        ) from error
    return _SYSTEM_USER


def _place(home: Home, user: str | None) -> Path:
    """Choose where a new cluster lies."""
    if user is None or _may_enter(home.path, user):
        return home.path / "postgres"
    return _OUTSIDE / home.digest


def _may_enter(folder: Path, user: str) -> bool:
    command = process.as_user(["test", "-x", str(folder)], user)
    return subprocess.run(command, check=False, cwd="/").returncode == 0


def _initialise(package: Package, cluster: Path, user: str | None, home: Home) -> None:
    """Make the cluster beside its place and move it there whole: never half a cluster."""
    base = cluster.parent
    base.mkdir(parents=True, exist_ok=True)
    draft = base / "draft"
    shutil.rmtree(draft, ignore_errors=True)
    with tempfile.NamedTemporaryFile("w", dir=base) as secret:
        secret.write(home.secret())
        secret.flush()
        if user is not None:
            shutil.chown(base, user)
            shutil.chown(secret.name, user)
        result = subprocess.run(
            process.as_user(
                [
                    str(package.programs / "initdb"),
                    f"--pgdata={draft}",
                    f"--username={SUPERUSER}",
                    f"--pwfile={secret.name}",
                    "--auth=scram-sha-256",
                    "--encoding=UTF8",
                    "--locale=C.UTF-8",
                    "--data-checksums",
                ],
                user,
            ),
            capture_output=True,
            text=True,
            check=False,
            cwd="/",
        )
    log = home.logs / "initdb.log"
    log.write_text(result.stdout + result.stderr)
    if result.returncode:
        raise StartFailed(f"{NAME}'s cluster", "initdb failed", log, process.tail(log))
    draft.rename(cluster)


def _package_for(cluster: Path) -> Package:
    """Return the package that a cluster needs: its own version, any if it is not made yet."""
    if not cluster.exists():
        return find_package()
    version = int((cluster / "PG_VERSION").read_text())
    package = find_package(version)
    if package.version != version:
        raise MissingPrerequisite(
            f"the cluster {cluster} was made by PostgreSQL {version}, but the one installed with "
            f"PostGIS is {package.version}: `sudo apt-get install postgresql-{version}-postgis-3`, "
            "or delete the data with `jingwei down --wipe`"
        )
    return package


def _socket_folder(state: StackState, base: Path, port: int, user: str | None) -> Path:
    """Return a folder for the socket whose path is short enough for the kernel."""
    folder = base / "run"
    if len(os.fsencode(folder / f".s.PGSQL.{port}")) > _LONGEST_SOCKET:
        if state.sockets is not None and Path(state.sockets).is_dir():
            return Path(state.sockets)
        folder = Path(tempfile.mkdtemp(prefix="jingwei-"))
    folder.mkdir(mode=0o700, exist_ok=True)
    if user is not None:
        shutil.chown(folder, user)
    return folder
