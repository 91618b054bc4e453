"""The SDK's own test suite for targets, all of it, on DuckDB and on PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from singer_sdk.testing import get_target_test_class
from singer_sdk.testing.runners import TargetTestRunner

from tap_analytics.target_dlt.target import TargetDlt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.helpers.databases import Database

_Suite: Any = get_target_test_class(TargetDlt)


class TestSuite(_Suite):  # type: ignore[misc]
    """Each of its tests, once per database."""

    @pytest.fixture
    def runner(self, database: Database) -> Iterator[TargetTestRunner]:
        runner = TargetTestRunner(TargetDlt, config=database.config)
        yield runner
        if runner.target_input is not None:
            runner.target_input.close()
