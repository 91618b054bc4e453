"""Every recipe that loads, with all that may go wrong: no state is lost."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import time
from typing import TYPE_CHECKING, Any

import pytest

from tap_analytics.sandbox import Sandbox, SandboxOptions
from tests.conftest import TODAY
from tests.docs.documents import COMMANDS, Followed, documents
from tests.helpers.commands import environment
from tests.helpers.running import settings
from tests.helpers.scanning import PLAIN_KEY

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KEPT = {"bookmarks": {"time": {"replication_key": "createdAt"}}}
KEPT["bookmarks"]["time"]["replication_key_value"] = "2001-01-01T00:00:00+00:00"
SECONDS = 200
LOADS = re.compile(r"tap-analytics --config [^\n]*\||analytics-load --config")
KEEPS = re.compile(r"mv new-state.json state.json|analytics-load")
SAME_WITHOUT = (
    r" 2> \w+\.log",
    r"^export TAP_ANALYTICS_LOG.*",
    r"^TAP_ANALYTICS_LOG_FORMAT=json ",
    r"^echo .* > target\.json",
    r"(?<=target-dlt) --config \w+\.json",
    # What the tap reads, not where its state is.
    r"^TAP_ANALYTICS_(?!LOG)\w+=\S+( TAP_ANALYTICS_\w+=\S+)* \\\n",
    r" --catalog catalog\.json",
    # With this in front, less goes wrong: nothing is loaded where it fails.
    r"^tap-analytics --config config\.json --test\n",
    r"^mkdir -p rows\n",
)
"""What may be left out of a recipe, and it goes wrong in the same ways.

Each document is followed to the letter by a test of its own, with all of that.
"""

OWN_STATE = re.compile(r"\b(?:backfill|full)-state\.json")
"""A file that keeps the state of one run, and is no other run's."""

MAKES_CONFIG = re.compile(r"^echo [^\n]* > config.json\n", re.MULTILINE)

WRONG = {
    "a missing config": {},
    "a typo in the target's config": {"TARGET_DLT_DESTINATION": "duckdbb"},
    "a wrong key": {"TAP_ANALYTICS_API_KEY": "wrong"},
    "an API that is down": {
        "TAP_ANALYTICS_API_URL": "http://127.0.0.1:1",
        "TAP_ANALYTICS_MAX_RETRIES": "0",
    },
    "a database that is down": {
        "TARGET_DLT_DESTINATION": "postgres",
        "TARGET_DLT_CREDENTIALS": "postgresql://me@127.0.0.1:1/none",
    },
    "a run that is killed": {},
}
"""What goes wrong, and the environment that lets it."""


STAND_INS = {
    "target-jsonl/bin/target-jsonl": "target-dlt",
    "rm rows/*\n": "",
    '"everhour"': '"analytics"',
}
"""One target is enough here, with its tables in one place."""


def recipes() -> dict[str, str]:
    """Return the commands that load, by where they stand."""
    found = {}
    for document in documents():
        for block in document.blocks:
            is_run = block.is_run and block.language == "sh"
            is_ours = "target-avro" not in block.text  # It fails in words of its own.
            loads = is_ours and LOADS.search(block.text)
            if loads and (is_run or block.note == "load.sh"):
                place = f"{document.name}:{block.line}"
                found[place] = MAKES_CONFIG.sub("", block.text)
    return found


def _alike(recipe: str) -> str:
    """Return what recipes share that differ in their logs, rows or destinations."""
    for named, stand_in in STAND_INS.items():
        recipe = recipe.replace(named, stand_in)
    for part in SAME_WITHOUT:
        recipe = re.sub(part, "", recipe, flags=re.MULTILINE)
    return " ".join(OWN_STATE.sub("one-state.json", recipe).split())


RECIPES = recipes()
BY_LENGTH = sorted(RECIPES, key=lambda place: -len(RECIPES[place]))
DIFFERENT = {_alike(RECIPES[place]): place for place in BY_LENGTH}
"""Where those stand that differ: the shortest of each, which tests nothing first."""


@pytest.fixture(scope="module")
def api() -> Iterator[Sandbox]:
    options = SandboxOptions(projects=2, tasks=2, today=TODAY, api_key=PLAIN_KEY)
    with Sandbox(options) as sandbox:
        yield sandbox


class Kitchen:
    """A folder in which a recipe is followed, with the state of an earlier run."""

    def __init__(self, folder: Path, recipe: str, api: Sandbox) -> None:
        self.folder = folder
        self.api = api
        self.keeps_state = bool(KEEPS.search(recipe))
        for named, stand_in in STAND_INS.items():
            recipe = recipe.replace(named, stand_in)
        self.recipe = recipe
        self.state = folder / (
            "agency.state.json"
            if "agency.state.json" in recipe
            else "config.state.json"
            if "analytics-load" in recipe
            else "state.json"
        )
        config = settings(api, incremental=True)
        self.write("config.json", config)
        self.write("target.json", {"pipeline_name": "analytics"})
        self.state.write_text(json.dumps(KEPT))
        if "--catalog catalog.json" in recipe:
            self.sh("tap-analytics --config config.json --discover > catalog.json")

    def write(self, name: str, content: Any) -> None:
        (self.folder / name).write_text(json.dumps(content))

    def start(self, command: str, **environ: str) -> subprocess.Popen[str]:
        shell, options, flag = COMMANDS["sh"][0], "-eu", "-c"
        return subprocess.Popen(
            (shell, options, flag, command),
            cwd=self.folder,
            env=environment(DLT_DATA_DIR=str(self.folder / "dlt"), **environ),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def sh(self, command: str, **environ: str) -> tuple[int, str]:
        with self.start(command, **environ) as process:
            said, _ = process.communicate(timeout=SECONDS)
        return process.returncode, said

    def follow(self, **environ: str) -> tuple[int, str]:
        return self.sh(self.recipe, **environ)

    def bookmarks(self) -> Any:
        return json.loads(self.state.read_text().splitlines()[-1])["bookmarks"]


@pytest.fixture(params=DIFFERENT.values())
def kitchen(request: pytest.FixtureRequest, tmp_path: Path, api: Sandbox) -> Kitchen:
    api.reset()
    return Kitchen(tmp_path, RECIPES[request.param], api)


def test_there_are_recipes_of_all_documents_that_load() -> None:
    names = {place.partition(":")[0].removeprefix("docs/") for place in RECIPES}
    assert names == {
        "README.md",
        "analytics-load.md",
        "backfill.md",
        "destinations.md",
        "everhour.md",
        "schedule.md",
        "standalone.md",
        "while-it-runs.md",
    }


def test_each_pipe_fails_if_one_of_its_halves_does() -> None:
    for place, recipe in RECIPES.items():
        if "|" in recipe:
            assert "pipefail" in recipe, place


@pytest.mark.timeout(1200)
def test_the_state_survives_all_that_goes_wrong_and_the_next_run_makes_up_for_it(
    kitchen: Kitchen,
) -> None:
    for wrong, environ in WRONG.items():
        status, said = _go_wrong(kitchen, wrong, environ)
        assert status != 0, (wrong, said)
        assert "Traceback" not in said, (wrong, said)
        assert kitchen.bookmarks()["time"] == KEPT["bookmarks"]["time"], (wrong, said)
    status, said = kitchen.follow()
    assert status == 0, said
    if kitchen.keeps_state:
        assert {*kitchen.bookmarks()} >= {"time", "users"}
    loaded = Followed(kitchen.folder, {}, {})
    for stream in ("users", "time") if kitchen.keeps_state else ("users",):
        counted = loaded.query(f"select count(*) from analytics.analytics.{stream}")
        assert counted == [(kitchen.api.counts()[stream],)]


def _go_wrong(kitchen: Kitchen, wrong: str, environ: dict[str, str]) -> tuple[int, str]:
    if wrong == "a run that is killed":
        return _kill(kitchen)
    if wrong != "a missing config":
        return kitchen.follow(**environ)
    config = kitchen.folder / "config.json"
    away = config.with_suffix(".away")
    shutil.move(config, away)
    try:
        return kitchen.follow()
    finally:
        shutil.move(away, config)


def _kill(kitchen: Kitchen) -> tuple[int, str]:
    kitchen.api.reset()
    kitchen.api.fault("/v1/clients", status=429, headers={"Retry-After": "60"}, times=1)
    with kitchen.start(kitchen.recipe) as process:
        deadline = time.monotonic() + SECONDS
        while not kitchen.api.requests() and time.monotonic() < deadline:
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGKILL)
        said, _ = process.communicate(timeout=SECONDS)
    kitchen.api.clear_faults()
    kitchen.api.reset()
    return process.returncode, said
