"""docs/everhour.md: its commands and queries do what it says."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tap_analytics.sandbox import PRESETS, Sandbox, SandboxOptions
from tests.conftest import TODAY
from tests.docs.documents import Document, Followed
from tests.helpers.scanning import PLAIN_KEY

if TYPE_CHECKING:
    from collections.abc import Iterator

DOCUMENT = Document("docs/everhour.md")
NIGHTLY = [block for block in DOCUMENT.blocks if block.language == "sh"][-1]


@pytest.fixture(scope="module")
def api() -> Iterator[Sandbox]:
    options = PRESETS["everhour"] | {"rate_limit": None, "api_key": PLAIN_KEY}
    with Sandbox(SandboxOptions(**options, today=TODAY, projects=3)) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def followed(api: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Followed:
    """A folder in which all was done, and the nightly commands again."""
    followed = DOCUMENT.follow(
        tmp_path_factory.mktemp("everhour"),
        api,
        TAP_ANALYTICS_API_URL=api.url,
        TAP_ANALYTICS_RATE_LIMIT_REQUESTS="1000",
    )
    followed.do(NIGHTLY)
    return followed


def test_all_streams_are_loaded(followed: Followed, api: Sandbox) -> None:
    shared = 1  # A task of two projects, whose rows are merged where `id` is the key.
    for file, merged in (("analytics", shared), ("everhour", 0)):
        expected = api.counts() | {"tasks": api.counts()["tasks"] - merged}
        assert followed.counts(f"{file}.analytics") == expected


def test_the_first_query_adds_up_the_hours_of_projects(
    followed: Followed, api: Sandbox
) -> None:
    found = followed.rows[0]
    assert len(found) == 3
    seconds = sum(entry["time"] for entry in api.truth("time_records"))
    assert sum(hours for _, hours in found) == seconds / 3600


def test_the_second_query_adds_up_the_hours_of_months(
    followed: Followed, api: Sandbox
) -> None:
    found = followed.rows[1]
    months = sorted({entry["date"][:7] for entry in api.truth("time")})
    assert [f"{month:%Y-%m}" for month, _ in found] == months
    seconds = sum(entry["time"] for entry in api.truth("time"))
    assert sum(hours for _, hours in found) == seconds / 3600


def test_the_catalog_has_a_column_for_each_field(followed: Followed) -> None:
    catalog = json.loads((followed.folder / "catalog.json").read_text())
    columns = {
        entry["stream"]: entry["schema"]["properties"] for entry in catalog["streams"]
    }
    assert {"date", "time", "task", "comment"} <= columns["time"].keys()


def test_the_second_night_asks_for_the_days_of_the_look_back(
    followed: Followed, api: Sandbox
) -> None:
    state = json.loads((followed.folder / "state.json").read_text().splitlines()[-1])
    assert state["bookmarks"]["time"]["replication_key_value"][:10] == "2025-06-18"
    queries = [entry.query for entry in api.requests() if entry.path == "/team/time"]
    assert queries[-1].startswith("from=2025-03-19&to=")
