"""An engine for a Dask cluster: a shard is a task, a task is a runner."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from itertools import count
from typing import TYPE_CHECKING, Any

import msgspec

from tap_analytics.fleet.engines import EARLY_DEATHS, Queue, run_runner
from tap_analytics.fleet.errors import FleetError
from tap_analytics.fleet.messages import Broken, Job, Work, line

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tap_analytics.fleet.engines import Batch, Tell

SHARD_ACCOUNTS = 50
"""So many accounts are a task, or fewer, if there are more workers than such tasks."""

CONNECT_SECONDS = 30.0


class DaskEngine:
    """Reads accounts on the workers of a Dask cluster.

    A worker starts a runner as a process of its own: threads that read would starve the
    worker's event loop. A worker that is lost is Dask's affair: it gives the task to
    another.

    Args:
        scheduler: The scheduler's address; empty for a cluster on this machine.
        connect_seconds: So long a scheduler that does not answer is waited for.

    Raises:
        FleetError: If `distributed` is not installed.
    """

    def __init__(
        self, scheduler: str, connect_seconds: float = CONNECT_SECONDS
    ) -> None:
        if find_spec("distributed") is None:
            msg = "Dask is not installed: pip install 'tap-analytics[dask]'."
            raise FleetError(msg)
        self._scheduler = scheduler
        self._connect_seconds = connect_seconds

    def __call__(self, batch: Batch, tell: Tell) -> None:
        """Read a batch.

        Raises:
            FleetError: If the scheduler can't be reached or started, has no workers, or
                if a task fails though its worker lives.
        """
        dask: Any = import_module("distributed")
        if self._scheduler:
            cluster: Any = self._scheduler
        else:
            cluster = _own_cluster(dask, batch.runners)
        try:
            client: Any = dask.Client(
                cluster, timeout=self._connect_seconds, set_as_default=False
            )
        except (OSError, ValueError, TimeoutError) as error:
            msg = f"Dask's scheduler {self._scheduler} can't be reached: {error}."
            raise FleetError(msg) from None
        with client:
            try:
                threads = client.nthreads()
                slots = sum(threads.values())
                if not slots:
                    msg = "Dask's scheduler has no workers: start some."
                    raise FleetError(msg)
                work = _encoded(batch.work_of_one(slots))
                tasks = [
                    client.submit(
                        read_shard, work, list(map(_encoded, jobs)), pure=False
                    )
                    for jobs in _shards(batch, slots)
                ]
                for task in dask.as_completed(tasks, loop=client.loop):
                    if task.status == "finished":
                        for text in task.result():
                            tell(text)
                        continue
                    failure = task.exception()
                    if not isinstance(failure, dask.KilledWorker):
                        # Its accounts were not read, for no fault of their own.
                        text = " ".join(str(failure).split())
                        msg = f"Dask: {type(failure).__name__}: {text}"
                        raise FleetError(msg)
            finally:
                if not self._scheduler:
                    cluster.close()


def _own_cluster(dask: Any, workers: int) -> Any:
    """Start a cluster on this machine, again if a worker dies meanwhile.

    Raises:
        FleetError: If that comes to nothing.
    """
    for tries in count(1):
        try:
            return dask.LocalCluster(
                n_workers=workers, threads_per_worker=1, dashboard_address=None
            )
        except (OSError, RuntimeError, TimeoutError) as error:  # noqa: PERF203
            if tries >= EARLY_DEATHS:
                msg = f"Dask could not start on this machine: {error}."
                raise FleetError(msg) from None
    raise AssertionError  # `count` has no end.


def _shards(batch: Batch, slots: int) -> Iterator[Sequence[Job]]:
    jobs = batch.jobs
    size = 1 if batch.alone else max(1, min(SHARD_ACCOUNTS, -(-len(jobs) // slots)))
    for start in range(0, len(jobs), size):
        yield jobs[start : start + size]


def _encoded(message: msgspec.Struct) -> bytes:
    return msgspec.json.encode(message)


def read_shard(work: bytes, jobs: list[bytes]) -> list[bytes]:
    """Read accounts by a runner; this is what runs on a worker.

    Args:
        work: What the runner is told.
        jobs: The accounts.

    Returns:
        The lines that the runner said.
    """
    said: list[bytes] = []
    decoded = [msgspec.json.decode(job, type=Job) for job in jobs]
    try:
        run_runner(msgspec.json.decode(work, type=Work), Queue(decoded), said.append)
    except OSError as error:
        said.append(line(Broken(f"A runner could not be started: {error}.")))
    return said
