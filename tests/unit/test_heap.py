"""One heap for all threads."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

_HEAPS_OF_FOUR_THREADS = """
import ctypes
import threading
from tap_analytics.heap import share_one_heap

{first}
together = threading.Barrier(4)

def take_memory():
    taken = [bytes(1_000 + n) for n in range(1_000)]
    together.wait()

threads = [threading.Thread(target=take_memory) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
libc = ctypes.CDLL(None)
libc.malloc_info(0, ctypes.c_void_p.in_dll(libc, "stdout"))
libc.fflush(None)
"""


def heaps(first: str) -> int:
    """Return how many heaps a process has, given what it does first."""
    script = _HEAPS_OF_FOUR_THREADS.format(first=first)
    told = subprocess.check_output([sys.executable, "-c", script], text=True)
    return told.count("<heap ")


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="knows no such heaps")
def test_threads_share_a_heap() -> None:
    assert heaps(first="pass") > 1
    assert heaps(first="share_one_heap()") == 1
