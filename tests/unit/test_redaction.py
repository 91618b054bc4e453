"""The API key in logs: nowhere, however it is written."""

from __future__ import annotations

import html
import io
import json
import logging
import re
from base64 import b64encode, urlsafe_b64encode
from time import process_time
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st
from singer_sdk.logging import ConsoleFormatter, StructuredFormatter

from tap_analytics.redaction import HIDDEN, Redaction

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

KEY = "s3cr3t/key+with=odd&chars ü\"'\\"

SPELLINGS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "percent-encoded": lambda key: quote(key, safe=""),
    "percent-encoded as a path": quote,
    "percent-encoded as a query": quote_plus,
    "percent-encoded in lower case": lambda key: re.sub(
        "%..", lambda encoded: encoded[0].lower(), quote(key, safe="")
    ),
    "percent-encoded throughout": lambda key: "".join(
        f"%{byte:02X}" for byte in key.encode()
    ),
    "in JSON": lambda key: json.dumps(key)[1:-1],
    "in JSON with escaped slashes": lambda key: json.dumps(key)[1:-1].replace(
        "/", "\\/"
    ),
    "in JSON beyond ASCII": lambda key: json.dumps(key, ensure_ascii=False)[1:-1],
    "in HTML": html.escape,
    "as Python shows it": lambda key: repr(key)[1:-1],
    "as Python shows its bytes": lambda key: repr(key.encode("latin-1"))[2:-1],
}
TRACES = ("s3cr3t", "key+with", "with=odd", "odd&chars")


@pytest.fixture
def redaction() -> Redaction:
    redaction = Redaction()
    redaction.hide(KEY)
    return redaction


class Log:
    """A logger, and what it wrote."""

    def __init__(self, redaction: Redaction, formatter: logging.Formatter) -> None:
        self.stream = io.StringIO()
        self.handler = logging.StreamHandler(self.stream)
        self.handler.addFilter(redaction)
        self.handler.setFormatter(formatter)
        self.logger = logging.getLogger("tap-analytics.test.redaction")
        self.logger.addHandler(self.handler)
        self.logger.setLevel(logging.DEBUG)
        self.logger.propagate = False

    @property
    def text(self) -> str:
        return self.stream.getvalue()


FORMATTERS: dict[str, Callable[[], logging.Formatter]] = {
    "plain": logging.Formatter,
    "console": ConsoleFormatter,
    "structured": StructuredFormatter,
}


@pytest.fixture(params=FORMATTERS)
def log(request: pytest.FixtureRequest, redaction: Redaction) -> Iterator[Log]:
    log = Log(redaction, FORMATTERS[request.param]())
    yield log
    log.logger.removeHandler(log.handler)


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_the_key_is_hidden_however_it_is_written(
    redaction: Redaction, spelling: str
) -> None:
    text = f"before {SPELLINGS[spelling](KEY)} after"
    assert redaction.redacted(text) == f"before {HIDDEN} after"


@given(
    st.text(st.characters(codec="latin-1"), min_size=1),
    st.sampled_from(list(SPELLINGS)),
)
def test_any_key_is_hidden(key: str, spelling: str) -> None:
    redaction = Redaction()
    redaction.hide(key)
    assert redaction.redacted(SPELLINGS[spelling](key)) == HIDDEN


def test_other_text_is_left_as_it_is(redaction: Redaction) -> None:
    assert redaction.redacted("GET /v1/users answered 200") == (
        "GET /v1/users answered 200"
    )


def test_nothing_to_hide_hides_nothing() -> None:
    redaction = Redaction()
    assert redaction.redacted("text") == "text"
    redaction.hide("")
    assert redaction.redacted("text") == "text"


def test_a_second_secret_leaves_the_first_hidden(redaction: Redaction) -> None:
    redaction.hide("other")
    assert redaction.redacted(f"{KEY} other") == f"{HIDDEN} {HIDDEN}"


def test_a_key_that_is_escaped_twice_is_hidden(redaction: Redaction) -> None:
    twice = quote(quote(KEY, safe=""), safe="")
    assert redaction.redacted(f"?next={twice}&page=2") == "?next=***&page=2"


def test_a_key_that_looks_escaped_itself_is_hidden_within_json() -> None:
    redaction = Redaction()
    redaction.hide('a-key%20with"quotes')
    twice = json.dumps(json.dumps('{"key": "a-key%20with"quotes"}'))
    assert "quotes" not in redaction.redacted(twice)


def test_a_lone_percent_sign_before_an_encoded_key_does_not_show_it(
    redaction: Redaction,
) -> None:
    assert redaction.redacted(f"100%{quote(KEY, safe='')}") == "100%***"


def test_what_another_redaction_hides_is_left_as_it_is(redaction: Redaction) -> None:
    other = Redaction()
    other.hide("another-key")
    assert redaction.redacted("another-key") == "another-key"
    assert other.redacted(KEY) == KEY


@pytest.mark.parametrize("together", [True, False])
def test_a_thousand_secrets_are_hidden_within_a_second(*, together: bool) -> None:
    """Whether one run has them all, or each of a thousand runs one."""
    keys = [f"{number:04}-{'k3y' * 12}" for number in range(1000)]
    began = process_time()
    all_of_them = Redaction()
    for key in keys:
        redaction = all_of_them if together else Redaction()
        redaction.hide(key)
    for key in keys[:: 1 if together else 1000]:
        redaction = all_of_them if together else Redaction()
        redaction.hide(key)
        record = logging.LogRecord("tap", 20, "", 1, "The key is %s", (key,), None)
        redaction.filter(record)
        assert record.getMessage() == "The key is ***"
    assert process_time() - began < 1


def test_a_secret_within_another_is_no_way_to_the_rest() -> None:
    redaction = Redaction()
    redaction.hide("abc")
    redaction.hide("abcdef")
    assert redaction.redacted("abcdef") == HIDDEN


# In log records


def assert_hidden(text: str) -> None:
    assert HIDDEN in text
    assert not [trace for trace in TRACES if trace in text]


@pytest.mark.parametrize("encode", [b64encode, urlsafe_b64encode])
@pytest.mark.parametrize("before", ["", "a", "ab", "key="])
@pytest.mark.parametrize("after", ["", "c", "cd"])
def test_the_key_is_hidden_in_base64(
    redaction: Redaction, encode: Callable[[bytes], bytes], before: str, after: str
) -> None:
    whole = encode(f"{before}{KEY}{after}".encode()).decode()
    hidden = redaction.redacted(f"header {whole}.")
    assert HIDDEN in hidden
    assert len(hidden) <= len(f"header {HIDDEN}.") + len(before + after) * 2 + 6


def test_the_key_is_hidden_without_the_scheme_that_it_is_sent_with() -> None:
    redaction = Redaction()
    redaction.hide("Bearer s3cr3t-key")
    assert redaction.redacted("Bearer s3cr3t-key") == "***"
    assert redaction.redacted("a s3cr3t-key, a Bearer") == "a ***, a Bearer"


def test_a_message_is_redacted(log: Log) -> None:
    log.logger.info("The key is %s.", KEY)
    assert_hidden(log.text)


def test_a_message_without_the_key_is_logged_as_it_is(log: Log) -> None:
    log.logger.info("%d of %s", 3, "users")
    assert "3 of users" in log.text


def fail() -> None:
    raise ValueError(KEY)


def test_a_traceback_is_redacted(log: Log) -> None:
    try:
        fail()
    except ValueError:
        log.logger.exception("It failed.")
    assert "ValueError" in log.text
    assert_hidden(log.text)


def test_the_causes_of_an_error_are_redacted(log: Log) -> None:
    def fail_twice() -> None:
        try:
            fail()
        except ValueError as error:
            msg = f"because of {quote(KEY, safe='')}"
            raise RuntimeError(msg) from error

    try:
        fail_twice()
    except RuntimeError:
        log.logger.debug("It failed.", exc_info=True)
    assert_hidden(log.text)


def test_what_is_logged_beside_the_message_is_redacted(log: Log) -> None:
    log.logger.info("It failed.", extra={"url": f"https://h/?key={KEY}"})
    assert not [trace for trace in TRACES if trace in log.text]


def test_a_message_that_does_not_fit_its_arguments_harms_nobody(
    log: Log, capsys: pytest.CaptureFixture[str]
) -> None:
    log.logger.info("%d requests", KEY)
    shown = log.text + capsys.readouterr().err
    assert "requests" in shown
    assert not [trace for trace in TRACES if trace in shown]


def test_other_handlers_see_the_same(redaction: Redaction) -> None:
    first = Log(redaction, ConsoleFormatter())
    second = Log(redaction, ConsoleFormatter())
    try:
        first.logger.info("The key is %s.", KEY)
    finally:
        for log in (first, second):
            log.logger.removeHandler(log.handler)
    assert first.text == second.text
    assert_hidden(first.text)


# In bodies


@pytest.mark.parametrize(
    "spelling", ["as it is", "percent-encoded", "in JSON", "in JSON beyond ASCII"]
)
def test_a_body_is_redacted(redaction: Redaction, spelling: str) -> None:
    body = f'{{"url": "{SPELLINGS[spelling](KEY)}", "id": 1}}'.encode()
    assert redaction.redacted_body(body) == b'{"url": "***", "id": 1}'


def test_a_body_without_the_key_is_left_as_it_is(redaction: Redaction) -> None:
    body = b'{"id": "s3cr3t", "bytes": "\xff"}'
    assert redaction.redacted_body(body) == body


def test_what_may_stand_in_a_body_by_chance_is_left_there() -> None:
    redaction = Redaction()
    redaction.hide("test")
    assert redaction.redacted_body(b'{"name": "test"}') == b'{"name": "test"}'
