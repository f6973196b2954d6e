"""pgRouting in a private PostgreSQL, if the extension can be created there."""

import asyncio
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import numpy as np

from bench._streets_net import Floats, Ints
from bench._streets_peers import Seeds
from infra.local import stack
from infra.local.postgres import superuser_url
from infra.local.state import Home
from infra.settings import load_settings

_ARCS = "SELECT id, source, target, cost FROM bench_arc"


class PgRouting:
    """`pgr_dijkstra`: Boost's Dijkstra in C++, over arcs that each question reads anew."""

    name = "pgrouting"

    def __init__(self, runner: asyncio.Runner, connection: asyncpg.Connection) -> None:
        self._runner, self._connection = runner, connection
        self._source, self._goal = -1, -2

    def load(self, tail: Ints, head: Ints, ms: Floats) -> None:
        """Fill the table anew."""
        rows = zip(range(len(tail)), tail.tolist(), head.tolist(), ms.tolist(), strict=True)
        self._runner.run(self._filled(list(rows)))

    def times(self, seeds: Seeds, nodes: Ints) -> Floats:
        """Ask for all nodes at once."""
        arcs = f"{_ARCS} UNION ALL {self._joined(seeds, outwards=True)}"
        wanted = np.unique(nodes).tolist()
        rows = self._runner.run(self._connection.fetch(_sql("costs"), arcs, self._source, wanted))
        found = {row[0]: row[1] for row in rows}
        return np.array([found.get(node, np.inf) for node in nodes.tolist()])

    def way(self, seeds: Seeds, ends: Seeds) -> tuple[float, list[int]]:
        """Ask for one way."""
        parts = (self._joined(seeds, outwards=True), self._joined(ends, outwards=False))
        arcs = " UNION ALL ".join((_ARCS, *parts))
        rows = self._runner.run(self._connection.fetch(_sql("way"), arcs, self._source, self._goal))
        return float(rows[-1][1]), [row[0] for row in rows[1:-1]]

    def reweigh(self, arcs: Ints, ms: Floats) -> None:
        """Update rows."""
        self._runner.run(
            self._connection.execute(
                "UPDATE bench_arc SET cost = c.ms FROM unnest($1::bigint[], $2::float8[]) "
                "AS c (id, ms) WHERE bench_arc.id = c.id",
                arcs.tolist(),
                ms.tolist(),
            )
        )

    async def _filled(self, rows: list[tuple[int, int, int, float]]) -> None:
        await self._connection.execute("DROP TABLE IF EXISTS bench_arc")
        await self._connection.execute(_sql("edges"))
        await self._connection.copy_records_to_table("bench_arc", records=rows)
        await self._connection.execute("ANALYZE bench_arc")

    def _joined(self, seeds: Seeds, *, outwards: bool) -> str:
        """Return a query for the arcs between one more node and the seeds."""
        one = self._source if outwards else self._goal
        rows = [
            (one, node, float(ms)) if outwards else (node, one, float(ms))
            for node, ms in seeds.items()
        ]
        values = ", ".join(
            f"({one * 100 - i}::bigint, {u}::bigint, {v}::bigint, {ms}::float8)"
            for i, (u, v, ms) in enumerate(rows)
        )
        return f"SELECT * FROM (VALUES {values}) AS extra (id, source, target, cost)"


@contextmanager
def pgrouting() -> Iterator[PgRouting | str]:
    """Start PostgreSQL and give pgRouting, or say why there is none."""
    with tempfile.TemporaryDirectory(prefix="jingwei-bench-") as folder:
        Path(folder).chmod(0o755)  # PostgreSQL runs as another user
        settings = load_settings(Path(folder) / "home")
        try:
            endpoints = stack.up(settings, lambda _: None, bound=True)
            address = urlsplit(endpoints.database_url)
            assert address.port is not None, "of the private cluster"
            home = Home.at(settings.local.home)
            url = superuser_url(home, address.port, address.path.removeprefix("/"))
            with asyncio.Runner() as runner:
                connection = runner.run(asyncpg.connect(url, command_timeout=300))
                try:
                    runner.run(connection.execute("CREATE EXTENSION pgrouting"))
                except asyncpg.PostgresError as error:
                    yield f"pgRouting was not measured: {error}"
                else:
                    yield PgRouting(runner, connection)
                finally:
                    runner.run(connection.close())
        finally:
            stack.down(settings, lambda _: None, wipe=True)


def _sql(name: str) -> str:
    return (Path(__file__).parent / f"_streets_{name}.sql").read_text(encoding="utf-8")
