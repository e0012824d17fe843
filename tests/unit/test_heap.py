"""Freed memory: kept where it is asked for again, given back where it is not. Each in a fresh process."""

import json
import platform
import subprocess
import sys

import pytest

from hydrarec import heap

pytestmark = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another allocator than glibc's")

START = """
import ctypes, json, resource
import psutil
from hydrarec import heap

libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_size_t], [ctypes.c_void_p]
MIB = 2**20

def taken(mib):
    block = libc.malloc(mib * MIB)
    ctypes.memset(block, 1, mib * MIB)
    return block

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

def resident():
    return psutil.Process().memory_info().rss / MIB
"""


def said(code):
    done = subprocess.run([sys.executable, "-c", START + code], check=True, capture_output=True, text=True, timeout=60)
    return json.loads(done.stdout)


@pytest.mark.parametrize(("setting", "fewest", "most"), [("", 1000, 100_000), ("heap.keep_freed()", 0, 50)])
def test_what_is_freed_and_taken_again_is_faulted_in_once(setting, fewest, most):
    # Of different sizes, some above the 32 MiB that glibc always maps by themselves.
    found = said(f"""
{setting}
libc.free(taken(48))
before = faults()
for mib in (5, 40, 7, 33):
    libc.free(taken(mib))
print(json.dumps(faults() - before))
""")
    assert fewest <= found <= most


def test_a_heap_in_pieces_is_given_back():
    grown, after = said("""
heap.keep_freed()
blocks = [taken(1) for _ in range(128)]
# Every second block holds what is around it in the heap.
for block in blocks[::2]:
    libc.free(block)
grown = resident()
heap.give_back()
print(json.dumps([grown, resident()]))
""")
    assert grown - after > 50
    assert after > 64


def test_another_allocator_is_left_alone(monkeypatch):
    monkeypatch.setattr(platform, "libc_ver", lambda: ("", ""))
    monkeypatch.setattr("ctypes.CDLL", lambda _: pytest.fail("looked for glibc"))
    heap.keep_freed()
    heap.give_back()


ARRAYS = """
import numpy as np, pyarrow as pa, pyarrow.compute as pc
SETTING

def work():
    return pc.sum(pc.add(pa.array(np.ones(4 * MIB)), 1)).as_py()

found = []
for once in range(15):
    before = faults()
    assert work() == 8 * MIB
    found.append(faults() - before)
# The first ones take memory. Now and then Arrow's threads let go of an array only after the next one is made.
print(json.dumps(sorted(found[4:])[5]))
"""


@pytest.mark.parametrize(
    ("setting", "fewest", "most"),
    [("pa.set_memory_pool(pa.system_memory_pool())", 1000, 100_000), ("heap.share_freed()", 0, 50)],
)
def test_numpy_and_arrow_share_what_is_freed(setting, fewest, most):
    assert fewest <= said(ARRAYS.replace("SETTING", setting)) <= most


THREADS = """
from concurrent.futures import ThreadPoolExecutor
SETTING

with ThreadPoolExecutor(1) as thread:
    thread.submit(lambda: libc.free(taken(40))).result()
before = faults()
libc.free(taken(40))
print(json.dumps(faults() - before))
"""


@pytest.mark.parametrize(
    ("setting", "fewest", "most"), [("heap.keep_freed()", 1000, 100_000), ("heap.share_freed()", 0, 50)]
)
def test_threads_share_what_is_freed(setting, fewest, most):
    assert fewest <= said(THREADS.replace("SETTING", setting)) <= most
