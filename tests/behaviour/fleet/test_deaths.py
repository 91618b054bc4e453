"""Whatever dies, at whatever moment: nothing is lost, doubled or asked for in vain."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

import pytest

from tap_analytics.fleet import ledger
from tap_analytics.fleet.ledger import Began, Ledger
from tap_analytics.fleet.places import open_place
from tests.helpers.fleets import children_of, ended, is_running, kill

if TYPE_CHECKING:
    import subprocess

    from tests.behaviour.fleet.conftest import FleetFactory

LOADED, SOME_FAILED, FAILED, KILLED = 0, 3, 1, -9

DASK_WORKER = "multiprocessing.spawn"

LATENCY = 0.05
LONGEST_WAIT = 60.0


def wait_for(what: str, process: subprocess.Popen[str]) -> list[int]:
    """Return the ids of a run's processes of a kind, once there are some."""
    until = time.monotonic() + LONGEST_WAIT
    while time.monotonic() < until:
        if found := children_of(process, what):
            return found
        time.sleep(0.02)
    raise AssertionError(what)


def wait_for_requests(process: subprocess.Popen[str], count: int, seen: object) -> None:
    until = time.monotonic() + LONGEST_WAIT
    while time.monotonic() < until and process.poll() is None:
        if seen() >= count:  # type: ignore[operator]
            return
        time.sleep(0.02)


def test_when_the_coordinator_is_killed_all_ends_and_the_next_run_goes_on(
    fleet: FleetFactory,
) -> None:
    some = fleet(8, latency=LATENCY)
    some.write(accounts_at_once=2)
    process = some.start("run")
    wait_for("runner", process)
    wait_for_requests(process, 30, lambda: some.api.stats().requests)
    others = children_of(process)
    assert others
    kill(process.pid)
    process.communicate()
    until = time.monotonic() + 15
    while time.monotonic() < until and any(map(is_running, others)):
        time.sleep(0.05)
    assert not any(map(is_running, others))
    staged = {path.parent.name for path in some.folder.glob("staging/*/*/manifest*")}
    before = {name: some.requests_of(name) for name in staged}
    outcome = some.run()
    assert outcome.status == LOADED, outcome.err
    assert "Goes on with the run" in outcome.err
    assert some.wrong_rows(some.accounts) == []
    assert {name: some.requests_of(name) for name in staged} == before
    some.look_for_keys()


def test_what_a_newer_run_has_loaded_is_not_undone_by_the_one_that_goes_on(
    fleet: FleetFactory,
) -> None:
    some = fleet(1)
    # Read whole and loaded by nobody, as if the run had died before its loader began.
    state = open_place("state", some.folder)
    staged = some.run("shard", "1/1", "--run", "night")
    assert staged.status == LOADED
    for file in ledger.files(state):
        state.remove([file.name])
    own = Ledger(state, "night", "run")
    own.add(Began(time=ledger.now(), kind="all", accounts=some.accounts))
    own.close()
    client = some.api.account(1).truth("clients")[0]["id"]
    some.api.account(1).delete("clients", client)
    assert some.run("run", "--only", "a1").status == LOADED
    before = some.requests_of("a1")
    outcome = some.run()
    assert "Goes on with the run night" in outcome.err
    assert some.wrong_rows(some.accounts) == []
    assert some.requests_of("a1") - before == 10


@pytest.mark.parametrize("what", ["runner", "loader", DASK_WORKER])
def test_when_a_process_is_killed_before_it_has_begun_another_takes_over(
    fleet: FleetFactory, what: str
) -> None:
    some = fleet(2)
    process = some.start("run", *(("--engine", "dask") if what == DASK_WORKER else ()))
    for pid in wait_for(what, process):
        kill(pid)
    outcome = ended(process)
    assert outcome.status == LOADED, outcome.err
    assert some.wrong_rows(some.accounts) == []


@pytest.mark.parametrize("what", ["runner", "loader"])
def test_when_a_process_is_killed_the_run_makes_up_for_it(
    fleet: FleetFactory, what: str
) -> None:
    some = fleet(4, latency=LATENCY)
    process = some.start("run")
    wait_for(what, process)
    wait_for_requests(process, 8, lambda: some.api.stats().requests)
    for pid in wait_for(what, process):
        kill(pid)
    outcome = ended(process)
    assert outcome.status == LOADED, outcome.err
    assert outcome.failed == {}
    assert some.wrong_rows(some.accounts) == []


def test_an_account_that_kills_its_process_fails_alone(fleet: FleetFactory) -> None:
    some = fleet(3, latency=LATENCY)
    some.api.fault(
        "/v1/clients*", account=2, status=200, body='{"data": []}', delay=1.5
    )
    process = some.start("run")
    # Whoever asks for the poison is killed, as by a machine that runs out of memory.
    killed = 0
    while process.poll() is None:
        asked = sum(one.account == 2 for one in some.api.requests())
        if asked > killed:
            killed = asked
            for pid in children_of(process, "runner"):
                kill(pid)
        time.sleep(0.02)
    outcome = ended(process)
    assert outcome.status == SOME_FAILED
    assert list(outcome.failed) == ["a2"]
    assert "The process that read it died" in outcome.failed["a2"]
    assert some.wrong_rows(["a1", "a3"]) == []


def test_two_runs_at_once_are_refused(fleet: FleetFactory) -> None:
    some = fleet(2, latency=0.5)
    process = some.start("run")
    wait_for("runner", process)
    second = some.run()
    assert second.status == FAILED
    [line] = second.err.splitlines()
    assert line.startswith("Error: Another run of this fleet goes on")
    assert not second.lines
    assert not second.whole
    assert ended(process).status == LOADED
    assert some.wrong_rows(some.accounts) == []


def test_a_signal_ends_it_with_one_line(fleet: FleetFactory) -> None:
    some = fleet(2, latency=0.5)
    process = some.start("run")
    wait_for("runner", process)
    process.terminate()
    outcome = ended(process)
    assert outcome.status == 128 + 15
    assert "Stopped by SIGTERM." in outcome.err
    assert some.run().status == LOADED
    assert some.wrong_rows(some.accounts) == []


def test_moments_are_random(fleet: FleetFactory) -> None:
    """Kill whatever is there, at a random moment, until a run comes through."""
    dice = random.Random(7)  # noqa: S311 - no secret comes of it
    some = fleet(6, latency=0.02)
    some.write(accounts_at_once=2)
    for _ in range(3):
        process = some.start("run")
        time.sleep(dice.uniform(1.0, 6.0))
        victim = dice.choice([process.pid, *children_of(process)])
        kill(victim)
        outcome = ended(process)
        if outcome.status == LOADED:
            break
        # Whoever else died, the coordinator makes up for that.
        assert (outcome.status, victim) == (KILLED, process.pid), outcome.err
    assert some.run().status == LOADED
    assert some.wrong_rows(some.accounts) == []
