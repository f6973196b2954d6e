"""Memory: what loading a city has freed goes back to the system."""

import ctypes
import gc

__all__ = ["settle"]


def settle() -> None:
    """Take what is there now for permanent, and give what was freed back to the system.

    A map stays until the end: the garbage collector need not look through it again and again.
    Where the C library is not glibc, it keeps its freed memory.
    """
    gc.collect()
    gc.freeze()
    try:
        ctypes.CDLL("libc.so.6").malloc_trim(0)
    except (OSError, AttributeError):
        return
