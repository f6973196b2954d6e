"""The compose file runs commands and names settings that exist, and its Kafka is the stack's."""

from pathlib import Path

import pytest
import typer
import yaml

from cli.main import application
from console.settings import GatewaySettings
from infra.local.state import ROLES
from infra.settings import (
    KafkaSettings,
    LedgerSettings,
    LocalSettings,
    WorkerSettings,
    load_settings,
)

ROOT = Path(__file__).parents[2]
OURS = ("migrate", "city", "worker", "archive", "gateway")
OWN_PORTS = {"process.roles", "node.id", "controller.listener.names"}


@pytest.fixture(scope="module")
def compose():
    return yaml.safe_load((ROOT / "docker-compose.yml").read_text())


def _known_names():
    return {
        f"{group.model_config['env_prefix']}{name}".upper()
        for group in (LocalSettings, KafkaSettings, LedgerSettings, WorkerSettings, GatewaySettings)
        for name in group.model_fields
    }


def _environment(compose, service):
    return {
        name: str(value).replace("${JINGWEI_SECRET:?set it to a password}", "secret")
        for name, value in compose["services"][service]["environment"].items()
    }


def _parse(words):
    """Return what the real command line makes of these words; it raises what it would say."""
    command, rest = typer.main.get_command(application()), list(words)
    while subcommands := getattr(command, "commands", None):
        command = subcommands[rest.pop(0)]
    return command.make_context("jingwei", rest).params


def test_all_services_of_ours_are_known_here(compose):
    services = compose["services"]
    assert {name for name, service in services.items() if "build" in service} == set(OURS)


@pytest.mark.parametrize("service", OURS)
def test_a_command_is_one_that_the_command_line_takes(compose, service):
    _parse(compose["services"][service]["command"])


@pytest.mark.parametrize("service", OURS)
def test_a_service_is_given_settings_that_exist(compose, service):
    assert set(_environment(compose, service)) <= _known_names()


@pytest.mark.parametrize("service", ["worker", "archive", "gateway"])
def test_what_runs_for_long_is_started_again_and_waits_for_the_ledger(compose, service):
    found = compose["services"][service]
    assert found["restart"] == "unless-stopped"
    assert found["depends_on"]["migrate"]["condition"] == "service_completed_successfully"


def test_the_worker_serves_the_city_that_is_made_before_it(compose):
    worker, city = (compose["services"][name] for name in ("worker", "city"))
    folder = _parse(city["command"])["folder"]
    assert _parse(worker["command"])["city"] == folder
    assert worker["depends_on"]["city"]["condition"] == "service_completed_successfully"
    for service in (worker, city):
        mounted = [item.split(":") for item in service["volumes"]]
        assert any(Path(path) in folder.parents for _, path in mounted)
    # Only a folder that the image has, and that its user owns, can be written to.
    dockerfile = (ROOT / "infra/Dockerfile").read_text()
    assert all(path in dockerfile for _, path in mounted)


def test_its_settings_can_be_read_and_point_to_the_services(compose, monkeypatch):
    for name, value in _environment(compose, "worker").items():
        monkeypatch.setenv(name, value)
    settings = load_settings()
    host, port = settings.kafka.bootstrap.split(":")
    kafka = _environment(compose, "kafka")
    assert f"INSIDE://{host}:{port}" in kafka["KAFKA_ADVERTISED_LISTENERS"]
    assert (
        settings.ledger.url.get_secret_value()
        == "postgresql://jingwei_owner:secret@postgis:5432/jingwei"
    )
    assert settings.worker.group == WorkerSettings.model_fields["group"].default


def test_kafka_is_set_up_as_in_the_local_stack(compose):
    kafka = _environment(compose, "kafka")
    given = {
        name.removeprefix("KAFKA_").replace("_", ".").lower(): value
        for name, value in kafka.items()
    }
    lines = (ROOT / "infra/local/kafka.properties").read_text().splitlines()
    local = dict(line.split("=") for line in lines if line and not line.startswith("#"))
    shared = {
        name: value
        for name, value in local.items()
        if "replication" in name or "min.isr" in name or name.startswith(("auto.", "group."))
    }
    assert shared
    assert {name: given.get(name) for name in shared} == shared
    assert {name: given[name] for name in OWN_PORTS} == {name: local[name] for name in OWN_PORTS}


def test_ports_are_open_on_the_loopback_only(compose):
    published = [
        port for service in compose["services"].values() for port in service.get("ports", [])
    ]
    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_the_gateway_has_its_packages_and_is_asked_where_it_listens(compose):
    gateway = compose["services"]["gateway"]
    listens = _parse(gateway["command"])
    assert gateway["ports"] == [f"127.0.0.1:{listens['port']}:{listens['port']}"]
    assert gateway["healthcheck"]["test"][1:] == [
        "python", "-m", "infra.local.gateway", str(listens["port"]),
    ]  # fmt: skip
    use = gateway["build"]["args"]["REQUIREMENTS"]
    assert "uvicorn==" in (ROOT / f"requirements/{use}.lock").read_text()
    # Nothing is started by the one that only migrates.
    assert _parse(compose["services"]["migrate"]["command"])["with_gateway"] is False


def test_the_database_is_made_by_the_local_stacks_script(compose):
    postgis = compose["services"]["postgis"]
    script = next(ROOT / item.split(":")[0] for item in postgis["volumes"] if ".sql" in item)
    text = script.read_text()
    assert all(f"jingwei_{role}" in text for role in ROLES)
    assert {"JINGWEI_SECRET", "JINGWEI_DATABASE"} <= set(postgis["environment"])


def test_nothing_has_a_password_of_its_own(compose):
    # `:?` stops compose with that text when the variable is not set.
    assert compose["services"]["postgis"]["environment"]["POSTGRES_PASSWORD"].startswith(
        "${JINGWEI_SECRET:?"
    )
