"""Fixtures for following documents."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tap_analytics.sandbox import Sandbox, SandboxOptions
from tests.conftest import TODAY
from tests.helpers.scanning import PLAIN_KEY

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def api() -> Iterator[Sandbox]:
    """A small API, for all that a document does."""
    options = SandboxOptions(
        projects=3, today=TODAY, since_param="since", api_key=PLAIN_KEY
    )
    with Sandbox(options) as sandbox:
        yield sandbox
