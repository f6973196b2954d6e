"""The gateway on a made city: the live stream, then lists and maps (`bench._gateway_maps`).

Everything is real: Apache Kafka, PostGIS, a worker and a gateway in processes of their own, clients
on loopback.

1. ``commit_to_client_p99_ms``: 50 clients, reports and positions at a steady rate; from the commit
   of what the core decided, by the ledger's clock, to the client's receipt.
2. ``clients``: how many one gateway holds while 99 % of what they get is younger than a second;
   ``mib`` is what the gateway needs then.
3. Lists, tiles and features with a million incidents, beside tipg, on a stack of their own.
"""

import asyncio
import sys
import tempfile
from pathlib import Path

from atlas.folder import save_city
from bench import _gateway_live, _gateway_maps
from bench._live_kills import gateway_program, held_port, make_tokens, worker_program
from bench._worker import on_a_stack
from bench.report import Report
from city.make import make_city
from console.access import Role
from infra.local import stack
from infra.settings import Endpoints, load_settings, resolve_endpoints
from streams.topics import make_topics


def run(*, quick: bool) -> Report:
    """Measure; ``quick`` with fewer clients and a tenth of the incidents, for a shorter time."""
    report = _live(quick=quick)
    found = on_a_stack(
        lambda endpoints, folder: _gateway_maps.measure(endpoints, folder, quick=quick)
    )
    report.figures |= found.figures
    report.peers |= found.peers
    report.ratios |= found.ratios
    report.notes += found.notes
    report.detail |= found.detail
    return report


def _live(*, quick: bool) -> Report:
    with tempfile.TemporaryDirectory(prefix="jingwei-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        settings = load_settings(folder / "home")
        stack.up(settings, lambda line: print(line, file=sys.stderr))
        try:
            return asyncio.run(_measure(resolve_endpoints(settings), folder, quick=quick))
        finally:
            stack.down(settings, lambda _line: None, wipe=True)


async def _measure(endpoints: Endpoints, folder: Path, *, quick: bool) -> Report:
    city = make_city(seed=1)
    save_city(city, folder / "city")
    await make_topics(endpoints.bootstrap)
    tokens = await make_tokens(endpoints, city.units[0].id)
    with held_port() as port:
        worker = worker_program(endpoints, folder)
        gateway = gateway_program(endpoints, folder, port)
        url = f"http://127.0.0.1:{port}/api/v1"
        for program in (worker, gateway):
            program.start()
        try:
            report = await _gateway_live.figures(
                endpoints, url, tokens[Role.OPERATOR], city, gateway.pid, quick=quick
            )
        finally:
            for program in (gateway, worker):
                program.kill()
    report.notes.append(f"broker: {endpoints.broker_kind}; fsync on; all on the same cores")
    return report
