"""The command `analytics-sandbox`."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest
import requests

from tests.helpers.sandbox_client import TIMEOUT
from tests.helpers.sandbox_command import COMMAND, HEADERS, running


def run(
    *arguments: str, command: tuple[str, ...] = COMMAND
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*command, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_prints_its_url_serves_and_ends_quietly(number: signal.Signals) -> None:
    with running("--clients", "3") as (process, url):
        response = requests.get(f"{url}/v1/clients", headers=HEADERS, timeout=TIMEOUT)
        assert len(response.json()["data"]) == 3
        process.send_signal(number)
        stdout, stderr = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 0
    assert stdout == ""
    assert stderr == (
        "analytics-sandbox: key sandbox-key in X-Api-Key, "
        f"counts at {url}/_sandbox/stats, Ctrl-C ends it\n"
    )


def test_it_ends_at_once_whatever_its_clients_wait_for() -> None:
    with running("--faults", "1", "--fault-kinds", "hang") as (process, url):
        with pytest.raises(requests.ReadTimeout):
            requests.get(f"{url}/v1/clients", headers=HEADERS, timeout=0.2)
        process.terminate()
        assert process.wait(timeout=TIMEOUT) == 0


def test_a_key_that_was_given_is_not_printed() -> None:
    with running("--api-key", "s3cret") as (process, url):
        assert requests.get(f"{url}/v1/clients", timeout=TIMEOUT).status_code == 401
        process.terminate()
        stdout, stderr = process.communicate(timeout=TIMEOUT)
    assert stderr.startswith("analytics-sandbox: your key in X-Api-Key")
    assert "s3cret" not in stdout + stderr


def test_options_reach_the_server() -> None:
    arguments = (
        *("--seed", "5", "--today", "2025-01-31", "--projects", "2", "--tasks", "3"),
        *("--time-records", "4", "--team-time", "5", "--users", "6", "--eager"),
        *("--pagination", "page", "--page-size", "2", "--totals", "total,last_page"),
        *("--path-prefix", "", "--envelope", "items", "--rate-limit", "100/0.5"),
    )
    with running(*arguments) as (_, url):
        counts = requests.get(f"{url}/_sandbox/counts", timeout=TIMEOUT).json()
        users = requests.get(f"{url}/team/users", headers=HEADERS, timeout=TIMEOUT)
        stats = requests.get(f"{url}/_sandbox/stats", timeout=TIMEOUT).json()
    assert counts == {
        "projects": 2,
        "tasks": 6,
        "time_records": 8,
        "clients": 12,
        "time": 5,
        "users": 6,
    }
    assert len(users.json()["items"]) == 2
    assert users.json()["meta"] == {"total": 6, "last_page": 3}
    assert stats["rate_window"] == 0.5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--projects", "-1"], "projects must not be negative"),
        (["--rate-limit", "20"], "expected REQUESTS/SECONDS such as 20/10, not '20'"),
        (["--today", "soon"], "argument --today: "),
        (["--page-size", "many"], "argument --page-size: "),
        (["--envelope", "none", "--pagination", "cursor"], "needs an envelope"),
        (["--fault-kinds", "flood"], "fault_kinds has 'flood'"),
        (["--page-sizes", "tasks"], "expected STREAM=SIZE"),
        (["--page-sizes", "task=5"], "page_sizes has 'task'; known are"),
        (["--page-sizes", "tasks=-1"], "page_sizes must not be negative"),
        (["--since-streams", "hours"], "since_streams has 'hours'"),
        (["--preset", "toggl"], "argument --preset: invalid choice: 'toggl'"),
        (["--speed", "9"], "unrecognized arguments: --speed 9"),
    ],
)
def test_a_mistake_is_one_line(arguments: list[str], message: str) -> None:
    result = run(*arguments)
    assert result.returncode == 1
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("analytics-sandbox: ")
    assert message in line


def test_a_port_in_use_is_one_line() -> None:
    with running() as (_, url):
        result = run("--port", url.rpartition(":")[2])
    assert result.returncode == 1
    (line,) = result.stderr.splitlines()
    assert line.startswith("analytics-sandbox: can't listen on 127.0.0.1:")
    assert "in use" in line


def test_without_aiohttp_it_says_what_to_install() -> None:
    script = (
        "import sys; sys.modules['aiohttp'] = None;"
        "from tap_analytics.sandbox.__main__ import main; main()"
    )
    result = run(command=(sys.executable, "-c", script))
    assert result.returncode == 1
    assert result.stderr == (
        "analytics-sandbox: aiohttp is not installed; "
        "run: pip install 'tap-analytics[sandbox]'\n"
    )


def test_the_help_names_every_option() -> None:
    result = run("--help")
    assert result.returncode == 0
    for option in ("--rate-limit", "--fault-kinds", "--team-time", "--since-param"):
        assert option in result.stdout
