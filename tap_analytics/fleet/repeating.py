"""Does something again and again, from a thread."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def repeating(name: str, seconds: float, do: Callable[[], None]) -> Iterator[None]:
    """Do something every few seconds, from a thread that ends with the block.

    Args:
        name: The thread's name.
        seconds: So much time is before each time.
        do: What is done; it raises nothing.
    """
    is_over = threading.Event()

    def repeat() -> None:
        while not is_over.wait(seconds):
            do()

    thread = threading.Thread(target=repeat, name=name, daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()
