"""Processes for tests that kill or interrupt them: each has the commands imported."""

from __future__ import annotations

import multiprocessing

PROCESSES = multiprocessing.get_context("forkserver")
"""Makes them. All are forked from one process, which has imported `preloaded`."""

PROCESSES.set_forkserver_preload(["__main__", "tests.helpers.preloaded"])
