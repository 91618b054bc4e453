"""What is told of a fleet: causes, results, the summary, the display, the status."""

from __future__ import annotations

import io
import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import nullcontext
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from tap_analytics.fleet.causes import causes
from tap_analytics.fleet.checking import AT_ONCE
from tap_analytics.fleet.errors import FleetError
from tap_analytics.fleet.fleet_progress import RUNNING, FleetProgress
from tap_analytics.fleet.folder import Folder
from tap_analytics.fleet.history import FAILED, LOADED, STAGED, AccountRecord
from tap_analytics.fleet.ledger import Began, Ended, Ledger, Read, Receipt
from tap_analytics.fleet.results import line_of_account, line_of_run
from tap_analytics.fleet.screen import under_way
from tap_analytics.fleet.staging import Totals
from tap_analytics.fleet.standard_output import put
from tap_analytics.fleet.status import show_status
from tap_analytics.fleet.summary import summary
from tap_analytics.fleet.teller import Teller

LONGEST = 30.0
"""No command of a test takes so many seconds."""

ACME = AccountRecord(
    "acme", LOADED, {"users": 3, "time": 7}, requests=44, seconds=4.5678
)
BETA = AccountRecord("beta", FAILED, requests=1, seconds=0.1, error="No key.")
THEN = datetime(2025, 6, 18, 1, tzinfo=timezone.utc)


# Causes


def test_errors_that_differ_in_the_account_or_in_numbers_have_one_cause() -> None:
    found = causes(
        [
            ("a-1", "The variable KEY_A_1 is not set."),
            ("b-2", "The variable KEY_B_2 is not set."),
            ("acme", "It is down."),
            ("c-3", "The variable KEY_C_3 is not set."),
            ("d-4", "The variable KEY_D_4 is not set."),
        ]
    )
    assert [str(cause) for cause in found] == [
        "4 accounts (a-1, b-2, c-3 and 1 more): The variable KEY_A_1 is not set.",
        "1 account (acme): It is down.",
    ]


# Results


def test_an_account_is_a_json_line() -> None:
    assert json.loads(line_of_account(ACME)) == {
        "account": "acme",
        "status": "loaded",
        "rows": {"users": 3, "time": 7},
        "requests": 44,
        "seconds": 4.568,
        "error": None,
    }
    assert json.loads(line_of_account(BETA))["error"] == "No key."


def test_a_run_is_a_json_line() -> None:
    assert json.loads(line_of_run("night", [ACME, BETA], 5.0)) == {
        "run": "night",
        "accounts": 2,
        "loaded": 1,
        "failed": 1,
        "rows": {"users": 3, "time": 7},
        "requests": 45,
        "seconds": 5.0,
    }


# The summary


def test_the_summary_ends_with_the_causes() -> None:
    assert list(summary("Complete", [ACME, BETA], 62)) == [
        (
            "Complete in 1 min 2 s: 1 of 2 accounts loaded; 10 rows; 45 requests; 1 "
            "failed."
        ),
        "Failed: 1 account (beta): No key.",
    ]


# The display


class Clock:
    """A clock that is set."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def shown(progress: FleetProgress) -> list[str]:
    console = Console(width=78, record=True, file=io.StringIO())
    console.print(under_way(progress, 412.3))
    return [line.rstrip() for line in console.export_text().splitlines()]


def test_the_display_shows_where_accounts_are_and_how_long_it_takes() -> None:
    clock = Clock()
    progress = FleetProgress([f"a{number}" for number in range(20)], 5, clock)
    for number in range(12):
        progress.move(f"a{number}", RUNNING)
    for number in range(8):
        progress.move(f"a{number}", STAGED)
    for number in range(4):
        progress.move(f"a{number}", LOADED)
    progress.move("a4", FAILED)
    progress.count(rows=7464, requests=352)
    clock.now = 8
    bar, *rows = shown(progress)
    assert bar.startswith("10 of 25 accounts  ━━━━━━━━━━━━")
    assert bar.endswith("about 8 s left")
    assert rows == [
        "running       4  being read",
        "staged        3  read, being loaded",
        "loaded        4",
        "failed        1",
        "waiting       8",
        "rows      7,464",
        "requests    352  412 per second",
    ]


def test_the_time_left_does_not_jump_when_those_side_by_side_begin_to_end() -> None:
    clock = Clock()
    names = [f"a{number}" for number in range(200)]
    progress = FleetProgress(names, clock=clock)
    for name in names[:150]:
        progress.move(name, RUNNING)
    told = []
    for seconds in (40, 41, 42):  # All of them end within these.
        begin, end = (seconds - 40) * 50, (seconds - 39) * 50
        for name in names[begin:end]:
            progress.move(name, STAGED)
        clock.now = seconds
        told.append(progress.seconds_left)
    assert told == pytest.approx([40, 25, 14], abs=1)


def test_as_long_as_nothing_is_done_the_display_shows_the_time() -> None:
    clock = Clock()
    progress = FleetProgress(["a"], clock=clock)
    clock.now = 3
    assert shown(progress)[0].endswith("3.0 s")


# The status


def write_run(folder: Path, accounts: list[str], *, is_over: bool = True) -> None:
    one = Ledger(Folder(folder), "night", "run", clock=lambda: THEN)
    one.add(Began(time=THEN, kind="all", accounts=accounts))
    totals = Totals({"users": 3}, 44, 4.5)
    one.add(
        *(
            Read(
                time=THEN, account=name, ending="complete", manifest="m", totals=totals
            )
            for name in accounts
        ),
        *(
            Receipt(time=THEN, account=name, manifest="m", load="1")
            for name in accounts[1:]
        ),
    )
    if is_over:
        one.add(Ended(time=THEN))
    one.close()


def status(
    folder: Path, capsys: pytest.CaptureFixture[str], *, as_table: bool
) -> tuple[list[str], list[str]]:
    show_status(Folder(folder), as_table=as_table)
    out, err = capsys.readouterr()
    return out.splitlines(), err.splitlines()


def test_the_status_has_the_lines_of_the_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_run(tmp_path, ["a", "b"], is_over=False)
    out, err = status(tmp_path, capsys, as_table=False)
    lines: list[dict[str, Any]] = [json.loads(line) for line in out]
    assert [line.get("status") for line in lines] == ["staged", "loaded", None]
    assert err == [
        (
            "The run night, begun at 2025-06-18 01:00 UTC, has not ended. So far in "
            "0.0 s: 1 of 2 accounts loaded; 6 rows; 88 requests; 1 read but not loaded."
        ),
        "What is read and not loaded yet is loaded by `run`.",
    ]


def test_the_status_is_a_table_for_a_person(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_run(tmp_path, ["a", "long-name"])
    out, err = status(tmp_path, capsys, as_table=True)
    assert out == [
        "a          staged            3 rows       44 requests      4.5 s",
        "long-name  loaded            3 rows       44 requests      4.5 s",
    ]
    assert err[0].startswith("The run night, begun at 2025-06-18 01:00 UTC, ended in ")


def test_without_a_run_the_status_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert status(tmp_path, capsys, as_table=True) == (
        [],
        ["There was no run of this fleet yet."],
    )


def command(
    *args: str | Path, stdout: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command.

    Args:
        args: What it is to do.
        stdout: The file that gets its standard output, if any does.
    """
    with nullcontext() if stdout is None else Path(stdout).open("wb") as file:
        return subprocess.run(
            [sys.executable, "-m", "tap_analytics.fleet", *args],
            stdout=subprocess.PIPE if file is None else file,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )


def test_the_status_tells_of_ten_thousand_accounts(tmp_path: Path) -> None:
    """`make bench BENCH=fleet` says in what time."""
    accounts = [f"account-{number}" for number in range(10_000)]
    file = tmp_path / "fleet.yml"
    listed = "".join(f"  - {name}\n" for name in accounts)
    file.write_text(f"api_key: env:KEY\naccounts:\n{listed}", encoding="utf-8")
    write_run(tmp_path / "state", accounts)
    result = command("status", file)
    assert len(result.stdout.splitlines()) == 10_001


def test_a_failure_is_one_line(tmp_path: Path) -> None:
    result = command("status", tmp_path / "none.yml")
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == (
        f"Error: The fleet file {tmp_path}/none.yml can't be read: No such file or "
        "directory.\n"
    )


def test_results_go_out_whatever_encoding_is_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(out, "ascii"))
    put('{"error":"Größe"}\n')
    assert out.getvalue().decode() == '{"error":"Größe"}\n'


def test_a_full_disk_below_standard_output_is_one_line(tmp_path: Path) -> None:
    write_run(tmp_path / "state", ["a", "b"])
    fleet = tmp_path / "fleet.yml"
    fleet.write_text("api_key: env:KEY\naccounts: [a, b]\n", encoding="utf-8")
    result = command("status", fleet, stdout="/dev/full")
    assert result.returncode == 1
    assert result.stderr == (
        "Error: Standard output can't be written: No space left on device. Make room "
        "there, or send it elsewhere, and run again.\n"
    )


def test_a_run_whose_results_can_not_be_written_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        monkeypatch.setattr(sys, "stdout", full)
        with pytest.raises(FleetError, match=r"^Standard output can't be written: No"):
            Teller(FleetProgress([])).account(ACME)


def test_a_log_that_can_not_be_written_ends_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with Path("/dev/full").open("wb", buffering=0) as full:
        monkeypatch.setattr(sys, "stderr", io.TextIOWrapper(full, write_through=True))
        Teller(FleetProgress([])).say("So far, so good.")


def test_a_signal_drops_the_checks_that_wait(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    # What is started hears SIGHUP, also if the tests ignore that.
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    request.addfinalizer(lambda: signal.signal(signal.SIGHUP, before))
    accounts = [f"a{number}" for number in range(2 * AT_ONCE)]
    fleet = tmp_path / "fleet.yml"
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        content = {
            "accounts": accounts,
            "api_key": "env:KEY",
            "defaults": {"api_url": url},
        }
        fleet.write_text(json.dumps(content), encoding="utf-8")
        process = subprocess.Popen(
            [sys.executable, "-m", "tap_analytics.fleet", "check", fleet],
            stderr=subprocess.PIPE,
            env={**os.environ, "KEY": "secret"},
            text=True,
        )
        with silent.accept()[0]:
            process.send_signal(signal.SIGHUP)
            try:
                _, err = process.communicate(timeout=LONGEST)
            finally:
                process.kill()
    assert process.returncode == 128 + signal.SIGHUP
    assert err.startswith("Stopped by SIGHUP.")


def test_wrong_usage_ends_with_status_2() -> None:
    assert command("status").returncode == 2
    assert command("sail", "fleet.yml").returncode == 2
