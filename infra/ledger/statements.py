"""SQL statements by name, read once from the ``.sql`` files of this room.

A file ``sql/guard.sql`` holds statements that each begin with a line ``-- name: lock``; the
statement is then ``statement("guard.lock")``.
"""

import re
from functools import cache
from importlib.resources import files

_NAME = re.compile(r"^-- name: (\w+)\n", re.MULTILINE)


@cache
def _statements(group: str) -> dict[str, str]:
    text = files("infra.ledger").joinpath(f"sql/{group}.sql").read_text(encoding="utf-8")
    _, *parts = _NAME.split(text)
    return {
        name: sql.strip().rstrip(";") for name, sql in zip(parts[::2], parts[1::2], strict=True)
    }


@cache
def statement(name: str) -> str:
    """Return the statement ``group.name``.

    Raises
    ------
    KeyError
        If there is none.

    Examples
    --------
    >>> statement("outbox.mark_sent")
    'DELETE FROM outbox WHERE id = ANY($1::bigint[])'
    """
    group, _, own = name.partition(".")
    return _statements(group)[own]
