"""A run's own flag, logger and secrets."""

from __future__ import annotations

import io
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from typing import TYPE_CHECKING

import pytest

from tap_analytics.errors import StoppedError
from tap_analytics.run import Run, StopFlag

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY = "k3y-0f-a-run-1234567890"
OTHER_KEY = "k3y-0f-an0ther-run-1234"
TIMEOUT = 10


# The flag


def test_a_wait_lasts_as_long_as_it_is_to_last() -> None:
    began = monotonic()
    StopFlag().wait(0.01)
    assert monotonic() - began >= 0.01


def test_a_wait_ends_when_the_flag_is_set() -> None:
    stop = StopFlag()
    threading.Timer(0.01, stop.set).start()
    began = monotonic()
    with pytest.raises(StoppedError):
        stop.wait(600)
    assert monotonic() - began < TIMEOUT


def test_a_check_raises_once_the_flag_is_set() -> None:
    stop = StopFlag()
    stop.check()
    stop.set("SIGTERM")
    with pytest.raises(StoppedError):
        stop.check()
    assert stop.by == "SIGTERM"


def test_a_name_is_learned_also_after_the_flag_was_set_without_one() -> None:
    stop = StopFlag()
    stop.set()
    assert stop.by_whom(seconds=0) == ""
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(stop.by_whom, 60)
        stop.set("SIGINT")
        assert asked.result() == "SIGINT"


def test_who_came_first_has_set_the_flag() -> None:
    stop = StopFlag()
    stop.set("SIGTERM")
    stop.set()
    assert stop.by == "SIGTERM"


def test_a_run_goes_on_when_an_attempt_has_ended() -> None:
    run = Run.logging_to(logging.NullHandler())
    attempt = run.attempt()
    attempt.stop.set()
    run.stop.check()
    assert attempt.progress is run.progress


def test_an_attempt_ends_with_its_run() -> None:
    run = Run.logging_to(logging.NullHandler())
    attempt = run.attempt()
    run.stop.set("SIGTERM")
    assert attempt.stop.by == "SIGTERM"
    with pytest.raises(StoppedError):
        attempt.stop.check()


@pytest.mark.parametrize("before", [True, False])
def test_who_waits_for_something_else_is_woken(*, before: bool) -> None:
    stop, woken = StopFlag(), threading.Event()
    if before:
        stop.set()
    stop.on_set(woken.set)
    stop.set()
    assert woken.is_set()


# The logger


@pytest.fixture
def parent() -> Iterator[logging.Logger]:
    parent = logging.getLogger("tap-analytics")
    level = parent.level
    yield parent
    parent.setLevel(level)


def registered() -> set[str]:
    return set(logging.root.manager.loggerDict)


def test_the_loggers_of_a_run_are_known_to_nobody_else() -> None:
    before = registered()
    logger = Run.logging_to(logging.NullHandler()).logger
    logger.getChild("a-stream").getChild("below").info("Hello.")
    assert registered() == before


def test_what_a_child_logs_goes_where_the_run_logs() -> None:
    out = io.StringIO()
    run = Run.logging_to(logging.StreamHandler(out))
    run.logger.getChild("users").info("Hello.")
    assert out.getvalue() == "Hello.\n"


def test_two_runs_log_to_where_each_of_them_says() -> None:
    outs = [io.StringIO(), io.StringIO()]
    for number, out in enumerate(outs):
        Run.logging_to(logging.StreamHandler(out)).logger.info("Run %d", number)
    assert [out.getvalue() for out in outs] == ["Run 0\n", "Run 1\n"]


def test_what_a_run_logs_is_below_its_level_left_out() -> None:
    out = io.StringIO()
    run = Run.logging_to(logging.StreamHandler(out), logging.WARNING)
    run.logger.getChild("users").info("Hello.")
    assert out.getvalue() == ""


def test_a_level_that_is_set_while_a_run_goes_on_counts(
    parent: logging.Logger,
) -> None:
    logger = Run.logging_to(parent).logger.getChild("users")
    parent.setLevel(logging.ERROR)
    assert not logger.isEnabledFor(logging.INFO)
    parent.setLevel(logging.DEBUG)
    assert logger.isEnabledFor(logging.DEBUG)


def test_a_child_that_the_processs_log_is_configured_for_keeps_to_that(
    parent: logging.Logger,
) -> None:
    child = logging.getLogger(f"{parent.name}.a-child")
    child.setLevel(logging.CRITICAL)
    assert not Run.logging_to(parent).logger.getChild("a-child").isEnabledFor(40)
    child.setLevel(logging.NOTSET)


def test_warnings_are_counted_by_kind() -> None:
    run = Run.logging_to(logging.NullHandler())
    users = run.logger.getChild("users")
    users.warning("It does not fit.", extra={"kind": "misfit"})
    users.warning("It does not fit.", extra={"kind": "misfit"})
    run.logger.warning("Something else.")
    run.logger.error("No warning.")
    assert run.progress.warnings == {"misfit": 2, "other": 1}


# Its secrets


def test_a_run_hides_its_own_secrets_and_no_others() -> None:
    for own, other in ((KEY, OTHER_KEY), (OTHER_KEY, KEY)):
        out = io.StringIO()
        run = Run.logging_to(logging.StreamHandler(out))
        run.redaction.hide(own)
        run.logger.getChild("users").info("%s is not %s", own, other)
        assert out.getvalue() == f"*** is not {other}\n"


def test_two_runs_that_log_to_one_handler_hide_each_its_own() -> None:
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    for own, other in ((KEY, OTHER_KEY), (OTHER_KEY, KEY)):
        run = Run.logging_to(handler)
        run.redaction.hide(own)
        run.logger.info("%s %s", own, other)
    assert out.getvalue() == f"*** {OTHER_KEY}\n*** {KEY}\n"
