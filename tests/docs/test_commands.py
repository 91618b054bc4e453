"""docs/commands.md."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.docs.documents import Document, Followed
from tests.helpers.commands import run, succeed

if TYPE_CHECKING:
    from pathlib import Path

    from tap_analytics.sandbox import Sandbox

DOCUMENT = Document("docs/commands.md")
COMMANDS = ("tap-analytics", "target-dlt", "analytics-load", "analytics-fleet")


@pytest.fixture(scope="module")
def followed(api: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Followed:
    return DOCUMENT.follow(tmp_path_factory.mktemp("commands"), api)


def test_the_verdict_is_as_the_document_shows(followed: Followed) -> None:
    command = ("tap-analytics", "--config", "config.json", "--test")
    tested = run(*command, cwd=followed.folder)
    lines = [line.rpartition(" | ")[2] for line in tested.stderr.splitlines()]
    (shown,) = (block for block in DOCUMENT.blocks if block.language == "text")
    assert lines[-len(shown.text.splitlines()) :] == shown.text.splitlines()


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_get_what_completes_the_options(
    tmp_path: Path, command: str, shell: str
) -> None:
    variable = f"_{command.upper().replace('-', '_')}_COMPLETE"
    assert f"{variable}=bash_source {command})" in DOCUMENT.text
    script = succeed(command, cwd=tmp_path, **{variable: f"{shell}_source"})
    assert variable in script


@pytest.mark.parametrize("command", COMMANDS[:3])
def test_options_are_completed(tmp_path: Path, command: str) -> None:
    variable = f"_{command.upper().replace('-', '_')}_COMPLETE"
    words = {"COMP_WORDS": f"{command} --con", "COMP_CWORD": "1"}
    found = succeed(command, cwd=tmp_path, **{variable: "bash_complete", **words})
    assert "--config" in found


@pytest.mark.parametrize("command", COMMANDS)
def test_an_option_that_does_not_exist_has_its_status(
    tmp_path: Path, command: str
) -> None:
    expected = 1 if command == "tap-analytics" else 2
    assert run(command, "--nope", cwd=tmp_path).returncode == expected
