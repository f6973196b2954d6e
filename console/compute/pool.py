"""The gateway's end of the processes that work things out."""

import asyncio
import contextlib
import logging
import multiprocessing
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg

from console.compute import worker
from console.compute.errors import Unanswerable
from infra.ledger import city_files
from infra.ledger.city_files import InForce
from infra.ledger.errors import LedgerError
from infra.ledger.pool import reading

log = logging.getLogger(__name__)

_LOOK_S = 5.0
"""So often the ledger is asked which city is in force, while questions come."""
_AGAIN_S = 60.0
"""So long after a city could not be loaded it is tried again, if others could."""
_MOST_WAITING = 200
"""Questions under way and waiting; the next ones are told to come again."""


@dataclass(frozen=True)
class _Crew:
    """Processes that hold the cities named."""

    named: Sequence[InForce]
    executor: ProcessPoolExecutor = field(repr=False)


class Compute:
    """Answers questions in processes of its own.

    The first question starts a process, and more are started, up to the most, when questions
    come at the same time. When another city comes into force, new processes load it while the old
    ones go on answering.

    Parameters
    ----------
    ledger
        To ask which cities are in force.
    root, url
        ``Endpoints.archive_dir``, and the URL of the ledger: where cities come from.
    most
        Processes at most.
    answer_s
        How long an answer is waited for.
    """

    def __init__(
        self, ledger: asyncpg.Pool, root: Path, url: str, *, most: int, answer_s: float
    ) -> None:
        self._ledger, self._root, self._url = ledger, root, url
        self._most, self._answer_s = most, answer_s
        self._crew: _Crew | None = None
        self._loading: asyncio.Task[None] | None = None
        self._faults: dict[str, str] = {}
        self._looked: float | None = None
        self._loaded = 0.0
        self._waiting = 0

    async def ask(
        self,
        question: str,
        *arguments: Any,  # noqa: ANN401 - a job's own
        within_s: float | None = None,
    ) -> bytes:
        """Return the answer to a question as JSON.

        Parameters
        ----------
        question
            A name in ``console.compute.jobs.JOBS``.
        within_s
            How long the answer is waited for, if not as long as usual.

        Raises
        ------
        Unanswerable
            The question cannot be answered, or not now.
        LedgerError
            The ledger does not say which city is in force.
        """
        if self._waiting >= _MOST_WAITING:
            raise Unanswerable("unavailable", "too many questions wait for an answer: try again")
        self._waiting += 1
        most_s = within_s or self._answer_s
        try:
            async with asyncio.timeout(most_s):
                crew = await self._ready()
                found: bytes = await self._run(crew, worker.answer, question, arguments)
                return found
        except TimeoutError:
            raise Unanswerable("unavailable", f"no answer in {most_s:g} s: try again") from None
        finally:
            self._waiting -= 1

    async def warm(self) -> None:
        """Load the cities before somebody asks; what hinders is told to who asks."""
        with contextlib.suppress(Unanswerable, LedgerError):
            await self._ready()

    async def close(self) -> None:
        """End the processes."""
        if self._loading is not None:
            self._loading.cancel()
            await asyncio.gather(self._loading, return_exceptions=True)
        if self._crew is not None:
            _end(self._crew)

    async def _ready(self) -> _Crew:
        """Return processes that hold the cities in force, or the last ones while others load."""
        await self._look()
        if self._crew is None and self._loading is not None:
            await asyncio.shield(self._loading)
        if self._crew is None:
            why = "; ".join(self._faults.values()) or "no city is in force: start a worker first"
            raise Unanswerable("unavailable", why)
        return self._crew

    async def _look(self) -> None:
        """Load the cities in force, unless they are loaded or being loaded."""
        now = asyncio.get_running_loop().time()
        fresh = self._looked is not None and now - self._looked < _LOOK_S
        if self._loading is not None or (fresh and (self._crew or self._faults)):
            return
        self._looked = now
        async with reading(self._ledger) as conn:
            named = await city_files.in_force(conn)
        known = () if self._crew is None else self._crew.named
        again = bool(self._faults) and now - self._loaded > _AGAIN_S
        if named and (list(named) != list(known) or again) and self._loading is None:
            self._loaded = now
            self._loading = asyncio.create_task(self._load(named))

    async def _load(self, named: Sequence[InForce]) -> None:
        made = _Crew(
            named,
            ProcessPoolExecutor(
                self._most,
                mp_context=multiprocessing.get_context("spawn"),
                initializer=worker.begin,
                initargs=(named, self._root, self._url),
            ),
        )
        try:
            faults = await self._run(made, worker.faults)
        except BaseException as error:
            _end(made)
            if not isinstance(error, Unanswerable):
                raise
            self._faults = {"": error.text}
        else:
            self._faults = faults
            for region, why in faults.items():
                log.warning("the city of region %s cannot be used: %s", region, why)
            if len(faults) < len(named):
                old, self._crew = self._crew, made
                if old is not None:
                    old.executor.shutdown(wait=False)
            else:
                _end(made)
        finally:
            self._loading = None

    async def _run(self, crew: _Crew, function: Any, *arguments: Any) -> Any:  # noqa: ANN401
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(crew.executor, function, *arguments)
        except (BrokenProcessPool, RuntimeError) as error:
            # A process was killed, for want of memory say, or the crew was just replaced.
            log.warning("a process that works things out is gone: %s", error)
            if self._crew is crew:
                self._crew, self._faults = None, {}
                crew.executor.shutdown(wait=False)
            raise Unanswerable("unavailable", "a process ended meanwhile: try again") from None


def _end(crew: _Crew) -> None:
    """End processes at once, whatever they are at."""
    processes = list((getattr(crew.executor, "_processes", None) or {}).values())
    crew.executor.shutdown(wait=False, cancel_futures=True)
    for process in processes:
        process.terminate()
