"""docs/fleet.md: its files and commands, as its readers use them."""

from __future__ import annotations

import re
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import kubernetes_validate
from ruamel.yaml import YAML

from tap_analytics.fleet.schema import SCHEMA
from tap_analytics.sandbox import demo_fleet
from tests.docs.documents import Document
from tests.helpers.commands import succeed
from tests.helpers.scanning import PLAIN_KEY

if TYPE_CHECKING:
    import pytest

    from tests.conftest import SandboxFactory

DOCUMENT = Document("docs/fleet.md")
TEXT = Path(__file__).parents[2].joinpath("docs/fleet.md").read_text(encoding="utf-8")


def file(name: str) -> str:
    found = re.search(
        rf"<!-- file: {re.escape(name)} -->\n```\w*\n(.*?)^```",
        TEXT,
        re.DOTALL | re.MULTILINE,
    )
    assert found
    return found[1]


def test_the_fleet_of_the_document_is_loaded(
    sandbox: SandboxFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = sandbox(accounts=3, api_key=PLAIN_KEY, projects=2, tasks=1, time_records=2)
    written = file("fleet.yml").replace("https://api.example.com", api.url)
    (tmp_path / "fleet.yml").write_text(written)
    (tmp_path / "accounts.csv").write_text(file("accounts.csv"))
    (tmp_path / "night.sh").write_text(file("night.sh"))
    for number, name in enumerate(("ACME", "BOLT", "CARGO"), 1):
        monkeypatch.setenv(f"KEY_{name}", f"{PLAIN_KEY}-{number}")
    commands = re.findall(
        r"^analytics-fleet .*$", TEXT.split("## Commands")[0], re.MULTILINE
    )
    assert len(commands) == 3
    for command in commands:
        succeed("sh", "-c", command, cwd=tmp_path)
    with closing(duckdb.connect(str(tmp_path / "agency.duckdb"))) as database:
        assert database.execute(
            "select account, status from agency._fleet_accounts order by 1"
        ).fetchall() == [("acme", "loaded"), ("bolt", "loaded"), ("cargo", "loaded")]


def test_every_key_of_the_fleet_file_is_explained() -> None:
    for key in SCHEMA["properties"]:
        assert key == "$schema" or f"`{key}`" in TEXT


def test_the_demo_leaves_a_warehouse(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(demo_fleet, "ACCOUNTS", 5)
    demo_fleet.main()
    assert "5 accounts are loaded." in capsys.readouterr().out


def test_the_job_of_kubernetes_counts_as_many_shards_as_it_names() -> None:
    job = YAML(typ="safe").load(file("job.yml"))
    [container] = job["spec"]["template"]["spec"]["containers"]
    assert job["spec"]["completionMode"] == "Indexed"
    assert f'/{job["spec"]["completions"]}"' in container["args"][0]


def test_the_job_of_kubernetes_is_valid() -> None:
    job = YAML(typ="safe").load(file("job.yml"))
    kubernetes_validate.validate(job, "1.31", strict=True)


def test_the_dag_is_python() -> None:
    compile(file("dags/fleet.py"), "fleet.py", "exec")


def test_the_script_is_for_any_shell(tmp_path: Path) -> None:
    (tmp_path / "night.sh").write_text(file("night.sh"))
    succeed("sh", "-n", "night.sh", cwd=tmp_path)
