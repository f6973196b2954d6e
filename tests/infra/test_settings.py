"""Settings read from the environment, and the addresses that follow from them."""

import os

import pytest
from pydantic_settings import BaseSettings

from infra.environment import load, unknown_variables, variable
from infra.local import process
from infra.local.errors import InvalidSettings, StackNotRunning, UnreadableState
from infra.local.state import BrokerKind, Home, Running, StackState, write_state
from infra.settings import GROUPS, load_settings, resolve_endpoints
from streams.limits import IntakeSettings

OWNER = "postgresql://owner:secret@db:5432/city"


def test_defaults_name_nothing_outside(home):
    settings = load_settings(home)
    assert settings.kafka.bootstrap is None
    assert settings.ledger.url is None
    assert settings.worker.group == "jingwei"


def test_environment_is_read(monkeypatch, home):
    monkeypatch.setenv("JINGWEI_HOME", str(home))
    monkeypatch.setenv("JINGWEI_KAFKA_BOOTSTRAP", "a:9092,b:9092")
    monkeypatch.setenv("JINGWEI_DATABASE_URL", OWNER)
    monkeypatch.setenv("JINGWEI_WORKER_BATCH_SIZE", "250")
    settings = load_settings()
    assert settings.local.home == home
    assert settings.kafka.bootstrap == "a:9092,b:9092"
    assert settings.ledger.url.get_secret_value() == OWNER
    assert settings.worker.batch_size == 250


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("JINGWEI_KAFKA_BOOTSTRAP", "broker without a port"),
        ("JINGWEI_KAFKA_PORT", "70000"),
        ("JINGWEI_MAVEN", "maybe"),
        ("JINGWEI_WORKER_SESSION_TIMEOUT_S", "2"),
        ("JINGWEI_WORKER_BATCH_SIZE", "many"),
    ],
)
def test_a_wrong_value_is_named_with_its_variable(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    with pytest.raises(InvalidSettings, match=f"{name}='{value}'"):
        load_settings()


def test_every_wrong_variable_is_named(monkeypatch):
    monkeypatch.setenv("JINGWEI_KAFKA_PORT", "x")
    monkeypatch.setenv("JINGWEI_DATABASE_URL", "mysql://city:hunter7@db/city")
    monkeypatch.setenv("JINGWEI_WORKER_BATCH_SIZE", "many")
    with pytest.raises(InvalidSettings) as error:
        load_settings()
    text = str(error.value)
    for name in ("JINGWEI_KAFKA_PORT='x'", "JINGWEI_DATABASE_URL: it", "JINGWEI_WORKER_BATCH_SIZE"):
        assert name in text
    assert "hunter7" not in text
    assert error.value.__cause__ is error.value.__context__ is None


def test_an_address_with_a_password_is_not_shown_where_it_does_not_belong(monkeypatch):
    monkeypatch.setenv("JINGWEI_KAFKA_BOOTSTRAP", "kafka://city:hunter7@db:9092")
    with pytest.raises(InvalidSettings, match="JINGWEI_KAFKA_BOOTSTRAP: give host:port") as error:
        load_settings()
    assert "hunter7" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("JINGWEI_INTAKE_PAST_S", "long", "JINGWEI_INTAKE_PAST_S='long'"),
        ("JINGWEI_INTAKE_FENCE_KINDS", "district,beat", "JINGWEI_INTAKE_FENCE_KINDS: it is not"),
        ("JINGWEI_INTAKE_FENCE_KINDS", '["moat"]', "JINGWEI_INTAKE_FENCE_KINDS='moat'"),
    ],
)
def test_a_wrong_limit_of_the_intake_is_named(monkeypatch, name, value, text):
    monkeypatch.setenv(name, value)
    with pytest.raises(InvalidSettings) as error:
        load(IntakeSettings)
    assert text in str(error.value)


def test_unknown_variables_are_told_with_the_nearest_name(monkeypatch):
    monkeypatch.setenv("JINGWEI_DATABASE_URI", "x")
    monkeypatch.setenv("jingwei_home", "x")
    monkeypatch.setenv("JINGWEI_WEATHER", "x")
    monkeypatch.setenv("JINGWEI_OTHER", "x")
    found = dict(unknown_variables(GROUPS, ["JINGWEI_OTHER"]))
    ours = {
        name: near
        for name, near in found.items()
        if not name.startswith(("JINGWEI_SHARED", "JINGWEI_TESTS"))
    }
    assert ours == {"JINGWEI_DATABASE_URI": "JINGWEI_DATABASE_URL", "JINGWEI_WEATHER": None}


def test_a_pool_smaller_than_its_minimum_is_refused(monkeypatch):
    monkeypatch.setenv("JINGWEI_DATABASE_POOL_MIN", "9")
    with pytest.raises(InvalidSettings, match="pool_min 9 is larger than pool_max 8"):
        load_settings()


def test_without_stack_and_names_the_error_says_what_to_do(home):
    with pytest.raises(StackNotRunning, match=r"`jingwei up`.*JINGWEI_KAFKA_BOOTSTRAP"):
        resolve_endpoints(load_settings(home))


def test_named_services_need_no_stack(monkeypatch, home):
    monkeypatch.setenv("JINGWEI_KAFKA_BOOTSTRAP", "kafka:9092")
    monkeypatch.setenv("JINGWEI_DATABASE_URL", OWNER)
    monkeypatch.setenv("JINGWEI_DATABASE_WORKER_URL", "postgresql://worker@db/city")
    endpoints = resolve_endpoints(load_settings(home))
    assert endpoints.bootstrap == "kafka:9092"
    assert endpoints.broker_kind is BrokerKind.EXTERNAL
    assert endpoints.broker_idempotent
    assert endpoints.worker_url == "postgresql://worker@db/city"
    assert endpoints.planner_url == OWNER


def _running_state(home, kind):
    place = Home.at(home)
    place.make()
    here = process.identify(os.getpid())
    state = StackState(broker=Running(here, 9999), postgres=Running(here, 5555), broker_kind=kind)
    write_state(place, state)
    return state


@pytest.mark.parametrize(
    ("kind", "idempotent"), [(BrokerKind.APACHE_KAFKA, True), (BrokerKind.EMBEDDED, False)]
)
def test_the_running_stack_is_found(home, kind, idempotent):
    _running_state(home, kind)
    endpoints = resolve_endpoints(load_settings(home))
    assert endpoints.bootstrap == "127.0.0.1:9999"
    assert endpoints.broker_idempotent is idempotent
    assert endpoints.database_url.startswith("postgresql://jingwei_owner:")
    assert endpoints.database_url.endswith("@127.0.0.1:5555/jingwei")
    assert endpoints.planner_url.startswith("postgresql://jingwei_planner:")
    assert Home.at(home).secret_file.stat().st_mode & 0o077 == 0


def test_a_recycled_process_id_is_not_the_stack(home):
    state = _running_state(home, BrokerKind.APACHE_KAFKA)
    here = state.broker.process
    former = process.Identity(pid=here.pid, ticks=here.ticks - 1, boot=here.boot)
    state.broker = Running(former, 9999)
    write_state(Home.at(home), state)
    with pytest.raises(StackNotRunning):
        resolve_endpoints(load_settings(home))


@pytest.mark.parametrize(
    ("content", "reason"), [("{", "cannot be read"), ('{"version": 99}', "newer Jingwei")]
)
def test_a_state_that_cannot_be_used_is_named(home, content, reason):
    Home.at(home).make()
    Home.at(home).state_file.write_text(content)
    with pytest.raises(UnreadableState, match=reason):
        resolve_endpoints(load_settings(home))


def _numbers() -> list[tuple[type[BaseSettings], str]]:
    """Return the fields of all settings that are numbers."""
    return [
        (group, name)
        for group in (*GROUPS, IntakeSettings)
        for name, field in group.model_fields.items()
        if "int" in str(field.annotation) or "float" in str(field.annotation)
    ]


@pytest.mark.parametrize("value", ["inf", "nan", "1e300", "99999999999999999999"])
@pytest.mark.parametrize(("group", "field"), _numbers())
def test_a_number_that_nothing_can_be_done_with_is_named(monkeypatch, group, field, value):
    name = variable(group, field)
    monkeypatch.setenv(name, value)
    with pytest.raises(InvalidSettings, match=f"{name}='{value}'"):
        load(group)
