"""Readings that change nothing, many at once: what nearly all of them are.

A reading is plain when `intake.readings.Readings.take` would only note that its sensor was heard:
its envelope and payload are in order, its datastream is known and says the same of itself as
before, its times are near its arrival and newer than the last, its result is physical and good
or suspect, and neither opens nor clears an alarm, nor begins one. Plain readings are told by
arithmetic on columns; all others, and all of a datastream that has another one among them, are
left to be taken one by one, in their order. So the outcome is the same as if each had been.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from intake.datastreams import ACTIVE, CALM, Datastreams, told
from intake.errors import BadInput
from intake.limits import IntakeLimits
from intake.validate import MAX_ID, check_id, open_message
from schemas import topics
from schemas.codes import ObservedProperty
from schemas.envelope import MAX_HEADER, SPEC_VERSION
from schemas.inputs import SensorReading
from schemas.wire import MAX_BYTES

__all__ = ["Heard", "Record", "Skimmed", "Skimmer"]

LATEST = 15
"""So many of a source's skews are told, the latest ones."""
_TYPE = topics.READINGS.type.encode()
_VERSION = SPEC_VERSION.encode()
_JSON = b"application/json"
_USUAL = frozenset({"ce_type", "ce_specversion", "ce_id", "ce_source", "ce_time", "content-type"})
_CONTROL = bytes([*range(0x20), 0x7F])
_SOURCES = 10_000
_LAST_MS = 253_402_300_800_000  # year 10000
_BROKERS_CLOCK = 1
_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, TypeError)


class Record(Protocol):
    """A message as a consumer gives it, with Kafka's timestamp in milliseconds."""

    @property
    def value(self) -> bytes | None:
        """The payload's bytes; None in a tombstone."""

    @property
    def headers(self) -> Sequence[tuple[str, bytes]]:
        """CloudEvents attributes; null values are not excluded."""

    @property
    def timestamp(self) -> int:
        """When it came, by the clock that `timestamp_type` names."""

    @property
    def timestamp_type(self) -> int:
        """1 for the broker's clock."""


class Heard(NamedTuple):
    """What a source's plain readings say of its clock.

    ``messages`` of them, the last of which arrived at ``last_ms``; ``skews`` are the latest ones in
    seconds, in their order, ``worst`` is the one that is farthest from 0, the first of equals.
    """

    source: str
    messages: int
    last_ms: int
    skews: list[float]
    worst: float


class Skimmed(NamedTuple):
    """What was left, and what was noted.

    Attributes
    ----------
    others
        Places of the records that are not plain, in their order.
    slots
        The datastreams that were heard, by slot, each once.
    heard
        The sources of the plain ones.
    latest_ms
        The newest arrival of a plain one; None without any.
    """

    others: list[int]
    slots: NDArray[np.intp]
    heard: list[Heard]
    latest_ms: int | None


class _Columns(NamedTuple):
    """The readings that may be plain: one list per column, in the records' order."""

    row: list[int]
    slot: list[int]
    source: list[str]
    at_s: list[float]
    said_s: list[float]
    arrived_ms: list[int]
    result: list[float]
    prop: list[int]


class Skimmer:
    """Tells plain readings from others.

    Parameters
    ----------
    properties
        The table ``observed_properties``.
    limits
        How far a reading's times may lie from its arrival.
    """

    def __init__(self, properties: Iterable[ObservedProperty], limits: IntakeLimits) -> None:
        rows = list(properties)
        self._numbers = {prop.code: number for number, prop in enumerate(rows)}
        self._sign = np.array([-1.0 if prop.direction == "below" else 1.0 for prop in rows])
        self._opens_at = self._sign * [prop.opens_at for prop in rows]
        self._closes_at = self._sign * [prop.closes_at for prop in rows]
        self._minimum = np.array([prop.minimum for prop in rows])
        self._maximum = np.array([prop.maximum for prop in rows])
        self._timeout_us = np.array(
            [_us(timedelta(seconds=prop.silence_timeout_s)) for prop in rows]
        )
        self._future_us = _us(timedelta(seconds=limits.future_s))
        self._past_us = _us(timedelta(seconds=limits.past_s))
        # Without a value it raises, as for one that is no reading.
        decoder: Any = msgspec.json.Decoder(SensorReading)
        self._decode: Callable[[bytes | None], SensorReading] = decoder.decode
        self._sources: dict[bytes, str] = {}

    def skim(self, records: Sequence[Record], streams: Datastreams) -> Skimmed:
        """Note plain readings in the datastreams that they are of.

        Parameters
        ----------
        records
            Of one partition, in the order of their offsets.
        streams
            What is remembered; only plain readings move it.
        """
        columns, touched = self._read(records, streams)
        if not columns.row:
            return Skimmed(list(range(len(records))), np.empty(0, np.intp), [], None)
        slot = np.array(columns.slot, np.intp)
        order = np.argsort(slot, kind="stable")
        slot = slot[order]
        at_us = _microseconds(columns.at_s)[order]
        arrived_us = np.array(columns.arrived_ms, np.int64)[order] * 1_000
        result = np.array(columns.result)[order]
        prop = np.array(columns.prop, np.intp)[order]

        plain = (at_us - arrived_us <= self._future_us) & (arrived_us - at_us <= self._past_us)
        plain &= (self._minimum[prop] <= result) & (result <= self._maximum[prop])
        first = np.ones(len(slot), np.bool_)
        first[1:] = slot[1:] != slot[:-1]
        at_ms = at_us // 1_000
        plain &= at_ms > np.where(first, streams.seen[slot], _before(at_ms))
        # It was heard then, or later where arrivals are not in order.
        heard_us = np.where(first, streams.heard[slot] * 1_000, _before(arrived_us))
        plain &= self._stays(streams.phase[slot], prop, result, arrived_us - heard_us)

        odd = np.zeros(len(streams.phase), np.bool_)
        odd[touched] = True
        odd[slot[~plain]] = True
        kept = ~odd[slot]
        if not kept.any():
            return Skimmed(list(range(len(records))), np.empty(0, np.intp), [], None)
        slot, at_ms, arrived_us, result = slot[kept], at_ms[kept], arrived_us[kept], result[kept]
        begins = np.flatnonzero(first[kept])
        ends = np.append(begins[1:], len(slot)) - 1
        heard_ms = np.maximum.reduceat(arrived_us, begins) // 1_000
        streams.move(slot[ends], at_ms[ends], heard_ms, result[ends])

        places = np.sort(order[kept])
        others = np.ones(len(records), np.bool_)
        others[np.array(columns.row)[places]] = False
        return Skimmed(
            np.flatnonzero(others).tolist(),
            slot[ends],
            _heard(columns, places),
            int(heard_ms.max()),
        )

    def _stays(
        self,
        phase: NDArray[np.int8],
        prop: NDArray[np.intp],
        result: NDArray[np.float64],
        silent_us: NDArray[np.int64],
    ) -> NDArray[np.bool_]:
        """Tell which results leave their datastreams' phases as they are."""
        signed = self._sign[prop] * result
        calm = (phase == CALM) & ~(signed >= self._opens_at[prop])
        active = (phase == ACTIVE) & ~(signed <= self._closes_at[prop])
        stays: NDArray[np.bool_] = calm | (active & (silent_us < self._timeout_us[prop]))
        return stays

    def _read(self, records: Sequence[Record], streams: Datastreams) -> tuple[_Columns, list[int]]:
        """Open what may be plain; return also the slots that other readings may change."""
        columns = _Columns([], [], [], [], [], [], [], [])
        touched: list[int] = []
        numbers = self._numbers
        decode, find, known = self._decode, streams.slots.get, streams.told
        add_row, add_slot, add_prop = columns.row.append, columns.slot.append, columns.prop.append
        add_at, add_said = columns.at_s.append, columns.said_s.append
        add_arrived, add_result = columns.arrived_ms.append, columns.result.append
        add_source = columns.source.append
        for row, record in enumerate(records):
            try:
                reading = decode(record.value)
            except _UNREADABLE:
                self._touch(record, streams, touched)
                continue
            slot = find(reading.datastream, -1)
            if slot < 0:
                self._touch(record, streams, touched)
                continue
            said = self._said(record, reading)
            if said is None or known[slot] != told(reading):
                touched.append(slot)
                self._touch(record, streams, touched)
                continue
            add_row(row)
            add_slot(slot)
            add_source(said[0])
            add_at(reading.phenomenon_time.timestamp())
            add_said(said[1])
            add_arrived(record.timestamp)
            add_result(reading.result)
            add_prop(numbers[reading.observed_property])
        return columns, touched

    def _said(self, record: Record, reading: SensorReading) -> tuple[str, float] | None:
        """Return source and time of a message that is in order, but for what columns tell."""
        attributes = dict(record.headers)
        event, named = attributes.get("ce_id"), attributes.get("ce_source")
        if not (
            event
            and named
            and attributes.get("ce_type") == _TYPE
            and attributes.get("ce_specversion") == _VERSION
            and attributes.get("content-type", _JSON) == _JSON
            and len(event) <= MAX_ID
            and event.isascii()
            and event.translate(None, _CONTROL) == event
            and record.timestamp_type == _BROKERS_CLOCK
            and 0 < record.timestamp < _LAST_MS
            and reading.phenomenon_time.tzinfo is not None
            and reading.result_time is None
            and reading.result_quality in {"good", "suspect"}
            and len(record.value or b"") <= MAX_BYTES
            and len(attributes) == len(record.headers)
        ):
            return None
        source = self._sources.get(named) or self._source(named)
        if source is None or not (attributes.keys() <= _USUAL or _are_in_order(attributes)):
            return None
        time = attributes.get("ce_time")
        if time is None and "ce_time" not in attributes:
            return source, reading.phenomenon_time.timestamp()
        said = _time(time)
        return None if said is None else (source, said.timestamp())

    def _source(self, named: bytes) -> str | None:
        """Return a source as text; None where its name is not in order."""
        try:
            text = named.decode()
            check_id(text, "ce_source")
        except (UnicodeDecodeError, BadInput):
            return None
        if len(self._sources) >= _SOURCES:
            self._sources.clear()
        self._sources[named] = text
        return text

    @staticmethod
    def _touch(record: Record, streams: Datastreams, touched: list[int]) -> None:
        """Note which datastream a message is of whose value has its envelope in it."""
        if not any(
            name == "content-type" and b"cloudevents" in (value or b"").lower()
            for name, value in record.headers
        ):
            return
        whole = _Whole(record.value, [(name, value or b"") for name, value in record.headers])
        try:
            opened = open_message(whole, topics.READINGS, SensorReading)
        except BadInput:
            return  # it will change nothing
        slot = streams.slots.get(opened.payload.datastream)
        if slot is not None:
            touched.append(slot)


class _Whole(NamedTuple):
    value: bytes | None
    headers: list[tuple[str, bytes]]


def _are_in_order(attributes: dict[str, bytes]) -> bool:
    """Tell whether attributes beyond the usual ones can be read."""
    return all(
        value is not None and len(value) <= MAX_HEADER and value.isascii()
        for name, value in attributes.items()
        if name.startswith("ce_")
    )


def _time(text: bytes | None) -> datetime | None:
    """Return a time in order; None for any other."""
    if text is None or len(text) > MAX_HEADER:
        return None
    try:
        time = msgspec.convert(text.decode(), datetime)
    except (msgspec.ValidationError, UnicodeDecodeError):
        return None
    return None if time.tzinfo is None else time


def _us(span: timedelta) -> int:
    return span // timedelta(microseconds=1)


def _microseconds(seconds: list[float]) -> NDArray[np.int64]:
    """Return times since 1970; a float tells the microseconds of any year to 9999 apart."""
    rounded: NDArray[np.int64] = np.rint(np.array(seconds) * 1e6).astype(np.int64)
    return rounded


def _before(column: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return for each element the one before it; for the first one itself."""
    return np.concatenate([column[:1], column[:-1]])


def _heard(columns: _Columns, places: NDArray[np.intp]) -> list[Heard]:
    """Return what the readings at some places of the columns say of their sources' clocks."""
    codes: dict[str, int] = {}
    code = np.array([codes.setdefault(source, len(codes)) for source in columns.source])[places]
    arrived_ms = np.array(columns.arrived_ms, np.int64)[places]
    skew = (_microseconds(columns.said_s)[places] - arrived_ms * 1_000) / 1e6
    order = np.argsort(code, kind="stable")
    names = list(codes)
    begins = np.flatnonzero(np.diff(code[order], prepend=-1))
    found = []
    for begin, end in zip(begins, [*begins[1:], len(order)], strict=True):
        mine = order[begin:end]
        skews = skew[mine]
        found.append(
            Heard(
                names[code[mine[0]]],
                len(mine),
                int(arrived_ms[mine].max()),
                skews[-LATEST:].tolist(),
                float(skews[np.argmax(np.abs(skews))]),
            )
        )
    return found
