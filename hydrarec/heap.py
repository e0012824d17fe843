"""Memory that has been freed: kept for what is needed next, or given back.

Each batch has a width of its own, so tensors of a step seldom fit where those of the step before have been. The
allocator of glibc hands much of what is freed to the system and asks for it again in the next step, where every page is
then a fault and a page of zeros. Here it can be told to keep what is freed. Other allocators and systems are left as
they are. No number depends on it.

Preparing data makes long arrays in numpy and in Arrow, each of which would have a store of freed memory of its own, and
so would each thread.
"""

import ctypes
import platform

import pyarrow as pa

TRIM_THRESHOLD, TOP_PAD, MMAP_THRESHOLD, ARENA_MAX = -1, -2, -3, -8
"""Names of the settings in `malloc.h`."""
KEPT = 2**30
"""Bytes at the end of the heap that may be free, and the size from which a block is given back by itself."""
OLDER_KEPT = 2**25
"""The largest such size that older versions of glibc take: half of what a heap of theirs can hold."""
GROWTH = 2**26
"""Bytes by which the heap grows at once."""


def keep_freed() -> None:
    """Let this process keep the memory it frees."""
    libc = _glibc()
    if libc is None:
        return
    libc.mallopt(TRIM_THRESHOLD, KEPT)
    libc.mallopt(TOP_PAD, GROWTH)
    if not libc.mallopt(MMAP_THRESHOLD, KEPT):
        libc.mallopt(MMAP_THRESHOLD, OLDER_KEPT)


def share_freed() -> None:
    """Let this process keep the memory it frees, in one heap for numpy, Arrow and threads that begin after this."""
    if (libc := _glibc()) is not None:
        keep_freed()
        libc.mallopt(ARENA_MAX, 1)
        pa.set_memory_pool(pa.system_memory_pool())


def give_back() -> None:
    """Hand all free pages of this process to the system."""
    if (libc := _glibc()) is not None:
        libc.malloc_trim(0)


def _glibc() -> ctypes.CDLL | None:
    return ctypes.CDLL(None) if platform.libc_ver()[0] == "glibc" else None
