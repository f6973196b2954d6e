"""Which of many reports that wait are looked at first.

A quick look, some 0.15 ms, for the order of a backlog only: triage itself decides what a report is,
when its turn comes. It errs on the side of urgency, as one that is taken first for nothing costs
those behind it a millisecond.
"""

from datetime import date
from functools import cache

from atlas.call_types import CallType
from intake.triage.learned import learned
from intake.triage.lexicon import lexicon
from schemas import codes
from schemas.inputs import CitizenReport

__all__ = ["is_urgent"]

_GRAVE = frozenset({"P1", "P2"})
_GRAVEST = "P1"
_EVEN = 0.0
"""Log-odds of danger to life by the linear model alone. Of the labelled reports for tuning, 98.8 %
of those with danger to life are beyond it, and 11 % of the others."""
_LONGEST = 1_000
"""Characters that are looked at."""


def is_urgent(report: CitizenReport, on: date, call_type: CallType | None = None) -> bool:
    """Tell whether a report seems to speak of danger to life: by its code, or by its text.

    Parameters
    ----------
    report
        Only its service code and description are looked at.
    on
        The day whose code tables hold.
    call_type
        What the city's table of call types says of the report's service code.
    """
    if call_type is not None and call_type.severity in _GRAVE:
        return True
    if report.service_code and report.service_code.strip().upper() in _grave_codes(on):
        return True
    plain = lexicon().plain(report.description[:_LONGEST])
    return learned().linear.scores(plain).danger > _EVEN


@cache
def _grave_codes(on: date) -> frozenset[str]:
    """Return the Open311 codes of events whose usual severity is P1."""
    return frozenset(
        category.open311_service_code
        for category in codes.categories(on).values()
        if category.default_severity == _GRAVEST
    )
