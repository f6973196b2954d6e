"""What is remembered of datastreams, as columns: one lookup each, arithmetic for all at once."""

from collections.abc import Iterator, MutableMapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from intake import detection
from intake.detection import Alarm
from schemas.inputs import SensorReading
from schemas.records import Point, Where

__all__ = ["ACTIVE", "CALM", "OTHER", "Datastream", "Datastreams", "Site", "in_ms"]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)
_FIRST_ROOM = 64

CALM, ACTIVE, OTHER = 0, 1, 2
"""Phases as numbers: nothing is open or pending, an alarm is active, one is pending."""
_PHASES = {detection.NORMAL: CALM, detection.ACTIVE: ACTIVE}

Told = tuple[str, str, str, object]


class Site(msgspec.Struct, frozen=True):
    """Where a datastream's sensor stands, as last known."""

    property: str
    name: str
    point: Point
    where: Where


class Datastream(msgspec.Struct, frozen=True):
    """What is remembered of a datastream: how detection stands, and where its sensor is."""

    alarm: Alarm
    site: Site

    @property
    def is_calm(self) -> bool:
        """Whether neither an alarm is open nor one is pending."""
        return self.alarm.phase == detection.NORMAL


def told(reading: SensorReading) -> Told:
    """Return what a reading says that was checked once if the one before it said the same."""
    return (
        reading.sensor,
        reading.observed_property,
        reading.unit_of_measurement,
        reading.location,
    )


def in_ms(time: datetime) -> int:
    """Return an aware time in whole milliseconds since 1970."""
    return (time - EPOCH) // _MS


class Datastreams(MutableMapping[str, Datastream]):
    """Datastreams by name; the columns are for `intake.skimming`, by slot.

    Parameters
    ----------
    known
        Those to begin with.

    Attributes
    ----------
    slots : dict of str to int
        Which row of the columns is whose.
    told : list
        What the datastream's last reading that was taken by itself said of the sensor; None where
        that is not known.
    phase : int8 array
        `CALM`, `ACTIVE` or `OTHER`.
    seen, heard : int64 arrays
        Of the alarm, in milliseconds since 1970.
    saved : int64 array
        For the owner: up to which arrival it has written the datastream down; 0 for never.
    """

    def __init__(self, known: dict[str, Datastream] | None = None) -> None:
        self.slots: dict[str, int] = {}
        self.told: list[Told | None] = []
        self._names: list[str] = []
        self._base: list[Datastream | None] = []
        self._free: list[int] = []
        self.phase: NDArray[np.int8] = np.zeros(_FIRST_ROOM, np.int8)
        self.seen: NDArray[np.int64] = np.zeros(_FIRST_ROOM, np.int64)
        self.heard: NDArray[np.int64] = np.zeros(_FIRST_ROOM, np.int64)
        self.saved: NDArray[np.int64] = np.zeros(_FIRST_ROOM, np.int64)
        self._result: NDArray[np.float64] = np.zeros(_FIRST_ROOM)
        self._moved: NDArray[np.bool_] = np.zeros(_FIRST_ROOM, np.bool_)
        for name, stream in (known or {}).items():
            self[name] = stream

    def __getitem__(self, name: str) -> Datastream:
        """Return a datastream as it is now."""
        slot = self.slots[name]
        base = self._base[slot]
        assert base is not None
        if self._moved[slot]:
            alarm = msgspec.structs.replace(
                base.alarm,
                seen=EPOCH + int(self.seen[slot]) * _MS,
                heard=EPOCH + int(self.heard[slot]) * _MS,
                result=float(self._result[slot]),
                behind=None,
            )
            base = self._base[slot] = Datastream(alarm, base.site)
            self._moved[slot] = False
        return base

    def __setitem__(self, name: str, stream: Datastream) -> None:
        """Remember a datastream; what its sensor said of itself is not known."""
        slot = self.slots.get(name)
        if slot is None:
            slot = self._new(name)
        alarm = stream.alarm
        self._base[slot] = stream
        self.told[slot] = None
        self._moved[slot] = False
        self.phase[slot] = _PHASES.get(alarm.phase, OTHER)
        self.seen[slot] = in_ms(alarm.seen)
        self.heard[slot] = in_ms(alarm.heard)

    def __delitem__(self, name: str) -> None:
        """Forget a datastream."""
        slot = self.slots.pop(name)
        self._base[slot] = self.told[slot] = None
        self.phase[slot] = CALM
        self._free.append(slot)

    def __iter__(self) -> Iterator[str]:
        """Yield the names in the order in which they came."""
        return iter(self.slots)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.slots)

    def take(self, reading: SensorReading, stream: Datastream) -> None:
        """Remember a datastream as a reading has left it."""
        self[reading.datastream] = stream
        self.told[self.slots[reading.datastream]] = told(reading)

    def move(
        self,
        slots: NDArray[np.intp],
        seen: NDArray[np.int64],
        heard: NDArray[np.int64],
        result: NDArray[np.float64],
    ) -> None:
        """Remember newer readings that left the phases as they were; each slot once."""
        self.seen[slots] = seen
        self.heard[slots] = np.maximum(self.heard[slots], heard)
        self._result[slots] = result
        self._moved[slots] = True

    def names(self, slots: NDArray[np.intp]) -> list[str]:
        """Return whose slots these are."""
        return [self._names[slot] for slot in slots]

    def alarmed(self) -> list[str]:
        """Return the names of those that are not calm, sorted."""
        return sorted(self.names(np.flatnonzero(self.phase)))

    def calm(self) -> list[tuple[int, str]]:
        """Return the calm ones, each with when it was last seen or heard, the oldest first."""
        last = np.maximum(self.seen, self.heard)
        return sorted(
            (int(last[slot]), name) for name, slot in self.slots.items() if self.phase[slot] == CALM
        )

    def _new(self, name: str) -> int:
        if self._free:
            slot = self._free.pop()
            self._names[slot] = name
        else:
            slot = len(self._names)
            self._names.append(name)
            self._base.append(None)
            self.told.append(None)
            if slot == len(self.phase):
                self._grow()
        self.slots[name] = slot
        self.saved[slot] = 0
        return slot

    def _grow(self) -> None:
        for column in ("phase", "seen", "heard", "saved", "_result", "_moved"):
            old: NDArray[Any] = getattr(self, column)
            setattr(self, column, np.concatenate([old, np.zeros_like(old)]))
