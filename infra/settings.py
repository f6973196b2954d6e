"""Settings: one class per concern, read from environment variables ``JINGWEI_*``.

``load_settings`` reads them all; ``resolve_endpoints`` turns them into the addresses to
connect to, taking from the running local stack what the environment does not name.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from infra import database_url
from infra.environment import attempt, sentence
from infra.local.errors import InvalidSettings, StackNotRunning
from infra.local.state import BrokerKind, Home, read_state

MOST_S = 10 * 366 * 86_400.0
"""Ten years: more seconds than anybody can mean, and few enough to be added to any time."""

Port = int | None
"""A TCP port that must be used, or None for any free one."""


def _check_bootstrap(text: str) -> str:
    if not re.fullmatch(r"[^\s:@]+:\d+(,[^\s:@]+:\d+)*", text):
        raise ValueError("give host:port, several separated by commas")
    return text


def _check_url(secret: SecretStr) -> SecretStr:
    database_url.check(secret.get_secret_value())
    return secret


DatabaseUrl = Annotated[SecretStr, AfterValidator(_check_url)]
"""A database's URL; neither its ``repr`` nor an error about it shows the password."""


class LocalSettings(BaseSettings):
    """The local stack: where it lives and how it is brought up."""

    model_config = SettingsConfigDict(env_prefix="JINGWEI_")

    home: Path = Path(".jingwei")
    """Folder of everything local: clusters, logs, archive, generated cities."""
    key_file: Path | None = None
    """The key under which reporters' contacts are sealed (default: ``reporters.key`` in home)."""
    maven: Literal["auto", "off"] = "auto"
    """``off``: do without Maven and without what it fetched before (embedded broker)."""
    maven_timeout_s: float = Field(default=120, gt=0, le=MOST_S)
    kafka_port: Port = Field(default=None, ge=1, le=65535)
    postgres_port: Port = Field(default=None, ge=1, le=65535)
    gateway_port: Port = Field(default=None, ge=0, le=65535)
    gateway_certificate: Path | None = None
    """As the gateway itself reads them; 0 is any free port, as None is."""
    start_timeout_s: float = Field(default=60, gt=0, le=MOST_S)
    """How long a service that starts may do nothing until it answers; 5 times as long in all."""


class KafkaSettings(BaseSettings):
    """An existing broker. Without ``bootstrap`` the local stack's is used."""

    model_config = SettingsConfigDict(env_prefix="JINGWEI_KAFKA_")

    bootstrap: Annotated[str, AfterValidator(_check_bootstrap)] | None = None
    """``host:port``, several separated by commas."""
    idempotent: bool = True
    """Whether that broker takes an idempotent producer; every Apache Kafka does."""


class LedgerSettings(BaseSettings):
    """An existing database. Without ``url`` the local stack's is used."""

    model_config = SettingsConfigDict(env_prefix="JINGWEI_DATABASE_", hide_input_in_errors=True)

    url: DatabaseUrl | None = None
    """URL of the owner, who runs the migrations."""
    worker_url: DatabaseUrl | None = None
    gateway_url: DatabaseUrl | None = None
    planner_url: DatabaseUrl | None = None
    """The other roles' URLs; each is the owner's when not given."""
    pool_min: int = Field(default=1, ge=0, le=10_000)
    pool_max: int = Field(default=8, ge=1, le=10_000)

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
    batch_size: int = Field(default=1_000, ge=1, le=1_000_000)
    batch_within_s: float = Field(default=0.06, gt=0, le=60)
    """How long readings and positions wait for company: a transaction costs the same for one
    message or for hundreds. Reports, stamps and commands wait for nothing."""
    commit_interval_s: float = Field(default=0.5, gt=0, le=3_600)
    session_timeout_s: float = Field(default=15, ge=6, le=1_800)
    """Apache Kafka refuses others (``group.min.session.timeout.ms``, ``group.max…``)."""
    patience_s: float = Field(default=60, gt=0, le=MOST_S)
    """After so long without progress, with work waiting, a worker leaves by itself."""


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
        ``planner_url`` are those of the roles with fewer rights. They have passwords in them,
        so ``repr`` leaves them out.
    broker_kind
        ``external``, ``apache-kafka`` or ``embedded``.
    broker_idempotent
        Whether an idempotent producer works; the embedded broker has none.
    home, data_dir, archive_dir
        The local folder, that of cities and other generated data, that of the archive.
    key_file
        See ``infra.vault``.
    """

    bootstrap: str
    database_url: str = field(repr=False)
    worker_url: str = field(repr=False)
    gateway_url: str = field(repr=False)
    planner_url: str = field(repr=False)
    broker_kind: BrokerKind
    broker_idempotent: bool
    home: Path
    data_dir: Path
    archive_dir: Path
    key_file: Path


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
    local, local_faults = attempt(LocalSettings, **({} if home is None else {"home": home}))
    kafka, kafka_faults = attempt(KafkaSettings)
    ledger, ledger_faults = attempt(LedgerSettings)
    worker, worker_faults = attempt(WorkerSettings)
    if local is None or kafka is None or ledger is None or worker is None:
        faults = (*local_faults, *kafka_faults, *ledger_faults, *worker_faults)
        raise InvalidSettings(sentence(faults))
    return Settings(local=local, kafka=kafka, ledger=ledger, worker=worker)


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
        key_file=(settings.local.key_file or home.key_file).expanduser().absolute(),
    )


def _role_urls(ledger: LedgerSettings) -> dict[str, str] | None:
    if ledger.url is None:
        return None
    return {
        "owner": ledger.url.get_secret_value(),
        "worker": (ledger.worker_url or ledger.url).get_secret_value(),
        "gateway": (ledger.gateway_url or ledger.url).get_secret_value(),
        "planner": (ledger.planner_url or ledger.url).get_secret_value(),
    }


GROUPS = (LocalSettings, KafkaSettings, LedgerSettings, WorkerSettings)
"""All classes of settings of this module."""
