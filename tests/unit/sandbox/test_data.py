"""The made-up agency."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import pytest

from tap_analytics.sandbox.data import CHILD_STREAMS, STREAMS
from tap_analytics.sandbox.options import SandboxOptions
from tap_analytics.sandbox.store import Store

TODAY = date(2025, 6, 18)


def store(**options: Any) -> Store:
    return Store(SandboxOptions(**{"today": TODAY, **options}))


def values(value: Any) -> list[Any]:
    """Lists a value and all values nested in it."""
    if isinstance(value, dict):
        return [value, *(deep for item in value.values() for deep in values(item))]
    if isinstance(value, list):
        return [value, *(deep for item in value for deep in values(item))]
    return [value]


@pytest.mark.parametrize("stream", STREAMS)
def test_the_same_seed_and_date_make_the_same_data(stream: str) -> None:
    assert store(seed=7).truth(stream) == store(seed=7).truth(stream)
    assert store(seed=7).truth(stream) != store(seed=8).truth(stream)


def test_a_longer_list_starts_with_the_shorter_one() -> None:
    few, many = store(projects=3), store(projects=30)
    assert many.truth("projects")[:3] == few.truth("projects")
    assert many.truth("tasks")[:24] == few.truth("tasks")


def test_each_stream_has_the_size_asked_for() -> None:
    sizes = {"projects": 3, "tasks": 4, "time_records": 5, "clients": 2}
    made = store(**sizes, users=6, team_time=7)
    expected = {
        "projects": 3,
        "tasks": 12,
        "time_records": 15,
        "clients": 2,
        "time": 7,
        "users": 6,
    }
    assert made.counts() == expected
    assert {stream: len(made.truth(stream)) for stream in STREAMS} == expected


def test_counting_makes_no_records() -> None:
    assert store(projects=1_000_000, tasks=1_000).counts()["tasks"] == 10**9


@pytest.mark.parametrize("stream", STREAMS)
def test_ids_are_strings_and_each_is_used_once(stream: str) -> None:
    ids = [record["id"] for record in store(projects=30).truth(stream)]
    assert all(isinstance(identifier, str) for identifier in ids)
    assert len(set(ids)) == len(ids)


def test_some_project_ids_mean_something_in_a_url() -> None:
    ids = [project["id"] for project in store(projects=8).truth("projects")]
    for character in ":/ü ?%&#+":
        assert any(character in identifier for identifier in ids), character
    assert any(identifier.isdigit() for identifier in ids)
    assert any(quote(identifier, safe="") == identifier for identifier in ids)


@pytest.mark.parametrize("stream", STREAMS)
def test_the_shared_fields_are_as_apis_send_them(stream: str) -> None:
    records = store(
        projects=40, tasks=5, time_records=5, clients=200, users=200, team_time=200
    ).truth(stream)
    for record in records:
        assert record["name"] is None or isinstance(record["name"], str)
        created = datetime.fromisoformat(record["createdAt"].replace("Z", "+00:00"))
        assert created.utcoffset() == timedelta(0)
    statuses = Counter(type(record.get("status", ...)) for record in records)
    assert statuses[str] > statuses[type(None)] > 0
    assert statuses[type(...)] > 0


@pytest.mark.parametrize("stream", STREAMS)
def test_each_stream_has_booleans_dates_numbers_nulls_and_nested_values(
    stream: str,
) -> None:
    records = store(projects=40, clients=40).truth(stream)
    found = [deep for record in records for deep in values(record)]
    kinds = {type(value) for value in found}
    assert {str, bool, int, Decimal, dict, list, type(None)} <= kinds
    text = "".join(value for value in found if isinstance(value, str))
    assert not text.isascii()
    days = [value for value in found if isinstance(value, str) and len(value) == 10]
    assert any(value[4] == value[7] == "-" for value in days)


def test_numbers_keep_digits_that_a_float_would_lose() -> None:
    made = store(clients=40)
    rates = {str(user["hourlyRate"]) for user in made.truth("users")}
    assert rates & {"75.00", "82.50", "95.10"}
    shares = [user["utilisation"] for user in made.truth("users")]
    assert any(str(float(share)) != str(share) for share in shares)
    invoices = [project["invoiceNumber"] for project in made.truth("projects")]
    assert all(number > 2**53 for number in invoices)


def test_hours_are_of_this_month_and_of_earlier_ones() -> None:
    days = [record["date"] for record in store().truth("time_records")]
    assert max(days) <= TODAY.isoformat()
    this_month = [day for day in days if day >= "2025-06-01"]
    assert 0.3 < len(this_month) / len(days) < 0.6
    assert min(days) < "2025-03-01"


def test_this_month_has_hours_on_its_first_day_too() -> None:
    first = store(today=date(2025, 6, 1)).truth("time_records")
    assert any(record["date"] == "2025-06-01" for record in first)


def test_projects_differ_in_the_hours_booked_on_them() -> None:
    hours: dict[str, Decimal] = defaultdict(Decimal)
    for record in store().truth("time_records"):
        hours[record["project_id"]] += record["hours"]
    top = sorted(hours.values(), reverse=True)[:5]
    assert len(set(top)) == 5
    assert max(hours.values()) > 2 * min(hours.values())


def test_nothing_was_created_after_the_first_hour_of_today() -> None:
    made = store()
    for stream in STREAMS:
        latest = max(record["createdAt"] for record in made.truth(stream))
        assert latest < "2025-06-18T01:00:00Z"


def test_some_hours_were_entered_days_after_the_work() -> None:
    records = store().truth("time_records")
    late = [record for record in records if record["createdAt"][:10] > record["date"]]
    assert 0 < len(late) < len(records) / 2


def test_references_lead_to_records_that_exist() -> None:
    made = store()
    ids = {s: {record["id"] for record in made.truth(s)} for s in STREAMS}
    for project in made.truth("projects"):
        assert project["client"] in ids["clients"]
        assert set(project["members"]) <= ids["users"]
    for record in made.truth("time_records"):
        assert record["user"] in ids["users"]
        assert record["task"] in ids["tasks"]


def test_references_are_null_where_there_is_nothing_to_refer_to() -> None:
    made = store(clients=0, users=0, tasks=0)
    assert {project["client"] for project in made.truth("projects")} == {None}
    assert {record["task"] for record in made.truth("time_records")} == {None}
    assert {record["user"] for record in made.truth("time")} == {None}


def test_no_field_of_a_child_is_folded_into_the_parents_id() -> None:
    made = store()
    for stream in CHILD_STREAMS:
        for record in made.truth(stream):
            assert "projectid" not in {
                name.lower().replace("_", "") for name in record.keys() - {"project_id"}
            }
