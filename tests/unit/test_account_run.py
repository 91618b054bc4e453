"""Many runs in one process: none sees another, and none leaves anything behind."""

from __future__ import annotations

import gc
import io
import json
import logging
import os
import re
import signal
import subprocess
import sys
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import pytest
from singer_sdk.logging import ConsoleFormatter

from tap_analytics.account_run import Outcome, concluded, run_account
from tap_analytics.reading.page_memory import PAGE_MEMORY
from tap_analytics.report.report import COMPLETE, FAILED, STOPPED, LogReport
from tap_analytics.run import Run
from tests.helpers.running import settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tap_analytics.sandbox import Sandbox
    from tests.conftest import SandboxFactory

SMALL = {"projects": 3, "tasks": 2, "time_records": 2, "clients": 4, "users": 2}
TIMEOUT = 20
OF_A_RUN = tuple(
    f"tap_analytics.{room}"
    for room in ("api", "progress", "reading", "redaction", "rows", "run", "singer")
)
"""Where the objects of a run are from."""

_CHANGES = re.compile(
    r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}|\d+(\.\d+)? s\b|\"value\":[\d.]+(e-\d+)?"
    r"|\"pid\":\d+|\"version\":\d+|(?<=\"time_extracted\":\")[^\"]+"
)
"""What differs from run to run: moments, durations, the process."""


class Account:
    """An account, and what a run of it says and writes.

    Args:
        api: Where it is.
        config: Its settings.
        state: What an earlier run left.
    """

    def __init__(
        self,
        api: Sandbox,
        config: dict[str, Any],
        state: dict[str, Any] | None = None,
    ) -> None:
        self.api = api
        self.config = config
        self.state = state
        self.out = io.BytesIO()
        self.log = io.StringIO()

    def begin(self) -> Run:
        handler = logging.StreamHandler(self.log)
        handler.setFormatter(ConsoleFormatter())
        return Run.logging_to(handler, logging.INFO)

    def read(self, run: Run | None = None) -> Outcome:
        run = run or self.begin()
        return run_account(self.config, self.out, run=run, state=self.state)

    @property
    def messages(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.getvalue().splitlines()]

    @property
    def kinds(self) -> list[str]:
        return [message["type"] for message in self.messages]


@pytest.fixture
def api(sandbox: SandboxFactory) -> Sandbox:
    return sandbox(**SMALL)


@pytest.fixture
def account(api: Sandbox) -> Account:
    return Account(api, settings(api))


def in_a_process_of_its_own(account: Account, folder: Path) -> tuple[str, str]:
    """Return what the command writes, and what it logs."""
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(account.config))
    (folder / "state.json").write_text(json.dumps(account.state or {}))
    files = ["--config", "config.json", "--state", "state.json"]
    process = subprocess.run(
        [sys.executable, "-m", "tap_analytics", *files],
        cwd=folder,
        env={"TAP_ANALYTICS_LOGLEVEL": "INFO"},
        capture_output=True,
        text=True,
        check=False,
    )
    return process.stdout, process.stderr


def comparable(account: Account, text: str) -> list[str]:
    """Return the lines of a text without what differs from run to run."""
    text = text.replace(account.api.url, "https://api.example.com")
    return [_CHANGES.sub("", line) for line in text.splitlines()]


# One run


def test_a_run_writes_messages_to_its_file_and_says_how_it_ended(
    account: Account, capfd: pytest.CaptureFixture[str]
) -> None:
    outcome = account.read()
    assert outcome == Outcome(COMPLETE)
    assert account.kinds.count("SCHEMA") == 6
    assert account.kinds[-1] == "STATE"
    assert "Complete in" in account.log.getvalue()
    assert capfd.readouterr() == ("", "")


def test_a_failed_run_says_why_and_ends_no_process(account: Account) -> None:
    account.api.fault("/v1/team/time", status=400)
    outcome = account.read()
    assert outcome.ending == FAILED
    assert "/v1/team/time answered 400" in outcome.message
    assert account.log.getvalue().splitlines()[-1].endswith(outcome.message)


def test_settings_that_are_not_valid_are_an_outcome(account: Account) -> None:
    account.config["concurrency"] = 0
    outcome = account.read()
    assert outcome.ending == FAILED
    assert outcome.message.startswith("concurrency must be")
    assert not account.out.getvalue()


def test_what_a_run_is_given_stays_as_it_is(account: Account) -> None:
    account.config["stream_maps"] = {"users": {"name": "id"}, "__else__": None}
    account.state = {"bookmarks": {"time": {"replication_key": "createdAt"}}}
    before = deepcopy((account.config, account.state))
    assert account.read().ending == COMPLETE
    assert (account.config, account.state) == before


def test_a_run_changes_nothing_of_its_process(account: Account) -> None:
    def process() -> list[Any]:
        root, metrics = logging.getLogger(), logging.getLogger("singer_sdk.metrics")
        return [
            dict(os.environ),
            os.getcwd(),  # noqa: PTH109 - it is compared
            [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)],
            [(log.level, [*log.handlers], [*log.filters]) for log in (root, metrics)],
            [handler.filters for handler in root.handlers],
            (sys.stdout, sys.stderr, sys.excepthook),
            [*warnings.filters],
        ]

    before = process()
    account.read()
    assert process() == before


# Ending one


@pytest.mark.parametrize("kind", ["hang", "503"])
def test_a_run_can_be_ended_by_another_thread_with_its_last_state(
    api: Sandbox, kind: str
) -> None:
    last = api.path("tasks", api.truth("projects")[-1]["id"])
    api.fault(last, kind=kind)
    account = Account(api, settings(api, backoff_factor=600, incremental=True))
    run = account.begin()
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(account.read, run)
        while last not in api.stats().by_path:
            run.stop.wait(0.01)
        run.stop.set("the operator")
        outcome = running.result(TIMEOUT)
    assert outcome.ending == STOPPED
    assert outcome.message.startswith("Stopped by the operator before everything was")
    assert account.kinds[-1] == "STATE"


@pytest.mark.parametrize("kind", ["hang", "503"])
def test_a_sample_can_be_ended_by_another_thread_too(api: Sandbox, kind: str) -> None:
    api.fault(api.path("projects"), kind=kind)
    config = settings(api, backoff_factor=600, undeclared_fields="infer")
    account = Account(api, config)
    run = account.begin()
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(account.read, run)
        while api.path("projects") not in api.stats().by_path:
            run.stop.wait(0.01)
        run.stop.set("the operator")
        outcome = running.result(TIMEOUT)
    assert outcome.ending == STOPPED


def test_a_run_that_failed_waits_for_no_other_try(account: Account) -> None:
    before = {*threading.enumerate()}
    account.config["backoff_factor"] = 600
    account.api.fault("/v1/projects", kind="503")
    account.api.fault("/v1/clients", status=200, body='{"data": [{"no": "id"}]}')
    assert account.read().ending == FAILED
    for thread in {*threading.enumerate()} - before:
        thread.join(TIMEOUT)
        assert not thread.is_alive() or not thread.name.startswith("fetch")


def test_a_run_that_was_told_to_end_asks_for_nothing(account: Account) -> None:
    run = account.begin()
    run.stop.set()
    assert account.read(run).ending == STOPPED
    assert account.api.stats().requests == 0


def outcome_without_a_reader(account: Account, signal: str = "") -> Outcome:
    run = account.begin()

    def write() -> None:
        if signal:
            threading.Thread(target=run.stop.set, args=(signal,)).start()
        raise BrokenPipeError

    return concluded(write, run, LogReport(run.progress, run.logger))


def test_a_stopped_run_says_so_even_if_its_reader_was_gone_first(
    account: Account,
) -> None:
    outcome = outcome_without_a_reader(account, "SIGINT")
    assert outcome.ending == STOPPED
    assert outcome.message.startswith("Stopped by SIGINT before everything was read")


def test_a_reader_that_goes_by_itself_says_why_and_the_run_nothing(
    account: Account,
) -> None:
    outcome = outcome_without_a_reader(account)
    assert outcome.ending == STOPPED
    assert outcome.message == ""


# Many of them


def accounts(sandbox: SandboxFactory) -> Iterator[Account]:
    """Yield eight accounts, each with a key, settings and faults of its own."""
    keys = [f"k3y-0f-acc0unt-{number}-{'xyz' * number}" for number in range(8)]
    apis = [sandbox(**{**SMALL, "clients": 4 + n}, api_key=keys[n]) for n in range(8)]
    for api in apis:
        # The keys of others are no secrets here, and the own one is.
        record = {"id": "k", "name": f"{api.options.api_key}|{'|'.join(keys)}"}
        api.add("users", record)
    now = {"replication_key": "createdAt", "replication_key_value": "2025-06-10"}
    yield Account(apis[0], settings(apis[0]))
    yield Account(apis[1], settings(apis[1], undeclared_fields="infer"))
    apis[2].fault("/v1/clients", kind="503", times=1)
    yield Account(apis[2], settings(apis[2], concurrency=1))
    apis[3].fault("/v1/team/time", status=403, body=f"no {' '.join(keys)}")
    yield Account(apis[3], settings(apis[3], concurrency=1))
    incremental = settings(apis[4], incremental=True, lookback_days=1)
    yield Account(apis[4], incremental, {"bookmarks": {"time": now}})
    apis[5].fault(apis[5].path("tasks", apis[5].truth("projects")[0]["id"]), status=404)
    yield Account(apis[5], settings(apis[5], emit_activate_version_messages=True))
    yield Account(apis[6], settings(apis[6], api_key="wr0ng-k3y-0f-account-6"))
    maps = {"users": {"name": "id + '!'"}}
    yield Account(apis[7], settings(apis[7], stream_maps=maps, concurrency=2))


def test_eight_runs_at_once_do_what_eight_processes_do(
    sandbox: SandboxFactory, tmp_path: Path
) -> None:
    together, alone = [*accounts(sandbox)], [*accounts(sandbox)]
    with ThreadPoolExecutor(8) as pool:
        outcomes = [*pool.map(Account.read, together)]
    endings = [COMPLETE, COMPLETE, COMPLETE, FAILED, COMPLETE, COMPLETE, FAILED]
    assert [outcome.ending for outcome in outcomes] == [*endings, COMPLETE]
    for number, (one, other) in enumerate(zip(together, alone, strict=True)):
        written, log = in_a_process_of_its_own(other, tmp_path / str(number))
        assert comparable(one, one.out.getvalue().decode()) == comparable(
            other, written
        )
        # Threads that fetch ahead log at their own pace.
        own_log = sorted(comparable(one, one.log.getvalue()))
        assert own_log == sorted(comparable(other, log))


# What is left of them


def test_runs_that_have_ended_leave_nothing_behind(account: Account) -> None:
    def left() -> tuple[int, ...]:
        for thread in threading.enumerate():
            if thread.name.startswith(("fetch", "report")):
                thread.join(TIMEOUT)
        gc.collect()
        modules = (str(type(one).__module__) for one in gc.get_objects())
        return (
            sum(name.startswith(OF_A_RUN) for name in modules),
            threading.active_count(),
            len(logging.root.manager.loggerDict),
            len(os.listdir("/proc/self/fd")),  # noqa: PTH208 - these are no files
            PAGE_MEMORY._bytes,  # noqa: SLF001 - it is the subject
        )

    def run(times: int) -> None:
        for number in range(times):
            wrong = {"api_key": "wrong"} if number % 3 == 0 else {}
            Account(account.api, {**account.config, **wrong}).read()

    def at_rest() -> tuple[int, ...]:
        # The sandbox lives in this process. It closes its ends of the connections
        # a moment after a run has closed its own.
        seen = [left()]
        while seen[-10:] != [seen[-1]] * 10 and len(seen) < 1_000:
            time.sleep(0.01)
            seen.append(left())
        return seen[-1]

    run(3)
    before = at_rest()
    run(30)
    assert at_rest() == before
