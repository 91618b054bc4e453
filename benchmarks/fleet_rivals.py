"""What a user would do without a fleet: a dlt pipeline per tenant, Meltano in a loop.

Usage: python benchmarks/fleet_rivals.py URL DATABASE ACCOUNTS threads|processes

The pipelines read with dlt's own REST source, as its documentation shows, each account
into a dataset of its own. `fleet.py` runs this as a process, whose time it measures.
"""

from __future__ import annotations

import sys
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from multiprocessing import get_context
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote

import dlt
from dlt.sources.rest_api import rest_api_source

THREADS = 16


def main() -> None:
    """Load accounts, as the command line says."""
    url, database, accounts, kind = sys.argv[1:]
    with TemporaryDirectory() as folder, _executor(kind) as executor:
        one = partial(load, url, database, folder)
        for _ in executor.map(one, range(1, int(accounts) + 1)):
            pass


def _executor(kind: str) -> Executor:
    if kind == "threads":
        return ThreadPoolExecutor(THREADS)
    return ProcessPoolExecutor(THREADS, mp_context=get_context("spawn"))


def load(url: str, database: str, folder: str, number: int) -> None:
    """Load an account.

    Args:
        url: The URL of the API.
        database: The URL of the database.
        folder: Where the pipelines have their files.
        number: The account's number.
    """
    pipeline = dlt.pipeline(
        f"tenant_{number}",
        pipelines_dir=folder,
        destination=dlt.destinations.postgres(database),
        dataset_name=f"tenant_{number}",
    )
    pipeline.run(rest_api_source(_config(url, f"sandbox-key-{number}")))


def _config(url: str, key: str) -> Any:
    return {
        "client": {
            "base_url": f"{url}/v1/",
            "headers": {"X-Api-Key": key},
            "paginator": "single_page",
        },
        "resource_defaults": {
            "primary_key": "id",
            "write_disposition": "merge",
            "endpoint": {"data_selector": "data"},
        },
        "resources": [
            "clients",
            # Ids have slashes in them, which dlt would not quote.
            {"name": "projects", "processing_steps": [{"map": _with_path}]},
            {"name": "users", "endpoint": "team/users"},
            {"name": "time", "endpoint": "team/time"},
            _below_projects("tasks", "tasks"),
            _below_projects("time_records", "time"),
        ],
    }


def _with_path(project: dict[str, Any]) -> dict[str, Any]:
    return {**project, "path": quote(project["id"], safe="")}


def _below_projects(name: str, path: str) -> Any:
    parent = {"type": "resolve", "resource": "projects", "field": "path"}
    return {
        "name": name,
        "endpoint": {
            "path": f"projects/{{project}}/{path}",
            "params": {"project": parent},
        },
        "include_from_parent": ["id"],
    }


if __name__ == "__main__":
    main()
