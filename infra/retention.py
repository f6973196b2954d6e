"""How long what is kept: a table of days, checked.

What a replay needs (``applied``, the archive's journal) and the audit have no row: they are kept. A
replay begins at the first entry there ever was; without it, none would be exact.
"""

import csv
from datetime import datetime, timedelta
from importlib.resources import files
from pathlib import Path

import msgspec

from infra.local.errors import InvalidSettings

_FIELDS = ["kind", "name", "days"]
_LONGEST = 36_600
_KEPT = {"applied", "audit", "erasure", "city.journal"}


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """How long something is kept.

    Attributes
    ----------
    kind
        ``ledger`` or ``archive``.
    days
        None is for ever.
    """

    kind: str
    name: str
    days: int | None
    about: str = ""

    def before(self, now: datetime) -> datetime | None:
        """Return the time before which it goes; None if it never does."""
        return None if self.days is None else now - timedelta(days=self.days)


def load_rules(path: Path | None = None) -> list[Rule]:
    """Return the rules: the built-in ones, replaced by those of a file.

    Parameters
    ----------
    path
        CSV with ``kind,name,days``; empty days are for ever. What it does not name stays.

    Raises
    ------
    InvalidSettings
        The file cannot be read or has a row that cannot be used; the text names it.
    """
    built_in = _read(
        "infra/retention.csv", files("infra").joinpath("retention.csv").read_text("utf-8")
    )
    rules = {(rule.kind, rule.name): rule for rule in built_in}
    if path is None:
        return list(rules.values())
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidSettings(f"{path} cannot be read: {error}") from None
    for line, rule in enumerate(_read(str(path), text), 2):
        known = rules.get((rule.kind, rule.name))
        if known is None:
            names = ", ".join(f"{kind} {name}" for kind, name in rules)
            why = (
                "is kept for good: replays and proofs need it"
                if rule.name in _KEPT
                else "is unknown"
            )
            raise InvalidSettings(
                f"{path}, line {line}: {rule.kind} {rule.name} {why}; there are {names}"
            )
        rules[rule.kind, rule.name] = msgspec.structs.replace(rule, about=known.about)
    return list(rules.values())


def _read(name: str, text: str) -> list[Rule]:
    reader = csv.DictReader(text.splitlines())
    if (reader.fieldnames or [])[:3] != _FIELDS:
        raise InvalidSettings(f"{name}: the first line must be kind,name,days")
    rules: list[Rule] = []
    for line, row in enumerate(reader, 2):
        given = (row["days"] or "").strip()
        days = int(given) if given.isascii() and given.isdecimal() else 0
        if given and not 1 <= days <= _LONGEST:
            raise InvalidSettings(
                f"{name}, line {line}: days is {given!r}; give 1 to {_LONGEST}, or nothing for ever"
            )
        rule = Rule(
            kind=(row["kind"] or "").strip(),
            name=(row["name"] or "").strip(),
            days=days if given else None,
            about=row.get("about") or "",
        )
        if any((rule.kind, rule.name) == (other.kind, other.name) for other in rules):
            raise InvalidSettings(
                f"{name}, line {line}: {rule.kind} {rule.name} stands there twice"
            )
        rules.append(rule)
    return rules
