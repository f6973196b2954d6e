"""What the core decided, written in a few statements a batch.

Records are written as they stand after the batch; what only grows (timeline, links,
recommendations, the effects themselves) is written line by line.
"""

from collections.abc import Sequence
from datetime import datetime

import asyncpg
import msgspec

from infra.ledger import fences
from infra.ledger.intake import Source, insert_evidence
from infra.ledger.rows import (
    Row,
    alert_row,
    array,
    assignment_row,
    columns,
    condition_row,
    incident_row,
    merger_row,
    opinion_row,
    plain,
    plains,
    unit_row,
)
from infra.ledger.statements import statement
from schemas import topics, wire, words
from schemas.effects import (
    AlertWritten,
    AssignmentWritten,
    CityWritten,
    CommandAnswered,
    ConditionEnded,
    ConditionWritten,
    Effect,
    EvidencePlaced,
    FenceWritten,
    IncidentsForgotten,
    IncidentWritten,
    Linked,
    MergeWritten,
    OpinionTaken,
    PolicyWritten,
    Recommended,
    StampRefused,
    TimelineAppended,
    TimerEnded,
    TimerSet,
    UnitWritten,
)
from schemas.policy import Policy
from schemas.records import (
    Alert,
    Assignment,
    Condition,
    Evidence,
    Incident,
    Merger,
    Reason,
    Timer,
    Unit,
)


class Applied(msgspec.Struct, frozen=True):
    """One journal entry and what the core answered to it.

    Attributes
    ----------
    offset
        In the region's journal partition.
    entry_kind
        The entry's tag, such as ``evidence``.
    at
        Kafka's log-append time, as it was given to the core.
    partition
        Of the journal.
    noted
        The evidence that the entry noted.
    """

    offset: int
    entry_id: str
    entry_kind: str
    at: datetime
    effects: tuple[Effect, ...]
    partition: int = 0
    noted: Evidence | None = None


class _Placed(msgspec.Struct):
    """Where a piece of evidence went; ``placed_offset`` is that of its first placing."""

    id: str
    incident: str | None
    placed: str
    score: float
    reasons: list[str]
    reasons_data: tuple[Reason, ...]
    placed_offset: int


async def write_applied(
    conn: asyncpg.Connection, region: str, batch: Sequence[Applied], clock: datetime | None
) -> int:
    """Write the effects of a batch of a region's journal.

    Parameters
    ----------
    batch
        In order of their offsets.
    clock
        The core's after the batch.

    Returns
    -------
    int
        How many entries were written. Entries at or below the region's applied offset have
        been written before and are skipped, so the same batch again leaves no trace.
    """
    row = await conn.fetchrow(statement("effects.lock_region"), region)
    fresh = [applied for applied in batch if applied.offset > row["applied_offset"]]
    if not fresh:
        return 0
    changes = _Changes(region, row["numbers"])
    for applied in fresh:
        for effect in applied.effects:
            changes.add(effect, applied)
    applied_rows = [
        (region, a.offset, a.entry_id, a.entry_kind, a.at, wire.encode(a.effects)) for a in fresh
    ]
    for name, rows in [("applied", applied_rows), *changes.rows()]:
        if rows:
            await conn.execute(statement(f"effects.{name}"), *columns(rows))
    await _write_placed(conn, region, changes.placed, fresh)
    if changes.fences:
        await fences.write(conn, region, changes.fences)
    await conn.execute(
        statement("effects.update_region"),
        region,
        clock,
        fresh[-1].offset,
        None if changes.policy is None else wire.encode(changes.policy),
        None if changes.policy is None else changes.policy.version,
        changes.city,
        changes.numbers,
        changes.fences[-1].change.number if changes.fences else None,
    )
    return len(fresh)


async def _write_placed(
    conn: asyncpg.Connection,
    region: str,
    placed: dict[str, _Placed],
    batch: Sequence[Applied],
) -> None:
    """Write where evidence went, and evidence that the ledger does not have.

    A ledger that is younger than its journal has none from before the input topics begin.
    """
    if not placed:
        return
    rows = await conn.fetch(statement("effects.placed"), list(placed.values()))
    missing = placed.keys() - {row["id"] for row in rows}
    if not missing:
        return
    found = [
        (applied.noted, Source(topics.JOURNAL.name, applied.partition, applied.offset))
        for applied in batch
        if applied.noted is not None and applied.noted.id in missing
    ]
    if found:
        await insert_evidence(conn, region, found)
        again = [placed[evidence.id] for evidence, _ in found]
        await conn.fetch(statement("effects.placed"), again)


async def note_decider(conn: asyncpg.Connection, region: str, offset: int, software: str) -> None:
    """Note the software that applies a region's journal from an offset on, if it is another."""
    await conn.execute(statement("effects.decider"), region, offset, software)


class _Changes:
    """What a batch changes, by table."""

    def __init__(self, region: str, numbers: dict[str, int]) -> None:
        self.region = region
        self.numbers = numbers
        self.policy: Policy | None = None
        self.city: str | None = None
        self.fences: list[FenceWritten] = []
        self._incidents: dict[str, Incident] = {}
        self._units: dict[str, Unit] = {}
        self._assignments: dict[str, Assignment] = {}
        self._alerts: dict[str, Alert] = {}
        self._conditions: dict[str, Condition] = {}
        self._conditions_ended: dict[str, datetime] = {}
        self._timers: dict[tuple[str, str], Timer | None] = {}
        self.placed: dict[str, _Placed] = {}
        self._mergers: dict[str, Merger] = {}
        self._commands: dict[str, Row] = {}
        self._entries: list[Row] = []
        self._links: list[Row] = []
        self._opinions: list[Row] = []
        self._recommendations: list[Row] = []
        self._stamps_refused: list[Row] = []
        self._forgotten: list[Row] = []

    def add(self, effect: Effect, by: Applied) -> None:  # noqa: C901, PLR0912 - a case a kind
        """Take an effect of an applied entry in; a later record replaces an earlier one."""
        match effect:
            case IncidentWritten(incident=incident):
                self._incidents[incident.id] = incident
                self._count(incident.number)
            case TimelineAppended(entry=e):
                self._entries.append(
                    (
                        e.incident,
                        e.seq,
                        e.at,
                        e.kind,
                        plain(e.actor),
                        plain(words.render(e.said)),
                        e.said,
                        array(plains(words.each(e.reasons))),
                        e.reasons,
                        e.cause,
                        e.before,
                        e.after,
                    )
                )
            case UnitWritten(unit=unit):
                self._units[unit.id] = unit
            case AssignmentWritten(assignment=assignment):
                self._assignments[assignment.id] = assignment
            case AlertWritten(alert=alert):
                self._alerts[alert.id] = alert
            case TimerSet(timer=timer):
                self._timers[timer.kind, timer.subject] = timer
            case TimerEnded(kind=kind, subject=subject):
                self._timers[kind, subject] = None
            case EvidencePlaced() as e:
                known = self.placed.get(e.evidence)
                self.placed[e.evidence] = _Placed(
                    e.evidence,
                    e.incident,
                    e.placed,
                    e.score,
                    plains(words.each(e.reasons)),
                    e.reasons,
                    by.offset if known is None else known.placed_offset,
                )
            case Recommended(incident=incident_id, at=at, recommendation=r):
                self._recommendations.append(
                    (
                        incident_id,
                        at,
                        r.policy,
                        array(r.requirements),
                        r.short,
                        r.reasons,
                        r.candidates,
                        wire.encode(r),
                    )
                )
            case MergeWritten(merger=merger):
                self._mergers[merger.id] = merger
            case OpinionTaken(opinion=opinion, did=did):
                if "ignored" not in did:
                    row = opinion_row(self.region, opinion, did, by.at, by.offset)
                    self._opinions.append(row)
            case Linked() as e:
                self._links.append((e.incident, e.other, e.kind, e.at))
            case CommandAnswered() as e:
                self._commands[e.command] = (
                    e.command,
                    self.region,
                    plain(e.incident),
                    plain(e.operator),
                    e.action,
                    e.expected_version,
                    e.outcome,
                    "" if e.reason is None else plain(words.render(e.reason)),
                    e.reason,
                    e.version,
                    e.at,
                    array(plains(words.each(e.changes))),
                    e.changes,
                )
            case ConditionWritten(condition=condition):
                self._conditions[condition.id] = condition
                self._conditions_ended.pop(condition.id, None)
            case ConditionEnded(condition=condition_id, at=at):
                self._conditions_ended[condition_id] = at
            case StampRefused() as e:
                why = plain(words.render(e.reason))
                self._stamps_refused.append(
                    (self.region, e.unit, e.status, e.at, plain(e.by), why, e.reason)
                )
            case IncidentsForgotten() as e:
                self._forgotten += [(incident, e.at) for incident in e.incidents]
            case PolicyWritten(policy=policy):
                self.policy = policy
            case CityWritten(city=city):
                self.city = city
            case FenceWritten() as e:
                self.fences.append(e)

    def rows(self) -> list[tuple[str, list[Row]]]:
        """Return the rows by statement, in an order that satisfies every reference."""
        region = self.region
        # Ended ones first: a unit may have been freed and sent again in the same batch, and
        # at no moment may it have two active assignments.
        assignments = sorted(self._assignments.values(), key=lambda item: item.ended is None)
        timers = [timer for timer in self._timers.values() if timer is not None]
        timers_ended = [key for key, timer in self._timers.items() if timer is None]
        return [
            ("incident", [incident_row(item) for item in self._incidents.values()]),
            ("entry", self._entries),
            ("unit", [unit_row(item) for item in self._units.values()]),
            ("assignment", [assignment_row(region, item) for item in assignments]),
            ("link", self._links),
            ("opinion", self._opinions),
            ("merge", [merger_row(region, item) for item in self._mergers.values()]),
            ("recommendation", self._recommendations),
            ("alert", [alert_row(region, item) for item in self._alerts.values()]),
            ("condition", [condition_row(region, item) for item in self._conditions.values()]),
            ("condition_ended", [(region, *item) for item in self._conditions_ended.items()]),
            ("timer_ended", [(region, *key) for key in timers_ended]),
            ("timer", [(region, t.kind, t.subject, t.due) for t in timers]),
            ("stamp_refused", self._stamps_refused),
            ("command", list(self._commands.values())),
            ("forgotten", self._forgotten),
        ]

    def _count(self, number: str) -> None:
        """Keep the day's running count, the last part of an incident's number."""
        _, day, count = number.rsplit("-", 2)
        self.numbers[day] = max(self.numbers.get(day, 0), int(count))
