"""What is told of a task that a cluster could not do."""

from __future__ import annotations

from importlib import import_module
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from tap_analytics.fleet import dask_engine
from tap_analytics.fleet.dask_engine import DaskEngine
from tap_analytics.fleet.engines import Batch
from tap_analytics.fleet.errors import FleetError
from tap_analytics.fleet.messages import Job, Work

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


distributed: Any = import_module("distributed")


@pytest.fixture(scope="module")
def scheduler() -> Iterator[str]:
    """Start a cluster in this process."""
    with distributed.LocalCluster(
        n_workers=1,
        threads_per_worker=1,
        processes=False,
        protocol="tcp",
        dashboard_address=None,
    ) as cluster:
        yield cluster.scheduler_address


def read(engine: DaskEngine, folder: Path) -> list[bytes]:
    work = Work(
        run="night",
        folder=str(folder),
        state="state",
        staging="staging",
        account_column="account",
        accounts_at_once=1,
        max_seconds=60,
        salt="00",
    )
    jobs = [Job(account="acme", key="env:KEY_ACME", settings={})]
    said: list[bytes] = []
    engine(Batch(work, jobs, alone=False, runners=1, host_limit=None), said.append)
    return said


def test_a_scheduler_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    engine = DaskEngine("tcp://127.0.0.1:1", connect_seconds=0.1)
    with pytest.raises(
        FleetError, match=r"^Dask's scheduler tcp://127.0.0.1:1 can't be reached: .*\.$"
    ):
        read(engine, tmp_path)


def failing_with(error: Exception) -> Any:
    def read_shard(_work: bytes, _jobs: list[bytes]) -> list[bytes]:
        raise error

    return read_shard


def test_a_task_that_can_not_be_done_is_one_line(
    scheduler: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = ModuleNotFoundError("No module named\n'tap_analytics.fleet'")
    monkeypatch.setattr(dask_engine, "read_shard", failing_with(error))
    text = "^Dask: ModuleNotFoundError: No module named 'tap_analytics.fleet'$"
    with pytest.raises(FleetError, match=text):
        read(DaskEngine(scheduler), tmp_path)


def test_accounts_whose_workers_died_again_and_again_are_lost(
    scheduler: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = distributed.KilledWorker("task", SimpleNamespace(address="tcp://x"), 3)
    monkeypatch.setattr(dask_engine, "read_shard", failing_with(error))
    assert read(DaskEngine(scheduler), tmp_path) == []
