"""The last row of each key."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from tap_analytics.target_dlt.columns.chunks import keep_last_of_each_key


@pytest.mark.parametrize(
    "chunks",
    [
        [[1, 2, 3], [4, 5]],  # in order
        [[1, 2, 3], [3, 4]],  # the same at the end of a chunk and in the next
        [[1, 2], [], [0, 3]],
        [[], []],
        [[5]],
        [[2, 1, 2], [1]],
        [["a", "b"], ["b", "ä"]],
        [["a", "ab", "b"], ["Z"]],
        [[0.5, -0.0], [0.0, 1.5]],
        [[Decimal("1.5"), Decimal("2.5")], [Decimal("2.5")]],
        [[False, True], [True, False]],
        [[b"\0", b"\0\0"], [b"\0"]],
        [[dt.date(2026, 1, 1), dt.date(2026, 1, 2)], [dt.date(2025, 1, 1)]],
        [[dt.time(1), dt.time(2)], [dt.time(2)]],
    ],
)
def test_the_last_row_of_each_key_stays_in_the_order_of_rows(
    chunks: list[list[Any]],
) -> None:
    keys = [key for chunk in chunks for key in chunk]
    last = {key: number for number, key in enumerate(keys)}
    kind = pa.array(keys).type
    table = pa.table(
        {
            "key": pa.chunked_array([pa.array(chunk, kind) for chunk in chunks], kind),
            "row": pa.array(range(len(keys)), pa.int64()),
        }
    )
    kept = keep_last_of_each_key(table, ["key"])
    assert kept["row"].to_pylist() == sorted(last.values())
