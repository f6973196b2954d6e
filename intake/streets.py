"""Street conditions: names and segments become arcs of the street graph, for the journal."""

from datetime import datetime

from atlas.city import CityData
from geo.routing.conditions import DEEPEST_M, FASTEST, MOST_LANES, SLOWEST
from intake.errors import BadInput, Fault
from intake.validate import Carried, Opened, check_id, check_text, open_message, to_utc
from schemas import topics
from schemas.ids import derive
from schemas.inputs import StreetCondition
from schemas.journal import StreetChanged

__all__ = ["Streets"]

_KINDS = ("closure", "lane_closure", "flood_depth", "speed_factor", "cleared")
_MAX_SEGMENTS = 5_000
_MAX_REASON = 1_000
_MAX_FACTOR = min(1.0, FASTEST)


class Streets:
    """Takes what is said of a city's streets.

    Parameters
    ----------
    city
        Whose streets.
    """

    def __init__(self, city: CityData) -> None:
        self._region = city.manifest.region
        self._graph = city.streets

    @staticmethod
    def open(message: Carried) -> Opened[StreetCondition]:
        """Open a message of ``city.street.conditions``; raises `BadInput`."""
        return open_message(message, topics.STREETS, StreetCondition)

    def take(self, opened: Opened[StreetCondition]) -> StreetChanged:
        """Return the entry that a condition becomes; its own times say when it holds.

        Raises
        ------
        BadInput
            The condition cannot be used.
        """
        condition = opened.payload
        check_id(condition.condition, "condition")
        _check_kind(condition)
        start, end = _validity(condition)
        return StreetChanged(
            id=derive(opened.name, "street"),
            region=self._region,
            condition=condition.condition,
            kind=condition.kind,
            segments=self._arcs(condition),
            valid_from=start,
            valid_until=end,
            speed_factor=condition.speed_factor,
            reason=check_text(condition.reason, "reason", _MAX_REASON),
            lanes_closed=condition.lanes_closed,
            depth_m=condition.depth_m,
        )

    def withdraw(self, key: bytes | None, place: str, arrived: datetime) -> StreetChanged:
        """Return the end of the condition that a tombstone names by its key.

        Parameters
        ----------
        key
            The tombstone's.
        place
            What tells it from all others: it has no id of its own.
        arrived
            When it arrived, by the broker's clock (aware).

        Raises
        ------
        BadInput
            The key is none that a condition can have.
        """
        try:
            condition = (key or b"").decode()
        except UnicodeDecodeError as error:
            raise BadInput(Fault.TEXT, "a tombstone's key is not UTF-8") from error
        check_id(condition, "a tombstone's key")
        return StreetChanged(
            id=derive(place, "street"),
            region=self._region,
            condition=condition,
            kind="cleared",
            segments=(),
            valid_from=arrived,
            valid_until=None,
            speed_factor=None,
            reason="withdrawn",
        )

    def _arcs(self, condition: StreetCondition) -> tuple[str, ...]:
        """Return arc ids: those named, and all of a named street, both directions."""
        if len(condition.segments) > _MAX_SEGMENTS:
            raise BadInput(
                Fault.CONDITION,
                f"{len(condition.segments)} segments are more than {_MAX_SEGMENTS}",
            )
        for segment in condition.segments:
            if not self._graph.has_arc(segment):
                raise BadInput(
                    Fault.UNKNOWN_STREET, f"the street graph has no segment {segment[:60]!r}"
                )
        found = dict.fromkeys(condition.segments)
        if condition.street is not None:
            arcs = self._graph.arcs_by_name(condition.street)
            if not len(arcs):
                raise BadInput(
                    Fault.UNKNOWN_STREET, f"the city has no street {condition.street[:60]!r}"
                )
            found.update(dict.fromkeys(self._graph.arcs.id[int(arc)] for arc in arcs))
        if not found and condition.kind != "cleared":
            raise BadInput(Fault.CONDITION, "neither segments nor a street: name one of them")
        return tuple(found)


def _check_kind(condition: StreetCondition) -> None:
    if condition.kind not in _KINDS:
        raise BadInput(
            Fault.UNKNOWN_CODE, f"kind {condition.kind[:40]!r} is not one of {', '.join(_KINDS)}"
        )
    _check_figure(condition, "speed_factor", "speed_factor", SLOWEST, _MAX_FACTOR)
    _check_figure(condition, "lane_closure", "lanes_closed", 1, MOST_LANES)
    _check_figure(condition, "flood_depth", "depth_m", 0, DEEPEST_M)


def _check_figure(
    condition: StreetCondition, kind: str, field: str, least: float, most: float
) -> None:
    """Refuse a kind without its figure, and a figure that is out of range whatever the kind."""
    value = getattr(condition, field)
    if value is None:
        if condition.kind == kind:
            raise BadInput(Fault.CONDITION, f"{field} is missing: a {kind} needs it")
    elif not least <= value <= most:
        raise BadInput(Fault.CONDITION, f"{field} {value!s:.40} is not {least:g} to {most:g}")


def _validity(condition: StreetCondition) -> tuple[datetime, datetime | None]:
    """Return begin and end in UTC; they may be whenever they like, but in this order."""
    start = to_utc(condition.valid_from, "valid_from")
    end = None if condition.valid_until is None else to_utc(condition.valid_until, "valid_until")
    if end is not None and end <= start:
        raise BadInput(Fault.CONDITION, f"valid_until {end} is not after valid_from {start}")
    return start, end
