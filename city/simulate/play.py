"""Plays the city into Kafka in wall time: one loop, one agenda, all players on it.

The seed determines the world (events, and who notices them); the actions of units and the operator
depend on Jingwei's decisions. Ids contain the run's start, so that a second run with the same seed
is new to the ledger.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import msgspec

from atlas.city import CityData
from city.simulate.agenda import Agenda
from city.simulate.citizens import Citizens
from city.simulate.clock import Clock, to_millisecond
from city.simulate.closures import Closures
from city.simulate.console import Console
from city.simulate.fleet import Fleet
from city.simulate.instruments import Instruments
from city.simulate.malformed import malformed
from city.simulate.post import Listener, Post
from city.simulate.radio import Radio
from city.simulate.setting import Setting
from city.simulate.truth import Ended, Happened, Malformed, Started, TruthLog
from city.simulate.world import Event, happenings
from schemas import topics
from schemas.outputs import AlertChanged, DispatchChanged, IncidentChanged
from schemas.topics import Topic

__all__ = ["Options", "play"]

_LOG_ON_S = 2.0
_SETTLE_S = 8.0
"""There are no new events in the last seconds: there would be no time to report them."""
_STEP_S = 0.05
_PROGRESS_S = 5.0
_MALFORMED_EVERY_S = 0.1


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """Options of a play.

    Attributes
    ----------
    rate
        True events per minute of wall time.
    readings
        Background readings per second.
    speed
        How many times faster than in reality crews drive and work, and events end.
    lasts_s
        Seconds until the play ends by itself; None to play until stopped.
    malformed
        Malformed messages per message of an input topic.
    operator
        Whether to simulate an operator.
    """

    seed: int = 1
    speed: float = 10.0
    rate: float = 12.0
    readings: float = 200.0
    lasts_s: float | None = None
    malformed: float = 0.0
    operator: bool = True


async def play(
    city: CityData,
    bootstrap: str,
    options: Options,
    *,
    truth: Path | None = None,
    stop: asyncio.Event | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> Ended:
    """Play a city into the topics of a broker.

    Parameters
    ----------
    truth
        File for the true events, see ``truth``.
    stop
        Ends the play when set; sent messages are still acknowledged.
    progress
        Called with a line of text every few seconds.

    Returns
    -------
    Ended
        The truth's last line.

    Raises
    ------
    SimulationError
        No broker answers, or it does not have the topics.
    """
    stop = stop or asyncio.Event()
    with TruthLog(truth) as log:
        async with Post(bootstrap, log) as post:
            stage = _Stage(city, options, log, post)
            async with Listener(bootstrap, stage.handlers()) as listener:
                await stage.run(stop, listener, progress)
                await post.flush()
        ended = stage.ended()
        log.write(ended)
    return ended


class _Stage:
    """The parts of one play, and its clock."""

    def __init__(self, city: CityData, options: Options, log: TruthLog, post: Post) -> None:
        start = to_millisecond(datetime.now(UTC))
        self._begun = asyncio.get_running_loop().time()
        run = f"{int(start.timestamp() * 1000):x}"
        self._city, self._options, self._log, self._post = city, options, log, post
        self._run = run
        self._agenda, self._clock = Agenda(), Clock(start)
        self._events: Iterator[Event] = happenings(
            Setting(city), seed=options.seed, rate=options.rate, speed=options.speed
        )
        self._happened = 0
        self._malformed: Counter[str] = Counter()
        self._rng = Random(f"{options.seed}/malformed")
        parts = (self._agenda, self._clock, post.put)
        seed, speed = options.seed, options.speed
        self._instruments = Instruments(
            city.sensors, *parts, log, seed=seed, readings=options.readings, run=run
        )
        self._radio = Radio(run)
        self._citizens = Citizens(*parts, log, radio=self._radio)
        self._fleet = Fleet(city, *parts, seed=seed, speed=speed, run=run)
        Closures(self._fleet, *parts, log, seed=seed, speed=speed, run=run)
        self._console = (
            Console(
                city.manifest.region,
                *parts,
                seed=seed,
                speed=speed,
                run=run,
                radio=self._radio,
            )
            if options.operator
            else None
        )
        log.write(
            Started(
                run=run,
                at=start,
                seed=seed,
                city=city.digest,
                region=city.manifest.region,
                speed=speed,
                rate=options.rate,
                readings=options.readings,
            )
        )

    def handlers(self) -> dict[Topic, Callable[[Any], None]]:
        """Return the handlers by topic."""
        fleet, console = self._fleet, self._console

        def dispatched(change: DispatchChanged) -> None:
            fleet.on_dispatch(change, self._now())
            if console is not None:
                console.on_dispatch(change, self._now())

        def changed(change: IncidentChanged) -> None:
            fleet.on_incident(change)
            if console is not None:
                console.on_incident(change, self._now())

        def alerted(change: AlertChanged) -> None:
            if console is not None:
                console.on_alert(change, self._now())

        return {topics.DISPATCHES: dispatched, topics.INCIDENTS: changed, topics.ALERTS: alerted}

    async def run(
        self, stop: asyncio.Event, listener: Listener, progress: Callable[[str], None]
    ) -> None:
        """Play until the end, or until stopped."""
        self._fleet.log_on(_LOG_ON_S)
        self._await_next_event()
        self._agenda.every(_PROGRESS_S, lambda now: progress(self._line(now)), _PROGRESS_S)
        if self._options.malformed > 0.0:
            self._agenda.every(_MALFORMED_EVERY_S, self._spoil)
        ends = self._options.lasts_s
        while not stop.is_set():
            now = self._now()
            if ends is not None and now >= ends:
                return
            self._agenda.run_due(now)
            listener.check()
            due = self._agenda.next_due()
            wait = _STEP_S if due is None else min(max(due - self._now(), 0.0), _STEP_S)
            await asyncio.sleep(wait)

    def ended(self) -> Ended:
        """Return the truth's last line."""
        return Ended(
            at=self._clock.wall(self._now()),
            events=self._happened,
            sent=dict(sorted(self._post.sent.items())),
            malformed=dict(sorted(self._malformed.items())),
            undelivered=self._post.undelivered,
        )

    def _now(self) -> float:
        return asyncio.get_running_loop().time() - self._begun

    def _await_next_event(self) -> None:
        event = next(self._events, None)
        ends = self._options.lasts_s
        if event is None or (ends is not None and event.at_s > max(ends - _SETTLE_S, ends / 2)):
            return
        self._agenda.at(event.at_s, partial(self._happen, event))

    def _happen(self, event: Event, now: float) -> None:
        if not event.false_alarm:
            self._happened += 1
            site = event.site
            self._log.write(
                Happened(
                    id=event.id,
                    category=event.category,
                    severity=event.severity,
                    lon=site.lon,
                    lat=site.lat,
                    street=site.street,
                    at=self._clock.wall(now),
                )
            )
        self._radio.know(event)
        self._instruments.notice(event)
        self._citizens.tell(event)
        self._await_next_event()

    def _spoil(self, now: float) -> None:
        """Keep the share of malformed messages among all messages of input topics."""
        inputs = sum(self._post.sent[topic.name] for topic in topics.INPUTS)
        while sum(self._malformed.values()) < int(inputs * self._options.malformed):
            number = sum(self._malformed.values()) + 1
            at = self._clock.wall(now)
            kind, mail = malformed(self._rng, self._city, at, f"{self._run}-M{number}")
            self._malformed[kind] += 1
            self._log.write(Malformed(kind=kind, topic=mail.topic, at=at))
            self._post.put(mail)

    def _line(self, now: float) -> str:
        sent = self._post.sent
        busy = sum(t.about not in {"idle", "returning"} for t in self._fleet.terminals.values())
        return (
            f"{now:5.0f} s: {self._happened} events, {sent[topics.REPORTS.name]} reports, "
            f"{sent[topics.READINGS.name]} readings, {busy} units busy"
        )
