"""A runner: how many accounts it reads at a time, and what it says in the end."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import msgspec
import pytest

from tap_analytics.fleet.account_reading import Reading, Shared
from tap_analytics.fleet.account_states import AccountState
from tap_analytics.fleet.compression import Compressor
from tap_analytics.fleet.messages import Finished, Job, Work
from tap_analytics.fleet.runner import FEWEST_AT_ONCE, FIRST_AT_ONCE, Room, Runner
from tap_analytics.fleet.staged_writer import PART_SECONDS, StagedWriter
from tests.helpers.clocks import Clock
from tests.helpers.scanning import KEY

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import SandboxFactory

MOMENT = 0.2

THEN_MS = 1_750_000_000_000


class Process:
    """A process that uses as much of a core as it is told to."""

    def __init__(self, most: int) -> None:
        self.clock = Clock()
        self.used = 0.0
        self.room = Room(most, self.clock, lambda: self.used)

    def pass_second(self, busy: float) -> int:
        self.clock.now += 1
        self.used += busy
        self.room.look()
        return self.room.accounts


def test_there_are_more_while_the_core_is_idle() -> None:
    process = Process(75)
    found = [process.pass_second(0.2) for _ in range(12)]
    assert found[0] > FIRST_AT_ONCE
    assert found[-1] == 75


def test_there_are_fewer_while_the_core_is_full_but_never_few() -> None:
    process = Process(75)
    for _ in range(100):
        process.pass_second(0.99)
    assert process.room.accounts == FEWEST_AT_ONCE


def test_there_are_never_more_than_the_fleet_file_says() -> None:
    process = Process(3)
    assert process.room.accounts == 3
    assert process.pass_second(0.1) == 3
    assert process.pass_second(0.99) == 3


def work_in(folder: Path) -> Work:
    return Work(
        run="night",
        folder=str(folder),
        state="state",
        staging="staging",
        account_column="account",
        accounts_at_once=1,
        max_seconds=60,
        salt="00",
    )


@pytest.mark.parametrize(
    ("settings", "seconds"),
    [({}, 130), ({"request_timeout": 300}, 370), ({"request_timeout": None}, 130)],
)
def test_an_account_that_is_told_to_end_may_wait_for_its_last_answer(
    tmp_path: Path, settings: dict[str, object], seconds: float
) -> None:
    settings = {"api_url": "http://127.0.0.1:1", **settings}
    shared = Shared(work_in(tmp_path), lambda *_: None)
    job = Job(account="acme", key="env:NO_SUCH_VARIABLE", settings=settings)
    assert Reading(job, shared).seconds_to_end == seconds


def test_what_is_staged_and_older_than_what_is_loaded_is_not_gone_on_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEY_ACME", "secret")
    shared = Shared(work_in(tmp_path), lambda *_: None)
    clock = Clock()
    old = StagedWriter(shared.staging, "acme", Compressor(), clock=clock)
    old.began_ms = THEN_MS
    clock.now += PART_SECONDS
    old.write(b'{"type":"STATE","value":{}}\n')
    assert shared.staging.unfinished("acme")
    newer = AccountState(run="later", began_ms=THEN_MS + 1, state=msgspec.Raw(b"{}"))
    shared.states.write("acme", newer)
    # There is no such value, so that reading ends before it asks for anything.
    settings = {"api_url": "http://127.0.0.1:1", "concurrency": "many"}
    reading = Reading(
        Job(account="acme", key="env:KEY_ACME", settings=settings), shared
    )
    outcome = reading.read()
    assert isinstance(outcome, Finished)
    assert outcome.read.ending == "failed"
    assert shared.staging.unfinished("acme") == []


def test_an_account_that_is_read_twice_at_once_fails_alone_and_may_be_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sandbox: SandboxFactory
) -> None:
    monkeypatch.setenv("KEY_ACME", KEY)
    shared = Shared(work_in(tmp_path), lambda *_: None)
    clock = Clock()
    other = StagedWriter(shared.staging, "acme", Compressor(), clock=clock)
    clock.now += PART_SECONDS
    other.write(b'{"type":"STATE","value":{}}\n')
    # The next part of the other one is there, but not to be gone on with.
    [first] = shared.staging.unfinished("acme")
    shared.staging.place.write(
        f"{shared.staging.folder('acme')}/{first.part.name.replace('1', '2', 1)}", b""
    )
    settings = {"api_url": sandbox(projects=1, tasks=1, time_records=1).url}
    reading = Reading(
        Job(account="acme", key="env:KEY_ACME", settings=settings), shared
    )
    outcome = reading.read()
    assert isinstance(outcome, Finished)
    assert not outcome.is_final
    assert "the account is read twice at once" in outcome.read.error


def test_what_came_of_the_last_account_is_said_before_the_runner_ends(
    tmp_path: Path,
) -> None:
    has_ended = threading.Event()
    ended_before: list[bool] = []

    def say(*messages: msgspec.Struct) -> None:
        if any(isinstance(one, Finished) for one in messages):
            ended_before.append(has_ended.wait(MOMENT))

    runner = Runner(work_in(tmp_path), say)
    # There is no such variable, so reading is over as soon as it has begun.
    settings = {"api_url": "http://127.0.0.1:1"}
    runner.take(Job(account="acme", key="env:NO_SUCH_VARIABLE", settings=settings))
    runner.no_more()
    runner.run()
    has_ended.set()
    assert ended_before == [False]
