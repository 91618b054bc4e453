"""What an empty list proves, by what is beside it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_analytics.api.emptiness import suspicion_of

FAILURES: list[tuple[dict[str, Any], bool]] = [
    ({"msg": "system busy"}, True),
    ({"code": 1001, "msg": "x"}, True),
    ({"reason": "quota"}, True),
    ({"title": "Internal error", "type": "about:blank"}, True),
    ({"code": 1001}, True),
    ({"message": "Oops"}, True),
    ({"status": "pending"}, True),
    ({"errno": 5}, False),
    ({"errno": "5"}, False),
    ({"code": 50001, "msg": "system busy"}, False),
    ({"code": 50001, "msg": "x"}, False),
    ({"state": "error"}, False),
    ({"status": "timeout"}, False),
    ({"status": "timed_out"}, False),
    ({"status_code": "ERROR"}, False),
    ({"code": "RATE_LIMIT_EXCEEDED"}, False),
    ({"result": "NOK"}, False),
    ({"msg": "Please try again later."}, False),
    ({"meta": {"msg": "Service Unavailable"}}, False),
    ({"messages": ["", "No permission"]}, False),
    ({"data": {"message": "Too many requests"}}, False),
]

DOUBTS: list[dict[str, Any]] = [
    {"msg": "x"},
    {"message": "User not found"},
    {"code": 50001},
    {"code": "4000"},
    {"status": 304},
    {"status": "processing"},
    {"title": "Failed payments"},
    {"code": 0, "msg": "system busy"},
    {"success": True, "message": "The report failed."},
]

ANSWERS: list[dict[str, Any]] = [
    {},
    {"code": 0, "msg": "success"},
    {"code": 200},
    {"code": "200"},
    {"code": 200.0, "message": "x"},
    {"code": 1},
    {"code": 20000, "message": "成功"},
    {"code": "EUR"},
    {"message": "No records found"},
    {"message": "No failed tasks found."},
    {"message": "There are no tasks in this project"},
    {"message": "OK"},
    {"message": "No errors"},
    {"message": ""},
    {"message": None},
    {"message": "Keine Einträge"},
    {"message": "Tasks retrieved"},
    {"detail": "Page out of range"},
    {"status": "active"},
    {"status": "ok", "reason": "anything"},
    {"status": 1},
    {"success": True, "message": "Hello"},
    {"errno": 0, "errmsg": ""},
    {"title": "Tasks", "description": "All tasks of the team"},
    {"state": "open", "result": "none"},
    {"meta": {"code": 200, "message": "OK"}},
    {"team": {"status": "failed", "msg": "system busy"}},
    {"total": 0, "page": 1, "type": "list"},
]


@pytest.mark.parametrize(("envelope", "is_null"), FAILURES)
def test_an_empty_list_beside_words_of_failure_is_none(
    envelope: dict[str, Any],
    is_null: bool,  # noqa: FBT001 - from the table
) -> None:
    found = suspicion_of(envelope, ["data"], is_null=is_null)
    assert found is not None
    assert found.is_failure


@pytest.mark.parametrize("envelope", DOUBTS)
def test_an_empty_list_beside_what_may_mean_anything_is_a_doubt(
    envelope: dict[str, Any],
) -> None:
    found = suspicion_of(envelope, is_null=False)
    assert found is not None
    assert not found.is_failure
    assert found.field.split(": ")[0] in envelope


@pytest.mark.parametrize("envelope", ANSWERS)
@pytest.mark.parametrize("is_null", [True, False])
def test_an_empty_list_is_an_answer(envelope: dict[str, Any], *, is_null: bool) -> None:
    assert suspicion_of(envelope, is_null=is_null) is None


def test_of_a_long_text_the_beginning_is_shown() -> None:
    found = suspicion_of({"msg": "failed " * 100_000}, is_null=False)
    assert found is not None
    assert len(found.field) < 200


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)
NAMES = st.sampled_from(["msg", "code", "errno", "status", "title", "meta", "ok"])


@given(st.dictionaries(NAMES | st.text(), VALUES), st.booleans())
def test_no_envelope_is_too_odd_to_be_judged(
    envelope: dict[str, Any],
    is_null: bool,  # noqa: FBT001 - hypothesis gives it by its place
) -> None:
    found = suspicion_of(envelope, ["meta"], is_null=is_null)
    assert found is None or "\n" not in found.field.partition(": ")[2]
