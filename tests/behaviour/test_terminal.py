"""A run in a terminal: a display, messages above it, and nothing left broken."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from termios import tcgetattr
from typing import TYPE_CHECKING

import pytest

from tests.helpers.running import STREAMS, settings
from tests.helpers.terminals import TIMEOUT, run, started, terminal

if TYPE_CHECKING:
    from pathlib import Path

    from tap_analytics.sandbox import Sandbox
    from tests.conftest import SandboxFactory


@pytest.fixture
def api(sandbox: SandboxFactory) -> Sandbox:
    return sandbox(projects=3, tasks=2, time_records=2, clients=4, users=2)


@pytest.fixture
def held(sandbox: SandboxFactory) -> Sandbox:
    """An API that lets the run wait for a minute, in the middle of the projects."""
    api = sandbox(projects=12, tasks=2, time_records=2, clients=4, users=2)
    last = api.truth("projects")[-4]["id"].replace(":", "%3A").replace("/", "%2F")
    api.fault(
        f"/v1/projects/{last}/time", status=429, headers={"Retry-After": "60"}, times=1
    )
    return api


# The display


def test_the_display_shows_how_far_the_run_is_and_what_it_waits_for(
    held: Sandbox, tmp_path: Path
) -> None:
    with terminal() as screen, started(settings(held), screen, tmp_path):
        text = screen.wait_for_display(
            lambda text: "waiting" in text and " of 12" in text
        )
    assert "of 12 projects" in text
    rows = [line.split() for line in text.splitlines()]
    assert ["clients", "4", "done"] in rows
    assert re.search("for the API's limit, (1 min 0|5[0-9]) s more", text)
    assert "Warning" not in text


def test_the_end_of_a_run_is_a_small_table(api: Sandbox, tmp_path: Path) -> None:
    with terminal() as screen:
        headline, *rows = run(settings(api), screen, tmp_path).splitlines()
    assert headline.startswith("Complete in ")
    assert headline.endswith(": 141 rows, 3 of 3 projects")
    assert [row.split() for row in rows] == [
        ["clients", "4", "done"],
        ["projects", "3", "done"],
        ["tasks", "6", "done"],
        ["time", "120", "done"],
        ["time_records", "6", "done"],
        ["users", "2", "done"],
        ["requests", "10"],
    ]


def test_standard_output_has_messages_only(api: Sandbox, tmp_path: Path) -> None:
    with terminal() as screen:
        run(settings(api), screen, tmp_path)
    lines = (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()
    assert {json.loads(line)["type"] for line in lines} == {"SCHEMA", "RECORD", "STATE"}


def test_a_line_that_another_process_writes_stays(
    held: Sandbox, tmp_path: Path
) -> None:
    with terminal() as screen, started(settings(held), screen, tmp_path) as process:
        screen.wait_for_display(lambda text: "waiting" in text)
        os.write(screen.fd, b"target: loaded 120 rows\n")
        frames = screen.received.count(b"waiting")
        screen.wait_for(lambda _: screen.received.count(b"waiting") > frames + 1)
        process.send_signal(signal.SIGTERM)
        process.wait(TIMEOUT)
        text = screen.at_the_end()
    assert text.splitlines()[0] == "target: loaded 120 rows"
    assert text.count("clients") == 1


# Its size and colours


@pytest.mark.parametrize("columns", [40, 200])
def test_no_line_is_wider_than_the_terminal(
    held: Sandbox, tmp_path: Path, columns: int
) -> None:
    with (
        terminal(columns) as screen,
        started(settings(held), screen, tmp_path) as process,
    ):
        text = screen.wait_for_display(lambda text: "waiting" in text)
        assert [line.split()[0] for line in text.splitlines()[1:7]] == [*STREAMS]
        process.send_signal(signal.SIGTERM)
        process.wait(TIMEOUT)
        text = screen.at_the_end()
    assert text.count("requests") == 1


def test_a_low_terminal_shows_the_beginning(held: Sandbox, tmp_path: Path) -> None:
    with terminal(rows=5) as screen, started(settings(held), screen, tmp_path):
        text = screen.wait_for_display(lambda text: " of 12 projects" in text)
    assert len(text.splitlines()) <= 4


def test_no_color_means_none(held: Sandbox, tmp_path: Path) -> None:
    with (
        terminal() as screen,
        started(settings(held), screen, tmp_path, NO_COLOR="1"),
    ):
        screen.wait_for_display(lambda text: "waiting" in text)
    assert not any(code in screen.received for code in (b"\x1b[3", b"\x1b[4", b";3"))


@pytest.mark.parametrize("env", [{"TERM": "dumb"}, {"TAP_ANALYTICS_LOGLEVEL": "INFO"}])
def test_there_are_log_lines_where_no_display_can_be_or_they_are_asked_for(
    api: Sandbox, tmp_path: Path, env: dict[str, str]
) -> None:
    with terminal() as screen:
        text = run(settings(api), screen, tmp_path, **env)
    assert "INFO" in text
    assert b"\x1b" not in screen.received


def test_rich_is_imported_only_when_there_is_something_to_show() -> None:
    code = "import sys, tap_analytics.command; sys.exit('rich' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# How it ends


def test_an_error_is_one_line_above_the_summary(api: Sandbox, tmp_path: Path) -> None:
    api.fault("/v1/team/users", status=400, body='{"why": "\\u001b[31mno"}')
    with terminal(columns=400) as screen:
        error, headline, *_ = run(settings(api), screen, tmp_path).splitlines()
    assert error.startswith(f"Error: GET {api.url}/v1/team/users answered 400")
    assert headline.startswith("Failed in ")


def test_an_error_before_the_first_request_is_all_there_is(
    api: Sandbox, tmp_path: Path
) -> None:
    with terminal() as screen:
        text = run({"api_url": api.url}, screen, tmp_path)
    assert text.startswith("Error: The setting api_key is missing")
    assert "requests" not in text


def test_what_an_api_sends_can_not_steer_the_terminal(
    api: Sandbox, tmp_path: Path
) -> None:
    api.fault("/v1/clients", status=200, body='{"\\u001b[2Jkey": []}')
    with terminal(columns=400) as screen:
        text = run(settings(api), screen, tmp_path)
    assert "the response has the keys '\\x1b[2Jkey'" in text
    assert b"\x1b[2J" not in screen.received


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_the_terminal_as_it_was(
    held: Sandbox, tmp_path: Path, number: signal.Signals
) -> None:
    with terminal(columns=200) as screen:
        before = tcgetattr(screen.fd)
        with started(settings(held), screen, tmp_path) as process:
            screen.wait_for_display(lambda text: "waiting" in text)
            sent_at = time.monotonic()
            process.send_signal(number)
            assert process.wait(TIMEOUT) == 128 + number
            assert time.monotonic() - sent_at < 10
        text = screen.at_the_end()
        assert tcgetattr(screen.fd) == before
    assert text.startswith(f"Error: Stopped by {number.name}")
    assert "of 12 projects\n" in text
    assert b"\x1b[?" not in screen.received  # No mode is set, so that none can stay.


def test_a_terminal_that_goes_away_ends_no_run(
    sandbox: SandboxFactory, tmp_path: Path
) -> None:
    api = sandbox(projects=3, latency=0.4)
    with terminal() as screen:
        with started(settings(api), screen, tmp_path) as process:
            screen.wait_for(lambda text: "requests" in text)
            os.close(screen._end)  # noqa: SLF001 - what a closed window does
            assert process.wait(TIMEOUT) == 0
        screen._end = os.open(os.devnull, os.O_RDONLY)  # noqa: SLF001
