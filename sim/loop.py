"""A city in closed loop: what happens is noticed, the core decides, crews and operator act on it.

Everything is the real thing but the transport: the simulated world with its citizens, sensors,
crews and operator; the intake, or evidence straight from what happens; `dispatch.Region` with a
router over the city's streets. Time goes from one thing that is due to the next.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from random import Random

import msgspec

from city.simulate import happenings
from city.simulate.agenda import Agenda
from city.simulate.citizens import Citizens
from city.simulate.clock import Clock, to_millisecond
from city.simulate.console import Console
from city.simulate.fleet import Fleet
from city.simulate.instruments import Instruments
from city.simulate.mail import Mail
from city.simulate.radio import Radio
from city.simulate.truth import Happened, Sent, Started, TruthLine, TruthLog
from city.simulate.world import Event
from dispatch import Region
from dispatch.published import Output, published
from schemas import codes
from schemas.ids import derive
from schemas.journal import Entry, EvidenceNoted, FleetChanged, PolicyChanged, StreetChanged, Tick
from schemas.outputs import DispatchChanged, IncidentChanged
from schemas.policy import Policy
from sim.notices import Notice, notices
from sim.outcome import Applied, Ledger, Outcome
from sim.scenario import Scenario, Words
from sim.senses import SILENCE_EVERY_S, Direct, Senses, ThroughIntake
from sim.times import TimesOnly

__all__ = ["Run", "run"]

_HEARD_AFTER_S = 0.05
"""From a decision to those who hear of it, as measured on the running system."""
_LOG_ON_S = 2.0
_NEVER_STALE_S = 1e9


def run(scenario: Scenario) -> Outcome:
    """Play a scenario to its end."""
    playing = Run(scenario)
    for _ in playing:
        pass
    return playing.outcome()


class Run:
    """One run of a scenario; iterating plays it, entry by entry.

    Attributes
    ----------
    city
        Where it is played.
    core
        The region's core as it stands.
    clock
        Between seconds of the run and times.
    """

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self.city = city = scenario.scene.city
        self.clock = Clock(scenario.start)
        router = scenario.scene.router
        if not scenario.drawn:
            router = TimesOnly(router)
        self.core = Region(
            city.manifest.region,
            lambda _: router,
            correlator=scenario.correlator,
            assigner=scenario.assigner,
        )
        self._name = f"run{scenario.seed}"
        self._now, self._at = 0.0, scenario.start
        self._lasts_s = scenario.hours * 3_600.0
        self._ends_s = self._lasts_s + scenario.afterwards_s
        self._ledger, self._truth = Ledger(keep=scenario.keep), _Truth()
        self._agenda = Agenda()
        self._mail: deque[Mail] = deque()
        self._entries: deque[Entry] = deque()
        self._world = _world(scenario)
        self._radio = Radio(self._name)
        self._crews = Fleet(
            city,
            *(self._agenda, self.clock, self._mail.append),
            seed=scenario.seed,
            speed=scenario.speed,
            run=self._name,
            units=scenario.units,
            router=router,
            fixes=scenario.fixes,
        )
        self._operator = Console(
            city.manifest.region,
            *(self._agenda, self.clock, self._mail.append),
            seed=scenario.seed,
            speed=scenario.speed,
            run=self._name,
            radio=self._radio,
        )
        self._is_full = scenario.demand == "full"
        self._senses: Senses = ThroughIntake(city) if self._is_full else Direct(city)
        parts = (self._agenda, self.clock, self._mail.append, self._truth)
        self._citizens = Citizens(*parts, radio=self._radio)
        self._instruments = Instruments(
            city.sensors, *parts, seed=scenario.seed, readings=0.0, run=self._name
        )
        self._applied = self._play()

    def __iter__(self) -> Iterator[Applied]:
        return self._applied

    def outcome(self) -> Outcome:
        """Return what has become of the run so far."""
        return self._ledger.outcome(self._truth.lines, self.clock.wall(self._now))

    def _play(self) -> Iterator[Applied]:
        self._prepare()
        while self._entries:
            yield self._apply(self._entries.popleft())
        while (now := self._next()) <= self._ends_s:
            self._now = now
            self._at = self._scenario.start + timedelta(seconds=now)
            self._agenda.run_due(now)
            self._tick()
            while self._entries or self._mail:
                if self._entries:
                    yield self._apply(self._entries.popleft())
                else:
                    self._entries.extend(self._senses.hear(self._mail.popleft(), self._heard_at()))

    def _prepare(self) -> None:
        scenario, city, region = self._scenario, self.city, self.core.region
        self._truth.write(
            Started(
                run=self._name,
                at=scenario.start,
                seed=scenario.seed,
                city=city.digest,
                region=region,
                speed=scenario.speed,
                rate=scenario.per_hour / 60.0,
                readings=0.0,
            )
        )
        units = city.units if scenario.units is None else scenario.units
        fleet_id = derive(city.digest, "fleet")
        self._entries.append(
            FleetChanged(id=fleet_id, region=region, city=city.digest, units=units)
        )
        policy = _policy(scenario)
        policy_id = derive(policy.version, "policy")
        self._entries.append(PolicyChanged(id=policy_id, region=region, policy=policy))
        for closure in scenario.closures:
            entry = StreetChanged(
                id=derive(closure.id, "closure"),
                region=region,
                condition=closure.id,
                kind="closure",
                segments=closure.segments,
                valid_from=self.clock.wall(closure.begins_s),
                valid_until=self.clock.wall(closure.ends_s),
            )
            self._agenda.at(closure.begins_s, partial(self._put, entry))
        self._crews.log_on(_LOG_ON_S)
        if self._is_full:
            self._agenda.every(SILENCE_EVERY_S, self._look_for_silence)
        self._await_event()

    def _next(self) -> float:
        """Return when the next thing is due, in seconds of the run; infinite if nothing is."""
        due, timer = self._agenda.next_due(), self.core.next_due()
        if timer is None:
            return float("inf") if due is None else due
        at = max((timer - self._scenario.start).total_seconds(), self._now)
        return at if due is None else min(due, at)

    def _await_event(self) -> None:
        event = next(self._world, None)
        if event is not None and event.at_s <= self._lasts_s:
            self._agenda.at(event.at_s, partial(self._happen, event))

    def _happen(self, event: Event, now: float) -> None:
        if not event.false_alarm:
            self._truth.write(
                Happened(
                    id=event.id,
                    category=event.category,
                    severity=event.severity,
                    lon=event.site.lon,
                    lat=event.site.lat,
                    street=event.site.street,
                    at=self.clock.wall(now),
                )
            )
        self._radio.know(event)
        if self._is_full:
            self._instruments.notice(event)
            self._citizens.tell(event)
        else:
            for notice in notices(event, self.clock, self._name):
                self._agenda.at(notice.at_s, partial(self._notice, event, notice))
        self._await_event()

    def _notice(self, event: Event, notice: Notice, _now: float) -> None:
        evidence = notice.evidence
        if evidence.phase == "opened":
            self._truth.write(_sent(event, notice))
        entry_id = derive(evidence.id, "entry")
        self._entries.append(EvidenceNoted(id=entry_id, region=self.core.region, evidence=evidence))

    def _put(self, entry: Entry, _now: float) -> None:
        self._entries.append(entry)

    def _look_for_silence(self, now: float) -> None:
        self._entries.extend(self._senses.silence(self.clock.wall(now)))

    def _tick(self) -> None:
        """Let the core's timers act that are due before anything else is said."""
        due, at = self.core.next_due(), self._at
        if due is not None and due <= at:
            tick_id = derive(self.core.region, f"tick/{due.isoformat()}/{at.isoformat()}")
            self._entries.append(Tick(id=tick_id, region=self.core.region, due=due))

    def _heard_at(self) -> datetime:
        """Return when a message arrives, in the milliseconds of its topic."""
        return to_millisecond(self._at)

    def _apply(self, entry: Entry) -> Applied:
        """Apply an entry; those who hear what followed act a moment later."""
        applied = Applied(entry, self._at, self.core.apply(entry, self._at))
        self._ledger.write(applied)
        said = [output for _, _, output in published(applied.effects)]
        if said:
            self._agenda.at(self._now + _HEARD_AFTER_S, partial(self._hear, said))
        return applied

    def _hear(self, said: Sequence[Output], now: float) -> None:
        for output in said:
            if isinstance(output, IncidentChanged):
                self._crews.on_incident(output)
                self._operator.on_incident(output, now)
            elif isinstance(output, DispatchChanged):
                self._crews.on_dispatch(output, now)
                self._operator.on_dispatch(output, now)
            else:
                self._operator.on_alert(output, now)


class _Truth(TruthLog):
    """The truth in memory."""

    def __init__(self) -> None:
        super().__init__(None)
        self.lines: list[TruthLine] = []

    def write(self, line: TruthLine) -> None:
        self.lines.append(line)


def _policy(scenario: Scenario) -> Policy:
    policy = scenario.policy or codes.default_policy()
    if scenario.fixes:
        return policy
    return msgspec.structs.replace(policy, stale_position_s=_NEVER_STALE_S)


def _world(scenario: Scenario) -> Iterator[Event]:
    events = happenings(
        scenario.scene.setting,
        seed=scenario.seed,
        rate=scenario.per_hour / 60.0,
        speed=scenario.speed,
    )
    if scenario.words is None:
        return events
    rng = Random(f"{scenario.seed}/words")
    return (_reworded(event, scenario.words, rng) for event in events)


def _reworded(event: Event, words: Words, rng: Random) -> Event:
    """Let citizens say it otherwise; a place that was only in the sentence becomes the address."""
    reports = []
    for report in event.reports:
        if report.wrong == "category" or event.category not in words:
            reports.append(report)
            continue
        address = report.address_string
        if report.lon is None and address is None:
            address = report.description
        said = rng.choice(words[event.category])
        reports.append(msgspec.structs.replace(report, description=said, address_string=address))
    return msgspec.structs.replace(event, reports=tuple(reports))


def _sent(event: Event, notice: Notice) -> Sent:
    evidence = notice.evidence
    about = None if event.false_alarm else event.id
    until = None
    if evidence.source == "sensor":
        until = evidence.observed_at
    return Sent(
        source=evidence.source,
        id=evidence.source_id,
        event=about,
        at=evidence.observed_at,
        until=until,
        wrong="prank" if event.false_alarm else None,
    )
