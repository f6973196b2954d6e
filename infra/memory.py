"""Return memory to the system after loading a city."""

import ctypes
import gc

__all__ = ["settle"]

_YOUNG = 20_000
"""The collector comes after so many new objects: a batch makes thousands that go by themselves."""


def settle() -> None:
    """Treat all present objects as permanent, and return freed memory to the system.

    A map stays until the end, so the garbage collector need not scan it again and again. C
    libraries other than glibc keep their freed memory.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG)
    try:
        ctypes.CDLL("libc.so.6").malloc_trim(0)
    except (OSError, AttributeError):
        return
