"""What is told of a run: a line now and then, and one when it is over."""

from __future__ import annotations

import json
import logging
import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest

from tap_analytics.progress import Progress
from tap_analytics.report.report import LogReport, duration, numbers, so_far, summary
from tests.helpers.clocks import Clock
from tests.helpers.running import Outcome, run_tap, settings

if TYPE_CHECKING:
    from pathlib import Path

    from tap_analytics.sandbox import Sandbox
    from tests.conftest import SandboxFactory

SMALL = {"projects": 3, "tasks": 2, "time_records": 2, "clients": 4, "users": 2}
ROWS = "clients 4, projects 3, tasks 6, time 120, time_records 6, users 2"


@pytest.fixture
def api(sandbox: SandboxFactory) -> Sandbox:
    return sandbox(**SMALL)


def run(api: Sandbox, folder: Path, *args: str, **config: Any) -> Outcome:
    return run_tap(settings(api, **config), *args, folder=folder, log_level="INFO")


def last_line(outcome: Outcome) -> str:
    return outcome.err.splitlines()[-1].rpartition("| ")[2]


# The last line


def test_the_last_line_sums_a_run_up(api: Sandbox, tmp_path: Path) -> None:
    line = last_line(run(api, tmp_path))
    assert line.startswith("Complete in ")
    assert f": 141 rows ({ROWS}); 3 of 3 projects; 10 requests." in line


def test_it_counts_what_went_wrong_by_kind(api: Sandbox, tmp_path: Path) -> None:
    first = api.truth("projects")[0]
    api.fault(f"/v1/projects/{first['id'].replace(':', '%3A')}/*", status=404)
    api.fault("/v1/clients", "503", times=2)
    line = last_line(run(api, tmp_path))
    assert "; 2 retries; " in line
    assert line.endswith(
        "1 project vanished; 4 warnings (retry 2, vanished 2)."
    )  # Its tasks and its time records, of one project.


def test_values_that_do_not_fit_are_warnings_of_a_kind(
    api: Sandbox, tmp_path: Path
) -> None:
    body = json.dumps({"data": [{"id": "c1", "createdAt": "soon"}]})
    api.fault("/v1/clients", status=200, body=body)
    assert "1 warning (misfit 1)." in last_line(run(api, tmp_path))


def test_a_failed_run_is_summed_up_once_and_ends_with_the_error(
    api: Sandbox, tmp_path: Path
) -> None:
    api.fault("/v1/team/time", status=403)
    outcome = run(api, tmp_path)
    assert "may not read the stream 'time'" in last_line(outcome)
    assert outcome.err.count("Failed in ") == 1
    summary = outcome.err.splitlines()[-2]
    assert "| Failed in " in summary
    assert "clients 4, projects 3, tasks 6, time 0, " in summary


def test_a_run_that_asked_for_nothing_has_no_last_line(tmp_path: Path) -> None:
    outcome = run_tap({"api_key": ""}, folder=tmp_path, log_level="INFO")
    assert "ERROR" in outcome.err.splitlines()[-1]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_run_that_is_stopped_is_summed_up_too(
    api: Sandbox, tmp_path: Path, number: signal.Signals
) -> None:
    api.fault("/v1/projects", status=429, headers={"Retry-After": "60"})
    config = tmp_path / "config.json"
    config.write_text(json.dumps(settings(api)))
    with subprocess.Popen(
        [sys.executable, "-m", "tap_analytics", "--config", str(config)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as tap:
        assert tap.stderr is not None
        lines = iter(tap.stderr.readline, "")
        while "Beginning sync of 'projects'" not in next(lines):
            pass
        tap.send_signal(number)
        *_, summary, last = lines
    assert tap.returncode == 128 + number
    assert "| Stopped in " in summary
    assert f"| Stopped by {number.name} before everything was read" in last


def test_structured_logs_get_the_numbers(
    api: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[logging.LogRecord] = []
    monkeypatch.setattr(
        logging.Logger,
        "callHandlers",
        lambda _, record: seen.append(record),
    )
    run(api, tmp_path)
    run_numbers = vars(seen[-1])["run"]
    assert run_numbers["outcome"] == "complete"
    assert run_numbers["rows"]["tasks"] == 6
    assert run_numbers["requests"] == 10


@pytest.mark.parametrize(("level", "lines"), [("INFO", 0), ("DEBUG", 2 * 6)])
def test_the_metrics_of_the_sdk_are_for_whoever_looks_for_a_bug(
    api: Sandbox, tmp_path: Path, level: str, lines: int
) -> None:
    err = run_tap(settings(api), folder=tmp_path, log_level=level).err
    assert sum("METRIC" in line for line in err.splitlines()) == lines


@pytest.mark.parametrize("noise", ["Skipping parse of env var", "as child stream to"])
def test_what_the_sdk_does_inside_is_not_logged(
    api: Sandbox, tmp_path: Path, noise: str
) -> None:
    assert noise not in run(api, tmp_path).err


# The wait for the API


def test_a_pause_that_the_api_asks_for_is_counted(api: Sandbox, tmp_path: Path) -> None:
    api.fault("/v1/clients", status=429, headers={"Retry-After": "1"}, times=1)
    waited = last_line(run(api, tmp_path)).partition(" waited for")[0].split("; ")[-1]
    assert float(waited.removesuffix(" s")) > 0.5


# Lines in between


def test_a_line_is_logged_each_time_that_it_is_due() -> None:
    logger, both = logging.getLogger("tap-analytics.report-test"), threading.Event()
    lines: list[str] = []

    class Lines(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(record.getMessage())
            if len(lines) > 1:
                both.set()

    logger.addHandler(Lines())
    logger.setLevel(logging.INFO)
    report = LogReport(Progress(), logger, seconds=0.001)
    report.begin()
    assert both.wait(10)
    report.end("Complete")
    assert all(line.startswith("So far: 0 rows; 0 requests in ") for line in lines)


def test_a_line_says_how_far_a_run_is_and_how_long_it_will_take() -> None:
    clock = Clock()
    progress = Progress(clock)
    progress.parents_begin()
    progress.parents_seen(20, more=False)
    for _ in range(5):
        clock.now += 6
        progress.parent_read()
    progress.wrote("tasks", 1234)
    progress.sent()
    assert so_far(progress) == [
        "5 of 20 projects",
        "1,234 rows",
        "1 request in 30 s",
        "about 1 min 30 s left",
    ]


def test_a_line_says_what_is_waited_for() -> None:
    clock = Clock()
    progress = Progress(clock)
    progress.held.until = 50
    with progress.held:
        clock.now = 20
        assert so_far(progress)[-1] == "20 s waited for the API's limit, 30 s more"


def test_projects_that_may_become_more_are_marked() -> None:
    progress = Progress(Clock())
    progress.parents_seen(100, more=True)
    assert "; 0 of at least 100 projects" in summary(progress)


def test_the_numbers_are_json() -> None:
    progress = Progress(Clock())
    progress.expect(["users"])
    progress.warned("misfit")
    progress.vanished(("project_id", "p1"))
    assert json.loads(json.dumps(numbers(progress, "Failed"))) == {
        "outcome": "failed",
        "rows": {"users": 0},
        "projects": 0,
        "projects_skipped": 0,
        "went_on_since": None,
        "requests": 0,
        "retries": 0,
        "seconds_waited": 0,
        "projects_vanished": 1,
        "warnings": {"misfit": 1},
        "seconds": 0,
    }


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.0 s"),
        (9.94, "9.9 s"),
        (10, "10 s"),
        (59.7, "1 min 0 s"),
        (3599, "59 min 59 s"),
        (3600, "1 h 0 min"),
        (90_061, "25 h 1 min"),
    ],
)
def test_durations_are_said_by_their_largest_units(seconds: float, text: str) -> None:
    assert duration(seconds) == text
