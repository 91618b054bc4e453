"""What an answer means: its status first, then what its body says of itself.

The first row of the table that fits decides. `has_worked` says whether the key has got
an answer before in this run: only then a refusal is of the resource, not of the key.
"""

from __future__ import annotations

from enum import Enum, auto
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_analytics.api.answer import Answer


class Meaning(Enum):
    """What an answer means for the run."""

    ANSWER = auto()
    """The body holds the answer."""
    EMPTY = auto()
    """The answer is an empty list."""
    NOT_YET = auto()
    """No answer; the same request may get one later."""
    KEY_REFUSED = auto()
    """The API does not accept the key."""
    KEY_WITHDRAWN = auto()
    """The API accepted the key before, and does so no longer."""
    FORBIDDEN = auto()
    """The key is accepted, but may not read this."""
    FORBIDDEN_BELOW = auto()
    """The key is accepted, but may not read what is below this one parent."""
    NOT_FOUND = auto()
    """There is no such resource."""
    VANISHED = auto()
    """The parent is gone."""
    REFUSED = auto()
    """No retry will change the answer."""


_RETRIED = frozenset({408, 425, 429, *range(500, 600)} - {501, 505})
_ANSWERS = frozenset({200, 201, 203})
_KEY = frozenset({401, 403})
_NOT_ALLOWED = frozenset({402, 403, 451})
_GONE = frozenset({404, 410})


def meaning_of(
    answer: Answer, *, asks_to_wait: bool, has_worked: bool, is_child: bool
) -> Meaning:
    """Return what the status of an answer means.

    Args:
        answer: The answer.
        asks_to_wait: Whether it asks for a wait: then it is a limit, not a refusal.
        has_worked: Whether the key has got an answer before in this run.
        is_child: Whether what was asked for is below a parent.
    """
    status = answer.status
    for applies, meaning in (
        (status in _ANSWERS, Meaning.ANSWER),
        (status == HTTPStatus.NO_CONTENT, Meaning.EMPTY),
        (status in _RETRIED or asks_to_wait, Meaning.NOT_YET),
        (status in _KEY and not has_worked, Meaning.KEY_REFUSED),
        (status == HTTPStatus.UNAUTHORIZED, Meaning.KEY_WITHDRAWN),
        (status in _NOT_ALLOWED and has_worked and is_child, Meaning.FORBIDDEN_BELOW),
        (status in _NOT_ALLOWED and has_worked, Meaning.FORBIDDEN),
        (status in _GONE and is_child, Meaning.VANISHED),
        (status == HTTPStatus.NOT_FOUND, Meaning.NOT_FOUND),
        (_is_part_of_a_list(answer), Meaning.ANSWER),
        (status < HTTPStatus.MULTIPLE_CHOICES, Meaning.NOT_YET),
    ):
        if applies:
            return meaning
    return Meaning.REFUSED


def _is_part_of_a_list(answer: Answer) -> bool:
    """Return whether a 206 is a page of a list, not a piece of a body.

    Some APIs write the range without a unit: `0-24/130`.
    """
    content_range = answer.headers.get("Content-Range", "").strip().lower()
    is_of_bytes = content_range.startswith("bytes")
    is_partial = answer.status == HTTPStatus.PARTIAL_CONTENT
    return is_partial and bool(content_range) and not is_of_bytes


_ERRORS = frozenset(
    {"error", "errors", "errormessage", "errormsg", "errmsg", "errorcode", "errcode"}
    | {"haserror", "haserrors", "iserror", "exception", "fault", "faults"}
)
_VERDICTS = frozenset({"status", "stat", "result", "outcome"})
_FAILURES = frozenset(
    {"error", "errors", "fail", "failed", "failure", "exception", "ko", "nok"}
)
_SUCCESSES = frozenset({"success", "successful", "succeeded", "issuccess", "ok"})
_CODES = frozenset(
    {"code", "status", "statuscode", "httpcode", "httpstatus", "httpstatuscode"}
    | {"responsecode"}
)
_NO = frozenset({"", "false", "no", "none", "null", "n"})
_NO_ERROR = _NO | {"ok", "success", "no error", "no errors"}
ABOUT_THE_ANSWER = frozenset(
    {"meta", "metadata", "header", "head", "response", "result", "status", "info"}
)
"""Objects in which an API speaks of its answer; elsewhere it speaks of its data."""

_ERROR_CODES = range(400, 600)
_LEVELS = 3
_SHOWN_CHARACTERS = 100


def plain_name(name: str) -> str:
    """Return a field's name as it is compared with others."""
    return name.lower().replace("_", "").replace("-", "")


def failure_in(envelope: Mapping[str, Any], levels: int = _LEVELS) -> str | None:
    """Return by which field a body says that it is not an answer.

    Args:
        envelope: The body without its records.
        levels: How deep to look.

    Returns:
        The field with its value, such as `status: 'error'`; `None` for an answer.
    """
    for name, value in envelope.items():
        plain = plain_name(name)
        if _is_failure(plain, value):
            return f"{name}: {value!r:.{_SHOWN_CHARACTERS}}"
        if plain in ABOUT_THE_ANSWER and isinstance(value, dict) and levels > 1:
            below = failure_in(value, levels - 1)
            if below is not None:
                return f"{name}.{below}"
    return None


def _is_failure(name: str, value: Any) -> bool:
    if name in _ERRORS:
        return _is_said(value)
    if name in _SUCCESSES:
        return _is_negative(value)
    is_failure = name in _VERDICTS and str(value).strip().lower() in _FAILURES
    return is_failure or (name in _CODES and _is_error_code(value))


def _is_error_code(value: Any) -> bool:
    text = str(value) if isinstance(value, int | str) else ""
    return text.isdecimal() and int(text[:9]) in _ERROR_CODES


def _is_negative(value: Any, words: frozenset[str] = _NO) -> bool:
    text = str(value).strip().lower()
    return not value or text in words or not text.strip("0")


def _is_said(error: Any) -> bool:
    """Return whether there is anything in an error, such as a code that is not 0."""
    if isinstance(error, dict):
        return any(map(_is_said, error.values()))
    if isinstance(error, list):
        return any(map(_is_said, error))
    return not _is_negative(error, _NO_ERROR)
