"""What processes of the fleet do with memory."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

from tap_analytics.fleet.children import FRUGAL

MB = 1 << 20

PIECES = """
import mmap
large = bytearray(30 << 20)
del large  # From now on the C library keeps what is smaller than that.
pieces = [(bytearray(1 << 20), bytearray(100_000)) for _ in range(64)]
kept = [small for _, small in pieces]
del pieces
with open("/proc/self/statm") as file:
    print(int(file.read().split()[1]) * mmap.PAGESIZE)
"""
"""Frees large pieces between small ones that stay."""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="needs glibc")
def test_large_pieces_of_memory_are_given_back_though_small_ones_stay() -> None:
    result = subprocess.run(
        [sys.executable, "-c", PIECES],
        env={**os.environ, **FRUGAL},
        capture_output=True,
        check=True,
    )
    assert int(result.stdout) < 48 * MB
