"""The SDK's own test suite for taps, against the sandbox."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from singer_sdk.testing import get_tap_test_class

from tap_analytics.sandbox import Sandbox, SandboxOptions
from tap_analytics.tap import TapAnalytics
from tests.helpers.scanning import KEY

if TYPE_CHECKING:
    from collections.abc import Iterator

# The class is made before a sandbox runs; its address is put in once one does.
CONFIG: dict[str, Any] = {"api_key": KEY, "api_url": "http://127.0.0.1:9"}


@pytest.fixture(scope="module", autouse=True)
def _api() -> Iterator[None]:
    with Sandbox(SandboxOptions(projects=4, api_key=KEY)) as api:
        CONFIG["api_url"] = api.url
        yield


TestTapAnalytics = get_tap_test_class(TapAnalytics, config=CONFIG)
