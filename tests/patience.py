"""How long the tests wait on this machine: their deadlines times how much slower it is.

A deadline is there for what never comes. On a machine three times slower, or three times busier,
what does come takes three times as long, so all deadlines of a session are multiplied by a factor
that is measured at its start. The machine may get busier afterwards: they are never less than three
times what is enough on an idle one, nor less than that times the processes that want each core now.
Only a test that fails waits for them.
"""

import os
import subprocess
import sys
import time

NAME = "PATIENCE"
"""Environment variable with the factor: measured once, and the same in all of xdist's processes."""

_USUAL_S = 0.28
"""What `measure` takes on two idle cores of the machine on which the deadlines were chosen."""

_LEAST, _MOST = 3.0, 20.0
_ROUNDS = 8


def patience(seconds: float) -> float:
    """Return how long to wait here for what takes at most so many seconds elsewhere."""
    return seconds * min(_MOST, max(_LEAST, factor(), os.getloadavg()[0] / (os.cpu_count() or 1)))


def pace(seconds: float) -> float:
    """Return how long something is to last here that a test sits out, as a lease that runs out."""
    return seconds * factor()


def factor() -> float:
    """Return how many times longer everything took, when the session began, than on an idle one."""
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
