"""The SDK's sample messages that its suite leaves out, on DuckDB and on PostgreSQL."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import pytest
from singer_sdk.testing import target_test_streams
from singer_sdk.testing.suites import target_tests

from tap_analytics.target_dlt.errors import InputError

if TYPE_CHECKING:
    from tests.helpers.databases import Database

SAMPLES = files(target_test_streams)
LEFT_OUT = {
    "multiple_state_messages",
    "no_primary_keys_append",
    "record_missing_required_property",
    "user_location_data",
    "user_location_upsert_data",
}


def sample(name: str) -> list[str]:
    return (SAMPLES / f"{name}.singer").read_text(encoding="utf-8").splitlines()


def states(messages: list[str]) -> list[Any]:
    return [one["value"] for one in map(json.loads, messages) if one["type"] == "STATE"]


def test_no_sample_is_forgotten() -> None:
    samples = {
        path.name.removesuffix(".singer")
        for path in SAMPLES.iterdir()
        if path.name.endswith(".singer")
    }
    assert samples == LEFT_OUT | {
        test.name for test in target_tests.tests if test.name in samples
    }


def test_all_states_are_vouched_for_in_order(database: Database) -> None:
    messages = sample("multiple_state_messages")
    emitted = database.load(*messages, batch_size_rows=2)
    sent = states(messages)
    assert emitted[-1] == sent[-1]
    assert len(emitted) > 1
    assert [sent.index(state) for state in emitted] == sorted(map(sent.index, emitted))
    for name in "ab":
        table = f"test_multiple_state_messages_{name}"
        assert database.rows("id", table) == [(n,) for n in range(1, 7)]


def test_a_property_that_is_required_is_missed_if_records_are_validated(
    duck: Database,
) -> None:
    messages = sample("record_missing_required_property")
    with pytest.raises(InputError, match="'id' is a required property"):
        duck.load(*messages, validate_records=True)
    duck.load(*messages)


def test_samples_without_keys_are_appended(database: Database) -> None:
    first, second = map(sample, ["no_primary_keys", "no_primary_keys_append"])
    assert database.load(*first) == states(first)[-1:]
    database.load(*second)
    assert database.rows("id, metric", "test_no_pk") == sorted(
        [(n, 11 * n) for n in (1, 2, 3)] + [(n, 101 * n) for n in range(1, 6)],
        key=str,
    )


def test_samples_with_keys_are_merged(database: Database) -> None:
    for name in ("user_location_data", "user_location_upsert_data"):
        database.load(*sample(name))
    assert set(database.rows("id, name", "test_users")) == {
        (1, "Johny"),
        (2, "George"),
        (3, "Jacob"),
        (4, "Josh"),
        (5, "Jim"),
        (8, "Thomas"),
        (12, "Paul"),
        (13, "Mary"),
    }
    assert len(database.rows("id", "test_locations")) == 5
    assert set(database.rows("id, user_id, location_id", "test_user_in_location")) == {
        (1, 1, 4),
        (2, 2, 3),
        (3, 1, 3),
        (6, 3, 2),
        (14, 4, 1),
    }
