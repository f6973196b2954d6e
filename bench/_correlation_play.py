"""The simulated city played through intake and core in its own time: no Kafka, no waiting.

Everything is the real thing but the transport: the simulator's world with its citizens, sensors,
crews and operator; the intakes' handling of each message; `dispatch.Region` with a router over the
city's streets. What the ledger and the topics would carry is handed over in memory.
"""

import json
from collections import defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from pathlib import Path
from random import Random
from typing import NamedTuple

import msgspec

from city.make import make_city
from city.score import EvidenceRow, IncidentRow
from city.simulate import Setting, happenings
from city.simulate.agenda import Agenda
from city.simulate.citizens import Citizens
from city.simulate.clock import Clock
from city.simulate.console import Console
from city.simulate.fleet import Fleet
from city.simulate.instruments import Instruments
from city.simulate.mail import Mail
from city.simulate.radio import Radio
from city.simulate.truth import Happened, Started, TruthLine, TruthLog
from city.simulate.world import Event
from dispatch import Region
from geo.city import CityData
from geo.router import deciding_router
from geo.routing import Router
from schemas import codes, topics, wire
from schemas.effects import AssignmentWritten, Effect, EvidencePlaced, IncidentWritten
from schemas.ids import derive
from schemas.journal import (
    Command,
    Entry,
    EvidenceNoted,
    FleetChanged,
    PolicyChanged,
    Tick,
    UnitStamped,
)
from schemas.outputs import AlertChanged, DispatchChanged, IncidentChanged
from schemas.records import Evidence, Incident
from streams.intake_readings import ReadingsIntake
from streams.intake_reports import ReportsIntake
from streams.intake_status import StatusIntake
from streams.limits import IntakeSettings
from streams.messages import Received
from streams.publish import publish

__all__ = ["Noted", "Played", "Scene", "Words", "play", "scene", "unseen"]

Words = Mapping[str, Sequence[str]]
"""Sentences by category."""

_CORPUS = Path(__file__).parents[1] / "tests" / "dispatch" / "triage_corpus.jsonl"

_START = datetime(2026, 11, 24, tzinfo=UTC)
_HEARD_AFTER_S = 0.05
"""From a decision to those who hear of it, as measured on the running system."""
_SILENCE_EVERY_S = 5.0
_LOG_ON_S = 2.0
_AFTERWARDS_S = 90.0
"""All that is said of the last event is said by then."""
_PARTITION = 0


class Scene(NamedTuple):
    """What all plays have in common: the demo's city."""

    city: CityData
    setting: Setting
    router: Router


class Noted(NamedTuple):
    """A piece of evidence and when it stood in the journal."""

    evidence: Evidence
    at: datetime


class Played(NamedTuple):
    """What was true, what was noticed of it, and what the core made of that."""

    truth: list[TruthLine]
    noted: list[Noted]
    placed: list[EvidencePlaced]
    evidence: list[EvidenceRow]
    incidents: list[IncidentRow]


@cache
def scene() -> Scene:
    """Return the demo's city, made once."""
    city = make_city(1)
    return Scene(city, Setting(city), deciding_router(city))


def unseen() -> Words:
    """Return the sentences of triage's corpus for which no word of its lexicon was chosen."""
    found: dict[str, list[str]] = defaultdict(list)
    for line in _CORPUS.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if row.get("set") == "unseen":
            found[row["category"]].append(row["text"])
    return found


def play(
    where: Scene,
    *,
    seed: int,
    rate: float,
    lasts_s: float,
    speed: float = 10.0,
    words: Words | None = None,
) -> Played:
    """Play ``lasts_s`` seconds of the demo; the same arguments give the same play.

    Parameters
    ----------
    rate, speed
        As in `city.simulate.Options`.
    words
        What citizens say instead of the simulator's sentences; wrong reports stay as they are.
    """
    events = happenings(where.setting, seed=seed, rate=rate, speed=speed)
    if words is not None:
        rng = Random(f"{seed}/words")
        events = (_reworded(event, words, rng) for event in events)
    stage = _Stage(where, events, seed=seed, rate=rate, speed=speed, lasts_s=lasts_s)
    return stage.run()


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


class _Truth(TruthLog):
    def __init__(self) -> None:
        super().__init__(None)
        self.lines: list[TruthLine] = []

    def write(self, line: TruthLine) -> None:
        self.lines.append(line)


class _Readings(ReadingsIntake):
    """The intake of readings without the ledger."""

    def __init__(self, city: CityData, limits: IntakeSettings) -> None:
        super().__init__(city, limits)
        self._streams[_PARTITION] = {}

    def take(self) -> list[Evidence]:
        found, self._found = self._found, {}
        self._changed.clear()
        return [evidence for evidence, _, _ in found.values()]


class _Reports(ReportsIntake):
    """The intake of reports without the ledger."""

    def take(self) -> list[Evidence]:
        found, self._found = self._found, {}
        self._reporters.clear()
        return [evidence for evidence, _, _ in found.values()]


class _Status(StatusIntake):
    """The intake of stamps without the ledger."""

    def take(self) -> list[UnitStamped]:
        stamps, self._stamps = self._stamps, []
        return [wire.decode(stamp.value or b"", UnitStamped) for stamp in stamps]


class _Stage:
    """One play: its players, the intakes, the core."""

    def __init__(
        self,
        where: Scene,
        events: Iterator[Event],
        *,
        seed: int,
        rate: float,
        speed: float,
        lasts_s: float,
    ) -> None:
        city, limits = where.city, IntakeSettings()
        self._region_id, self._city, self._lasts_s = city.manifest.region, city, lasts_s
        self._agenda, self._clock, self._truth = Agenda(), Clock(_START), _Truth()
        self._mail: deque[Mail] = deque()
        self._readings, self._reports = _Readings(city, limits), _Reports(city, limits)
        self._status = _Status(city, limits)
        self._region = Region(self._region_id, lambda _: where.router)
        self._book = _Book()
        self._sent = 0
        parts = (self._agenda, self._clock, self._mail.append)
        run = f"bench{seed}"
        self._instruments = Instruments(
            city.sensors, *parts, self._truth, seed=seed, readings=0.0, run=run
        )
        self._radio = Radio(run)
        self._citizens = Citizens(*parts, self._truth, radio=self._radio)
        self._fleet = Fleet(city, *parts, seed=seed, speed=speed, run=run)
        self._console = Console(
            self._region_id, *parts, seed=seed, speed=speed, run=run, radio=self._radio
        )
        self._events = events
        self._truth.write(
            Started(
                run=run,
                at=_START,
                seed=seed,
                city=city.digest,
                region=self._region_id,
                speed=speed,
                rate=rate,
                readings=0.0,
            )
        )

    def run(self) -> Played:
        city, ends = self._city, self._lasts_s + _AFTERWARDS_S
        self._apply(
            FleetChanged(
                id=derive(city.digest, "fleet"),
                region=self._region_id,
                city=city.digest,
                units=city.units,
            ),
            0.0,
        )
        policy = codes.default_policy()
        self._apply(
            PolicyChanged(
                id=derive(policy.version, "policy"), region=self._region_id, policy=policy
            ),
            0.0,
        )
        self._fleet.log_on(_LOG_ON_S)
        self._agenda.every(_SILENCE_EVERY_S, self._look_for_silence)
        self._await_event()
        while (now := self._next()) <= ends:
            self._agenda.run_due(now)
            self._tick(now)
            while self._mail:
                self._take_in(self._mail.popleft(), now)
        return self._book.played(self._truth.lines)

    def _next(self) -> float:
        """When the next thing happens, on the play's clock; the silence's turn never ends."""
        due = self._agenda.next_due()
        timer = self._region.next_due()
        assert due is not None
        return due if timer is None else min(due, max((timer - _START).total_seconds(), 0.0))

    def _await_event(self) -> None:
        event = next(self._events, None)
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
                    at=self._clock.wall(now),
                )
            )
        self._radio.know(event)
        self._instruments.notice(event)
        self._citizens.tell(event)
        self._await_event()

    def _take_in(self, mail: Mail, now: float) -> None:
        """Hand a message to its intake and what that finds to the core."""
        self._sent += 1
        at = self._clock.wall(now)
        message = Received(
            mail.topic, _PARTITION, self._sent, mail.key, mail.value, list(mail.headers), at
        )
        if mail.topic == topics.READINGS.name:
            self._readings.handle(message)
            self._note(self._readings.take(), now)
        elif mail.topic == topics.REPORTS.name:
            self._reports.handle(message)
            self._note(self._reports.take(), now)
        elif mail.topic == topics.UNIT_STATUS.name:
            self._status.handle(message)
            for stamp in self._status.take():
                self._apply(stamp, now)
        elif mail.topic == topics.JOURNAL.name:
            self._apply(wire.decode(mail.value, Command), now)

    def _note(self, found: list[Evidence], now: float) -> None:
        for evidence in found:
            self._book.note(evidence, self._clock.wall(now))
            entry = EvidenceNoted(
                id=derive(evidence.id, "entry"), region=self._region_id, evidence=evidence
            )
            self._apply(entry, now)

    def _look_for_silence(self, now: float) -> None:
        self._readings.look_for_silence(_PARTITION, self._sent, self._clock.wall(now))
        self._note(self._readings.take(), now)

    def _tick(self, now: float) -> None:
        due, at = self._region.next_due(), _START + timedelta(seconds=now)
        if due is not None and due <= at:
            tick_id = derive(self._region_id, f"tick/{due.isoformat()}/{at.isoformat()}")
            self._apply(Tick(id=tick_id, region=self._region_id, due=due), now)

    def _apply(self, entry: Entry, now: float) -> None:
        at = _START + timedelta(seconds=now)
        effects = self._region.apply(entry, at)
        self._book.write(effects)
        for message in publish(entry.id, at, effects):
            hear = partial(self._hear, message.topic, message.value or b"")
            self._agenda.at(now + _HEARD_AFTER_S, hear)

    def _hear(self, topic: str, value: bytes, now: float) -> None:
        if topic == topics.INCIDENTS.name:
            incident: IncidentChanged = wire.decode(value, IncidentChanged)
            self._fleet.on_incident(incident)
            self._console.on_incident(incident, now)
        elif topic == topics.DISPATCHES.name:
            change: DispatchChanged = wire.decode(value, DispatchChanged)
            self._fleet.on_dispatch(change, now)
            self._console.on_dispatch(change, now)
        else:
            self._console.on_alert(wire.decode(value, AlertChanged), now)


class _Book:
    """What the ledger would hold for the score."""

    def __init__(self) -> None:
        self._noted: dict[str, Noted] = {}
        self._placed: list[EvidencePlaced] = []
        self._incidents: dict[str, Incident] = {}
        self._dispatched: dict[str, list[datetime]] = defaultdict(list)

    def note(self, evidence: Evidence, at: datetime) -> None:
        self._noted.setdefault(evidence.id, Noted(evidence, at))

    def write(self, effects: tuple[Effect, ...]) -> None:
        for effect in effects:
            match effect:
                case EvidencePlaced():
                    self._placed.append(effect)
                case IncidentWritten(incident=incident):
                    self._incidents[incident.id] = incident
                case AssignmentWritten(assignment=assignment):
                    self._dispatched[assignment.incident].append(assignment.dispatched)

    def played(self, truth: list[TruthLine]) -> Played:
        rows = []
        for placed in self._placed:
            evidence = self._noted[placed.evidence].evidence
            rows.append(
                EvidenceRow(
                    source=evidence.source,
                    source_id=evidence.source_id,
                    incident_id=placed.incident,
                    placed=placed.placed,
                    observed_at=evidence.observed_at,
                    received_at=evidence.received_at,
                )
            )
        incidents = [
            IncidentRow(
                id=incident.id,
                category=incident.category,
                state=incident.state,
                opened_at=incident.opened_at,
                merged_into=incident.merged_into,
                dispatched_at=min(self._dispatched[incident.id], default=None),
            )
            for incident in self._incidents.values()
        ]
        return Played(truth, list(self._noted.values()), self._placed, rows, incidents)
