"""In which rounds accounts are read."""

from __future__ import annotations

from tap_analytics.fleet import ledger
from tap_analytics.fleet.ledger import Read
from tap_analytics.fleet.messages import Finished, Job
from tap_analytics.fleet.reading_rounds import Rounds


def jobs(*names: str) -> list[Job]:
    return [Job(account=name, key="env:X", settings={}) for name in names]


def finished(account: str, ending: str, *, is_final: bool = False) -> Finished:
    read = Read(time=ledger.now(), account=account, ending=ending)
    return Finished(read=read, is_final=is_final)


def begun(rounds: Rounds) -> tuple[list[str], bool]:
    found = rounds.begin()
    if found is None:
        return [], False
    return [job.account for job in found.jobs], found.alone


def test_all_are_read_once_if_all_goes_well() -> None:
    rounds = Rounds(jobs("a", "b"), tries=2)
    assert begun(rounds) == (["a", "b"], False)
    assert rounds.finished(finished("a", "complete"))
    assert rounds.finished(finished("b", "stopped"))
    assert rounds.end() == []
    assert begun(rounds) == ([], False)


def test_what_failed_is_tried_again_when_all_others_are_done() -> None:
    rounds = Rounds(jobs("a", "b"), tries=2)
    begun(rounds)
    assert not rounds.finished(finished("a", "failed"))
    assert rounds.finished(finished("b", "complete"))
    rounds.end()
    assert begun(rounds) == (["a"], False)
    assert rounds.finished(finished("a", "failed"))
    rounds.end()
    assert begun(rounds) == ([], False)


def test_what_would_fail_again_is_not_tried_again() -> None:
    rounds = Rounds(jobs("a"), tries=5)
    begun(rounds)
    assert rounds.finished(finished("a", "failed", is_final=True))
    rounds.end()
    assert begun(rounds) == ([], False)


def test_those_that_were_read_when_a_runner_died_are_read_alone() -> None:
    rounds = Rounds(jobs("a", "b", "c"), tries=1)
    begun(rounds)
    rounds.started("a")
    rounds.started("b")
    rounds.finished(finished("b", "complete"))
    assert rounds.end() == []
    # c had not begun, so it is under no suspicion.
    assert begun(rounds) == (["c"], False)
    rounds.finished(finished("c", "complete"))
    rounds.end()
    assert begun(rounds) == (["a"], True)


def alone(rounds: Rounds, *, is_seen: bool) -> list[str]:
    """Let a process of its own die with the only account, which may be seen to begin.

    Returns:
        The accounts that have failed.
    """
    assert begun(rounds) == (["a"], True)
    if is_seen:
        rounds.started("a")
    return rounds.end()


def suspect(tries: int = 1) -> Rounds:
    rounds = Rounds(jobs("a"), tries)
    begun(rounds)
    rounds.started("a")
    assert rounds.end() == []
    return rounds


def test_one_that_kills_its_own_process_twice_has_failed() -> None:
    rounds = suspect()
    assert alone(rounds, is_seen=True) == []
    assert alone(rounds, is_seen=True) == ["a"]
    assert begun(rounds) == ([], False)


def test_a_process_that_died_before_its_account_began_says_little_of_the_account() -> (
    None
):
    rounds = suspect()
    for _ in range(3):
        assert alone(rounds, is_seen=False) == []
    assert alone(rounds, is_seen=False) == ["a"]


def test_a_try_that_failed_is_no_death() -> None:
    rounds = Rounds(jobs("a"), tries=2)
    begun(rounds)
    assert not rounds.finished(finished("a", "failed"))
    rounds.end()
    begun(rounds)
    rounds.started("a")
    assert rounds.end() == []
    assert alone(rounds, is_seen=True) == []
