"""The command `check`: one request per account tells which keys work."""

from __future__ import annotations

import logging
import sys
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from typing import TYPE_CHECKING

import msgspec

from tap_analytics.account_run import message_for
from tap_analytics.api.client import Client
from tap_analytics.fleet.account_reading import OF_THE_FLEET
from tap_analytics.fleet.causes import causes
from tap_analytics.fleet.errors import KeySourceError
from tap_analytics.fleet.hosts import Hosts
from tap_analytics.fleet.standard_output import put
from tap_analytics.presets import with_preset
from tap_analytics.report.report import counted, duration
from tap_analytics.run import Run
from tap_analytics.settings import DEFAULTS
from tap_analytics.streams import STREAMS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_analytics.fleet.fleet_file import Account, Fleet

AT_ONCE = 32

_silent = logging.getLogger(__name__)
_silent.addFilter(lambda _: False)


def check_fleet(fleet: Fleet) -> int:
    """Ask for one page of each account, and write a JSON line for each.

    Args:
        fleet: What the fleet file says.

    Returns:
        The exit status: 0 if all keys work, 3 if some don't.

    Raises:
        FleetError: If standard output can't be written.
    """
    began = time.monotonic()
    hosts = Hosts(fleet.host_limit)
    owners: dict[str, str] = {}
    failed: list[tuple[str, str]] = []
    with _pool() as pool:
        waiting = {
            pool.submit(_mistake, account, hosts, owners): account.name
            for account in fleet.accounts.values()
        }
        for done in as_completed(waiting):
            account, error = waiting[done], done.result()
            if error:
                failed.append((account, error))
            result = {
                "account": account,
                "status": "failed" if error else "ok",
                "error": error or None,
            }
            put(f"{msgspec.json.encode(result).decode()}\n")
    total = len(fleet.accounts)
    sys.stderr.write(
        f"Checked in {duration(time.monotonic() - began)}: {total - len(failed):,} of "
        f"{counted(total, 'key')} work.\n"
    )
    for cause in causes(failed):
        sys.stderr.write(f"Failed: {cause}\n")
    return 3 if failed else 0


@contextmanager
def _pool() -> Iterator[ThreadPoolExecutor]:
    """Make threads; whatever stops this one, such as a signal, waits for none."""
    pool = ThreadPoolExecutor(AT_ONCE)
    try:
        yield pool
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _mistake(account: Account, hosts: Hosts, owners: dict[str, str]) -> str:
    """Return why an account can't be read, empty if its key works.

    Args:
        account: The account.
        hosts: Let the accounts of a host wait for one another.
        owners: Whose each key is; this account's is added.
    """
    try:
        key = account.key.look_up(account.name)
    except KeySourceError as error:
        return str(error)
    if (owner := owners.setdefault(key, account.name)) != account.name:
        return f"The key is that of account {owner}, too: each needs a key of its own."
    settings = DEFAULTS | with_preset(
        {**OF_THE_FLEET, **account.settings, "api_key": key}
    )
    host = hosts.of(account.name, settings["api_url"])
    run = Run.logging_to(_silent, host=host)
    run.redaction.hide(key)
    try:
        client = Client(settings, run)
        try:
            client.get(STREAMS[0].path)
        finally:
            client.close()
    except Exception as error:  # noqa: BLE001 - it is told in one line
        return run.redaction.redacted(message_for(error))
    return ""
