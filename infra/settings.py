"""Settings: one class per concern, read from environment variables ``JINGWEI_*``.

``load_settings`` reads them all; ``resolve_endpoints`` turns them into the addresses to
connect to, taking from the running local stack what the environment does not name.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, ValidationError, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict

from infra.local.errors import InvalidSettings, StackNotRunning
from infra.local.state import BrokerKind, Home, read_state

Port = int | None
"""A TCP port that must be used, or None for any free one."""


class LocalSettings(BaseSettings):
    """The local stack: where it lives and how it is brought up."""

    model_config = SettingsConfigDict(env_prefix="JINGWEI_")

    home: Path = Path(".jingwei")
    """Folder of everything local: clusters, logs, archive, generated cities."""
    maven: Literal["auto", "off"] = "auto"
    """``off``: do without Maven and without what it fetched before (embedded broker)."""
    maven_timeout_s: float = Field(default=120, gt=0)
    kafka_port: Port = Field(default=None, ge=1, le=65535)
    postgres_port: Port = Field(default=None, ge=1, le=65535)
    start_timeout_s: float = Field(default=60, gt=0)
    """How long a service may take until it answers."""


class KafkaSettings(BaseSettings):
    """An existing broker. Without ``bootstrap`` the local stack's is used."""

    model_config = SettingsConfigDict(env_prefix="JINGWEI_KAFKA_")

    bootstrap: str | None = Field(default=None, pattern=r"^[^\s:]+:\d+(,[^\s:]+:\d+)*$")
    """``host:port``, several separated by commas."""
    idempotent: bool = True
    """Whether that broker takes an idempotent producer; every Apache Kafka does."""


class LedgerSettings(BaseSettings):
    """An existing database. Without ``url`` the local stack's is used."""

    model_config = SettingsConfigDict(env_prefix="JINGWEI_DATABASE_")

    url: str | None = Field(default=None, pattern=r"^postgres(ql)?://\S+$")
    """URL of the owner, who runs the migrations."""
    worker_url: str | None = Field(default=None, pattern=r"^postgres(ql)?://\S+$")
    gateway_url: str | None = Field(default=None, pattern=r"^postgres(ql)?://\S+$")
    planner_url: str | None = Field(default=None, pattern=r"^postgres(ql)?://\S+$")
    """The other roles' URLs; each is the owner's when not given."""
    pool_min: int = Field(default=1, ge=0)
    pool_max: int = Field(default=8, ge=1)

    @model_validator(mode="after")
    def _pool_has_a_size(self) -> Self:
        if self.pool_min > self.pool_max:
            msg = f"pool_min {self.pool_min} is larger than pool_max {self.pool_max}"
            raise ValueError(msg)
        return self


class WorkerSettings(BaseSettings):
    """One worker process: its group, its batches, its acknowledgements."""

    model_config = SettingsConfigDict(env_prefix="JINGWEI_WORKER_")

    group: str = Field(default="jingwei", min_length=1)
    instance_id: str | None = None
    """Static membership: a restarted worker with the same id keeps its partitions."""
    batch_size: int = Field(default=1_000, ge=1)
    batch_within_s: float = Field(default=0.015, gt=0)
    commit_interval_s: float = Field(default=0.5, gt=0)
    session_timeout_s: float = Field(default=15, ge=6)
    """Apache Kafka refuses less than 6 s (``group.min.session.timeout.ms``)."""


@dataclass(frozen=True)
class Settings:
    """All settings of one process."""

    local: LocalSettings
    kafka: KafkaSettings
    ledger: LedgerSettings
    worker: WorkerSettings


@dataclass(frozen=True)
class Endpoints:
    """What to connect to, and where local files go.

    Attributes
    ----------
    bootstrap
        ``host:port`` of the broker, several separated by commas.
    database_url
        URL of the database's owner (migrations); ``worker_url``, ``gateway_url`` and
        ``planner_url`` are those of the roles with fewer rights.
    broker_kind
        ``external``, ``apache-kafka`` or ``embedded``.
    broker_idempotent
        Whether an idempotent producer works; the embedded broker has none.
    home, data_dir, archive_dir
        The local folder, that of cities and other generated data, that of the archive.
    """

    bootstrap: str
    database_url: str
    worker_url: str
    gateway_url: str
    planner_url: str
    broker_kind: BrokerKind
    broker_idempotent: bool
    home: Path
    data_dir: Path
    archive_dir: Path


def load_settings(home: Path | None = None) -> Settings:
    """Read all settings from the environment.

    Parameters
    ----------
    home
        Taken instead of ``JINGWEI_HOME``.

    Raises
    ------
    InvalidSettings
        If a variable has a value that cannot be used; every such variable is named.
    """
    try:
        return Settings(
            local=LocalSettings() if home is None else LocalSettings(home=home),
            kafka=KafkaSettings(),
            ledger=LedgerSettings(),
            worker=WorkerSettings(),
        )
    except ValidationError as error:
        faults = "; ".join(_sentence(error.title, fault) for fault in error.errors())
        raise InvalidSettings(f"settings cannot be used: {faults}") from error


def resolve_endpoints(settings: Settings) -> Endpoints:
    """Return the addresses to connect to.

    What the environment names wins; the rest comes from the state file of the running
    local stack. Nothing is connected to.

    Raises
    ------
    StackNotRunning
        If a part is named by neither.
    UnreadableState
        If the state file is damaged.
    """
    home = Home.at(settings.local.home)
    state = read_state(home)
    bootstrap, kind = settings.kafka.bootstrap, BrokerKind.EXTERNAL
    if bootstrap is None:
        if state is None or not state.broker_alive():
            raise StackNotRunning(home.path)
        bootstrap, kind = state.bootstrap(), state.broker_kind
    urls = _role_urls(settings.ledger)
    if urls is None:
        if state is None or not state.postgres_alive():
            raise StackNotRunning(home.path)
        urls = state.urls(home)
    return Endpoints(
        bootstrap=bootstrap,
        database_url=urls["owner"],
        worker_url=urls["worker"],
        gateway_url=urls["gateway"],
        planner_url=urls["planner"],
        broker_kind=kind,
        broker_idempotent=(
            settings.kafka.idempotent
            if kind is BrokerKind.EXTERNAL
            else kind is BrokerKind.APACHE_KAFKA
        ),
        home=home.path,
        data_dir=home.data,
        archive_dir=home.archive,
    )


def _sentence(group: str, fault: ErrorDetails) -> str:
    """Say what is wrong with a variable, or with several of a group together."""
    prefix = _PREFIXES[group]
    if not fault["loc"]:
        return f"{prefix}*: {fault['msg']}"
    return f"{prefix}{str(fault['loc'][0]).upper()}={fault['input']!r}: {fault['msg']}"


def _role_urls(ledger: LedgerSettings) -> dict[str, str] | None:
    if ledger.url is None:
        return None
    return {
        "owner": ledger.url,
        "worker": ledger.worker_url or ledger.url,
        "gateway": ledger.gateway_url or ledger.url,
        "planner": ledger.planner_url or ledger.url,
    }


_PREFIXES = {
    group.__name__: str(group.model_config["env_prefix"])
    for group in (LocalSettings, KafkaSettings, LedgerSettings, WorkerSettings)
}
