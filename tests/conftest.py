"""Fixtures that all tests share."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import date
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from tap_analytics.sandbox import Sandbox, SandboxOptions

if TYPE_CHECKING:
    from collections.abc import Iterator

TODAY = date(2025, 6, 18)


class SandboxFactory(Protocol):
    """Starts sandboxes: `api = sandbox(projects=5, faults=0.15)`."""

    def __call__(self, **options: Any) -> Sandbox:
        """Starts one; the arguments are the fields of `SandboxOptions`."""


@pytest.fixture
def sandbox() -> Iterator[SandboxFactory]:
    """Starts sandboxes with data up to `TODAY`, and stops all after the test."""
    with ExitStack() as stack:

        def start(**options: Any) -> Sandbox:
            options = {"today": TODAY, **options}
            return stack.enter_context(Sandbox(SandboxOptions(**options)))

        yield start
