"""Orders of contraction on disk, so that a known map is ready in a fraction of a second.

An order takes seconds to compute and depends on nothing but the graph. Files are named by the
graph's content, so a changed map never meets a stale one; a damaged file is computed anew.
"""

import contextlib
import hashlib
import os
import tempfile
from pathlib import Path

import numpy as np
import numpy.typing as npt

from geo.crs import FloatArray
from geo.hierarchy import inertial_order

__all__ = ["cached_order"]

IdArray = npt.NDArray[np.uint32]

_METHOD = b"inertial flow, routingkit-cch 0.1, 1"


def cached_order(
    folder: Path | None, tail: IdArray, head: IdArray, lon: FloatArray, lat: FloatArray
) -> IdArray:
    """Order the nodes of a graph for contraction, from the cache if it is there.

    Parameters
    ----------
    folder
        Where orders are kept; made when missing. None computes and keeps nothing. A folder that
        cannot be written costs time only.
    tail, head
        Node ids of each arc, shape (m,).
    lon, lat
        Places of the nodes, shape (n,).

    Raises
    ------
    HierarchyError
        The graph makes no sense.
    """
    if folder is None:
        return inertial_order(len(lon), tail, head, lon, lat)
    path = folder / f"{_digest(tail, head, lon, lat)}.order.npy"
    order = _read(path, len(lon))
    if order is None:
        order = inertial_order(len(lon), tail, head, lon, lat)
        with contextlib.suppress(OSError):
            _write(path, order)
    return order


def _digest(*columns: npt.NDArray[np.generic]) -> str:
    digest = hashlib.sha256(_METHOD)
    for column in columns:
        digest.update(f"{column.dtype.str}{column.shape}".encode())
        digest.update(np.ascontiguousarray(column).data)
    return digest.hexdigest()[:40]


def _read(path: Path, nodes: int) -> IdArray | None:
    """Read an order; None if there is none, or it is damaged."""
    try:
        order = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    if order.dtype != np.uint32 or order.shape != (nodes,) or (order >= nodes).any():
        return None
    return order if (np.bincount(order, minlength=nodes) == 1).all() else None


def _write(path: Path, order: IdArray) -> None:
    """Write beside and rename, so that no other process reads a half."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            np.save(file, order)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
