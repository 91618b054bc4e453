"""The README: each of its commands runs, and what it says is so."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pytest

from tests.e2e.commands import succeed
from tests.running import STREAMS

if TYPE_CHECKING:
    from types import ModuleType

    from tests.conftest import SandboxFactory

PROJECT = Path(__file__).parents[1]
README = (PROJECT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
SHELL = [text for language, text in BLOCKS if language == "sh"]

# What sets the project up is run by CI itself, or by the tests in tests/e2e.
RUN_ELSEWHERE = ("make ", "pip install ", "meltano ")


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, PROJECT / ".ci" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_settings_are_those_of_the_tap() -> None:
    assert script("readme").with_settings(README) == README


def test_the_pictures_show_what_a_terminal_shows() -> None:
    pictures = script("screens").pictures()
    assert set(re.findall(r"\(docs/([\w-]+\.svg)\)", README)) == pictures.keys()
    for name, picture in pictures.items():
        drawn = (PROJECT / "docs" / name).read_text(encoding="utf-8")
        assert _shown(drawn) == _shown(picture), f"run .ci/screens.py for {name}"


def _shown(svg: str) -> list[str]:
    return re.findall(r"<text[^>]*>([^<]*)</text>", svg)


def test_the_streams_are_those_of_the_tap() -> None:
    table = README.partition("## Streams")[2].partition("## Settings")[0]
    assert sorted(re.findall(r"^\| `(\w+)` \| `/", table, re.MULTILINE)) == [*STREAMS]


@pytest.mark.parametrize(
    "block", [block for block in SHELL if not block.startswith(RUN_ELSEWHERE)]
)
def test_a_block_of_commands_loads_all_streams(
    sandbox: SandboxFactory, tmp_path: Path, block: str
) -> None:
    api = sandbox(projects=3)
    block = block.replace("https://api.example.com", api.url)
    block = block.replace("your-key", api.options.api_key)
    succeed("bash", "-euo", "pipefail", "-c", block, cwd=tmp_path)
    with duckdb.connect(str(tmp_path / "analytics.duckdb")) as database:
        counts = {
            stream: database.table(f"analytics.analytics.{stream}").shape[0]
            for stream in STREAMS
        }
    assert counts == api.counts()


def test_the_messages_it_explains_are_those_of_the_tap() -> None:
    source = " ".join(
        " ".join(file.read_text(encoding="utf-8").split())
        for file in (PROJECT / "tap_analytics").glob("*.py")
    )
    source = re.sub(r'" f?"', "", source)
    table = README.partition("## When something goes wrong")[2]
    messages = re.findall(r"^\| `([^`]+)` \|", table, re.MULTILINE)
    assert len(messages) > 5
    for message in messages:
        words = re.sub(r" (api_key|4 tries|id|'id')", " ", message).split()
        assert " ".join(words) in re.sub(r"\{[^}]*\} ?", "", source), message
