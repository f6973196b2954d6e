"""What is said of something: reasons and shortages as codes with values.

Before 0.3.0 whatever is said in a record was prose, and before 0.4.0 the reasons of evidence and
why an alert ended were. Such records can still be read: the prose becomes the reason ``said``.
"""

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

import msgspec

from schemas.records.base import Record


class Reason(Record, frozen=True, kw_only=True):
    """What is said of something: a code of the table ``reasons``, and the values its words name.

    ``schemas.words.render`` makes the sentence, in the language of whoever reads it. A value may
    itself be a reason, or several.
    """

    code: str
    values: dict[str, "str | int | float | Reason | tuple[Reason, ...]"] = msgspec.field(
        default_factory=dict
    )

    def __hash__(self) -> int:
        """Return the same for equal reasons, so that records which have them can be hashed."""
        return hash((self.code, tuple(sorted(self.values.items()))))


def reason_of(told: Reason | str) -> Reason:
    """Return a reason, read from prose where it is that."""
    return Reason(code="said", values={"text": told}) if isinstance(told, str) else told


class Shortage(Record, frozen=True, kw_only=True):
    """``count`` units with ``capability`` that an incident needs and nobody could be found for."""

    capability: str
    count: int
    why: Reason


if TYPE_CHECKING:
    AnyReason = Reason
    AnyShortage = Shortage
else:
    AnyReason = Reason | str
    AnyShortage = Shortage | str


_PROSE = re.compile(r"([^×]+)×([0-9]+): (.*)", re.DOTALL)


def shortage_of(told: Shortage | str) -> Shortage:
    """Return what is short, read from prose where it is that."""
    if isinstance(told, Shortage):
        return told
    said = _PROSE.fullmatch(told)
    capability, count, why = said.groups() if said else ("", "0", told)
    return Shortage(capability=capability, count=int(count), why=reason_of(why))


def is_prose(told: Iterable[object]) -> bool:
    """Tell whether any of what was told is prose."""
    return any(isinstance(one, str) for one in told)


def read_prose(record: msgspec.Struct, *fields: str) -> None:
    """Read reasons from prose, where these fields have that; only for ``__post_init__``."""
    for field in fields:
        told = getattr(record, field)
        if isinstance(told, str):
            msgspec.structs.force_setattr(record, field, reason_of(told))
        elif isinstance(told, tuple) and is_prose(told):
            msgspec.structs.force_setattr(record, field, tuple(map(reason_of, told)))
