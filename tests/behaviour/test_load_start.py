"""`analytics-load` starts its target first; a run that doesn't begin ends it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tap_analytics.load.waiting_child import PROGRAM
from tests.helpers.commands import SCRIPTS, environment, run
from tests.helpers.running import settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.conftest import SandboxFactory

TIMEOUT = 60
HELD = """
import sys

if "tap_analytics.load.child" in sys.orig_argv:
    import signal

    with open({started!r}, "a") as started:
        started.write("started\\n")
    while True:
        signal.pause()
"""

NOTED = """
import sys

if "tap_analytics.load.child" in sys.orig_argv:
    import atexit

    register = atexit.register

    def note(kind, function):
        with open({notes!r}, "a") as notes:
            notes.write(f"{{kind}} {{function.__name__}}\\n")

    def noted(function, *args, **kwargs):
        def call(*args, **kwargs):
            note("done", function)
            return function(*args, **kwargs)

        note("promised", function)
        register(call, *args, **kwargs)
        return function

    atexit.register = noted
"""


@pytest.fixture
def held(tmp_path: Path) -> dict[str, str]:
    """Hold each child at its very start, after a line into the file `started`."""
    folder = tmp_path / "held"
    folder.mkdir()
    text = HELD.format(started=str(tmp_path / "started"))
    (folder / "sitecustomize.py").write_text(text)
    return {"PYTHONPATH": str(folder)}


@pytest.mark.parametrize(
    ("arguments", "status"), [(["--help"], 0), (["--version"], 0), (["--about"], 2)]
)
def test_no_target_starts_if_there_is_nothing_to_load(
    arguments: list[str], status: int, held: dict[str, str], tmp_path: Path
) -> None:
    assert run("analytics-load", *arguments, cwd=tmp_path, **held).returncode == status
    assert not (tmp_path / "started").exists()


@contextmanager
def started(held: dict[str, str], folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Start the command, whose config file is a pipe; its target waits for ever."""
    for name in ("started", "config.json"):
        os.mkfifo(folder / name)
    with subprocess.Popen(
        [SCRIPTS / "analytics-load", "--config", "config.json"],
        cwd=folder,
        env=environment(**held),
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert (folder / "started").read_text() == "started\n"
        yield process


def ended(process: subprocess.Popen[str]) -> str:
    """Return what was said when the command and its target have ended.

    Both have standard error, so its end is that of both.
    """
    return process.communicate(timeout=TIMEOUT)[1]


def test_a_mistake_in_the_settings_ends_the_target_too(
    held: dict[str, str], tmp_path: Path
) -> None:
    with started(held, tmp_path) as process:
        (tmp_path / "config.json").write_text('{"api_url": "api.example.com"}')
        said = ended(process)
    assert process.returncode == 1
    (line,) = said.splitlines()
    assert line.startswith("Error: api_url must begin with")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_target_too_before_the_settings_are_read(
    number: signal.Signals, held: dict[str, str], tmp_path: Path
) -> None:
    # The file opens where the command reads its settings, so the target has started.
    with started(held, tmp_path) as process, (tmp_path / "config.json").open("w"):
        process.send_signal(number)
        said = ended(process)
    assert process.returncode == 128 + number
    assert said == f"Stopped by {number.name} before anything was read.\n"


def test_a_target_whose_parent_is_gone_ends_without_a_word(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(writer)
    result = subprocess.run(
        [sys.executable, "-m", PROGRAM, "--config", f"/dev/fd/{reader}"],
        cwd=tmp_path,
        pass_fds=(reader,),
        capture_output=True,
        check=True,
    )
    os.close(reader)
    assert (result.stdout, result.stderr) == (b"", b"")
    assert not [*tmp_path.iterdir()]


def test_what_the_imports_of_a_target_have_for_its_end_is_done(
    sandbox: SandboxFactory, tmp_path: Path
) -> None:
    api = sandbox(projects=1, tasks=1, time_records=1, clients=1, users=1)
    (tmp_path / "config.json").write_text(json.dumps(settings(api)))
    text = NOTED.format(notes=str(tmp_path / "notes"))
    (tmp_path / "sitecustomize.py").write_text(text)
    arguments = ("--config", "config.json")
    environ = {"PYTHONPATH": str(tmp_path)}
    result = run("analytics-load", *arguments, cwd=tmp_path, **environ)
    assert result.returncode == 0, result.stderr
    lines = (tmp_path / "notes").read_text().splitlines()
    promised, done = (
        [line.removeprefix(kind) for line in lines if line.startswith(kind)]
        for kind in ("promised ", "done ")
    )
    assert "stop_telemetry" in done
    assert done == promised[promised.index("leave") :][::-1]
