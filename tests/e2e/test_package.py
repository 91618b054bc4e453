"""What others install: the built packages, in environments with nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.metadata import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.helpers.commands import PROJECT, environment, run, succeed
from tests.helpers.running import STREAMS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import SandboxFactory

EXTRAS = {"core": "", "dlt": "[dlt]", "sandbox": "[sandbox]", "all": "[dlt,sandbox]"}
PYTHONS = ("oldest", "newest")
# All others take `make packages`.
ALWAYS = ("core", "oldest")
VERSIONS = [
    classifier.rpartition(" ")[2]
    for classifier in metadata("tap-analytics").get_all("Classifier", [])
    if classifier.startswith("Programming Language :: Python :: 3.")
]
ROWS = """\
{"type": "SCHEMA", "stream": "users", "key_properties": ["id"], "schema": \
{"type": "object", "properties": {"id": {"type": "string"}}}}
{"type": "RECORD", "stream": "users", "record": {"id": "1"}}
"""


def installed_with(
    *names: str, always: tuple[str, str] = ALWAYS
) -> pytest.MarkDecorator:
    """Runs a test where the package is installed with these extras."""
    installs = [(name, python) for python in PYTHONS for name in names]
    return pytest.mark.parametrize(
        "scripts",
        [
            pytest.param(
                install,
                id="-".join(install),
                marks=() if install == always else pytest.mark.packages,
            )
            for install in installs
        ],
        indirect=True,
    )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the sdist."""
    folder = tmp_path_factory.mktemp("packages")
    succeed("uv", "build", "--out-dir", folder, cwd=PROJECT)
    (wheel,) = folder.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def pythons() -> dict[str, str]:
    """The oldest and the newest Python that are here and that the package is for."""
    found = [python for version in VERSIONS for python in _pythons(version)]
    return {"oldest": found[0], "newest": found[-1]}


@pytest.fixture(scope="module")
def scripts(
    request: pytest.FixtureRequest,
    wheel: Path,
    pythons: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """Installs the wheel, and returns where its commands are."""
    name, python = request.param
    folder = tmp_path_factory.mktemp(f"{name}-{python}")
    succeed("uv", "venv", "--python", pythons[python], "venv", cwd=folder)
    constraints = PROJECT / "constraints.txt"
    succeed(
        *("uv", "pip", "install", "--python", "venv/bin/python"),
        *("--constraint", constraints, f"{wheel}{EXTRAS[name]}"),
        cwd=folder,
    )
    return folder / "venv" / "bin"


@installed_with(*EXTRAS)
def test_the_tap_tells_its_version(scripts: Path, wheel: Path, tmp_path: Path) -> None:
    output = succeed(scripts / "tap-analytics", "--version", cwd=tmp_path)
    assert f" v{wheel.name.split('-')[1]}," in output


@installed_with(*EXTRAS)
def test_the_tap_tells_about_itself(scripts: Path, tmp_path: Path) -> None:
    about = succeed(scripts / "tap-analytics", "--about", cwd=tmp_path)
    assert "tap-analytics" in about
    assert "api_key" in about


@installed_with(*EXTRAS)
def test_the_tap_discovers_without_key_and_network(
    scripts: Path, tmp_path: Path
) -> None:
    catalog = json.loads(succeed(scripts / "tap-analytics", "--discover", cwd=tmp_path))
    streams = sorted(stream["tap_stream_id"] for stream in catalog["streams"])
    assert streams == sorted(STREAMS)


@installed_with(*EXTRAS)
def test_the_tap_reads_an_api(
    scripts: Path, sandbox: SandboxFactory, tmp_path: Path
) -> None:
    api = sandbox(projects=2)
    settings = {
        "TAP_ANALYTICS_API_URL": api.url,
        "TAP_ANALYTICS_API_KEY": api.options.api_key,
    }
    output = succeed(scripts / "tap-analytics", cwd=tmp_path, **settings)
    messages = [json.loads(line) for line in output.splitlines()]
    assert {one["stream"] for one in messages if one["type"] == "RECORD"} == {*STREAMS}


@installed_with("core", "sandbox")
def test_without_the_extra_dlt_the_target_says_what_to_install(
    scripts: Path, tmp_path: Path
) -> None:
    _says_what_to_install(scripts / "target-dlt", "dlt", cwd=tmp_path)


@installed_with("core", "dlt")
def test_without_the_extra_sandbox_the_sandbox_says_what_to_install(
    scripts: Path, tmp_path: Path
) -> None:
    _says_what_to_install(scripts / "analytics-sandbox", "sandbox", cwd=tmp_path)


@installed_with("dlt", "all")
def test_with_the_extra_dlt_the_target_loads(scripts: Path, tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text(ROWS, encoding="utf-8")
    load = f"'{scripts / 'target-dlt'}' < rows.jsonl"
    succeed("sh", "-c", load, cwd=tmp_path)
    count = "select count(*) from analytics.analytics.users"
    show = f"import duckdb; print(duckdb.connect('analytics.duckdb').sql('{count}'))"
    assert " 1 " in succeed(scripts / "python", "-c", show, cwd=tmp_path)


@installed_with("dlt", "all")
def test_with_the_extra_dlt_the_source_has_the_streams(
    scripts: Path, tmp_path: Path
) -> None:
    show = (
        "from tap_analytics.dlt_source import analytics_source as source\n"
        "print(*sorted(source(api_key='key').resources))"
    )
    resources = succeed(scripts / "python", "-c", show, cwd=tmp_path).split()
    assert resources == sorted(STREAMS)


@installed_with("sandbox", "all")
def test_with_the_extra_sandbox_the_sandbox_serves(
    scripts: Path, tmp_path: Path
) -> None:
    with subprocess.Popen(
        [scripts / "analytics-sandbox", "--clients", "3"],
        cwd=tmp_path,
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline().startswith("http://127.0.0.1:")
        finally:
            process.terminate()
    assert process.returncode == 0


@installed_with("all", always=("all", "newest"))
def test_with_all_extras_the_demo_runs(scripts: Path, tmp_path: Path) -> None:
    demo = succeed(scripts / "python", "-m", "tap_analytics.sandbox.demo", cwd=tmp_path)
    assert "All of it is in demo.duckdb" in demo


def _says_what_to_install(command: Path, extra: str, *, cwd: Path) -> None:
    result = run(command, cwd=cwd)
    assert result.returncode == 1
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert f"pip install 'tap-analytics[{extra}]'" in line


def _pythons(version: str) -> Iterator[str]:
    if version == f"{sys.version_info.major}.{sys.version_info.minor}":
        yield sys.executable
        return
    # Where pyenv is at work, it offers on the PATH only what this variable names.
    found = run(
        *("uv", "python", "find", "--no-python-downloads", version),
        cwd=Path(os.sep),
        PYENV_VERSION=version,
    )
    if found.returncode == 0:
        yield found.stdout.strip()
