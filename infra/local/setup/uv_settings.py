"""Say pip's configuration in uv's words, as lines for the shell.

uv does not read pip's files. Where an organisation has told pip about its own index, certificates
or wheels, uv is told the same. What ``UV_*`` says already stays. Needs nothing but Python.
"""

import configparser
import os
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

_SECTIONS = ("global", "install")


def files(env: Mapping[str, str]) -> list[Path]:
    """Return pip's configuration files in the order in which it reads them; later ones win."""
    named = env.get("PIP_CONFIG_FILE")
    if named == os.devnull:
        return []
    home = Path(env.get("HOME", "~")).expanduser()
    shared = env.get("XDG_CONFIG_DIRS") or "/etc/xdg"
    own = Path(env.get("XDG_CONFIG_HOME") or home / ".config")
    return [
        *(Path(folder) / "pip/pip.conf" for folder in reversed(shared.split(":"))),
        Path("/etc/pip.conf"),
        home / ".pip/pip.conf",
        own / "pip/pip.conf",
        *([Path(named)] if named else []),
    ]


def configured(env: Mapping[str, str]) -> dict[str, str]:
    """Return what pip is told, by option: its files, then ``PIP_*`` of the environment."""
    found: dict[str, str] = {}
    for file in files(env):
        parser = configparser.RawConfigParser()
        try:
            parser.read(file, encoding="utf-8")
        except (configparser.Error, UnicodeDecodeError, OSError) as error:
            sys.stderr.write(f"setup: {file} cannot be read: {error}\n")
            continue
        for section in _SECTIONS:
            if parser.has_section(section):
                found |= {name.replace("_", "-"): value for name, value in parser.items(section)}
    for name, value in env.items():
        if name.startswith("PIP_") and value:
            found[name.removeprefix("PIP_").lower().replace("_", "-")] = value
    return found


def for_uv(env: Mapping[str, str]) -> dict[str, str]:
    """Return the environment variables that tell uv what pip is told."""
    pip = configured(env)
    wanted = {
        "UV_DEFAULT_INDEX": pip.get("index-url", ""),
        "UV_INDEX": " ".join(pip.get("extra-index-url", "").split()),
        "UV_NO_INDEX": "1" if pip.get("no-index", "").lower() in ("1", "true", "yes", "on") else "",
        # pip takes the best version of all indexes and warns of a folder that is not there.
        "UV_INDEX_STRATEGY": "unsafe-best-match" if pip.get("extra-index-url") else "",
        "UV_FIND_LINKS": ",".join(filter(_there, pip.get("find-links", "").split())),
        "UV_INSECURE_HOST": " ".join(pip.get("trusted-host", "").split()),
        "UV_HTTP_TIMEOUT": pip.get("default-timeout", "") or pip.get("timeout", ""),
        "SSL_CERT_FILE": pip.get("cert", ""),
        "ALL_PROXY": pip.get("proxy", ""),
    }
    if "UV_INDEX_URL" in env:
        del wanted["UV_DEFAULT_INDEX"]
    return {name: value for name, value in wanted.items() if value and name not in env}


def _there(place: str) -> bool:
    parts = urlsplit(place)
    if parts.scheme in ("http", "https"):
        return True
    return Path(unquote(parts.path) if parts.scheme == "file" else place).expanduser().exists()


if __name__ == "__main__":
    for name, value in for_uv(os.environ).items():
        sys.stdout.write(f"export {name}={shlex.quote(value)}\n")
