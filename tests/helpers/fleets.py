"""Fleets to test with: a folder with a fleet file, and a sandbox of many accounts."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tap_analytics.fleet.names import variable_form
from tests.helpers.running import STREAMS
from tests.helpers.scanning import KEY, scan

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tap_analytics.sandbox import Sandbox
    from tests.helpers.databases import Database

WAREHOUSE = "WAREHOUSE"
"""The variable that has the credentials of a database."""

_KEY = "KEY_"

LOOK_SECONDS = 0.3

LONGEST = 240
"""No run of a test takes so many seconds."""


@dataclass
class Ended:
    """What a command left.

    Attributes:
        status: The exit status.
        lines: The JSON lines of accounts, by account; the last of each.
        whole: The JSON line of the whole run.
        err: Standard error.
    """

    status: int
    lines: dict[str, dict[str, Any]]
    whole: dict[str, Any]
    err: str

    @property
    def failed(self) -> dict[str, str]:
        """The errors of the accounts that failed."""
        return {
            name: line["error"]
            for name, line in self.lines.items()
            if line["status"] == "failed"
        }


@dataclass
class FleetOfTest:
    """A fleet whose accounts are those of a sandbox: a1, a2, …

    Attributes:
        folder: Where the fleet file is.
        api: The sandbox.
        size: How many accounts there are.
        database: Where they are loaded to.
        keys: Keys that are not the right ones, by account.
        file: What the fleet file says.
        has_key_files: Whether keys are in files, and in no environment.
        looked_at: The ids of all processes in which keys were looked for.
    """

    folder: Path
    api: Sandbox
    size: int
    database: Database
    keys: dict[str, str] = field(default_factory=dict)
    file: dict[str, Any] = field(default_factory=dict)
    has_key_files: bool = False
    looked_at: set[int] = field(default_factory=set)

    @property
    def accounts(self) -> list[str]:
        """The names of all accounts."""
        return [f"a{number}" for number in range(1, self.size + 1)]

    def write(self, **changes: Any) -> Path:
        """Write the fleet file."""
        path = self.folder / "fleet.yml"
        target = dict(self.database.config)
        if self._is_postgres:
            target["credentials"] = f"env:{WAREHOUSE}"
        content = {
            "accounts": self.accounts,
            "api_key": f"env:{_KEY}{{ACCOUNT}}",
            "defaults": {"api_url": self.api.url, "backoff_factor": 0.01},
            "target": target,
            **self.file,
            **changes,
        }
        if self.has_key_files:
            content["api_key"] = "file:keys/{account}/api.key"
            for name in self.accounts:
                file = self.folder / "keys" / name / "api.key"
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(self.key_of(name))
        path.write_text(json.dumps(content))
        return path

    def key_of(self, account: str) -> str:
        """Return the key that an account is given."""
        return self.keys.get(account, f"{KEY}-{account[1:]}")

    def start(self, *args: str) -> subprocess.Popen[str]:
        """Start a command, such as `run`, and look for keys in its processes."""
        command, *rest = args
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "tap_analytics.fleet", command),
                *(str(self.folder / "fleet.yml"), *rest),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self.environment,
            cwd=self.folder,
        )
        threading.Thread(
            target=self._look_at_processes, args=(process,), daemon=True
        ).start()
        return process

    def _look_at_processes(self, process: subprocess.Popen[str]) -> None:
        """Look for keys in what all users see of processes, and in what the own does.

        Their environment is not to have a key in it if keys are in files.
        """
        while process.returncode is None:
            for pid in [process.pid, *children_of(process)]:
                scan.look_at_process(pid, environment=self.has_key_files)
                self.looked_at.add(pid)
            time.sleep(LOOK_SECONDS)

    @property
    def _is_postgres(self) -> bool:
        return self.database.config.get("destination") == "postgres"

    @property
    def environment(self) -> dict[str, str]:
        """The environment, with all keys in it that are nowhere else."""
        secrets = {}
        if self._is_postgres:
            secrets[WAREHOUSE] = str(self.database.config["credentials"])
        if not self.has_key_files:
            for name in self.accounts:
                secrets[_KEY + variable_form(name)] = self.key_of(name)
        return {**os.environ, **secrets}

    def run(self, *args: str) -> Ended:
        """Run a command to its end."""
        return ended(self.start(*(args or ("run",))))

    def wrong_rows(self, accounts: Iterable[str]) -> list[str]:
        """Return what is wrong in the tables: rows that lack, are too many, or doubled.

        Args:
            accounts: Those that are to be there; no other ones may be.
        """
        wrong = []
        accounts = list(accounts)
        for stream in STREAMS:
            rows = self.database.rows("account, id, name", stream)
            expected = {
                (account, record["id"], record.get("name"))
                for account in accounts
                for record in self.api.account(int(account[1:])).truth(stream)
            }
            if len(rows) != len(set(rows)):
                wrong.append(f"{stream}: doubled rows")
            if lacking := expected - set(rows):
                wrong.append(f"{stream}: {len(lacking)} lack, as {min(lacking)}")
            if more := set(rows) - expected:
                wrong.append(f"{stream}: {len(more)} too many, as {min(more)}")
        return wrong

    def requests_of(self, account: str) -> int:
        """Return how many requests an account's key has sent."""
        number = int(account[1:])
        return sum(one.account == number for one in self.api.requests())

    def look_for_keys(self) -> None:
        """Look for keys in all files of the fleet, and in all tables."""
        scan.look_into(self.folder)
        if not self._is_postgres:
            return  # It is one of the files.
        for (table,) in self.database.query(
            "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables"
            " WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        ):
            for row in self.database.query(f"SELECT t::text FROM {table} t"):
                scan.look(row[0], f"the table {table} of {self.folder}")


def ended(process: subprocess.Popen[str]) -> Ended:
    """Wait for a command's end."""
    try:
        out, err = process.communicate(timeout=LONGEST)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    lines = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
    accounts = {line["account"]: line for line in lines if "account" in line}
    whole: dict[str, Any] = next((line for line in lines if "run" in line), {})
    return Ended(process.returncode, accounts, whole, err)


def children_of(process: subprocess.Popen[str], module: str = "") -> list[int]:
    """Return the ids of the processes that a command has started.

    Args:
        process: The command.
        module: What they run, or a part of that.
    """
    return [
        pid
        for pid, parent, command in _processes()
        if parent == process.pid and module in command
    ]


def descendants_of(pid: int) -> list[int]:
    """Return the ids of the processes that a process has started, and so on."""
    processes = [*_processes()]
    found = [pid]
    for one in found:
        found += [child for child, parent, _ in processes if parent == one]
    return found[1:]


def _processes() -> Iterator[tuple[int, int, str]]:
    """Yield the id of each process, that of its parent, and its command."""
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        with suppress(OSError):
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            command = (folder / "cmdline").read_text()
            yield int(folder.name), parent, command


def is_running(pid: int) -> bool:
    """Return whether a process runs still."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def kill(pid: int) -> None:
    """Kill a process that a test has started."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
