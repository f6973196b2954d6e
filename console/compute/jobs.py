"""The questions by name."""

from collections.abc import Callable
from typing import Any

from console.compute.candidates import who_could_go
from console.compute.drawn import streets_drawn
from console.compute.duplicates import likely_duplicates
from console.compute.places import find_places, name_point
from console.compute.rehearsal import rehearse_policy
from console.compute.reports import read_text, try_condition, try_report, try_stamp
from console.compute.ways import find_isochrone, find_route
from geo.errors import GeoError, NoStreetNear, Unreachable
from infra.ledger.errors import NotFound
from intake.errors import BadInput

__all__ = ["INVALID", "JOBS", "NOT_THERE"]

JOBS: dict[str, Callable[..., Any]] = {
    "places": find_places,
    "names": name_point,
    "reading": read_text,
    "duplicates": likely_duplicates,
    "route": find_route,
    "isochrone": find_isochrone,
    "candidates": who_could_go,
    "rehearsal": rehearse_policy,
    "report": try_report,
    "stamp": try_stamp,
    "condition": try_condition,
    "streets": streets_drawn,
}
"""Each takes the cities first."""

NOT_THERE = (NoStreetNear, Unreachable, NotFound)
INVALID = (GeoError, BadInput)
"""Errors of the question, not of ours; their texts are fit for a user."""
