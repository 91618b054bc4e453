"""Runs the commands as a user does, but within the test's own process."""

from __future__ import annotations

import io
import json
import logging
import signal
import sys
import threading
import warnings
from contextlib import ExitStack, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from unittest import mock

from tap_analytics.command import main
from tests.helpers.scanning import scan

if TYPE_CHECKING:
    from pathlib import Path

    from tap_analytics.sandbox import Sandbox

GIVEN_UP_SECONDS = 5
"""So long is waited for the threads of a run that has failed."""

STREAMS = ("clients", "projects", "tasks", "time", "time_records", "users")


@dataclass
class Outcome:
    """What a run left behind.

    Attributes:
        status: The exit status.
        out: Standard output.
        err: Standard error.
    """

    status: int
    out: str
    err: str
    messages: list[dict[str, Any]] = field(init=False)

    def __post_init__(self) -> None:
        lines = self.out.split("\n")[:-1] if self.out.startswith('{"type"') else []
        self.messages = [
            json.loads(line, parse_float=_number, parse_int=_integer) for line in lines
        ]

    def of_type(self, kind: str, stream: str | None = None) -> list[dict[str, Any]]:
        """Return the messages of one type, of one stream if it is named."""
        return [
            message
            for message in self.messages
            if message["type"] == kind and stream in {None, message.get("stream")}
        ]

    def records(self, stream: str) -> list[dict[str, Any]]:
        """Return the records of a stream, in order."""
        return [message["record"] for message in self.of_type("RECORD", stream)]

    def ids(self, stream: str) -> list[str]:
        """Return the ids of the records of a stream, in order."""
        return [record["id"] for record in self.records(stream)]

    @property
    def state(self) -> dict[str, Any]:
        """The last state."""
        state: dict[str, Any] = self.of_type("STATE")[-1]["value"]
        return state

    @property
    def errors(self) -> list[str]:
        """The messages on standard error that are errors."""
        return [
            line.split("| ")[-1] for line in self.err.splitlines() if "ERROR" in line
        ]

    @property
    def error(self) -> str:
        """The one line that tells of the failure; nothing else may be on stderr."""
        assert self.status == 1
        (line,) = (line for line in self.err.splitlines() if "| WARNING" not in line)
        return line.split("| ")[-1]


def _number(digits: str) -> Decimal | str:
    try:
        return Decimal(digits)
    except ArithmeticError:
        return digits


def _integer(digits: str) -> int | Decimal:
    return int(digits) if len(digits) < 1_000 else Decimal(digits)


def settings(api: Sandbox, **more: Any) -> dict[str, Any]:
    """Return settings for a sandbox, with retries that follow quickly."""
    return {
        "api_url": api.url,
        "api_key": api.options.api_key,
        "backoff_factor": 0.001,
        **more,
    }


def run_tap(
    config: dict[str, Any],
    *args: str,
    folder: Path,
    env: dict[str, str] | None = None,
    log_level: str = "WARNING",
) -> Outcome:
    """Run `tap-analytics --config …`.

    Args:
        config: The settings.
        args: Further arguments.
        folder: Where the config file may be put.
        env: Further environment variables.
        log_level: Of what is logged, this and above.
    """
    file = folder / "config.json"
    file.write_text(json.dumps(config), encoding="utf-8")
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2))
    env = {"TAP_ANALYTICS_LOGLEVEL": log_level, **(env or {})}
    threads = set(threading.enumerate())
    with ExitStack() as stack:
        stack.callback(_restore_process())
        stack.enter_context(mock.patch.dict("os.environ", env))
        stack.enter_context(
            mock.patch("sys.argv", ["tap-analytics", "--config", str(file), *args])
        )
        stack.enter_context(redirect_stdout(out))
        stack.enter_context(redirect_stderr(err))
        try:
            main()
        except SystemExit as end:
            status = (
                end.code if isinstance(end.code, int) else int(end.code is not None)
            )
    if status:  # Nor does a process that has ended send anything.
        for thread in set(threading.enumerate()) - threads:
            if thread.is_alive():  # One that is about to start can't be joined.
                thread.join(GIVEN_UP_SECONDS)
    written = []
    for stream in (out, err):
        stream.flush()
        written.append(stream.buffer.getvalue().decode())
        scan.look(written[-1], f"the output of {' '.join(sys.argv)}")
    return Outcome(status, *written)


def _restore_process() -> Any:
    """Return what undoes a command's hold on logging, warnings and signals."""
    root = logging.getLogger()
    before = (list(root.handlers), root.level, sys.excepthook, list(warnings.filters))
    log_filters = [(handler, list(handler.filters)) for handler in root.handlers]
    handlers = {number: signal.getsignal(number) for number in (1, 2, 15)}

    def restore() -> None:
        root.handlers[:], root.level, sys.excepthook, filters = before
        root.setLevel(before[1])
        for log, kept in log_filters:  # What is secret now is not in the next run.
            log.filters[:] = kept
        warnings.filters[:] = filters  # type: ignore[index]
        logging.captureWarnings(capture=False)
        for number, handler in handlers.items():
            signal.signal(number, handler)

    return restore
