"""Times that are given as options."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from cli import exit_codes

FromOption = Annotated[
    str | None,
    typer.Option(
        "--from", metavar="T", help="ISO 8601 time; UTC if no offset (default: the first)."
    ),
]
ToOption = Annotated[str | None, typer.Option("--to", metavar="T", help="Like --from; exclusive.")]


class BadPeriod(ValueError):
    """A time cannot be parsed."""


exit_codes.BY_ERROR[BadPeriod] = exit_codes.USAGE


def time_of(text: str | None, option: str) -> datetime | None:
    """Return an ISO 8601 time, in UTC where it has no offset; raises `BadPeriod`."""
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadPeriod(f"{option} {text!r:.40} is not an ISO 8601 time") from error
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)
