"""Options that several commands share, and how they are read."""

import math
from enum import StrEnum
from typing import Annotated

import typer


class FormatName(StrEnum):
    """How it is written."""

    CSV = "csv"
    JSONL = "jsonl"
    GEOJSON = "geojson"


FormatOption = Annotated[
    FormatName | None, typer.Option("--format", help="By the file's name if not given.")
]
ColumnsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--map",
        metavar="FIELD=COLUMN,…",
        help="Which column a field comes from: id=call_no,time=day+hour,lat=y,lon=x.",
    ),
]
DefaultsOption = Annotated[
    list[str] | None,
    typer.Option("--default", metavar="FIELD=VALUE", help="What it is where a row has none."),
]
CrsOption = Annotated[
    str | None, typer.Option("--crs", help="WGS-84 (if not given), GCJ-02, BD-09 or EPSG:nnnn.")
]
ZoneOption = Annotated[
    str | None,
    typer.Option("--tz", metavar="ZONE", help="Of times without an offset, such as Asia/Shanghai."),
]
EncodingOption = Annotated[
    str, typer.Option("--encoding", help="Such as gb18030; a UTF-8 mark is fine.")
]


def parse_speed(text: str) -> float | None:
    """Return how many times faster something is to run; None stands for ``max``."""
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
