"""Places to test with: a folder, and a bucket of a real object store."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tap_analytics.fleet.places import open_place
from tests.helpers.object_store import new_bucket, serving_objects

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tap_analytics.fleet.places import Place


@pytest.fixture(scope="session")
def _object_store() -> Iterator[None]:
    with serving_objects():
        yield


@pytest.fixture
def folder(tmp_path: Path) -> Place:
    return open_place("place", tmp_path)


@pytest.fixture
def bucket(_object_store: None, tmp_path: Path) -> Place:
    return open_place(f"{new_bucket()}/some/where", tmp_path)


@pytest.fixture(params=["folder", "bucket"])
def place(request: pytest.FixtureRequest) -> Place:
    found: Place = request.getfixturevalue(request.param)
    return found
