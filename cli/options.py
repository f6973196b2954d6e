"""Options that several commands share, and their parsers."""

import math
from enum import StrEnum
from typing import Annotated, Any

import typer

from cli.output import set_language


class FormatName(StrEnum):
    """A file's format."""

    CSV = "csv"
    JSONL = "jsonl"
    JSON = "json"
    GEOJSON = "geojson"
    XLSX = "xlsx"
    PARQUET = "parquet"


class OrderName(StrEnum):
    """Order of day, month and year."""

    DMY = "dmy"
    MDY = "mdy"
    YMD = "ymd"
    ROC = "roc"


class RepeatedName(StrEnum):
    """Which of two equal local times."""

    FIRST = "first"
    SECOND = "second"


class DecimalName(StrEnum):
    """Decimal mark of numbers."""

    DOT = "dot"
    COMMA = "comma"


FormatOption = Annotated[
    FormatName | None,
    typer.Option("--format", help="Format of the file (default: by its first bytes and name)."),
]
ColumnsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--map",
        metavar="FIELD=COLUMN,…",
        help="Column of each field, for example id=call_no,time=day+hour,lat=y,lon=x.",
    ),
]
DefaultsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--default",
        metavar="FIELD=VALUE",
        help="Value for rows without this field; time=now is the time of the start.",
    ),
]
CrsOption = Annotated[
    str | None, typer.Option("--crs", help="WGS-84 (default), GCJ-02, BD-09 or EPSG:nnnn.")
]
ZoneOption = Annotated[
    str | None,
    typer.Option(
        "--tz", metavar="ZONE", help="Zone of times without offset, such as Asia/Shanghai."
    ),
]
RepeatedOption = Annotated[
    RepeatedName | None,
    typer.Option(
        "--repeated-hour",
        help="Which time is meant in the hour that clocks repeat (default: refuse these rows).",
    ),
]
OrderOption = Annotated[
    OrderName | None,
    typer.Option(
        "--date-order",
        help="Order of day and month in 05/01/2020 (default: detected from the column).",
    ),
]
TimeFormatOption = Annotated[
    str | None,
    typer.Option(
        "--time-format",
        metavar="FORM",
        help="Form of the times: epoch, epoch-ms, excel, compact, … or a pattern such as "
        "'%d%m%Y %H%M' (default: detected from the column).",
    ),
]
DecimalOption = Annotated[
    DecimalName | None,
    typer.Option("--decimal", help="Decimal mark (default: detected from the file's numbers)."),
]
SheetOption = Annotated[
    str | None, typer.Option("--sheet", help="Sheet of a workbook (default: the first with rows).")
]
EncodingOption = Annotated[
    str | None,
    typer.Option(
        "--encoding", help="Such as gb18030 or latin-1 (default: detected from the bytes)."
    ),
]


class LanguageName(StrEnum):
    """A reader's language."""

    EN = "en"
    ZH = "zh"


def _set_language(name: LanguageName | None) -> LanguageName | None:
    set_language(None if name is None else name.value)
    return name


LanguageOption = Annotated[
    LanguageName | None,
    typer.Option(
        "--lang",
        callback=_set_language,
        help="Language of the reasons (default: that of LC_ALL or LANG, else English).",
    ),
]


def name_of(option: StrEnum | None) -> Any:  # noqa: ANN401 - the literal that is the name's value
    """Return the value of a named option, or None."""
    return None if option is None else option.value


def parse_speed(text: str) -> float | None:
    """Return a factor of speed; None stands for ``max``."""
    if text == "max":
        return None
    try:
        factor = float(text)
    except ValueError:
        factor = math.nan
    if not 0 < factor < math.inf:
        raise typer.BadParameter(
            f"{text!r} is neither max nor a number above 0", param_hint="--speed"
        )
    return factor
