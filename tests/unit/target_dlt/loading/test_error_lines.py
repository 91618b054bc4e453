"""One line for what goes wrong, without any password."""

from __future__ import annotations

import errno
import json
import logging
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from tap_analytics.target_dlt.errors import FullError, LoadError
from tap_analytics.target_dlt.loading.error_lines import one_line_errors, redact

if TYPE_CHECKING:
    from collections.abc import Callable

WORDS = "pa55 w0rdrest loader localhost"


def shown(credentials: Any, text: str) -> str:
    return redact(text, {"destination": "postgres", "credentials": credentials})


@pytest.mark.parametrize(
    ("credentials", "parts"),
    [
        ("postgresql://loader:pa55@w0rdrest@localhost/db", ["pa55", "w0rdrest"]),
        ("postgresql://loader:pa55@x@w0rdrest@localhost/db", ["pa55", "w0rdrest"]),
        ("postgresql://loader:pa55/w0rdrest@localhost/db", ["pa55", "w0rdrest"]),
        ("postgresql://loader:pa55:w0rdrest@localhost/db", ["pa55", "w0rdrest"]),
        ("postgresql://loader:pa55%40w0rdrest@localhost/db", ["pa55", "w0rdrest"]),
        ("postgresql://loader:a@w0rdrest@localhost/db", ["w0rdrest"]),
        ("host=localhost password=w0rdrest user=loader", ["w0rdrest"]),
        ("host=localhost password='w0rdrest' user=loader", ["w0rdrest"]),
        ("postgresql://localhost/db?user=loader&password=w0rdrest", ["w0rdrest"]),
        ("postgresql://loader:pa55\\w0rdrest@localhost/db", ["pa55", "w0rdrest"]),
        ("postgresql://loader:pa55'w0rdrest\"@localhost/db", ["pa55", "w0rdrest"]),
        ("host=localhost password='pa\\'55 w0rdrest'", ["w0rdrest"]),
        ("postgresql://localhost/db?password=pa55@w0rdrest", ["pa55", "w0rdrest"]),
        ({"username": "loader", "password": "w0rdrest"}, ["w0rdrest"]),
        ('{"username": "loader", "password": "w0rdrest"}', ["w0rdrest"]),
        ({"url": "postgresql://loader:pa55@w0rdrest@localhost/db"}, ["w0rdrest"]),
    ],
)
def test_no_part_of_a_password_is_shown(credentials: Any, parts: list[str]) -> None:
    text = f"{credentials}: {WORDS}, w0rdrest@localhost"
    for part in parts:
        assert part not in shown(credentials, text)


def test_user_and_host_are_shown() -> None:
    credentials = "postgresql://loader:w0rdrest@localhost/db"
    assert shown(credentials, WORDS) == "pa55 *** loader localhost"


def test_a_short_part_is_hidden_where_it_stands_alone() -> None:
    credentials = "postgresql://loader:ss@w0rdrest@localhost/db"
    assert shown(credentials, "a class: ss or w0rdrest") == "a class: *** or ***"


def test_a_password_in_any_url_is_hidden() -> None:
    text = "postgresql://loader:pa55@w0rdrest@localhost/db is wrong"
    assert shown(None, text) == "postgresql://loader:***@localhost/db is wrong"


def test_a_password_in_dlt_s_configuration_is_hidden(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url = "postgresql://loader:pa55@w0rdrest@localhost/db"
    monkeypatch.setenv("DESTINATION__POSTGRES__CREDENTIALS", url)
    assert shown(None, WORDS) == "*** *** loader localhost"


@pytest.mark.parametrize("spell", [str, repr, ascii, json.dumps, quote, str.lower])
def test_a_password_is_hidden_however_it_is_spelt(spell: Callable[[str], str]) -> None:
    password = "Pässw0rd\\ \n'é"
    text = spell(password)
    assert "ssw0rd" not in shown({"password": password}, text)
    assert "***" in shown({"password": password}, text)


def test_a_password_among_the_options_is_hidden() -> None:
    config = {
        "destination": "postgres",
        "destination_config": {"credentials": {"password": "w0rdrest"}},
    }
    assert redact(WORDS, config) == "pa55 *** loader localhost"


@pytest.mark.parametrize("variable", ["CREDENTIALS", "DESTINATION__CREDENTIALS"])
def test_a_password_in_a_wider_section_of_dlt_is_hidden(
    variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "postgresql://loader:pa55@w0rdrest@localhost/db")
    assert shown(None, WORDS) == "*** *** loader localhost"


@pytest.mark.parametrize(
    "variable",
    [
        "DESTINATION__POSTGRES__CREDENTIALS__PASSWORD",
        "DESTINATION__CREDENTIALS__PASSWORD",
        "CREDENTIALS__PASSWORD",
        "ANALYTICS__DESTINATION__POSTGRES__CREDENTIALS__PASSWORD",
    ],
)
def test_a_password_in_a_variable_of_its_own_is_hidden(
    variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "w0rdrest")
    host = variable.replace("PASSWORD", "HOST")
    monkeypatch.setenv(host, "localhost")
    assert shown(None, WORDS) == "pa55 *** loader localhost"


@pytest.mark.parametrize("name", ["api_token", "secretKey", "PASSWORD"])
def test_a_secret_option_is_hidden(name: str) -> None:
    options = {"nested": {name: "w0rdrest"}, name: "pa55", "host": "localhost"}
    config = {"destination": "postgres", "destination_config": options}
    assert redact(WORDS, config) == "*** *** loader localhost"


def fail(error: Exception) -> None:
    with one_line_errors({"destination": "postgres"}, logging.getLogger(__name__)):
        raise RuntimeError from error


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "no room"),
        ValueError("could not extend file: No space left on device"),
    ],
)
def test_a_disk_that_is_full_is_told_from_rows_that_are_refused(
    error: Exception,
) -> None:
    with pytest.raises(FullError):
        fail(error)
    with pytest.raises(LoadError) as refused:
        fail(ValueError("the row is wrong"))
    assert not isinstance(refused.value, FullError)
