"""A file's rows: names to values, and where each row stands."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from city.ingest.errors import BadOption

Format = Literal["csv", "jsonl", "json", "geojson", "xlsx", "parquet"]

_SUFFIXES: dict[str, Format] = {
    ".csv": "csv",
    ".tsv": "csv",
    ".tab": "csv",
    ".txt": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".geojson": "geojson",
    ".geojsonl": "jsonl",
    ".json": "json",
    ".xlsx": "xlsx",
    ".xlsm": "xlsx",
    ".xls": "xlsx",
    ".ods": "xlsx",
    ".parquet": "parquet",
    ".geoparquet": "parquet",
    ".pq": "parquet",
}


@dataclass(frozen=True)
class Row:
    """One row.

    Attributes
    ----------
    line
        Its first line, from 1; of a workbook or a Parquet file its row, from 1.
    values
        Texts from CSV; otherwise the file's own values, with objects flattened to ``outer.inner``.
    fault
        Why the row cannot be used; empty if it can.
    element
        Its number in a list, from 1, if several rows may stand on one line; otherwise 0.
    """

    line: int
    values: Mapping[str, object] = field(default_factory=dict)
    fault: str = ""
    element: int = 0

    @property
    def place(self) -> str:
        """Return where the row stands, to be written behind the file's name."""
        return f"{self.line} (element {self.element})" if self.element else str(self.line)


def format_of(path: Path) -> Format:
    """Return the format that a file's name implies.

    Raises
    ------
    BadOption
    """
    suffixes = [suffix.lower() for suffix in path.suffixes if suffix.lower() != ".gz"]
    found = _SUFFIXES.get(suffixes[-1]) if suffixes else None
    if found is None:
        raise BadOption(
            f"the name {path.name} does not show its format: give --format csv, jsonl, json, "
            "geojson, xlsx or parquet"
        )
    return found


def flat(value: Mapping[str, object], prefix: str = "") -> dict[str, object]:
    """Return a record with the fields of inner records as ``outer.inner``."""
    found: dict[str, object] = {}
    for name, inner in value.items():
        if isinstance(inner, dict):
            found |= flat(inner, f"{prefix}{name}.")
        else:
            found[prefix + name] = inner
    return found
