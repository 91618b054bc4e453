"""What is said of an answer that holds no page: one line, and what to do."""

from __future__ import annotations

import pytest

from tap_analytics.api.answer import Answer
from tap_analytics.api.answer_errors import LONGEST_WAIT, AnswerErrors, Asker
from tap_analytics.api.answer_meaning import Meaning
from tap_analytics.errors import (
    FatalAPIError,
    ForbiddenError,
    LeftOutError,
    RefusedError,
    RetriableAPIError,
    VanishedError,
    WaitError,
)
from tap_analytics.redaction import Redaction
from tests.helpers.scanning import KEY

URL = "https://api.example.com/v1/projects/as%3A1/tasks"
SETTINGS = {"api_key_header": "X-Api-Key", "path_prefix": "/v1"}
TASKS = Asker("tasks", is_child=True)
USERS = Asker("users")

REFUSING = [
    Meaning.KEY_REFUSED,
    Meaning.KEY_WITHDRAWN,
    Meaning.FORBIDDEN,
    Meaning.NOT_FOUND,
    Meaning.REFUSED,
]


def refusals() -> AnswerErrors:
    redaction = Redaction()
    redaction.hide(KEY)
    return AnswerErrors(SETTINGS, redaction)


def answer(status: int, body: str = "", reason: str = "Because") -> Answer:
    return Answer(URL, status, reason, body=body.encode())


def said(meaning: Meaning, status: int, body: str = "Why not") -> str:
    return str(refusals().error(meaning, answer(status, body), USERS))


# No retry will change it


@pytest.mark.parametrize("meaning", REFUSING)
def test_each_refusal_is_one_line_that_names_url_and_status(meaning: Meaning) -> None:
    error = refusals().error(meaning, answer(418, "a\nb\r\n\x1b[2J"), USERS)
    line = str(error)
    assert line.startswith(f"GET {URL} answered 418 Because: ")
    assert line.endswith(".")
    assert line.isprintable()
    assert isinstance(error, RefusedError)
    assert error.status == 418


@pytest.mark.parametrize(
    "meaning", [meaning for meaning in REFUSING if meaning is not Meaning.NOT_FOUND]
)
def test_the_answer_is_shown_without_the_key(meaning: Meaning) -> None:
    line = said(meaning, 403, f"The address 10.0.0.7 of {KEY} may not. {'x' * 500}")
    assert "The address 10.0.0.7 of *** may not." in line
    assert "x" * 201 not in line


@pytest.mark.parametrize(
    ("meaning", "status", "says"),
    [
        (Meaning.KEY_REFUSED, 401, "The API key was refused. Check api_key, and that"),
        (Meaning.KEY_REFUSED, 403, "api_key_header (X-Api-Key) is the header that the"),
        (Meaning.KEY_REFUSED, 403, "a plan that is not allowed, the key may be right."),
        (Meaning.KEY_WITHDRAWN, 401, "The API accepted the key before in this run"),
        (Meaning.FORBIDDEN, 403, "may not read the stream 'users'"),
        (Meaning.FORBIDDEN, 402, 'set streams to ["-users"], or deselect'),
        (Meaning.NOT_FOUND, 404, "Check api_url, and that path_prefix ('/v1') is"),
        (Meaning.REFUSED, 400, "no retry will change that: 'Why not'."),
    ],
)
def test_each_refusal_says_what_to_do(meaning: Meaning, status: int, says: str) -> None:
    assert says in said(meaning, status)


def test_a_parent_that_is_gone_is_left_out() -> None:
    error = refusals().error(Meaning.VANISHED, answer(410), TASKS)
    assert isinstance(error, VanishedError)
    assert str(error) == f"GET {URL} answered 410 Because"


@pytest.mark.parametrize("reason", ["", "\x1b[2J", "a\tb", "x" * 60_000])
def test_a_reason_of_any_kind_leaves_one_short_line(reason: str) -> None:
    line = str(answer(500, reason=reason))
    assert line.isprintable()
    assert len(line) < 250
    assert not line.endswith(" ")


# Forbidden below one parent


def test_a_forbidden_parent_is_left_out_and_the_answer_shown() -> None:
    error = refusals().forbidden(answer(403, "No module"), TASKS, is_hopeless=False)
    assert isinstance(error, ForbiddenError)
    assert str(error) == f"GET {URL} answered 403 Because: 'No module'"


def test_where_all_parents_are_forbidden_the_stream_is() -> None:
    error = refusals().forbidden(answer(402, "No module"), TASKS, is_hopeless=True)
    assert isinstance(error, RefusedError)
    assert not isinstance(error, LeftOutError)
    assert "'No module'. The key may not read the stream 'tasks' below any of 20" in (
        str(error)
    )
    assert 'set streams to ["-tasks"]' in str(error)


# To be tried again


@pytest.mark.parametrize("status", [408, 500, 503, 529])
def test_without_a_wait_the_request_alone_is_tried_again(status: int) -> None:
    error = refusals().not_yet(answer(status), None)
    assert isinstance(error, RetriableAPIError)
    assert not isinstance(error, WaitError)


@pytest.mark.parametrize(
    ("status", "wait"), [(429, None), (429, 0), (503, 0), (403, 1.5), (202, 3600)]
)
def test_a_limit_is_everybodys(status: int, wait: float | None) -> None:
    error = refusals().not_yet(answer(status), wait)
    assert isinstance(error, WaitError)
    assert error.seconds == wait


@pytest.mark.parametrize("status", [429, 503, 403, 202])
@pytest.mark.parametrize("wait", [3601, 86_400, 251_700_000_000])
def test_a_wait_beyond_an_hour_ends_the_run(status: int, wait: float) -> None:
    error = refusals().not_yet(answer(status, "Quota"), wait)
    assert isinstance(error, FatalAPIError)
    assert not isinstance(error, RetriableAPIError)
    assert "UTC, which is longer than an hour. Run the tap again then." in str(error)
    assert LONGEST_WAIT == 3600


@pytest.mark.parametrize("status", [202, 206])
def test_a_success_that_is_not_a_whole_answer_is_shown(status: int) -> None:
    error = refusals().not_yet(answer(status, "Come back later"), None)
    assert "which is not a whole answer: 'Come back later'" in str(error)
