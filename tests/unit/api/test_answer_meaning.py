"""What an answer means: by its status, as a table, and by what its body says."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from requests.structures import CaseInsensitiveDict

from tap_analytics.api.answer import Answer
from tap_analytics.api.answer_meaning import Meaning, failure_in, meaning_of

ANSWER, EMPTY, NOT_YET = Meaning.ANSWER, Meaning.EMPTY, Meaning.NOT_YET
KEY_REFUSED, WITHDRAWN = Meaning.KEY_REFUSED, Meaning.KEY_WITHDRAWN
FORBIDDEN, NOT_FOUND = Meaning.FORBIDDEN, Meaning.NOT_FOUND
FORBIDDEN_BELOW = Meaning.FORBIDDEN_BELOW
VANISHED, REFUSED = Meaning.VANISHED, Meaning.REFUSED

# Of each status: at the top before the key has worked, at the top after that, and
# below a parent, where it always has.
STATUSES = {
    **dict.fromkeys([200, 201, 203], (ANSWER,) * 3),
    204: (EMPTY,) * 3,
    **dict.fromkeys([202, 205, 206, 207, 226, 299], (NOT_YET,) * 3),
    **dict.fromkeys([300, 301, 302, 304, 307], (REFUSED,) * 3),
    401: (KEY_REFUSED, WITHDRAWN, WITHDRAWN),
    403: (KEY_REFUSED, FORBIDDEN, FORBIDDEN_BELOW),
    **dict.fromkeys([402, 451], (REFUSED, FORBIDDEN, FORBIDDEN_BELOW)),
    404: (NOT_FOUND, NOT_FOUND, VANISHED),
    410: (REFUSED, REFUSED, VANISHED),
    **dict.fromkeys([408, 425, 429], (NOT_YET,) * 3),
    **dict.fromkeys([400, 405, 406, 409, 411, 413, 414, 415, 418], (REFUSED,) * 3),
    **dict.fromkeys([421, 422, 423, 426, 428, 431, 444, 498, 499], (REFUSED,) * 3),
    **dict.fromkeys([500, 502, 503, 504, 506, 507, 508, 509], (NOT_YET,) * 3),
    **dict.fromkeys([510, 511, 520, 521, 522, 523, 524, 525], (NOT_YET,) * 3),
    **dict.fromkeys([526, 527, 529, 530, 561, 598, 599], (NOT_YET,) * 3),
    **dict.fromkeys([501, 505], (REFUSED,) * 3),
    **dict.fromkeys([600, 999], (REFUSED,) * 3),
}


def meaning(
    status: int,
    *,
    has_worked: bool = True,
    is_child: bool = False,
    asks_to_wait: bool = False,
    content_range: str = "",
) -> Meaning:
    headers = CaseInsensitiveDict({"Content-Range": content_range})
    return meaning_of(
        Answer("https://api.example.com/", status, headers=headers),
        asks_to_wait=asks_to_wait,
        has_worked=has_worked,
        is_child=is_child,
    )


@pytest.mark.parametrize(("status", "meanings"), STATUSES.items())
def test_each_status_has_its_meaning(
    status: int, meanings: tuple[Meaning, Meaning, Meaning]
) -> None:
    assert meanings == (
        meaning(status, has_worked=False),
        meaning(status),
        meaning(status, is_child=True),
    )


@pytest.mark.parametrize("status", [202, 402, 403, 408, 425, 429, 500, 501, 505, 529])
@pytest.mark.parametrize("has_worked", [True, False])
@pytest.mark.parametrize("is_child", [True, False])
def test_who_asks_to_wait_has_not_refused(
    status: int, *, has_worked: bool, is_child: bool
) -> None:
    assert (
        meaning(status, has_worked=has_worked, is_child=is_child, asks_to_wait=True)
        is NOT_YET
    )


@pytest.mark.parametrize("status", [200, 204])
def test_an_answer_that_asks_to_wait_is_an_answer(status: int) -> None:
    assert meaning(status, asks_to_wait=True) in {ANSWER, EMPTY}


@pytest.mark.parametrize(
    ("content_range", "means"),
    [
        ("items 0-49/130", ANSWER),
        ("Items 0-49/*", ANSWER),
        ("projects */0", ANSWER),
        ("0-24/130", ANSWER),
        ("*/0", ANSWER),
        ("", NOT_YET),
        ("bytes 0-49/130", NOT_YET),
        ("Bytes 0-49/*", NOT_YET),
        ("bytes=0-49/130", NOT_YET),
    ],
)
def test_a_part_is_an_answer_if_it_is_part_of_a_list(
    content_range: str, means: Meaning
) -> None:
    assert meaning(206, content_range=content_range) is means
    assert meaning(202, content_range=content_range) is NOT_YET


# What the body says

FAILURES: list[tuple[dict[str, Any], str]] = [
    ({"error": "Something broke."}, "error: 'Something broke.'"),
    ({"error": {"code": 17}}, "error: {'code': 17}"),
    ({"error": True}, "error: True"),
    ({"errors": ["Something broke."]}, "errors: ['Something broke.']"),
    ({"errors": [{"message": "Something broke."}]}, "errors: [{'message'"),
    ({"errors": 3}, "errors: 3"),
    ({"Error": "x"}, "Error: 'x'"),
    ({"error_message": "x"}, "error_message: 'x'"),
    ({"errorMessage": "x"}, "errorMessage: 'x'"),
    ({"error-code": 7}, "error-code: 7"),
    ({"errcode": 40001, "errmsg": "invalid"}, "errcode: 40001"),
    ({"hasErrors": True}, "hasErrors: True"),
    ({"is_error": 1}, "is_error: 1"),
    ({"fault": {"faultstring": "x"}}, "fault: {'faultstring': 'x'}"),
    ({"exception": "NullPointerException"}, "exception: 'NullPointerException'"),
    ({"status": "error"}, "status: 'error'"),
    ({"status": "ERROR"}, "status: 'ERROR'"),
    ({"status": " Fail "}, "status: ' Fail '"),
    ({"status": "failed"}, "status: 'failed'"),
    ({"status": "failure"}, "status: 'failure'"),
    ({"stat": "fail"}, "stat: 'fail'"),
    ({"result": "error"}, "result: 'error'"),
    ({"outcome": "failed"}, "outcome: 'failed'"),
    ({"success": False}, "success: False"),
    ({"success": 0}, "success: 0"),
    ({"success": "false"}, "success: 'false'"),
    ({"success": "0"}, "success: '0'"),
    ({"success": "No"}, "success: 'No'"),
    ({"success": None}, "success: None"),
    ({"succeeded": False}, "succeeded: False"),
    ({"isSuccess": False}, "isSuccess: False"),
    ({"is_success": "FALSE"}, "is_success: 'FALSE'"),
    ({"ok": False}, "ok: False"),
    ({"ok": "n"}, "ok: 'n'"),
    ({"code": 400}, "code: 400"),
    ({"code": 500}, "code: 500"),
    ({"code": "503"}, "code: '503'"),
    ({"code": 599}, "code: 599"),
    ({"status": 404}, "status: 404"),
    ({"statusCode": 500}, "statusCode: 500"),
    ({"status_code": 429}, "status_code: 429"),
    ({"httpStatus": "500"}, "httpStatus: '500'"),
    ({"http_code": 500}, "http_code: 500"),
    ({"response_code": 500}, "response_code: 500"),
    ({"meta": {"code": 400, "errorType": "x"}}, "meta.code: 400"),
    ({"meta": {"error": "x"}}, "meta.error: 'x'"),
    ({"meta": {"success": False}}, "meta.success: False"),
    ({"metadata": {"status": "error"}}, "metadata.status: 'error'"),
    ({"header": {"status": 500}}, "header.status: 500"),
    ({"response": {"status": {"code": 500}}}, "response.status.code: 500"),
    ({"status": {"error_code": 1001}}, "status.error_code: 1001"),
    ({"result": {"ok": False}}, "result.ok: False"),
]

ANSWERS: list[dict[str, Any]] = [
    {},
    {"error": None},
    {"error": ""},
    {"error": False},
    {"error": 0},
    {"error": "none"},
    {"error": "false"},
    {"error": {}},
    {"error": {"code": 0, "message": ""}},
    {"error": {"code": 0, "message": "OK"}},
    {"errors": []},
    {"errors": {}},
    {"errors": 0},
    {"errors": [None, ""]},
    {"errors": {"count": 0, "items": []}},
    {"errorCode": "0000"},
    {"errorCode": "OK", "errorMessage": "Success"},
    {"errcode": 0, "errmsg": "ok"},
    {"hasErrors": False},
    {"status": "ok"},
    {"status": "success"},
    {"status": "active"},
    {"status": "error-free"},
    {"status": 200},
    {"status": "200"},
    {"status": None},
    {"status": {"code": 200, "message": "OK"}},
    {"success": True},
    {"success": 1},
    {"success": "true"},
    {"success": "yes"},
    {"ok": 1},
    {"ok": "OK"},
    {"code": 0},
    {"code": 200},
    {"code": "200"},
    {"code": 399},
    {"code": 600},
    {"code": 4000},
    {"code": 100500},
    {"code": "DE-500"},
    {"code": True},
    {"code": [500]},
    {"code": 500.5},
    {"count": 500},
    {"total": 404},
    {"message": "OK"},
    {"message": "Something that is not an error by its name"},
    {"warnings": ["a field is deprecated"]},
    {"errors_url": "https://api.example.com/errors"},
    {"error_rate": 0.5},
    {"team": {"status": "failed", "error": "x", "success": False}},
    {"items": {"code": 500}},
    {"meta": {"code": 200, "count": 500}},
    {"result": "fine"},
]


@pytest.mark.parametrize(("envelope", "says"), FAILURES)
def test_a_body_that_says_that_it_is_not_an_answer_is_none(
    envelope: dict[str, Any], says: str
) -> None:
    failure = failure_in(envelope)
    assert failure is not None
    assert failure.startswith(says)


@pytest.mark.parametrize("envelope", ANSWERS)
def test_a_body_that_says_no_such_thing_is_an_answer(envelope: dict[str, Any]) -> None:
    assert failure_in(envelope) is None


@pytest.mark.parametrize(("envelope", "says"), FAILURES)
def test_a_verdict_counts_beside_others(envelope: dict[str, Any], says: str) -> None:
    others = {"page": 1, "message": "OK", "count": 0}
    assert (failure_in({**others, **envelope}) or "").startswith(says)
    assert (failure_in({**envelope, **others}) or "").startswith(says)


def test_of_a_long_error_the_beginning_is_shown() -> None:
    failure = failure_in({"errors": ["x" * 1_000_000]})
    assert failure is not None
    assert len(failure) < 200


def test_a_verdict_far_below_is_not_looked_for() -> None:
    deep: dict[str, Any] = {"error": "x"}
    for _ in range(5_000):
        deep = {"meta": deep}
    assert failure_in(deep) is None


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)
NAMES = st.sampled_from(["error", "errors", "status", "success", "ok", "code", "meta"])


@given(st.dictionaries(NAMES | st.text(), VALUES))
def test_no_body_is_too_odd_to_be_judged(envelope: dict[str, Any]) -> None:
    failure = failure_in(envelope)
    assert failure is None or "\n" not in failure.partition(": ")[2]
