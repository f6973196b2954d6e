"""Contraction orders on disk, so that a known map is ready in a fraction of a second.

An order takes seconds to compute and depends only on the graph. Files are named by the graph's
content, so a changed map never gets a stale order; a damaged file is computed again.
"""

import contextlib
import hashlib
import os
import tempfile
from pathlib import Path

import numpy as np
import numpy.typing as npt

from geo.crs import FloatArray
from geo.routing.hierarchy import inertial_order

__all__ = ["cached_order"]

IdArray = npt.NDArray[np.uint32]

_METHOD = b"inertial flow, routingkit-cch 0.1, 1"


def cached_order(
    folder: Path | None, tail: IdArray, head: IdArray, lon: FloatArray, lat: FloatArray
) -> IdArray:
    """Order the nodes of a graph for contraction, from the cache if possible.

    Parameters
    ----------
    folder
        Folder of the cache, created if missing; None for no cache. If the folder is not writable,
        only time is lost.
    tail, head
        Node ids of each arc, shape (m,).
    lon, lat
        Positions of the nodes, shape (n,).

    Raises
    ------
    HierarchyError
        The graph is invalid.
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
    """Write to a temporary file and rename it, so that no other process reads half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            np.save(file, order)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
