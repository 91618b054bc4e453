"""The whole screen of tap and target together, as a person sees it in the end."""

from __future__ import annotations

import html
import json
import os
import re
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

import pytest

from tests.helpers.commands import PROJECT, SCRIPTS, environment
from tests.helpers.running import STREAMS, settings
from tests.helpers.terminals import PLAIN, Screen, terminal

if TYPE_CHECKING:
    from pathlib import Path

    from tap_analytics.sandbox import Sandbox
    from tests.conftest import SandboxFactory

TIMEOUT = 60
WIDTHS = (80, 120)
PICTURE_COLUMNS = 80
PIXELS = 12.2
"""So wide is a column of a picture."""

LIMITS = {"no limit": None, "a limit": (6, 1.5)}
COMMANDS = {
    "pipe": "set -o pipefail; tap-analytics --config config.json | target-dlt > state",
    "load": "exec analytics-load --config config.json",
}
STREAM = rf"(?:{'|'.join(STREAMS)})"
SECONDS = r"(?:[\d.]+ s|\d+ min \d+ s)"
PROJECTS = r"(?:, \d+ of \d+ projects)?"
LIMIT = "for the API's limit"
LINES = (
    rf"(?:Complete|Failed|Stopped) in {SECONDS}: [\d,]+ rows?{PROJECTS}",
    rf"{STREAM} +[\d,]+  (?:done|in part)",
    rf"{STREAM} +not read",
    r"(?:requests|retries) +\d+",
    rf"waited +{SECONDS}  {LIMIT}",
    r"warnings +\d+  .*",
    r"Error: .+",
    r"Stopped by SIGINT before anything was (?:read|loaded)\.",
    r"Loaded [\d,]+ rows into analytics.duckdb, dataset analytics: .+\.",
)
"""What a whole line of the screen may be."""

UNDER_WAY = (
    rf"\d+ of \d+ projects  [━╸╺]+  about {SECONDS} left",
    rf"{STREAM} +[\d,]+(?:  done)?",
    rf"{STREAM} +not yet",
    r"requests +\d+(?:  [\d.]+ per second)?",
    rf"waiting +{SECONDS}  {LIMIT}(?:, {SECONDS} more)?",
    r"(?:retries|warnings) +\d+.*",
)
"""What a whole line may be while a run goes on."""


class Outcome(NamedTuple):
    """How a command ended, and what is on the screen then."""

    status: int
    lines: list[str]


def unwrapped(screen: Screen, columns: int) -> list[str]:
    """Return the lines as they were written: a long one goes on below."""
    lines: list[str] = []
    goes_on = False
    for line in screen.text.splitlines():
        if goes_on:
            lines[-1] = f"{lines[-1]:{columns}}{line}"
        else:
            lines.append(line)
        goes_on = len(line) >= columns - 1  # A space at its end is not shown.
    return lines


def is_whole(line: str) -> bool:
    return any(re.fullmatch(pattern, line) for pattern in LINES)


class Sessions:
    """A command in terminals of all widths at once; all its programs write to them.

    Args:
        folder: Where to run the command.
        sandbox: Starts an API for each terminal.
        limit: The limit of the API.
    """

    def __init__(
        self, folder: Path, sandbox: SandboxFactory, limit: tuple[int, float] | None
    ) -> None:
        small = {"projects": 4, "tasks": 2, "time_records": 2, "clients": 4, "users": 2}
        self.apis = [sandbox(**small, rate_limit=limit) for _ in WIDTHS]
        self._folders = [folder / f"{columns} columns" for columns in WIDTHS]

    def run(self, command: str, *, interrupt: bool = False) -> list[Outcome]:
        """Run the command to its end, in all terminals.

        Args:
            command: A name of `COMMANDS`.
            interrupt: Whether to type Ctrl-C when the display shows projects.
        """

        def in_one(columns: int, folder: Path, api: Sandbox) -> Outcome:
            folder.mkdir()
            (folder / "config.json").write_text(json.dumps(settings(api)))
            return _run(COMMANDS[command], folder, columns, interrupt=interrupt)

        with ThreadPoolExecutor() as threads:
            return [*threads.map(in_one, WIDTHS, self._folders, self.apis)]


def _run(command: str, folder: Path, columns: int, *, interrupt: bool) -> Outcome:
    unset = {"COLUMNS", "LINES", "LOGLEVEL", "NO_COLOR", "TAP_ANALYTICS_LOGLEVEL"}
    env = {k: v for k, v in environment(**PLAIN).items() if k not in unset}
    env["PATH"] = f"{SCRIPTS}{os.pathsep}{env['PATH']}"
    with (
        terminal(columns, 40) as screen,
        subprocess.Popen(
            ("/bin/bash", "-c", command),
            cwd=folder,
            env=env,
            stdin=subprocess.DEVNULL,
            stderr=screen.fd,
            start_new_session=True,
        ) as process,
    ):
        if interrupt:
            screen.wait_for_display(lambda text: " of 4 projects" in text)
            os.killpg(process.pid, signal.SIGINT)
        process.wait(TIMEOUT)
        _wait_for_group(process.pid)
        screen.at_the_end()
        return Outcome(process.returncode, unwrapped(screen, columns))


def _wait_for_group(group: int) -> None:
    """Wait for the whole pipe: after Ctrl-C, a shell waits for its last part only."""
    until = time.monotonic() + TIMEOUT
    with suppress(ProcessLookupError):
        while time.monotonic() < until:
            os.killpg(group, 0)
            time.sleep(0.02)


@pytest.fixture(params=LIMITS)
def sessions(
    request: pytest.FixtureRequest, tmp_path: Path, sandbox: SandboxFactory
) -> Sessions:
    return Sessions(tmp_path, sandbox, LIMITS[request.param])


@pytest.mark.parametrize("command", COMMANDS)
def test_a_success_shows_rows_and_where_they_went(
    sessions: Sessions, command: str
) -> None:
    for status, lines in sessions.run(command):
        assert status == 0
        assert [line for line in lines if not is_whole(line)] == []
        assert sum(line.startswith("Loaded ") for line in lines) == 1
        assert sum(line.startswith("Complete in ") for line in lines) == 1
        assert {line.split()[0] for line in lines} >= {*STREAMS}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_failure_shows_the_error_above_the_summary(
    sessions: Sessions, command: str
) -> None:
    for api in sessions.apis:
        api.fault("/v1/team/time", status=418)
    for status, lines in sessions.run(command):
        assert status == 1
        assert [line for line in lines if not is_whole(line)] == []
        places = [
            next(n for n, line in enumerate(lines) if line.startswith(beginning))
            for beginning in ("Error: ", "Failed in ")
        ]
        assert places == sorted(places)
        assert ["time", "not", "read"] in [line.split() for line in lines]


@pytest.mark.parametrize("command", COMMANDS)
def test_ctrl_c_leaves_a_whole_screen(sessions: Sessions, command: str) -> None:
    for api in sessions.apis:
        project = quote(api.truth("projects")[2]["id"], safe="")
        api.fault(f"/v1/projects/{project}/time", "hang")
    for status, lines in sessions.run(command, interrupt=True):
        assert status in {128 + signal.SIGINT, -signal.SIGINT}, lines
        assert [line for line in lines if not is_whole(line)] == []
        assert any(line.startswith("Error: Stopped by SIGINT") for line in lines), lines
        assert any(line.startswith("Stopped in ") for line in lines), lines


@pytest.mark.parametrize(
    ("picture", "patterns"),
    [("while-it-runs", UNDER_WAY), ("when-it-is-over", LINES)],
)
def test_the_pictures_show_lines_of_such_screens(
    picture: str, patterns: tuple[str, ...]
) -> None:
    svg = (PROJECT / "docs" / f"{picture}.svg").read_text(encoding="utf-8")
    prompt, *lines = shown(svg)
    assert prompt == "$ analytics-load --config config.json"
    for line in lines:
        assert any(re.fullmatch(pattern, line) for pattern in patterns), line
    assert {line.split()[0] for line in lines} >= {*STREAMS, "requests"}


def shown(svg: str) -> list[str]:
    """Return the lines that a picture shows; a long one goes on in the next row."""
    rows: dict[str, str] = {}
    place = r'<text[^>]* x="([\d.]+)" y="([\d.]+)"[^>]*>([^<]*)</text>'
    for column, row, text in re.findall(place, svg):
        before = rows.get(row, "").ljust(round(float(column) / PIXELS))
        rows[row] = before + html.unescape(text).replace("\xa0", " ")
    lines: list[str] = []
    goes_on = False
    for text in map(str.rstrip, rows.values()):
        if goes_on:
            lines[-1] = f"{lines[-1]:{PICTURE_COLUMNS}}{text}"
        elif text:
            lines.append(text)
        goes_on = len(text) >= PICTURE_COLUMNS - 1
    return lines
