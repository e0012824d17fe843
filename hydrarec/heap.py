"""Memory that training has freed: kept between steps, and given back when too much of it has gathered.

Each batch has a width of its own, so tensors of a step seldom fit where those of the step before have been. The
allocator of glibc hands much of what is freed to the system at once and asks for it again in the next step, where every
page is then a fault and a page of zeros; what it does keep falls to pieces, and the process grows for hundreds of
epochs. Here it keeps what is freed, and hands all free pages back after an epoch in which the process has grown.
Other allocators and systems are left as they are. No number depends on it.
"""

import ctypes
import platform

import psutil

TRIM_THRESHOLD, TOP_PAD, MMAP_THRESHOLD = -1, -2, -3
"""Names of the settings in `malloc.h`."""
KEPT = 2**30
"""Bytes at the end of the heap that may be free, and the size from which a block is given back by itself."""
SMALLEST_KEPT = 2**25
"""The largest size of such a block that glibc before 2.35 takes."""
GROWTH = 2**26
"""Bytes by which the heap grows at once."""
TOO_MUCH = 1.5
"""Resident memory over that after the first epoch, from which free pages are given back."""


def keep_freed() -> None:
    """Let this process keep the memory it frees."""
    libc = _glibc()
    if libc is None:
        return
    libc.mallopt(TRIM_THRESHOLD, KEPT)
    libc.mallopt(TOP_PAD, GROWTH)
    if not libc.mallopt(MMAP_THRESHOLD, KEPT):
        libc.mallopt(MMAP_THRESHOLD, SMALLEST_KEPT)


def give_back() -> None:
    """Hand all free pages of this process to the system."""
    if (libc := _glibc()) is not None:
        libc.malloc_trim(0)


class Limit:
    """Gives memory back when the process has become much larger than it was at first."""

    def __init__(self) -> None:
        self.first: int | None = None

    def __call__(self) -> bool:
        """Look after each epoch; return whether memory was given back."""
        resident = psutil.Process().memory_info().rss
        if self.first is None:
            self.first = resident
        if resident <= TOO_MUCH * self.first:
            return False
        give_back()
        return True


def _glibc() -> ctypes.CDLL | None:
    return ctypes.CDLL(None) if platform.libc_ver()[0] == "glibc" else None
