"""The memory of rows that are no longer needed."""

from __future__ import annotations

import gc

import pyarrow as pa


def give_back_rows() -> None:
    """Free the rows that dlt has written, and give the system their memory.

    dlt's objects are in cycles, with rows among them: rows of a dozen loads would be in
    memory, until Python's collector comes by. And Arrow keeps what it has freed, while
    the database needs memory to take the rows.
    """
    gc.collect()
    pa.default_memory_pool().release_unused()
