"""Query parameters that lists share, and the cursors of their pages."""

import base64
import binascii
import re
from datetime import datetime
from typing import Annotated, Any, Generic, TypeVar

import msgspec
from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

from console.problems import Problem
from infra.ledger.commands import Answer
from infra.ledger.pages import Found, Place

T = TypeVar("T")
_DATE = re.compile(r"\d{4}-\d\d-\d\d[Tt]")
_EARLIEST, _LATEST = 1970, 9_000

Code = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[a-zA-Z0-9_]+$")]
Word = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]+$")]
Codes = Annotated[list[Code], Field(max_length=50)]


def _written_out(value: object) -> object:
    """Refuse a bare number, which pydantic would take for seconds since 1970."""
    if isinstance(value, str) and not _DATE.match(value):
        raise ValueError("give a time as in 2026-11-30T08:00:00Z")
    return value


Moment = Annotated[
    AwareDatetime,
    BeforeValidator(_written_out),
    Field(description="RFC 3339, with offset; in a URL, + is written %2B."),
]


class Page(msgspec.Struct, Generic[T], frozen=True):
    """A page of a list; ``next`` is given as ``after`` for the page behind it, null at the end."""

    items: tuple[T, ...]
    next: str | None


class AnswerPage(msgspec.Struct, frozen=True):
    """What ``Page[Answer]`` is, under a name of its own in the OpenAPI document."""

    items: tuple[Answer, ...]
    next: str | None


class Query(BaseModel):
    """Query parameters; an unknown one is an error, so that no filter is lost by a slip."""

    model_config = ConfigDict(extra="forbid")


class ListQuery(Query):
    """Parameters of every list."""

    limit: int = Field(default=50, ge=1, le=200, description="Items of a page at most.")
    after: str | None = Field(
        default=None, max_length=1_000, description="`next` of the page before."
    )


def page(found: Found[T]) -> Page[T]:
    """Return a page with its cursor."""
    if found.last is None:
        return Page(found.items, None)
    return Page(found.items, base64.urlsafe_b64encode(msgspec.json.encode(found.last)).decode())


def place(cursor: str | None, *kinds: Any) -> Place | None:  # noqa: ANN401 - types, unions of them
    """Return the place that a cursor names.

    Parameters
    ----------
    kinds
        Types of the parts.

    Raises
    ------
    Problem
        The cursor is none of this list's.
    """
    if cursor is None:
        return None
    try:
        data = base64.b64decode(cursor.encode(), altchars=b"-_", validate=True)
        found: Place = msgspec.json.decode(data, type=tuple[kinds])  # type: ignore[valid-type]
    except (msgspec.MsgspecError, binascii.Error, UnicodeError, RecursionError):
        raise _no_cursor() from None
    for part in found:
        if isinstance(part, datetime):
            moment(part, "after")
            if part.tzinfo is None:
                raise _no_cursor()
        elif (isinstance(part, str) and "\x00" in part) or (
            isinstance(part, int) and not -1 <= part < 1 << 31
        ):
            raise _no_cursor()
    return found


def moment(value: datetime | None, name: str) -> datetime | None:
    """Return a time that the ledger can hold; raises `Problem` for one too far away."""
    if value is not None and not _EARLIEST <= value.year <= _LATEST:
        raise Problem("invalid", f"{name}: give a time from {_EARLIEST} to {_LATEST}")
    return value


def _no_cursor() -> Problem:
    return Problem("invalid", "after: this is not `next` of a page of this list")
