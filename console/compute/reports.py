"""What intake would make of a text, a report, a stamp or a street condition."""

import re
from collections.abc import Iterator
from datetime import datetime

from console.compute.cities import Cities, now
from console.compute.errors import Unanswerable
from console.compute.shapes import TextReading, Tried
from intake.errors import BadInput
from intake.privacy import redact
from intake.reports import Reports, names_in
from intake.status import Stamps
from intake.streets import Streets
from intake.triage import Triage, triage
from intake.validate import Opened
from schemas.envelope import Envelope
from schemas.inputs import CitizenReport, StreetCondition, UnitStatus
from schemas.records import Reason
from schemas.words import render

__all__ = ["judge", "read_text", "try_condition", "try_report", "try_stamp"]

_QUOTED = re.compile(r"“([^”]+)”")
_DANGERS = ("P1", "P2")


def read_text(cities: Cities, text: str, call_type: str | None, channel: str) -> TextReading:
    """Return what triage makes of a text, as intake would see it: without personal data."""
    text = redact(text, None)
    found = judge(cities, text, call_type, channel)
    return TextReading(
        category=found.category,
        severity=found.severity,
        confidence=found.confidence,
        danger=found.severity in _DANGERS,
        words=_words(text, found),
        reasons=found.reasons,
        alternatives=found.alternatives,
    )


def judge(cities: Cities, text: str, call_type: str | None, channel: str) -> Triage:
    """Return what triage makes of a text, with the names and call types of the cities."""
    at = now()
    names = [name for town in cities for name in names_in(town.city, text)]
    found = (town.city.codes_of_services.find(channel, call_type) for town in cities)
    report = CitizenReport(
        service_request_id="",
        description=text,
        requested_datetime=at,
        service_code=call_type,
        channel=channel,
    )
    return triage(report, at.date(), names, next(filter(None, found), None))


_TRIAL = b"a trial"
"""In place of the secret of pseudonyms: what is tried is not kept."""


def try_report(
    cities: Cities, envelope: Envelope, report: CitizenReport, arrived: datetime
) -> Tried:
    """Return the evidence that a report would become; raises `BadInput` if no city takes it."""
    fault: BadInput | None = None
    for town in cities:
        try:
            taken = Reports(town.city, town.limits, _TRIAL).take(Opened(envelope, report), arrived)
        except BadInput as error:
            fault = fault or error
        else:
            return Tried(id=taken.evidence.id, region=town.region)
    raise fault or Unanswerable("unavailable", "no city is in force")


def try_stamp(
    cities: Cities, region: str, envelope: Envelope, stamp: UnitStatus, arrived: datetime
) -> Tried:
    """Return the entry that a stamp would become; raises `BadInput` if it would become none."""
    town = cities.of(region)
    taken = Stamps(town.city, town.limits).take(Opened(envelope, stamp), arrived)
    note = None if taken.doubt is None else render(taken.doubt)
    return Tried(id=taken.id, region=region, note=note)


def try_condition(cities: Cities, envelope: Envelope, condition: StreetCondition) -> Tried:
    """Return the entry that a condition would become; raises `BadInput` if no city takes it."""
    fault: BadInput | None = None
    for town in cities:
        try:
            taken = Streets(town.city).take(Opened(envelope, condition))
        except BadInput as error:
            fault = fault or error
        else:
            return Tried(id=taken.id, region=town.region)
    raise fault or Unanswerable("unavailable", "no city is in force")


def _words(text: str, found: Triage) -> tuple[str, ...]:
    """Return the words of the text that triage's reasons quote, in the order of the text."""
    lower = text.lower()
    quoted = (word for reason in found.reasons for word in _quoted(reason))
    there = {word: lower.find(word.lower()) for word in quoted}
    return tuple(sorted((w for w, at in there.items() if at >= 0), key=lambda w: (there[w], w)))


def _quoted(reason: Reason) -> Iterator[str]:
    for name, value in reason.values.items():
        if isinstance(value, str):
            yield from _QUOTED.findall(value) if name == "words" else ()
        elif isinstance(value, Reason | tuple):
            for inner in value if isinstance(value, tuple) else (value,):
                yield from _quoted(inner)
