"""A unit's status stamp becomes an entry of the journal; the core decides whether it fits."""

from datetime import datetime

from atlas.city import CityData
from intake.errors import BadInput, Fault
from intake.limits import IntakeLimits
from intake.validate import Carried, Checker, Opened, check_id, check_text, check_unit, open_message
from schemas import codes, topics
from schemas.errors import UnknownCode
from schemas.ids import entry_of_stamp
from schemas.inputs import UnitStatus
from schemas.journal import UnitStamped

__all__ = ["Stamps"]

_MAX_REASON = 1_000


class Stamps:
    """Takes the stamps of a city's units.

    Parameters
    ----------
    city
        Whose units.
    limits
        How far a stamp's time may lie from its arrival.
    """

    def __init__(self, city: CityData, limits: IntakeLimits) -> None:
        self._region = city.manifest.region
        self._units = frozenset(unit.id for unit in city.units)
        self._checker = Checker(city, limits)

    @staticmethod
    def open(message: Carried) -> Opened[UnitStatus]:
        """Open a message of ``city.unit.status``; raises `BadInput`."""
        return open_message(message, topics.UNIT_STATUS, UnitStatus)

    def take(self, opened: Opened[UnitStatus], arrived: datetime) -> UnitStamped:
        """Return the entry that a stamp becomes.

        A time that cannot be is replaced by the arrival, and ``doubt`` says so: a stamp must not
        be lost for the sake of a clock.

        Raises
        ------
        BadInput
            The unit is none of the city's, the status none of ours, or a text cannot be kept.
        """
        stamp = opened.payload
        check_unit(stamp.unit, self._units)
        check_id(stamp.by, "by")
        if stamp.incident is not None:
            check_id(stamp.incident, "incident")
        try:
            codes.unit_state(stamp.status)
        except UnknownCode as error:
            raise BadInput(Fault.UNKNOWN_CODE, str(error)) from error
        time, doubt = self._checker.time_or_arrival(stamp.time, "time", arrived)
        said = None if stamp.reason is None else check_text(stamp.reason, "reason", _MAX_REASON)
        return UnitStamped(
            id=entry_of_stamp(opened.envelope.source, opened.envelope.id),
            region=self._region,
            unit=stamp.unit,
            status=stamp.status,
            time=time,
            by=stamp.by,
            incident=stamp.incident,
            reason=said,
            doubt=doubt,
        )
