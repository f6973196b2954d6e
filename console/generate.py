"""Write the pages' typed client, ``web/src/api.d.ts``: ``python -m console.generate``.

The types are made of the OpenAPI document by openapi-typescript; `openapi-fetch` asks by them. Node
comes from the machine.
"""

import hashlib
import subprocess
import sys
from pathlib import Path

import msgspec

from console.app import make_routes

WEB = Path(__file__).with_name("web")
CLIENT = WEB / "src/api.d.ts"
TOOLS = WEB / "node_modules/.bin"


def document() -> bytes:
    """Return the OpenAPI document, keys in order."""
    return msgspec.json.format(msgspec.json.encode(make_routes().openapi(), order="sorted"))


def stamp() -> str:
    """Return the client's first line, which names the document that it was made of."""
    return f"// Made by `python -m console.generate` of {hashlib.sha256(document()).hexdigest()}\n"


def client() -> str:
    """Return the client's types.

    Raises
    ------
    OSError, subprocess.CalledProcessError
        The packages of ``web/package.json`` are not installed (`npm ci`), or they fail.
    """
    made = subprocess.run(
        [TOOLS / "openapi-typescript"],
        input=document(),
        stdout=subprocess.PIPE,
        cwd=WEB,
        check=True,
    )
    return stamp() + made.stdout.decode()


def main() -> None:
    """Install what is needed and write the client."""
    subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=WEB, stdout=sys.stderr, check=True)
    CLIENT.write_text(client())


if __name__ == "__main__":
    main()
