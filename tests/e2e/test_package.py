"""The wheel, in an empty virtual environment and without extras."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest

from tests.e2e.commands import PROJECT, run, succeed
from tests.running import STREAMS

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Builds the wheel, installs it, and returns where its commands are."""
    folder = tmp_path_factory.mktemp("package")
    succeed("uv", "build", "--wheel", "--out-dir", folder, cwd=PROJECT)
    (wheel,) = folder.glob("*.whl")
    succeed("uv", "venv", "--python", sys.executable, "venv", cwd=folder)
    constraints = PROJECT / "constraints.txt"
    succeed(
        *("uv", "pip", "install", "--python", "venv/bin/python"),
        *("--constraint", constraints, wheel),
        cwd=folder,
    )
    return folder / "venv" / "bin"


def test_the_tap_tells_about_itself(scripts: Path, tmp_path: Path) -> None:
    about = succeed(scripts / "tap-analytics", "--about", cwd=tmp_path)
    assert "tap-analytics" in about
    assert "api_key" in about


def test_the_tap_discovers_without_key_and_network(
    scripts: Path, tmp_path: Path
) -> None:
    catalog = json.loads(succeed(scripts / "tap-analytics", "--discover", cwd=tmp_path))
    streams = sorted(stream["tap_stream_id"] for stream in catalog["streams"])
    assert streams == sorted(STREAMS)


@pytest.mark.parametrize(
    ("command", "extra"), [("target-dlt", "dlt"), ("analytics-sandbox", "sandbox")]
)
def test_a_command_without_its_extra_says_in_one_line_what_to_install(
    command: str, extra: str, scripts: Path, tmp_path: Path
) -> None:
    result = run(scripts / command, cwd=tmp_path)
    assert result.returncode == 1
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert f"pip install 'tap-analytics[{extra}]'" in line
