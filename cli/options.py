"""Options that several commands share, and how they are read."""

import math

import typer


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
