"""Which command lines start the target at once."""

from __future__ import annotations

import pytest

from tap_analytics.load.command import main
from tap_analytics.load.waiting_child import COMPLETION, OPTIONS, is_run


@pytest.mark.parametrize(
    "line",
    [
        "",
        "--config config.json",
        "--config=config.json --config more.json",
        "--config c.json --target t.json --state=s.json --catalog catalog.json",
    ],
)
def test_a_run_is_told_by_its_options(line: str) -> None:
    assert is_run(line.split(), {})


@pytest.mark.parametrize(
    "line",
    [
        *("--help", "-h", "--version", "--about", "--config", "config.json"),
        *("--config config.json --help", "--configs config.json", "-- --config c"),
    ],
)
def test_what_only_says_something_is_no_run(line: str) -> None:
    assert not is_run(line.split(), {})


def test_to_complete_a_word_is_no_run() -> None:
    assert not is_run([], {COMPLETION: "bash_complete"})


def test_every_option_of_a_run_is_known() -> None:
    names = [
        parameter.opts[0] for parameter in main.params if parameter.name != "version"
    ]
    assert [*OPTIONS] == names
