"""How `analytics-load` loads, and whether a stopped read may go on there."""

from __future__ import annotations

from typing import Any

import pytest

from tap_analytics.errors import ConfigError
from tap_analytics.load.destination import (
    DECLARED,
    for_process,
    merges,
    target_settings,
)


def settings(**given: Any) -> dict[str, Any]:
    return DECLARED.with_defaults({**target_settings(None, {}), **given})


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, True),
        ({"write_disposition": "merge"}, True),
        ({"write_disposition": "append"}, False),
        ({"write_disposition": "replace"}, False),
        ({"destination": "filesystem"}, False),
        ({"destination": "filesystem", "table_format": "delta"}, True),
    ],
)
def test_a_target_merges_unless_it_appends_or_replaces(
    given: dict[str, Any],
    expected: bool,  # noqa: FBT001
) -> None:
    assert merges(settings(**given)) is expected


def test_what_replaces_tables_waits_for_the_end_of_the_reading() -> None:
    given = {"write_disposition": "replace"}
    assert for_process(given)["batch_wait_limit_seconds"] > 10**6
    assert for_process({**given, "batch_wait_limit_seconds": 9}) == {
        **given,
        "batch_wait_limit_seconds": 9,
    }
    assert for_process({"write_disposition": "merge"}) == {"write_disposition": "merge"}


def test_settings_that_are_not_valid_are_refused() -> None:
    with pytest.raises(ConfigError, match="batch_size_rows"):
        target_settings(None, {"TARGET_DLT_BATCH_SIZE_ROWS": "0"})
