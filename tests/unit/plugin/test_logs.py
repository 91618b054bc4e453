"""The log of a tap or a target: its level, and lines of JSON."""

from __future__ import annotations

import json
import logging
import sys
from typing import Any

import pytest

from tap_analytics.plugin.errors import ConfigError
from tap_analytics.plugin.logs import JSONLines, level_of, name_account


def line_of(level: int = logging.INFO, **options: Any) -> dict[str, Any]:
    log = logging.getLogger("tap-x")
    extra = options.pop("extra", None)
    place = (log.name, level, __file__, 1, "%s rows", (3,))
    record = log.makeRecord(*place, options.get("exc_info"), extra=extra)
    line = JSONLines("run-7", options.get("account", "")).format(record)
    assert "\n" not in line
    fields: dict[str, Any] = json.loads(line)
    return fields


@pytest.mark.parametrize(
    ("environ", "level"),
    [
        ({}, "INFO"),
        ({"LOGLEVEL": "debug"}, "DEBUG"),
        ({"LOGLEVEL": "debug", "TAP_X_LOGLEVEL": "ERROR"}, "ERROR"),
        ({"LOGLEVEL": ""}, "INFO"),
    ],
)
def test_the_level_is_that_of_the_plugin_or_of_all(
    environ: dict[str, str], level: str
) -> None:
    assert level_of(environ, "TAP_X_") == level


def test_a_level_that_does_not_exist_is_one_line() -> None:
    with pytest.raises(ConfigError) as error:
        level_of({"LOGLEVEL": "verbose"}, "TAP_X_")
    assert str(error.value) == (
        "The environment variable LOGLEVEL must be DEBUG, INFO, WARNING, ERROR or "
        "CRITICAL, not 'verbose'."
    )


def test_a_line_of_json_has_time_level_logger_message_and_run() -> None:
    fields = line_of()
    assert fields.pop("time").endswith("+00:00")
    assert fields == {
        "level": "INFO",
        "logger": "tap-x",
        "message": "3 rows",
        "run": "run-7",
    }


def test_a_line_of_json_has_the_numbers_of_a_summary_and_the_account() -> None:
    fields = line_of(extra={"run": {"rows": {"users": 3}}, "account": "acme"})
    assert fields["summary"] == {"rows": {"users": 3}}
    assert fields["account"] == "acme"


def test_the_account_of_the_process_is_in_each_line() -> None:
    assert line_of(account="acme")["account"] == "acme"
    assert "account" not in line_of()


def test_a_config_file_names_the_account(monkeypatch: pytest.MonkeyPatch) -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(formatter := JSONLines("run-7"))
    monkeypatch.setattr(logging.getLogger(), "handlers", [handler])
    name_account(None)
    assert formatter.account == ""
    name_account("acme")
    assert formatter.account == "acme"


def test_a_traceback_is_in_its_line() -> None:
    try:
        int("three")
    except ValueError:
        fields = line_of(logging.ERROR, exc_info=sys.exc_info())
    assert "ValueError" in fields["traceback"]
