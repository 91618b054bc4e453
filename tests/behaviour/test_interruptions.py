"""Runs that a signal ends, or whose reader goes away: real processes, real signals."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

from tests.helpers.running import run_tap, settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tap_analytics.sandbox import Sandbox
    from tests.conftest import SandboxFactory

SOON = 10
"""Seconds, on a machine that is busy; alone it takes a tenth of one."""

WAITS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "an answer": ({"kind": "hang"}, {}),
    "Retry-After": ({"status": 429, "headers": {"Retry-After": "600"}}, {}),
    "the next try": ({"status": 500}, {"backoff_factor": 600}),
    "the rest of an answer": ({"kind": "slow-drip"}, {"request_timeout": 600}),
}
"""What threads wait for: what the API does, and the settings."""


@pytest.fixture
def api(sandbox: SandboxFactory) -> Sandbox:
    return sandbox(projects=3, tasks=4, time_records=4)


class Tap:
    """The command, as a process that is ended with the test.

    Args:
        config: The settings.
        folder: Where files may be put.
    """

    def __init__(self, config: dict[str, Any], folder: Path) -> None:
        (folder / "config.json").write_text(json.dumps(config))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tap_analytics", "--config", "config.json"],
            cwd=folder,
            env={"TAP_ANALYTICS_LOGLEVEL": "ERROR"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def lines_until(self, found: Callable[[str], bool]) -> list[str]:
        """Read lines up to one of them."""
        assert self.process.stdout is not None
        lines = []
        for line in self.process.stdout:
            lines.append(line)
            if found(line):
                break
        return lines

    def end_by(self, number: int) -> tuple[list[str], list[str]]:
        """Send a signal, and return the rest of what is written, and the errors."""
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=SOON)
        return out.splitlines(), err.splitlines()


@pytest.fixture
def tap(tmp_path: Path) -> Iterator[Callable[[dict[str, Any]], Tap]]:
    """Starts the tap."""
    started: list[Tap] = []

    def start(config: dict[str, Any]) -> Tap:
        started.append(Tap(config, tmp_path))
        return started[-1]

    yield start
    for one in started:
        one.process.kill()
        one.process.communicate()


def is_asked_for(api: Sandbox, path: str) -> None:
    """Wait until the API was asked for a path."""
    until = time.monotonic() + 60
    while path not in api.stats().by_path and time.monotonic() < until:
        time.sleep(0.01)
    assert path in api.stats().by_path


@pytest.mark.parametrize(
    ("waits_for", "number"),
    list(zip(WAITS, 2 * [signal.SIGTERM, signal.SIGINT], strict=True)),
)
def test_a_signal_ends_a_run_soon_whatever_its_threads_wait_for(
    api: Sandbox, tap: Callable[..., Tap], waits_for: str, number: signal.Signals
) -> None:
    fault, config = WAITS[waits_for]
    path = api.path("tasks", api.truth("projects")[1]["id"])
    api.fault(path, **fault)
    process = tap(settings(api, concurrency=3, **config))
    is_asked_for(api, path)
    out, err = process.end_by(number)
    assert process.process.returncode == 128 + number
    (line,) = err
    assert f"Stopped by {number.name} before everything was read" in line
    assert json.loads(out[-1])["type"] == "STATE"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_is_told_also_if_it_has_ended_the_reader_before(
    api: Sandbox, tap: Callable[..., Tap], number: signal.Signals
) -> None:
    path = api.path("tasks", api.truth("projects")[1]["id"])
    api.fault(path, "hang")
    process = tap(settings(api))
    is_asked_for(api, path)
    assert process.process.stdout is not None
    process.process.send_signal(signal.SIGSTOP)
    process.process.stdout.close()
    process.process.send_signal(number)
    _, (line,) = process.end_by(signal.SIGCONT)
    assert process.process.returncode == 128 + number
    assert f"Stopped by {number.name} before everything was read" in line


def test_a_reader_that_has_enough_ends_the_run_without_a_word(
    api: Sandbox, tap: Callable[..., Tap]
) -> None:
    path = api.path("tasks", api.truth("projects")[1]["id"])
    api.fault(path, status=503, headers={"Retry-After": "1"}, times=1)
    process = tap(settings(api))
    is_asked_for(api, path)
    assert process.process.stdout is not None
    process.process.stdout.close()
    _, err = process.process.communicate(timeout=SOON)
    assert process.process.returncode == 1
    assert err == ""


def test_a_signal_ends_a_run_soon_that_waits_for_the_limit(
    api: Sandbox, tap: Callable[..., Tap]
) -> None:
    limit = {"rate_limit_requests": 1, "rate_limit_seconds": 600}
    process = tap(settings(api, **limit))
    is_asked_for(api, "/v1/clients")
    _, (line,) = process.end_by(signal.SIGTERM)
    assert "Stopped by SIGTERM" in line


def test_a_signal_ends_a_run_soon_whose_reader_takes_nothing(
    sandbox: SandboxFactory, tap: Callable[..., Tap]
) -> None:
    api = sandbox(clients=2000, projects=1)
    process = tap(settings(api))
    assert process.process.stdout is not None
    process.process.stdout.read(1)
    process.process.send_signal(signal.SIGTERM)
    assert process.process.wait(SOON) == 128 + signal.SIGTERM
    assert process.process.stderr is not None
    assert "Stopped by SIGTERM" in process.process.stderr.read()


@pytest.mark.parametrize("lines", [0, 300, 900])
def test_a_signal_leaves_no_message_written_in_half(
    sandbox: SandboxFactory, tap: Callable[..., Tap], lines: int
) -> None:
    api = sandbox(clients=2000, projects=1, page_size=50, pagination="page")
    process = tap(settings(api, concurrency=2))
    is_asked_for(api, api.path("clients"))
    numbers = count(1)
    read = process.lines_until(lambda _: next(numbers) >= lines) if lines else []
    process.process.send_signal(signal.SIGTERM)
    read += process.lines_until(lambda _: False)
    assert process.process.wait(SOON) in {0, 128 + signal.SIGTERM}
    kinds = {json.loads(line)["type"] for line in read}
    assert kinds <= {"SCHEMA", "RECORD", "STATE"}


def test_the_state_after_a_signal_is_one_to_go_on_from(
    api: Sandbox, tap: Callable[..., Tap], tmp_path: Path
) -> None:
    config = settings(api, incremental=True, lookback_days=0, concurrency=1)
    last = api.path("time_records", api.truth("projects")[-1]["id"])
    api.fault(last, "hang")
    process = tap(config)
    is_asked_for(api, last)
    lines, _ = process.end_by(signal.SIGTERM)
    read = [json.loads(line) for line in lines]
    state = tmp_path / "state.json"
    state.write_text(json.dumps(read[-1]["value"]))
    api.clear_faults()
    outcome = run_tap(config, "--state", str(state), folder=tmp_path)
    assert outcome.status == 0
    for stream in ("time", "time_records"):
        ids = {
            message["record"]["id"]
            for message in read
            if message["type"] == "RECORD" and message["stream"] == stream
        }
        ids.update(outcome.ids(stream))
        assert ids == {record["id"] for record in api.truth(stream)}


@pytest.mark.parametrize("lines", [0, 50])
def test_a_run_whose_reader_is_gone_ends_quietly(
    sandbox: SandboxFactory, tap: Callable[..., Tap], lines: int
) -> None:
    api = sandbox(clients=2000)
    process = tap(settings(api)).process
    assert process.stdout is not None
    assert process.stderr is not None
    for _ in range(lines):
        process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait(60) == 1


def test_a_run_whose_reader_goes_while_it_waits_ends_quietly(
    api: Sandbox, tap: Callable[..., Tap]
) -> None:
    path = api.path("tasks", api.truth("projects")[1]["id"])
    api.fault(path, times=1, status=429, headers={"Retry-After": "1"})
    process = tap(settings(api))
    process.lines_until(lambda line: '"stream":"tasks","record"' in line)
    assert process.process.stdout is not None
    assert process.process.stderr is not None
    process.process.stdout.close()
    assert process.process.stderr.read() == ""
    assert process.process.wait(60) == 1
