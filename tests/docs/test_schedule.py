"""docs/schedule.md: what its schedulers would run, and whether they can read it."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from ruamel.yaml import YAML

from tests.docs.documents import Document, Followed
from tests.helpers.commands import run, succeed

if TYPE_CHECKING:
    from pathlib import Path

    from tap_analytics.sandbox import Sandbox

DOCUMENT = Document("docs/schedule.md")
HOME = "/srv/analytics"


@pytest.fixture(scope="module")
def followed(api: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Followed:
    folder = tmp_path_factory.mktemp("schedule")
    return DOCUMENT.follow(folder, api, stand_ins={HOME: str(folder)})


def file(followed: Followed, name: str) -> Path:
    return followed.folder / name


def last_state(followed: Followed) -> dict[str, Any]:
    *_, line = file(followed, "state.json").read_text().splitlines()
    state: dict[str, Any] = json.loads(line)
    return state


def test_the_script_loads_every_row(followed: Followed, api: Sandbox) -> None:
    assert followed.counts() == api.counts()


def test_the_line_for_cron_runs_the_script_again_with_its_state(
    followed: Followed, api: Sandbox
) -> None:
    *_, line = file(followed, "crontab").read_text().splitlines()
    field = r"(?:\*|\d+)"
    found = re.fullmatch(rf"(?:{field} ){{5}}(.+)", line)
    assert found
    api.reset()
    state = last_state(followed)
    succeed("sh", "-c", found[1], cwd=followed.folder)
    assert api.requests()
    assert last_state(followed) == state
    assert "tap-analytics" in file(followed, "load.log").read_text()


def test_the_script_keeps_the_state_of_a_run_that_failed(
    followed: Followed, api: Sandbox
) -> None:
    def unfinished() -> str | None:
        text: str | None = last_state(followed)["bookmarks"]["tasks"]["unfinished"]
        return text

    api.fault(api.path("tasks", api.truth("projects")[-1]["id"]), status=400)
    assert run("./load.sh", cwd=followed.folder).returncode != 0
    api.clear_faults()
    assert unfinished()
    succeed("./load.sh", cwd=followed.folder)
    assert not unfinished()


@pytest.mark.parametrize("name", ["dags/analytics.py", "definitions.py"])
def test_definitions_are_python(followed: Followed, name: str) -> None:
    compile(file(followed, name).read_text(), name, "exec")


def test_definitions_run_the_script_that_is_there(followed: Followed) -> None:
    assert f"cd {followed.folder} && ./load.sh" in (
        file(followed, "dags/analytics.py").read_text()
    )
    assert f'["./load.sh"], cwd="{followed.folder}"' in (
        file(followed, "definitions.py").read_text()
    )


def test_the_workflow_is_one_that_github_takes(followed: Followed) -> None:
    workflow = file(followed, ".github/workflows/load.yml")
    succeed(
        *("check-jsonschema", "--builtin-schema", "vendor.github-workflows"),
        workflow,
        cwd=followed.folder,
    )


def test_the_workflow_loads_every_row(
    followed: Followed, api: Sandbox, tmp_path: Path
) -> None:
    workflow = YAML(typ="safe").load(file(followed, ".github/workflows/load.yml"))
    job = workflow["jobs"]["load"]
    install, load = job["steps"]
    assert "'tap-analytics[dlt] @ git+https://" in install["run"]
    assert load["shell"] == "bash"
    # Where secrets are expected, and another destination than the warehouse.
    environ = dict(job["env"]) | {"TAP_ANALYTICS_API_KEY": api.options.api_key}
    command = load["run"].replace("postgres", "duckdb")
    del environ["DESTINATION__POSTGRES__CREDENTIALS"]
    succeed(
        *("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", command),
        cwd=tmp_path,
        **environ,
    )
    loaded = Followed(tmp_path, {}, {})
    assert loaded.counts("analytics.agency") == api.counts()


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Installs the schedulers, and returns where their commands are."""
    folder = tmp_path_factory.mktemp("schedulers")
    succeed("uv", "venv", "--quiet", "venv", cwd=folder)
    packages = ("apache-airflow-core>=3", "dagster>=1.10")
    succeed("uv", "pip", "install", "--python", "venv", *packages, cwd=folder)
    return folder / "venv" / "bin"


@pytest.mark.schedulers
def test_airflow_runs_the_dag(
    installed: Path, followed: Followed, tmp_path: Path
) -> None:
    airflow = {
        "AIRFLOW_HOME": str(tmp_path),
        "AIRFLOW__CORE__DAGS_FOLDER": str(file(followed, "dags")),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    }
    (file(followed, "state.json")).write_text("{}")
    succeed(installed / "airflow", "db", "migrate", cwd=tmp_path, **airflow)
    dag = file(followed, "dags/analytics.py")
    program = f"import runpy; runpy.run_path({str(dag)!r})['analytics']().test()"
    succeed(installed / "python", "-c", program, cwd=tmp_path, **airflow)
    assert "bookmarks" in file(followed, "state.json").read_text()


@pytest.mark.schedulers
def test_dagster_runs_the_assets(
    installed: Path, followed: Followed, tmp_path: Path
) -> None:
    definitions = file(followed, "definitions.py")
    (file(followed, "state.json")).write_text("{}")
    environ = {"DAGSTER_HOME": str(tmp_path), "DO_NOT_TRACK": "1"}
    succeed(
        *(installed / "dagster", "definitions", "validate", "-f", definitions),
        cwd=tmp_path,
        **environ,
    )
    succeed(
        *(installed / "dagster", "asset", "materialize", "--select", "*"),
        *("-f", definitions),
        cwd=tmp_path,
        **environ,
    )
    assert "bookmarks" in file(followed, "state.json").read_text()
