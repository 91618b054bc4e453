"""Keeps Python's garbage collector from what was there before any rows.

It looks through all objects that it can reach whenever their number has grown by a
quarter. Rows come and go by the hundred thousand, and a pipeline has half a million
objects that stay: of an extraction of 300,000 dicts that was a fifth.
"""

from __future__ import annotations

import gc
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_lock = threading.Lock()
_readers = 0
_is_frozen = False


@contextmanager
def left_alone() -> Iterator[None]:
    """Leave alone what is there now, until all who have asked for that are done.

    Whoever has frozen objects already, as servers do before they fork, keeps them.
    """
    global _readers, _is_frozen  # noqa: PLW0603 - there is one collector
    with _lock:
        _readers += 1
        if _readers == 1 and not gc.get_freeze_count():
            gc.freeze()
            _is_frozen = True
    try:
        yield
    finally:
        with _lock:
            _readers -= 1
            if not _readers and _is_frozen:
                gc.unfreeze()
                _is_frozen = False
