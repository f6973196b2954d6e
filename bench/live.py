"""The live stream under kills: gateway, worker and broker by SIGKILL, in turn.

Five clients of five roles watch while numbered reports, positions and stamps go in. After quiet
each must show what the ledger has, with no line of an incident missed or told twice.
"""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from atlas.folder import save_city
from bench._live_kills import watch
from bench.report import Report
from city.make import make_city
from infra.local import stack
from infra.settings import load_settings, resolve_endpoints
from streams.topics import make_topics


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of this benchmark."""
    parser.add_argument("--kills", type=int, default=20, help="how often something is killed")
    parser.add_argument("--seed", type=int, default=1, help="of the input and the times")


def run(*, quick: bool, kills: int = 20, seed: int = 1) -> Report:
    """Kill; ``quick`` five times."""
    with tempfile.TemporaryDirectory(prefix="jingwei-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        settings = load_settings(folder / "home")
        stack.up(settings, lambda line: print(line, file=sys.stderr))
        try:
            endpoints = resolve_endpoints(settings)
            asyncio.run(make_topics(endpoints.bootstrap))
            city = make_city(seed=1)
            save_city(city, folder / "city")
            found = asyncio.run(
                watch(endpoints, settings, folder, city, kills=5 if quick else kills, seed=seed)
            )
        finally:
            stack.down(settings, lambda _line: None, wipe=True)
    return Report(
        figures={
            "kills": sum(found.kills.values()),
            "faults": len(found.faults),
            "inputs": found.sent,
            "events": found.events,
            "streams_resumed": found.resumed,
            "snapshots": found.snapshots,
        },
        notes=[str(found.kills), *found.faults[:20]],
        detail={"kills": dict(found.kills)},
    )
