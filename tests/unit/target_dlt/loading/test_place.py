"""What stands for a dataset: the same text as long as the tables are the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dlt
import pytest

from tap_analytics.target_dlt.loading.destination import make_destination
from tap_analytics.target_dlt.loading.place import place_of

if TYPE_CHECKING:
    from pathlib import Path

WAREHOUSE = {"destination": "postgres", "credentials": "postgresql://me:1@host/db"}
FILE = {"destination": "duckdb", "credentials": "duckdb:///raw.duckdb"}
SQLITE = {"destination": "sqlalchemy", "credentials": "sqlite:///raw.db"}
FILES = {"destination": "filesystem", "destination_config": {"bucket_url": "lake"}}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def place(config: dict[str, Any], dataset: str = "raw") -> str:
    pipeline = dlt.pipeline(
        "place",
        destination=make_destination(config),
        dataset_name=dataset,
        pipelines_dir="pipelines",
    )
    with pipeline._maybe_destination_capabilities():  # noqa: SLF001
        pipeline._inject_schema(dlt.Schema("place"))  # noqa: SLF001
    return place_of(pipeline)


@pytest.mark.parametrize(
    "other",
    [
        "postgresql://me:new@host/db",
        "postgresql://other:1@host/db",
        "postgresql://me:1@host:5432/db",
        {"host": "host", "database": "db", "username": "me", "password": "new"},
    ],
)
def test_another_password_or_user_is_the_same_place(other: Any) -> None:
    assert place({**WAREHOUSE, "credentials": other}) == place(WAREHOUSE)


@pytest.mark.parametrize(
    "other",
    ["postgresql://me:1@another/db", "postgresql://me:1@host/other"],
)
def test_other_tables_are_another_place(other: str) -> None:
    assert place({**WAREHOUSE, "credentials": other}) != place(WAREHOUSE)


def test_another_dataset_is_another_place() -> None:
    assert place(WAREHOUSE, "other") != place(WAREHOUSE, "raw")


@pytest.mark.parametrize("config", [FILE, SQLITE, FILES])
def test_a_relative_file_in_another_folder_is_another_place(
    config: dict[str, Any], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = place(config)
    assert place(config) == here
    (folder / "other").mkdir()
    monkeypatch.chdir(folder / "other")
    assert place(config) != here


def test_a_place_in_the_environment_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    in_settings = place(FILE)
    monkeypatch.setenv("DESTINATION__DUCKDB__CREDENTIALS", "duckdb:///raw.duckdb")
    assert place({"destination": "duckdb"}) == in_settings
    monkeypatch.setenv("DESTINATION__DUCKDB__CREDENTIALS", "duckdb:///other.duckdb")
    assert place({"destination": "duckdb"}) != in_settings


def test_a_prefix_in_a_bucket_is_a_place() -> None:
    keys = {"aws_access_key_id": "a", "aws_secret_access_key": "b"}
    one, other = (
        place(
            {
                "destination": "filesystem",
                "credentials": keys,
                "destination_config": {"bucket_url": f"s3://lake/{name}"},
            }
        )
        for name in ("one", "other")
    )
    assert one != other
