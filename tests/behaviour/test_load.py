"""`analytics-load`: reads and loads, keeps the state, ends with one status."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import duckdb
import pytest

from tap_analytics.load.kept_state import KeptState
from tests.helpers.commands import SCRIPTS, environment, run
from tests.helpers.running import STREAMS, settings

if TYPE_CHECKING:
    from pathlib import Path

    from tap_analytics.sandbox import Sandbox
    from tests.conftest import SandboxFactory

TIMEOUT = 60


@pytest.fixture
def api(sandbox: SandboxFactory) -> Sandbox:
    return sandbox(projects=6, tasks=2, time_records=2, clients=4, users=2)


class Folder:
    """A folder with a config, where `analytics-load` is run."""

    def __init__(self, path: Path, api: Sandbox, **more: Any) -> None:
        self.path = path
        self.write("config.json", settings(api, **more))

    def write(self, name: str, content: Any) -> None:
        (self.path / name).write_text(json.dumps(content))

    def load(self, *args: str, **environ: str) -> subprocess.CompletedProcess[str]:
        command = ("analytics-load", "--config", "config.json", *args)
        return run(*command, cwd=self.path, **environ)

    @property
    def state(self) -> dict[str, Any]:
        state: dict[str, Any] = json.loads(
            (self.path / "config.state.json").read_text()
        )
        return state

    def counts(self) -> dict[str, int]:
        with duckdb.connect(str(self.path / "analytics.duckdb")) as database:
            return {
                stream: database.execute(
                    f"select count(*) from analytics.analytics.{stream}"
                ).fetchall()[0][0]
                for stream in STREAMS
            }


@pytest.fixture
def folder(tmp_path: Path, api: Sandbox) -> Folder:
    return Folder(tmp_path, api)


def test_all_rows_are_loaded_and_the_state_is_beside_the_config(
    folder: Folder, api: Sandbox
) -> None:
    result = folder.load()
    assert result.returncode == 0, result.stderr
    assert result.stdout == ""
    assert folder.counts() == api.counts()
    assert {*folder.state["bookmarks"]} == {*STREAMS}
    assert "Complete in" in result.stderr.splitlines()[-1]


def test_the_target_takes_its_own_settings(folder: Folder) -> None:
    folder.write("target.json", {"pipeline_name": "agency"})
    result = folder.load("--target", "target.json", "--state", "kept.json")
    assert result.returncode == 0, result.stderr
    assert (folder.path / "agency.duckdb").exists()
    assert (folder.path / "kept.json").exists()


def stopped_below_the_fourth_project(
    folder: Folder, api: Sandbox, number: signal.Signals
) -> tuple[int, str]:
    project = quote(api.truth("projects")[3]["id"], safe="")
    path = f"/v1/projects/{project}/time"
    api.fault(path, status=429, headers={"Retry-After": "600"}, times=1)
    with subprocess.Popen(
        [SCRIPTS / "analytics-load", "--config", "config.json"],
        cwd=folder.path,
        env=environment(TAP_ANALYTICS_CONCURRENCY="1"),
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        said = ""
        while " 429 " not in said:
            line = process.stderr.readline()
            assert line, said
            said += line
        process.send_signal(number)
        _, rest = process.communicate(timeout=TIMEOUT)
    return process.returncode, said + rest


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_was_stopped_is_gone_on_with(
    folder: Folder, api: Sandbox, number: signal.Signals
) -> None:
    status, said = stopped_below_the_fourth_project(folder, api, number)
    assert status == 128 + number
    assert f"Stopped by {number.name} before everything was read" in said
    assert folder.state["bookmarks"]["time_records"]["unfinished"]
    api.reset()
    result = folder.load()
    assert result.returncode == 0, result.stderr
    assert "went on with the read" in result.stderr
    assert folder.counts() == api.counts()
    tasks = [one for one in api.requests() if one.path.endswith("/tasks")]
    assert len(tasks) < len(api.truth("projects"))


@pytest.mark.parametrize("disposition", ["replace", "append"])
def test_going_on_is_refused_where_the_target_does_not_merge(
    folder: Folder, api: Sandbox, disposition: str
) -> None:
    folder.write("target.json", {"write_disposition": disposition})
    result = folder.load(*("--target", "target.json"), TAP_ANALYTICS_RESUME_HOURS="12")
    assert result.returncode == 1
    (line,) = result.stderr.splitlines()
    assert "resume_hours must be 0" in line
    assert not api.requests()


def test_an_increment_that_would_replace_the_table_is_refused(
    folder: Folder, api: Sandbox
) -> None:
    folder.write("target.json", {"write_disposition": "replace"})
    result = folder.load(*("--target", "target.json"), TAP_ANALYTICS_INCREMENTAL="true")
    assert result.returncode == 1
    (line,) = result.stderr.splitlines()
    assert "incremental must be false" in line
    assert not api.requests()


def test_a_second_run_with_the_same_state_is_refused(
    folder: Folder, api: Sandbox
) -> None:
    with KeptState(folder.path / "config.state.json", ""):
        result = folder.load()
    assert result.returncode == 1
    (line,) = result.stderr.splitlines()
    assert "Another run uses the state" in line
    assert not api.requests()


def test_a_target_that_fails_ends_the_run_with_its_error(
    folder: Folder, api: Sandbox
) -> None:
    api.fault("/v1/clients", status=429, headers={"Retry-After": "600"}, times=1)
    result = folder.load(
        TARGET_DLT_DESTINATION="postgres",
        TARGET_DLT_CREDENTIALS="postgresql://me@127.0.0.1:1/none",
    )
    assert result.returncode == 1
    assert "ERROR" in result.stderr
    assert "it is a bug" not in result.stderr
    assert "Traceback" not in result.stderr


def test_another_destination_gets_everything(folder: Folder, api: Sandbox) -> None:
    # It is dlt's own configuration that names it.
    first = {"DESTINATION__DUCKDB__CREDENTIALS": "duckdb:///first.duckdb"}
    assert "into first.duckdb" in folder.load(**first).stderr
    result = folder.load()
    assert result.returncode == 0, result.stderr
    assert "belongs to another destination" in result.stderr
    assert "into analytics.duckdb" in result.stderr
    assert folder.counts() == api.counts()


def test_a_destination_that_is_gone_gets_everything(
    api: Sandbox, tmp_path: Path
) -> None:
    folder = Folder(tmp_path, api, incremental=True)
    assert folder.load().returncode == 0
    (tmp_path / "analytics.duckdb").unlink()
    result = folder.load()
    assert result.returncode == 0, result.stderr
    assert "the destination has no tables" in result.stderr
    assert folder.counts() == api.counts()


def test_a_reading_that_fails_replaces_no_table(folder: Folder, api: Sandbox) -> None:
    folder.write("target.json", {"write_disposition": "replace"})
    assert folder.load("--target", "target.json").returncode == 0
    api.fault(api.path("tasks", api.truth("projects")[3]["id"]), status=401)
    result = folder.load("--target", "target.json")
    assert result.returncode == 1
    assert "no table is replaced" in result.stderr
    assert folder.counts() == api.counts()


def test_settings_may_come_through_pipes(folder: Folder) -> None:
    script = (
        'analytics-load --config <(cat config.json) --target <(echo "$TARGET") '
        "--config /dev/stdin < config.json"
    )
    target = json.dumps({"pipeline_name": "agency"})
    result = run("bash", "-c", script, cwd=folder.path, TARGET=target)
    assert result.returncode == 0, result.stderr
    assert (folder.path / "agency.duckdb").exists()
    assert (folder.path / "analytics.state.json").exists()


def test_another_account_gets_everything(api: Sandbox, tmp_path: Path) -> None:
    folder = Folder(tmp_path, api, streams=["users"])
    folder.write("config.state.json", {"bookmarks": {}, "read_from": "another"})
    result = folder.load()
    assert result.returncode == 0, result.stderr
    assert "belongs to another account" in result.stderr
    assert folder.state["read_from"] != "another"


def test_a_mistake_in_the_settings_is_one_line(folder: Folder) -> None:
    folder.write("config.json", {"api_url": "api.example.com", "api_key": "key"})
    result = folder.load()
    assert result.returncode == 1
    (line,) = result.stderr.splitlines()
    assert line == (
        "Error: api_url must begin with http:// or https://, not 'api.example.com'."
    )


def test_its_log_lines_can_be_json_of_one_run(folder: Folder) -> None:
    result = folder.load(TAP_ANALYTICS_LOG_FORMAT="json")
    lines = [json.loads(line) for line in result.stderr.splitlines()]
    assert {line["logger"].partition(".")[0] for line in lines} == {
        "tap-analytics",
        "target-dlt",
    }
    assert len({line["run"] for line in lines}) == 1
    assert lines[-1]["summary"]["outcome"] == "complete"


def test_it_can_be_asked_from_anywhere(tmp_path: Path) -> None:
    result = run("analytics-load", "--help", cwd=tmp_path)
    assert result.returncode == 0
    assert "--target" in result.stdout
    assert os.listdir(tmp_path) == []  # noqa: PTH208


def test_both_halves_log_the_same_run_and_account(api: Sandbox, tmp_path: Path) -> None:
    folder = Folder(tmp_path, api, account="acme", streams=["users"])
    result = folder.load(TAP_ANALYTICS_LOG_FORMAT="json")
    assert result.returncode == 0, result.stderr
    lines = [json.loads(line) for line in result.stderr.splitlines()]
    assert {line["account"] for line in lines} == {"acme"}
    assert len({line["run"] for line in lines}) == 1
    loggers = {line["logger"].partition(".")[0] for line in lines}
    assert loggers >= {"tap-analytics", "target-dlt"}


def test_a_stream_that_only_a_setting_knows_is_warned_of(
    api: Sandbox, tmp_path: Path
) -> None:
    folder = Folder(tmp_path, api, streams=["users"], stream_maps={"user": {}})
    result = folder.load()
    assert result.returncode == 0, result.stderr
    assert "There is no stream 'user', which stream_maps names" in result.stderr
