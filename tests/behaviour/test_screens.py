"""The whole screen of tap and target together, as a person sees it in the end."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from tests.helpers.commands import SCRIPTS, environment
from tests.helpers.running import STREAMS, settings
from tests.helpers.terminals import PLAIN, Screen, terminal

if TYPE_CHECKING:
    from pathlib import Path

    from tap_analytics.sandbox import Sandbox
    from tests.conftest import SandboxFactory

TIMEOUT = 60
COMMANDS = {
    "pipe": "set -o pipefail; tap-analytics --config config.json | target-dlt > state",
    "load": "exec analytics-load --config config.json",
}
STREAM = rf"(?:{'|'.join(STREAMS)})"
LINES = (
    r"(?:Complete|Failed|Stopped) in [\d.]+ s: [\d,]+ rows?(?:, \d+ of \d+ projects)?",
    rf"{STREAM} +[\d,]+(?:  done)?",
    r"(?:requests|retries) +\d+",
    r"waited +.* for the API's limit",
    r"warnings +\d+  .*",
    r"Error: .+",
    r"Stopped by SIGINT before anything was (?:read|loaded)\.",
    r"Loaded \d+ rows into analytics.duckdb, dataset analytics: .+\.",
)
"""What a whole line of the screen may be."""


@pytest.fixture
def api(sandbox: SandboxFactory) -> Sandbox:
    return sandbox(projects=4, tasks=2, time_records=2, clients=4, users=2)


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


class Session:
    """A command in a terminal, both of whose programs write to it."""

    def __init__(self, folder: Path, api: Sandbox, columns: int) -> None:
        self._folder = folder
        self._columns = columns
        (folder / "config.json").write_text(json.dumps(settings(api)))

    def run(self, command: str, *, interrupt: bool = False) -> tuple[int, list[str]]:
        unset = {"COLUMNS", "LINES", "LOGLEVEL", "NO_COLOR", "TAP_ANALYTICS_LOGLEVEL"}
        env = {k: v for k, v in environment(**PLAIN).items() if k not in unset}
        env["PATH"] = f"{SCRIPTS}{os.pathsep}{env['PATH']}"
        with (
            terminal(self._columns, 40) as screen,
            subprocess.Popen(
                ("/bin/bash", "-c", COMMANDS[command]),
                cwd=self._folder,
                env=env,
                stdin=subprocess.DEVNULL,
                stderr=screen.fd,
                start_new_session=True,
            ) as process,
        ):
            if interrupt:
                screen.wait_for_display(lambda text: "waiting" in text)
                os.killpg(process.pid, signal.SIGINT)
            process.wait(TIMEOUT)
            screen.at_the_end()
            return process.returncode, unwrapped(screen, self._columns)


@pytest.fixture(params=[80, 120])
def session(request: pytest.FixtureRequest, tmp_path: Path, api: Sandbox) -> Session:
    return Session(tmp_path, api, request.param)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_success_shows_rows_and_where_they_went(
    session: Session, command: str
) -> None:
    status, lines = session.run(command)
    assert status == 0
    assert [line for line in lines if not is_whole(line)] == []
    assert sum(line.startswith("Loaded ") for line in lines) == 1
    assert sum(line.startswith("Complete in ") for line in lines) == 1
    assert {line.split()[0] for line in lines} >= {*STREAMS}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_failure_shows_the_error_above_the_summary(
    session: Session, api: Sandbox, command: str
) -> None:
    api.fault("/v1/team/time", status=418)
    status, lines = session.run(command)
    assert status == 1
    assert [line for line in lines if not is_whole(line)] == []
    places = [
        next(place for place, line in enumerate(lines) if line.startswith(beginning))
        for beginning in ("Error: ", "Failed in ")
    ]
    assert places == sorted(places)


@pytest.mark.parametrize("command", COMMANDS)
def test_ctrl_c_leaves_a_whole_screen(
    session: Session, api: Sandbox, command: str
) -> None:
    project = quote(api.truth("projects")[2]["id"], safe="")
    path = f"/v1/projects/{project}/time"
    api.fault(path, status=429, headers={"Retry-After": "600"}, times=1)
    status, lines = session.run(command, interrupt=True)
    assert status in {128 + signal.SIGINT, -signal.SIGINT}
    assert [line for line in lines if not is_whole(line)] == []
    assert any(line.startswith("Error: Stopped by SIGINT") for line in lines)
    assert any(line.startswith("Stopped in ") for line in lines)
