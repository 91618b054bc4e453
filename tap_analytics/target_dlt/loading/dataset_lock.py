"""Lets one run at a time load into a dataset.

Two loads at once could make the same table, alter it under each other, or insert the
same key. On PostgreSQL runs everywhere wait for each other, elsewhere runs on one
machine. DuckDB has a lock of its own, on the file.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import tempfile
import time
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Iterator

    from dlt.common.destination.client import JobClientBase

_PAUSE_SECONDS = 0.05


@contextmanager
def locked(
    client: JobClientBase, dataset: str, logger: logging.Logger
) -> Iterator[None]:
    """Wait until no other run loads into a dataset, and keep others waiting.

    Args:
        client: A client of the destination; its connection is not used.
        dataset: The dataset's name.
        logger: Told when there is something to wait for.
    """
    kind = client.config.destination_type
    if kind == "duckdb":
        yield
        return
    if kind == "postgres":
        lock = _locked_in_postgres(client, dataset, logger)
    else:
        place = f"{kind} {client.config.fingerprint()}"
        lock = _locked_on_this_machine(f"{place} {dataset}", dataset, logger)
    with lock:
        yield


@contextmanager
def _locked_in_postgres(
    client: JobClientBase, dataset: str, logger: logging.Logger
) -> Iterator[None]:
    """Hold an advisory lock, which needs no grant, and goes with the connection."""
    import psycopg2  # noqa: PLC0415, it may be missing

    digest = hashlib.sha256(f"target-dlt {dataset}".encode()).digest()
    key = int.from_bytes(digest[:8], "big", signed=True)
    credentials: Any = client.config.credentials
    with (
        closing(psycopg2.connect(credentials.to_native_representation())) as connection,
        connection.cursor() as cursor,
    ):
        # In a transaction, so that it works behind a pooler, too.
        cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")

        def is_taken() -> bool:
            cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", (key,))
            [(taken,)] = cursor.fetchall()
            return bool(taken)

        _wait(is_taken, dataset, logger)
        yield


@contextmanager
def _locked_on_this_machine(
    place: str, dataset: str, logger: logging.Logger
) -> Iterator[None]:
    """Hold a lock on a file, which the system gives up when the process ends."""
    digest = hashlib.sha256(place.encode()).hexdigest()[:16]
    path = Path(tempfile.gettempdir(), f"target-dlt-{os.getuid()}-{digest}.dataset")
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _wait(lambda: _is_locked(file), dataset, logger)
        yield
    finally:
        os.close(file)


def _is_locked(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _wait(is_taken: Callable[[], bool], dataset: str, logger: logging.Logger) -> None:
    """Wait in short steps, between which signals are noticed."""
    if is_taken():
        return
    logger.info("Another run loads into dataset %r: waiting for it.", dataset)
    while not is_taken():
        time.sleep(_PAUSE_SECONDS)
