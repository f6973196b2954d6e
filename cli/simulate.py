"""``jingwei city simulate``: write a simulated city's events to Kafka, like outside producers."""

import asyncio
import itertools
import signal
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from atlas.city import CityData
from atlas.folder import load_city
from city.simulate import Options, Setting, SimulationError, happenings, play
from city.simulate.errors import BrokerSilent, TopicsMissing
from cli import exit_codes
from cli.output import progress
from cli.services import HomeOption
from infra.local.state import Home
from infra.settings import load_settings, resolve_endpoints

exit_codes.BY_ERROR.update(
    {
        SimulationError: exit_codes.FAILED,
        BrokerSilent: exit_codes.UNREACHABLE,
        TopicsMissing: exit_codes.UNREACHABLE,
    }
)

_DRY_RUN_S = 60.0
_DEMO = Path("cities/310106")  # where `jingwei city make` writes by default


def register(city: typer.Typer) -> None:
    """Add this command to the group ``city``."""
    city.command()(simulate)


def simulate(
    city_folder: Annotated[
        Path | None,
        typer.Argument(help="City's folder (default: data/cities/310106 in --home)."),
    ] = None,
    home: HomeOption = None,
    *,
    seed: Annotated[int, typer.Option(help="The same seed gives the same events.")] = 1,
    speed: Annotated[
        float, typer.Option(min=0.1, help="Crews are this many times faster than real ones.")
    ] = 10.0,
    rate: Annotated[float, typer.Option(min=0.0, help="Real events per minute.")] = 12.0,
    readings: Annotated[
        float, typer.Option(min=0.0, help="Background sensor readings per second.")
    ] = 200.0,
    lasts: Annotated[
        float | None,
        typer.Option("--for", min=0.0, metavar="SECONDS", help="Stop after this time."),
    ] = None,
    truth: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the real events as JSON lines.")
    ] = None,
    malformed: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="Share of malformed messages in the input.")
    ] = 0.0,
    operator: Annotated[
        bool, typer.Option("--operator/--no-operator", help="Simulate an operator.")
    ] = True,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Write the schedule as JSON lines and send nothing.")
    ] = False,
) -> None:
    """Simulate sensors, citizens, crews and an operator until interrupted; print totals as JSON.

    Each run uses new ids: two runs with the same seed send the same events as new messages.
    """
    settings = load_settings(home)
    city = load_city(city_folder or Home.at(settings.local.home).data / _DEMO)
    if dry_run:
        events = happenings(Setting(city), seed=seed, rate=rate, speed=speed)
        ends = _DRY_RUN_S if lasts is None else lasts
        for event in itertools.takewhile(lambda event: event.at_s <= ends, events):
            typer.echo(msgspec.json.encode(event))
        return
    options = Options(
        seed=seed,
        speed=speed,
        rate=rate,
        readings=readings,
        lasts_s=lasts,
        malformed=malformed,
        operator=operator,
    )
    bootstrap = resolve_endpoints(settings).bootstrap
    try:
        typer.echo(asyncio.run(_play(city, bootstrap, options, truth)))
    except OSError as error:
        if truth is None or error.filename != str(truth):
            raise
        raise SimulationError(
            f"cannot write the truth to {truth}: {error.strerror}; name another file"
        ) from error


async def _play(city: CityData, bootstrap: str, options: Options, truth: Path | None) -> bytes:
    """Play until the end or a signal; wait for acknowledgements of messages already sent."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    ended = await play(city, bootstrap, options, truth=truth, stop=stop, progress=progress)
    return msgspec.json.encode(ended)
