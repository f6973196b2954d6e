"""A fence as an administrator draws it, and a change of one as the ledger keeps it."""

from typing import Any

import msgspec

from schemas.records.base import Record

Ring = tuple[tuple[float, float], ...]
"""Longitude and latitude in WGS-84 degrees, closed: the last point is the first."""


class FenceShape(Record, frozen=True, kw_only=True):
    """What a fence is.

    Attributes
    ----------
    kind
        ``district``, ``subdistrict``, ``beat`` or ``hazard_zone``.
    polygons
        Each its outer ring and its holes; none where the fence is removed.
    attributes
        Other properties, such as ``valid_until``.
    """

    kind: str
    name: str
    polygons: tuple[tuple[Ring, ...], ...] = ()
    attributes: dict[str, Any] = msgspec.field(default_factory=dict)


class FenceChange(Record, frozen=True, kw_only=True):
    """A fence as it is from a change on.

    Attributes
    ----------
    number
        Counts the changes of a region's fences.
    fence
        The fence's id.
    """

    number: int
    fence: str
    shape: FenceShape
