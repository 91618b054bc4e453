"""Where `analytics-load` loads to, and whether a stopped read may go on there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tap_analytics.errors import ConfigError
from tap_analytics.load.destination import merges, place_of, target_settings

if TYPE_CHECKING:
    from pathlib import Path

WAREHOUSE = {"destination": "postgres", "dataset_name": "raw"}


def settings(**given: Any) -> dict[str, Any]:
    return {**target_settings(None, {}), **given}


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


def test_another_password_is_the_same_place() -> None:
    one, other = (
        place_of({**WAREHOUSE, "credentials": f"postgresql://me:{word}@host/db"})
        for word in ("old", "new")
    )
    assert one == other
    one, other = (
        place_of({**WAREHOUSE, "credentials": {"host": "a", "password": word}})
        for word in ("old", "new")
    )
    assert one == other


@pytest.mark.parametrize(
    "other",
    [
        {"dataset_name": "other"},
        {"destination": "snowflake"},
        {"credentials": "postgresql://me@another/db"},
    ],
)
def test_other_tables_are_another_place(other: dict[str, Any]) -> None:
    here = {**WAREHOUSE, "credentials": "postgresql://me@host/db"}
    assert place_of({**here, **other}) != place_of(here)


def test_another_duckdb_file_is_another_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = place_of(settings())
    assert place_of(settings(pipeline_name="other")) != here
    monkeypatch.chdir(tmp_path)
    assert place_of(settings()) != here


def test_settings_that_are_not_valid_are_refused() -> None:
    with pytest.raises(ConfigError, match="batch_size_rows"):
        target_settings(None, {"TARGET_DLT_BATCH_SIZE_ROWS": "0"})
