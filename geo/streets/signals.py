"""Find the arcs whose drivers face a traffic signal ahead."""

import numpy as np
import numpy.typing as npt

__all__ = ["facing"]

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

_JUNCTION_STREETS = 3
# Mappers place a signal at the junction or at the stop line of each approach. The lengths of the
# inner areas of large junctions, and from stop line to junction, are rules of thumb.
_INSIDE_M = 40.0
_APPROACH_M = 60.0


def facing(
    *,
    signal: BoolArray,
    street_count: IntArray,
    tail: IntArray,
    head: IntArray,
    twin: IntArray,
    length_m: FloatArray,
    stated: npt.NDArray[np.int8],
) -> BoolArray:
    """Return for each arc whether its driver must obey a signal at its head.

    All signals at an arc's head count, except if

    - the arc is short and also began at a signal: both belong to one junction, passed on one green;
    - the signal is on the street itself, just after the junction from which the driver comes, and
      nearer to it than to the next one: it faces drivers of the other direction.

    Parameters
    ----------
    signal, street_count
        Columns of nodes, shape (n,).
    tail, head, twin, length_m
        Columns of arcs, shape (m,), as in `Arcs`.
    stated
        The map's own tag (``traffic_signals:direction``): 1 facing, 0 not, -1 none.

    Returns
    -------
    array of bool, shape (m,)
    """
    nodes = len(signal)
    junction = street_count >= _JUNCTION_STREETS
    inside = signal[tail] & (length_m <= _INSIDE_M)
    leaving = np.bincount(tail, weights=length_m, minlength=nodes)[head]
    onward = leaving - np.where(twin >= 0, length_m, 0.0)
    behind = (
        ~junction[head]
        & junction[tail]
        & (twin >= 0)
        & (length_m <= _APPROACH_M)
        & (onward > length_m)
    )
    answer: BoolArray = np.where(stated >= 0, stated == 1, ~inside & ~behind) & signal[head]
    return answer
