"""The parts of the local stack that need no services: processes, ports, Java, jars."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

from infra.local import jars, ports, process
from infra.local.errors import (
    JarsUnavailable,
    MissingPrerequisite,
    PortTaken,
    StartFailed,
)
from infra.local.state import Home, locked
from tests.patience import patience


def _launch(tmp_path, code, **options):
    return process.Launch("probe", [sys.executable, "-c", code], tmp_path / "probe.log", **options)


def test_a_process_is_started_recognised_and_stopped(tmp_path):
    identity = process.spawn(_launch(tmp_path, "import time; time.sleep(60)"))
    assert process.alive(identity)
    other = process.Identity(identity.pid, identity.ticks + 1, identity.boot)
    assert not process.alive(other)
    process.stop("probe", other, signal.SIGTERM, timeout_s=1)
    assert process.alive(identity)
    process.stop("probe", identity, signal.SIGTERM, timeout_s=5)
    assert not process.alive(identity)


def test_one_that_ignores_the_signal_is_killed(tmp_path):
    code = "import signal,time; signal.signal(15, signal.SIG_IGN); print('on', flush=True)\n"
    launch = _launch(tmp_path, code + "time.sleep(60)")
    identity = process.spawn(launch)
    process.wait_until_ready(launch, identity, lambda: process.tail(launch.log) == "on", 10)
    process.stop("probe", identity, signal.SIGTERM, timeout_s=0.1)
    assert not process.alive(identity)


def test_one_that_ends_while_starting_is_reported_with_its_log(tmp_path):
    launch = _launch(tmp_path, "raise SystemExit('no disk')")
    with pytest.raises(StartFailed, match=r"it ended.*probe\.log:\nno disk"):
        process.wait_until_ready(launch, process.spawn(launch), lambda: False, 10)


def test_one_that_is_slow_and_at_work_is_waited_for(tmp_path):
    busy = "import time\nend = time.monotonic() + 3\nwhile time.monotonic() < end: pass\n"
    launch = _launch(tmp_path, busy + "print('on', flush=True)\ntime.sleep(60)")
    identity = process.spawn(launch)
    process.wait_until_ready(launch, identity, lambda: process.tail(launch.log) == "on", 1.5)
    process.stop("probe", identity, signal.SIGTERM, timeout_s=5)


def test_one_that_is_busy_for_ever_is_stopped(tmp_path):
    launch = _launch(tmp_path, "while True: pass")
    identity = process.spawn(launch)
    with pytest.raises(StartFailed, match=r"did not answer within 5 s"):
        process.wait_until_ready(launch, identity, lambda: False, 1.0)
    assert not process.alive(identity)


def test_one_that_never_answers_is_stopped(tmp_path):
    launch = _launch(tmp_path, "import time; time.sleep(60)")
    identity = process.spawn(launch)
    with pytest.raises(StartFailed, match=r"did not answer and did nothing for 0\.1 s"):
        process.wait_until_ready(launch, identity, lambda: False, 0.1)
    assert not process.alive(identity)


def test_a_bound_process_ends_with_its_parent(tmp_path):
    # Bound from the moment that `sleep` runs: the parent waits for that, then kills itself.
    parent = """
import os, pathlib, sys
from infra.local import process
launch = process.Launch("probe", ["sleep", "60"], pathlib.Path(sys.argv[1]), end_with_parent=True)
child = process.spawn(launch)
name = pathlib.Path(f"/proc/{child.pid}/comm")
process.wait_until_ready(launch, child, lambda: name.read_text() == "sleep\\n", 30)
print(child.pid, flush=True)
os.kill(os.getpid(), 9)
"""
    command = [sys.executable, "-c", parent, str(tmp_path / "probe.log")]
    ended = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    assert ended.returncode == -signal.SIGKILL
    child = int(ended.stdout)
    deadline = time.monotonic() + patience(10)
    while process.identify(child) is not None:
        assert time.monotonic() < deadline, "it outlived its parent"
        time.sleep(0.01)


def test_a_port_asked_for_must_be_free_and_a_last_one_should():
    with socket.socket() as holder:
        holder.bind((ports.LOOPBACK, 0))
        holder.listen()
        taken = holder.getsockname()[1]
        with pytest.raises(PortTaken, match=f"port {taken} \\(JINGWEI_KAFKA_PORT\\) is in use"):
            ports.choose("JINGWEI_KAFKA_PORT", asked=taken, last=None)
        assert ports.choose("JINGWEI_KAFKA_PORT", asked=None, last=taken) != taken
    assert ports.choose("JINGWEI_KAFKA_PORT", asked=None, last=taken) == taken


def _program(folder, name, script):
    folder.mkdir(exist_ok=True)
    file = folder / name
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)
    return file


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (None, "has no bin/java"),
        ("echo 'openjdk version \"11.0.2\" 2019-01-15' >&2", "is Java 11, Apache Kafka needs 17"),
        ("exit 1", "is Java of unknown version"),
    ],
)
def test_a_java_that_will_not_do_is_named(monkeypatch, tmp_path, script, reason):
    if script is not None:
        _program(tmp_path / "bin", "java", script)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(MissingPrerequisite, match=reason):
        jars.find_java()


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("echo '[ERROR] unknown host'; exit 1", r"could not fetch the jars: \[ERROR\] unknown"),
        ("sleep 60", r"did not finish within 0\.2 s"),
    ],
)
def test_a_maven_that_fails_leaves_no_half_cache(monkeypatch, tmp_path, script, reason):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    path = _program(tmp_path / "bin", "mvn", script).parent
    monkeypatch.setenv("PATH", f"{path}:{os.environ['PATH']}")
    said = []
    with pytest.raises(JarsUnavailable, match=reason):
        jars.fetch(0.2 if "sleep" in script else 10, said.append)
    assert "through Maven" in said[0]
    assert list(jars.cached().parent.iterdir()) == []


def test_jars_in_the_cache_need_no_maven(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    jars.cached().mkdir(parents=True)
    monkeypatch.setenv("PATH", "")
    assert jars.fetch(1, print) == jars.cached()


def test_the_lock_admits_one_and_survives_a_wipe(tmp_path):
    home = Home.at(tmp_path)
    waiting, entered = threading.Event(), threading.Event()

    def enter():
        with locked(home, waiting.set):
            entered.set()

    other = threading.Thread(target=enter)
    with locked(home):
        other.start()
        assert waiting.wait(patience(5))
        assert not entered.is_set()
        home.lock_file.unlink()  # as a wipe does
    other.join(patience(5))
    assert entered.is_set()
    assert home.lock_file.exists()


def test_the_password_is_made_once(tmp_path):
    home = Home.at(tmp_path)
    assert home.secret() == home.secret()
    assert len(home.secret()) >= 32
