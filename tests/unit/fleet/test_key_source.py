"""Where keys are."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING
from unittest import mock

import pytest

from tap_analytics.fleet.errors import KeySourceError
from tap_analytics.fleet.key_source import KeySource

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "n0b0dy-may-read-this"


def look_up(source: str, folder: Path, **environ: str) -> str:
    return KeySource(source, folder).look_up("big-corp", environ)


def failure(source: str, folder: Path, **environ: str) -> str:
    with pytest.raises(KeySourceError) as caught:
        look_up(source, folder, **environ)
    assert SECRET not in str(caught.value)
    return str(caught.value)


def test_a_key_is_in_the_environment(tmp_path: Path) -> None:
    assert look_up("env:KEY_{ACCOUNT}", tmp_path, KEY_BIG_CORP="abc") == "abc"


def test_a_key_is_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "big-corp.key").write_text("abc\n", encoding="utf-8")
    assert look_up("file: {account}.key", tmp_path) == "abc"


def test_a_key_comes_from_a_command(tmp_path: Path) -> None:
    program = "import sys, os; print(sys.argv[1] + os.getcwd()[:1])"
    source = f"command:{sys.executable} -c '{program}' key-of-{{account}}"
    assert look_up(source, tmp_path) == "key-of-big-corp/"


def test_a_command_is_run_without_a_shell(tmp_path: Path) -> None:
    assert look_up("command:echo $HOME;id", tmp_path) == "$HOME;id"


def test_a_scheme_may_stand_before_a_key(tmp_path: Path) -> None:
    assert look_up("env:KEY", tmp_path, KEY="Bearer abc") == "Bearer abc"


def test_a_variable_that_is_not_set_is_named(tmp_path: Path) -> None:
    assert failure("env:KEY_{ACCOUNT}", tmp_path) == (
        "The environment variable KEY_BIG_CORP, which should hold the key, is not set."
    )


def test_an_empty_variable_is_named(tmp_path: Path) -> None:
    assert failure("env:KEY", tmp_path, KEY=" \n") == (
        "The environment variable KEY, which should hold the key, is empty."
    )


def test_a_file_that_can_not_be_read_is_named(tmp_path: Path) -> None:
    assert failure("file:{account}", tmp_path) == (
        f"The file {tmp_path}/big-corp, which should hold the key, can't be read: No "
        "such file or directory."
    )
    (tmp_path / "big-corp").write_bytes(b"\xff")
    assert failure("file:{account}", tmp_path) == (
        f"The file {tmp_path}/big-corp, which should hold the key, is not text."
    )


def test_what_is_no_key_is_not_shown(tmp_path: Path) -> None:
    assert failure("env:KEY", tmp_path, KEY=f"{SECRET} and\nmore") == (
        "The environment variable KEY holds no valid key: it must be one line of ASCII "
        "text without spaces, after a scheme such as Bearer if the API's header wants "
        "one. The value is not shown."
    )


def test_a_command_that_fails_is_named_without_what_it_wrote(tmp_path: Path) -> None:
    source = f"command:sh -c 'echo {SECRET}; echo {SECRET} >&2; exit 3'"
    assert failure(source, tmp_path) == (
        "The command 'sh' gave no key, and ended with status 3. Run it by hand to see "
        "why."
    )


def test_a_command_that_does_not_exist_is_named(tmp_path: Path) -> None:
    assert failure("command:no-such-command", tmp_path) == (
        "The command 'no-such-command' can't be run: No such file or directory."
    )


def test_a_command_that_hangs_is_ended(tmp_path: Path) -> None:
    with mock.patch("tap_analytics.fleet.key_source.COMMAND_SECONDS", 0.1):
        assert failure("command:sleep 60", tmp_path) == (
            "The command 'sleep' gave no key within 0 s."
        )
