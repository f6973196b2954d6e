"""Detection: when a datastream's readings become an alarm, and when it is over.

A pure state machine per datastream::

    normal ── at or beyond opens_at ──> pending ── for minimum_duration_s ──> active
      ^                                   │  back before opens_at               │
      ├───────────────────────────────────┘                                     │
      └── at or behind closes_at (cleared), or nothing heard (silent) ──────────┘

Between ``closes_at`` and ``opens_at`` an active alarm stays (hysteresis). Two clocks are kept
apart: how long a condition has held is measured in the sensor's own times, silence in the times
at which its readings arrived, so that a sensor that reports late is not taken for a dead one.

A reading that is not newer than one before it changes no phase, but the sensor was heard. When such
readings show that the sensor's clock was set back (`intake.set_back`), its new time counts from
then on.
"""

from datetime import datetime, timedelta

import msgspec

from intake.set_back import Behind, behind
from schemas.codes import ObservedProperty
from schemas.kinds import Phase

__all__ = ["ACTIVE", "BAD", "CLEARED", "NORMAL", "OPENED", "PENDING", "SILENT"]
__all__ += ["Alarm", "AlarmChange", "Detector"]

NORMAL, PENDING, ACTIVE = "normal", "pending", "active"
OPENED: Phase = "opened"
CLEARED: Phase = "cleared"
SILENT: Phase = "silent"
BAD = "bad"
"""The quality of a result that proves the sensor alive and nothing else."""


class Alarm(msgspec.Struct, frozen=True, kw_only=True):
    """Where detection stands for one datastream.

    Attributes
    ----------
    phase
        ``normal``, ``pending`` or ``active``.
    since
        The phenomenon time at which the phase began; None while normal.
    seen
        The newest phenomenon time, by the sensor's clock as it goes now.
    heard
        The newest arrival.
    result
        The newest result that was not bad.
    evidence
        Id of the evidence that opened the alarm, while active and once the intake named it.
    behind
        The first of the readings heard last, while these are not newer than ``seen``.
    """

    phase: str
    since: datetime | None
    seen: datetime
    heard: datetime
    result: float | None
    evidence: str | None = None
    behind: Behind | None = None


class AlarmChange(msgspec.Struct, frozen=True, kw_only=True):
    """An alarm opened, cleared or fell silent.

    ``at`` is when it was so (for silence: when the timeout ran out), ``since`` when the
    condition began, ``evidence`` what opened the alarm that ends here.
    """

    kind: Phase
    at: datetime
    since: datetime
    result: float | None
    evidence: str | None = None


class Detector:
    """Detection for one observed property.

    Parameters
    ----------
    prop
        The row of the table ``observed_properties`` with its conditions.
    """

    def __init__(self, prop: ObservedProperty) -> None:
        self.prop = prop
        self._below = prop.direction == "below"
        self._minimum = timedelta(seconds=prop.minimum_duration_s)
        self._timeout = timedelta(seconds=prop.silence_timeout_s)

    def observe(
        self, alarm: Alarm | None, at: datetime, received: datetime, result: float, quality: str
    ) -> tuple[Alarm, tuple[AlarmChange, ...]]:
        """Take in one reading.

        Parameters
        ----------
        alarm
            The datastream's state; None before its first reading.
        at
            Phenomenon time (aware).
        received
            When the reading arrived (aware).
        result
            In the property's unit of measurement.
        quality
            ``good``, ``suspect`` or ``bad``; a bad one changes no phase.

        Returns
        -------
        alarm, changes
            The new state (whose ``behind`` is set where the reading was heard and no more) and
            what happened, in order; silence that the arrival reveals comes first.
        """
        if alarm is None:
            alarm = Alarm(phase=NORMAL, since=None, seen=at, heard=received, result=None)
            return self._seen(alarm, at, received, result, quality)
        alarm, ended = self.silent(alarm, received)
        if at <= alarm.seen:
            row = behind(alarm.behind, at, received)
            if not row.is_set_back(at, received, self._timeout):
                heard = max(received, alarm.heard)
                return msgspec.structs.replace(alarm, heard=heard, behind=row), ended
            # What had begun by the old clock begins anew by the new one, if that is before it.
            since = None if alarm.since is None else min(alarm.since, at)
            alarm = msgspec.structs.replace(alarm, since=since)
        alarm, begun = self._seen(alarm, at, received, result, quality)
        return alarm, ended + begun

    def silent(self, alarm: Alarm, now: datetime) -> tuple[Alarm, tuple[AlarmChange, ...]]:
        """Look whether nothing has been heard for too long; the same object where not."""
        if alarm.phase == NORMAL or now - alarm.heard < self._timeout:
            return alarm, ()
        ended = self._ended(SILENT, alarm, alarm.heard + self._timeout, alarm.result)
        return self._normal(alarm), ended

    def opens(self, result: float) -> bool:
        """Whether a result is at or beyond the opening condition."""
        return result <= self.prop.opens_at if self._below else result >= self.prop.opens_at

    def closes(self, result: float) -> bool:
        """Whether a result is at or behind the closing condition."""
        return result >= self.prop.closes_at if self._below else result <= self.prop.closes_at

    def _seen(
        self, alarm: Alarm, at: datetime, received: datetime, result: float, quality: str
    ) -> tuple[Alarm, tuple[AlarmChange, ...]]:
        heard = max(received, alarm.heard)
        if quality == BAD:
            return self._moved(alarm, alarm.phase, alarm.since, at, heard, alarm.result), ()
        if alarm.phase == ACTIVE:
            if not self.closes(result):
                return self._moved(alarm, ACTIVE, alarm.since, at, heard, result), ()
            ended = self._ended(CLEARED, alarm, at, result)
            return self._moved(alarm, NORMAL, None, at, heard, result), ended
        if not self.opens(result):
            return self._moved(alarm, NORMAL, None, at, heard, result), ()
        since = alarm.since or at
        if at - since < self._minimum:
            return self._moved(alarm, PENDING, since, at, heard, result), ()
        opened = AlarmChange(kind=OPENED, at=at, since=since, result=result)
        return self._moved(alarm, ACTIVE, since, at, heard, result), (opened,)

    @staticmethod
    def _moved(  # noqa: PLR0917 - the fields of an alarm, in their order
        alarm: Alarm,
        phase: str,
        since: datetime | None,
        at: datetime,
        heard: datetime,
        result: float | None,
    ) -> Alarm:
        evidence = alarm.evidence if phase == ACTIVE else None
        return Alarm(
            phase=phase, since=since, seen=at, heard=heard, result=result, evidence=evidence
        )

    @staticmethod
    def _normal(alarm: Alarm) -> Alarm:
        return msgspec.structs.replace(alarm, phase=NORMAL, since=None, evidence=None)

    @staticmethod
    def _ended(
        kind: Phase, alarm: Alarm, at: datetime, result: float | None
    ) -> tuple[AlarmChange, ...]:
        if alarm.phase != ACTIVE:
            return ()
        since = alarm.since or alarm.seen
        return (AlarmChange(kind=kind, at=at, since=since, result=result, evidence=alarm.evidence),)
