"""Which column is which field: named by the user, by its own name, or guessed."""

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence

from city.ingest.errors import BadMapping, BadOption
from city.ingest.fields import FIELDS, Field, Kind, Sources, folded

Fits = Callable[[str, tuple[str, ...]], bool]
"""Whether the first rows have values of a field in these columns."""


def parse_pairs(texts: Iterable[str], option: str, kind: Kind) -> dict[str, str]:
    """Parse ``field=value`` options into a dict; one option may have several, with commas.

    Raises
    ------
    BadOption
        A part has no ``=``, or names no field of this kind.
    """
    known = {name for field in FIELDS[kind] for name in (field.name, *field.same)}
    pairs: dict[str, str] = {}
    for text in texts:
        for part in _parts(text, known):
            name, found, value = part.partition("=")
            if not found or not value:
                raise BadOption(f"{option} {part!r}: write field=column")
            if name not in known:
                fields = ", ".join(field.name for field in FIELDS[kind])
                raise BadOption(f"{option} {part!r}: {kind} have no field {name!r}; use {fields}")
            pairs[_canonical(name, kind)] = value
    return pairs


def make_mapping(
    kind: Kind,
    columns: Iterable[str],
    told: Mapping[str, str],
    defaults: Mapping[str, str],
    fits: Fits = lambda _field, _columns: True,
) -> Sources:
    """Choose the columns of the fields.

    Parameters
    ----------
    columns
        Columns of the file.
    told
        ``--map``: field to column, or to columns joined by ``+``.
    defaults
        ``--default``: value of a field if the row has none.
    fits
        Asked before a column is taken for a field by its name only.

    Raises
    ------
    BadMapping
        A mapped column does not exist, or a required field has no column.
    """
    there = list(columns)
    found: dict[str, tuple[str, ...]] = {}
    guessed: set[str] = set()
    for field in FIELDS[kind]:
        if field.name in told:
            found[field.name] = _told_columns(field.name, told[field.name], there)
            continue
        own = _own(field, there)
        guess = None if own and fits(field.name, own) else _guessed(field, there, fits)
        if guess is not None and not (field.name == "point" and {"lon", "lat"} <= found.keys()):
            found[field.name] = guess
            guessed.add(field.name)
        elif own:
            found[field.name] = own
    _check(kind, found, defaults, there)
    instead = {
        field.name: column
        for field in FIELDS[kind]
        if field.instead and field.name not in told
        for column in there
        if folded(column) == field.instead and found.get(field.name) != (column,)
    }
    return Sources(found, dict(defaults), instead, frozenset(guessed))


def _check(
    kind: Kind,
    found: Mapping[str, tuple[str, ...]],
    defaults: Mapping[str, str],
    there: Sequence[str],
) -> None:
    missing = [
        field
        for field in FIELDS[kind]
        if field.needed and field.name not in found and field.name not in defaults
    ]
    if kind == "positions" and "point" not in found:
        missing += [
            field
            for field in FIELDS[kind]
            if field.name in {"lon", "lat"} and field.name not in {*found, *defaults}
        ]
    if missing and not ("point" not in found and ("lon" in found) != ("lat" in found)):
        raise BadMapping(_explanation(kind, missing, there))
    if "point" not in found and ("lon" in found) != ("lat" in found):
        there_is, lacks = ("lon", "lat") if "lon" in found else ("lat", "lon")
        raise BadMapping(
            f"there is a column for {there_is} but none for {lacks}: give --map {lacks}=…"
        )


def _own(field: Field, there: Sequence[str]) -> tuple[str, ...]:
    same = [folded(name) for name in (field.name, *field.same)]
    return next(((name,) for wanted in same for name in there if folded(name) == wanted), ())


def _guessed(field: Field, there: Sequence[str], fits: Fits) -> tuple[str, ...] | None:
    by_folded = {folded(name): name for name in reversed(there)}
    for likely in field.likely:
        parts = [folded(part) for part in likely.split("+")]
        columns = tuple(by_folded[part] for part in parts if part in by_folded)
        if len(columns) == len(parts) and fits(field.name, columns):
            return columns
    return None


def _told_columns(field: str, told: str, there: list[str]) -> tuple[str, ...]:
    names = (told,) if told in there else tuple(told.split("+"))
    for name in names:
        if name not in there:
            near = difflib.get_close_matches(name, there, n=1)
            hint = f" (did you mean {near[0]!r}?)" if near else ""
            raise BadMapping(
                f"--map {field}={told}: there is no column {name!r}{hint}; the columns are "
                f"{', '.join(there)}"
            )
    return names


def _explanation(kind: Kind, missing: list[Field], there: Sequence[str]) -> str:
    guesses = {field.name: _near(field, there) for field in missing}
    likely = ",".join(f"{name}={guess or '…'}" for name, guess in guesses.items())
    names = ", ".join(field.name for field in missing)
    return (
        f"{kind} need {names}, but no column has that name; the columns are {', '.join(there)}. "
        f"Name it, such as --map {likely}, or give --default {missing[0].name}=… for all rows"
    )


def _near(field: Field, there: Sequence[str]) -> str | None:
    hints = (field.name, *field.same, *field.likely)
    for hint in hints:
        for column in there:
            if len(hint) > 1 and hint in folded(column):
                return column
    by_folded = {folded(column): column for column in there}
    near = difflib.get_close_matches(field.name, by_folded, n=1)
    return by_folded[near[0]] if near else None


def _canonical(name: str, kind: Kind) -> str:
    return next(field.name for field in FIELDS[kind] if name in (field.name, *field.same))


def _parts(text: str, known: set[str]) -> list[str]:
    """Split at commas followed by a field's name and ``=``; column names may contain commas."""
    parts: list[str] = []
    for piece in text.split(","):
        if parts and piece.partition("=")[0] not in known and "=" not in piece:
            parts[-1] += f",{piece}"
        else:
            parts.append(piece)
    return parts
