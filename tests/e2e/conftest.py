"""Fixtures that the tests of whole pipelines share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.commands import copy_project, succeed

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Installs Meltano's plugins, in a copy so that no one's .meltano is touched."""
    folder = copy_project(tmp_path_factory.mktemp("meltano"))
    succeed("meltano", "install", cwd=folder)
    return folder


@pytest.fixture(scope="session")
def target_postgres(project: Path) -> Path:
    """The command `target-postgres`, as Meltano has installed it."""
    return project / ".meltano/loaders/target-postgres/venv/bin/target-postgres"
