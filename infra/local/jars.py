"""Java, and Apache Kafka's jars: fetched once by Maven into a cache that all clones share."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from infra.local.errors import JarsUnavailable, MissingPrerequisite

KAFKA_VERSION = "4.3.1"
OLDEST_JAVA = 17
INSTALL_JAVA = "sudo apt-get install default-jre-headless"
INSTALL_MAVEN = "sudo apt-get install maven"
_POM = Path(__file__).with_name("pom.xml")


def find_java() -> Path:
    """Return the ``java`` program, from ``JAVA_HOME`` or else from ``PATH``.

    Raises
    ------
    MissingPrerequisite
        If there is none, or it is older than Apache Kafka needs.
    """
    home = os.environ.get("JAVA_HOME")
    found = shutil.which("java", path=str(Path(home) / "bin")) if home else shutil.which("java")
    if found is None:
        where = f"JAVA_HOME={home} has no bin/java" if home else "Java is not installed"
        raise MissingPrerequisite(f"{where}: `{INSTALL_JAVA}`")
    # It writes, for example, `openjdk version "17.0.15" 2025-04-15` to stderr.
    answer = subprocess.run([found, "-version"], capture_output=True, text=True, check=False)
    version = re.search(r'version "(\d+)', answer.stderr)
    if version is None or int(version[1]) < OLDEST_JAVA:
        number = version[1] if version else "of unknown version"
        raise MissingPrerequisite(
            f"{found} is Java {number}, Apache Kafka needs {OLDEST_JAVA} or newer: `{INSTALL_JAVA}`"
        )
    return Path(found)


def cached() -> Path:
    """Return the folder that the jars are in, or will be."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "jingwei" / f"kafka-{KAFKA_VERSION}"


def fetch(timeout_s: float, report: Callable[[str], None]) -> Path:
    """Return the folder of the jars, fetching them if the cache has none.

    Raises
    ------
    JarsUnavailable
        If Maven is missing, fails, or is not done in time.
    """
    folder = cached()
    if folder.is_dir():
        return folder
    maven = shutil.which("mvn")
    if maven is None:
        raise JarsUnavailable(f"Maven is not installed: `{INSTALL_MAVEN}`")
    report(f"fetching Apache Kafka {KAFKA_VERSION} (54 MB) through Maven, at most {timeout_s:g} s")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="fetching-") as draft:
        jars = Path(draft) / "jars"
        _run_maven(maven, jars, timeout_s)
        try:
            jars.rename(folder)
        except OSError:
            # Another clone was faster; its jars are the same.
            if not folder.is_dir():
                raise
    return folder


def _run_maven(maven: str, jars: Path, timeout_s: float) -> None:
    command = [
        maven,
        *("--quiet", "--batch-mode", "--strict-checksums", f"--file={_POM}"),
        # Where packets vanish, give up long before the time limit.
        *("-Daether.connector.connectTimeout=8000", "-Daether.connector.requestTimeout=30000"),
        "dependency:copy-dependencies",
        f"-DoutputDirectory={jars}",
    ]
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as child:
        try:
            output, _ = child.communicate(timeout=timeout_s)
        except BaseException as error:
            # mvn is a shell script: its Java would go on without it.
            os.killpg(child.pid, signal.SIGKILL)
            if isinstance(error, subprocess.TimeoutExpired):
                raise JarsUnavailable(
                    f"Maven did not finish within {timeout_s:g} s (JINGWEI_MAVEN_TIMEOUT_S)"
                ) from error
            raise
    if child.returncode:
        reason = next(
            (line for line in output.splitlines() if "[ERROR]" in line),
            f"it ended with {child.returncode}",
        )
        raise JarsUnavailable(f"Maven could not fetch the jars: {reason.strip()[:300]}")


if __name__ == "__main__":
    # While packages are being installed: this file needs nothing but Python.
    try:
        fetch(
            float(os.environ.get("JINGWEI_MAVEN_TIMEOUT_S", "120")),
            lambda line: print(f"setup: {line}", file=sys.stderr),  # noqa: T201 - setup's progress
        )
    except JarsUnavailable as error:
        sys.exit(f"setup: {error}")
