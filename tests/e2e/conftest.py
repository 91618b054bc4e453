"""Fixtures that the tests of whole pipelines share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def target_postgres(installed: Path) -> Path:
    """The command `target-postgres`, as Meltano has installed it."""
    return installed / ".meltano/loaders/target-postgres/venv/bin/target-postgres"
