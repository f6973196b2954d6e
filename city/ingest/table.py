"""A file as a table of rows, whatever its format."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from city.ingest.csv_rows import csv_rows
from city.ingest.errors import UnreadableFile
from city.ingest.json_rows import declared_crs, geojson_features, json_elements, json_lines
from city.ingest.lines import Lines
from city.ingest.parquet import ParquetRows
from city.ingest.rows import Format, Row, format_of
from city.ingest.workbook import Workbook

_MAGIC: dict[bytes, Format] = {
    b"PK\x03\x04": "xlsx",
    b"\xd0\xcf\x11\xe0": "xlsx",
    b"PAR1": "parquet",
}


@dataclass(frozen=True)
class Table:
    """A file's rows, once through.

    Attributes
    ----------
    form
        Its format.
    rows
        The rows in their order.
    size
        How many bytes it has, or how many rows if there is no `position`.
    position
        How many bytes have been read.
    crs
        Reference system that the file names; None if it names none.
    notes
        What was found out about the file, one sentence each.
    geometry
        Whether its rows have ``geometry.lon`` and ``geometry.lat``, also those that are missing.
    """

    form: Format
    rows: Iterator[Row]
    size: int
    position: Callable[[], int] | None
    crs: str | None = None
    notes: tuple[str, ...] = ()
    geometry: bool = False


@contextmanager
def open_table(
    path: Path, form: Format | None = None, encoding: str | None = None, sheet: str | None = None
) -> Iterator[Table]:
    """Open a file for reading its rows.

    Parameters
    ----------
    form
        None for what the file's name or its first bytes tell.
    encoding
        Of text; None for what its bytes tell.
    sheet
        Of a workbook; None for the first one with rows.

    Raises
    ------
    UnreadableFile
        The file is missing, damaged, or of another format.
    BadOption
        The format cannot be told, or the encoding or sheet does not exist.
    """
    if path.is_dir():
        raise UnreadableFile(f"{path} is a folder: name a file")
    if path.exists() and not path.is_file():
        raise UnreadableFile(f"{path} cannot be read twice: save it as a file first")
    form = _told(path, form)
    with ExitStack() as stack:
        if form == "xlsx":
            book = Workbook(path, sheet)
            yield Table(form, book.rows(), book.height, None, None, (book.note,))
            return
        if form == "parquet":
            file = ParquetRows(path)
            stack.callback(file.close)
            yield Table(form, file.rows(), file.total, None, file.crs, (), file.geometry)
            return
        crs = declared_crs(path, encoding) if form in {"geojson", "json"} else None
        lines = stack.enter_context(Lines(path, encoding))
        notes = (f"encoding {lines.encoding}",) if lines.encoding != "utf-8" else ()
        reader = {
            "csv": csv_rows,
            "jsonl": json_lines,
            "json": json_elements,
            "geojson": geojson_features,
        }[form]
        yield Table(
            form,
            reader(lines),
            lines.size,
            lambda: lines.bytes_read,
            crs,
            notes,
            geometry=form == "geojson",
        )


def _told(path: Path, form: Format | None) -> Format:
    """Return the format: a workbook by its first bytes, also if it is called a CSV file."""
    try:
        with path.open("rb") as file:
            head = file.read(4)
    except OSError as error:
        raise UnreadableFile(f"{path} cannot be read: {error.strerror}") from error
    by_bytes = _MAGIC.get(head)
    if form is None:
        form = by_bytes or format_of(path)
    elif by_bytes is not None and form != by_bytes:
        raise UnreadableFile(f"{path} is of the format {by_bytes}, not {form}: leave out --format")
    return form
