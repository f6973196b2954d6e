"""How long the tests wait on this machine: their deadlines times how much slower it is now.

A deadline is there for what never comes. On a machine three times slower, or three times busier,
what does come takes three times as long, so all deadlines of a session are multiplied by a factor
that is measured at its start.
"""

import os
import subprocess
import sys
import time

NAME = "PATIENCE"
"""Environment variable with the factor: measured once, and the same in all of xdist's processes."""

_USUAL_S = 0.28
"""What `measure` takes on two idle cores of the machine on which the deadlines were chosen."""

_MOST = 20.0
_ROUNDS = 8


def patience(seconds: float) -> float:
    """Return how long to wait here for what takes at most so many seconds elsewhere."""
    return seconds * factor()


def factor() -> float:
    """Return how many times longer everything may take than on an idle, usual machine."""
    return float(os.environ.get(NAME, "1"))


def measure() -> float:
    """Return how many times longer counting and starting processes takes here and now.

    Returns
    -------
    float
        At least 1, rounded up to a tenth.
    """
    begun = time.perf_counter()
    for _ in range(_ROUNDS):
        subprocess.run([sys.executable, "-S", "-c", "pass"], check=True)
        sum(number * number for number in range(500_000))
    took = (time.perf_counter() - begun) / _USUAL_S
    return min(_MOST, max(1.0, -(-took * 10 // 1) / 10))
