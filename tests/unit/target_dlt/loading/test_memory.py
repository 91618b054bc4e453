"""The memory of rows that are no longer needed."""

from __future__ import annotations

import gc

import pyarrow as pa

from tap_analytics.target_dlt.loading.memory import give_back_rows


def test_rows_in_a_cycle_of_objects_are_freed() -> None:
    give_back_rows()
    before = pa.total_allocated_bytes()
    gc.disable()
    try:
        cycle: list[object] = [pa.array(range(1 << 16), pa.int64())]
        cycle.append(cycle)
        del cycle
        assert pa.total_allocated_bytes() > before
        give_back_rows()
        assert pa.total_allocated_bytes() == before
    finally:
        gc.enable()
