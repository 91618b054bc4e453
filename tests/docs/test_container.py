"""docs/container.md, and the Dockerfile: as far as that goes without an engine."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from ruamel.yaml import YAML

from tests.docs.documents import Document, Followed
from tests.helpers.commands import PROJECT, succeed

if TYPE_CHECKING:
    from pathlib import Path

    from tap_analytics.sandbox import Sandbox

DOCUMENT = Document("docs/container.md")
DOCKERFILE = (PROJECT / "Dockerfile").read_text(encoding="utf-8")


@pytest.fixture
def followed(api: Sandbox, tmp_path: Path) -> Followed:
    return DOCUMENT.follow(tmp_path, api)


def test_the_linter_finds_nothing() -> None:
    succeed("hadolint", PROJECT / "Dockerfile", cwd=PROJECT)


def test_what_is_copied_is_there_and_not_ignored() -> None:
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE)
    let_in = (PROJECT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    for name in " ".join(copied).split():
        assert (PROJECT / name).exists()
        assert f"!{name}" in let_in


def test_it_does_not_run_as_root_and_takes_the_versions_that_are_tested() -> None:
    assert re.search(r"^USER 10001$", DOCKERFILE, re.MULTILINE)
    assert "PIP_CONSTRAINT=/src/constraints.txt" in DOCKERFILE


def test_the_cron_job_runs_a_command_that_is_there(followed: Followed) -> None:
    job = YAML(typ="safe").load(followed.folder / "cronjob.yml")
    pod = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert job["spec"]["concurrencyPolicy"] == "Forbid"
    assert pod["securityContext"]["runAsUser"] == 10001
    assert f"USER {pod['securityContext']['runAsUser']}" in DOCKERFILE
    command, *options = container["args"]
    help_text = succeed(command, "--help", cwd=followed.folder)
    assert all(option in help_text for option in options if option.startswith("--"))
