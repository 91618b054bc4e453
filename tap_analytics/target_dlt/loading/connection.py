"""The connection to a destination, kept from load to load where to open it is slow."""

from __future__ import annotations

import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dlt.common.destination.client import JobClientBase

    from tap_analytics.target_dlt.loading.tables import Tables

IDLE_SECONDS = 1.0
"""After so long without a load, others can have a DuckDB file."""


def is_kept(client: JobClientBase) -> bool:
    """Return whether a client's connection is kept from load to load.

    To open a DuckDB file, and to close it, takes as long as a small load.
    """
    return client.config.destination_type == "duckdb"


class Connection:
    """A connection that the tables of a dataset use.

    Args:
        tables: The tables.
        is_kept: Whether the connection is kept from load to load.
    """

    def __init__(self, tables: Tables, *, is_kept: bool) -> None:
        self._tables = tables
        self._is_kept = is_kept
        self._stack = ExitStack()
        self._is_open = False
        self._idle_since = time.monotonic()

    def keep(self) -> None:
        """Open it now, if it is one that is kept."""
        if self._is_kept and not self._is_open:
            self._stack.enter_context(self._tables.connected())
            self._is_open = True
            self._idle_since = time.monotonic()

    @contextmanager
    def used(self) -> Iterator[None]:
        """Be connected."""
        self.keep()
        with self._tables.connected():
            try:
                yield
            finally:
                self._idle_since = time.monotonic()

    def close_if_idle(self) -> None:
        """Let others have the destination, if it was not used for a while."""
        if self._is_open and time.monotonic() - self._idle_since > IDLE_SECONDS:
            self.close()

    def close(self) -> None:
        """Let others have the destination, until it is used again."""
        self._is_open = False
        self._stack.close()
