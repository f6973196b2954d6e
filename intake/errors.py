"""Errors of the room ``intake``.

::

    IntakeError
    └── BadInput    one message cannot be used; it goes to the dead letters
"""

from enum import StrEnum

__all__ = ["BadInput", "Fault", "IntakeError"]


class Fault(StrEnum):
    """What is wrong with a message; dead letters are counted by it."""

    ENVELOPE = "envelope"
    NEWER_SCHEMA = "newer_schema"
    PAYLOAD = "payload"
    TEXT = "text"
    COORDINATES = "coordinates"
    OUTSIDE_CITY = "outside_city"
    TIME = "time"
    UNKNOWN_CODE = "unknown_code"
    RESULT = "result"
    UNIT_OF_MEASUREMENT = "unit_of_measurement"
    UNKNOWN_SENSOR = "unknown_sensor"
    UNKNOWN_UNIT = "unknown_unit"
    UNKNOWN_STREET = "unknown_street"
    CONDITION = "condition"
    REGION = "region"
    NOT_DECIDABLE = "not_decidable"


class IntakeError(Exception):
    """Base of all errors of this room."""


class BadInput(IntakeError):
    """A message that cannot be used.

    Parameters
    ----------
    fault
        By which dead letters are counted.
    text
        One sentence: what is wrong with which field.
    """

    def __init__(self, fault: Fault, text: str) -> None:
        super().__init__(text)
        self.fault = fault
