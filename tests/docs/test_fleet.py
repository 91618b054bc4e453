"""docs/fleet.md: its files and commands, as its readers use them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import kubernetes_validate
from ruamel.yaml import YAML

from tap_analytics.fleet.schema import SCHEMA
from tap_analytics.sandbox import demo_fleet
from tests.docs.documents import Document
from tests.helpers.commands import succeed
from tests.helpers.scanning import PLAIN_KEY

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from tests.conftest import SandboxFactory

DOCUMENT = Document("docs/fleet.md")


def file(name: str) -> str:
    """Return what the document says is in a file."""
    [text] = [block.text for block in DOCUMENT.blocks if block.note == name]
    return text


def job() -> Any:
    return YAML(typ="safe").load(file("job.yml"))


def test_the_fleet_of_the_document_is_loaded(
    sandbox: SandboxFactory, tmp_path: Path
) -> None:
    api = sandbox(accounts=3, api_key=PLAIN_KEY, projects=2, tasks=1, time_records=2)
    followed = DOCUMENT.follow(tmp_path, api)
    [rows] = followed.rows
    assert sorted(rows) == [
        ("acme", "loaded", None),
        ("bolt", "loaded", None),
        ("cargo", "loaded", None),
    ]


def test_every_key_of_the_fleet_file_is_explained() -> None:
    for key in SCHEMA["properties"]:
        assert key == "$schema" or f"`{key}`" in DOCUMENT.text


def test_the_demo_leaves_a_warehouse(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(demo_fleet, "ACCOUNTS", 5)
    demo_fleet.main()
    assert "5 accounts are loaded." in capsys.readouterr().out


def test_the_job_of_kubernetes_counts_as_many_shards_as_it_names() -> None:
    [container] = job()["spec"]["template"]["spec"]["containers"]
    assert job()["spec"]["completionMode"] == "Indexed"
    assert f'/{job()["spec"]["completions"]}"' in container["args"][0]


def test_the_job_of_kubernetes_is_valid() -> None:
    kubernetes_validate.validate(job(), "1.31", strict=True)


def test_the_dag_is_python() -> None:
    compile(file("dags/fleet.py"), "fleet.py", "exec")


def test_the_script_is_for_any_shell(tmp_path: Path) -> None:
    (tmp_path / "night.sh").write_text(file("night.sh"))
    succeed("sh", "-n", "night.sh", cwd=tmp_path)
