"""What all streams of an account share."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Raw

from tap_analytics.api.client import Client
from tap_analytics.reading.so_far import StateCadence
from tap_analytics.reading.workers import Workers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_analytics.reading.parents_and_children import Branch
    from tap_analytics.run import Run


class Account:
    """What all streams of an account share: a client, and threads that fetch ahead.

    Args:
        settings: The tap's settings, defaults included.
        run: What belongs to the run.

    Attributes:
        settings: The settings.
        run: What belongs to the run.
        client: Gets pages.
        workers: Run the fetches of all streams.
        state_cadence: Says when the next STATE of a long read is due.
        opened: The branches of top-level streams that are not being written yet.
    """

    def __init__(self, settings: Mapping[str, Any], run: Run) -> None:
        self.settings = settings
        self.run = run
        self.client = Client(settings, run)
        self.workers = Workers(settings["concurrency"])
        self.opened: dict[str, Branch[Any]] = {}
        self.state_cadence = StateCadence()
        self._warned: set[str] = set()
        run.stop.on_set(self.workers.stop)

    def warn_once(self, text: str) -> None:
        """Warn of what is so for the whole run, the first time it shows."""
        if text not in self._warned:
            self._warned.add(text)
            self.run.logger.warning("%s", text, extra={"kind": "batch"})

    @cached_property
    def column(self) -> Mapping[str, Raw]:
        """The column that tells whose the records are; none if that is not set."""
        account = self.settings.get("account")
        if account is None:
            return {}
        return {self.settings["account_column"]: Raw(msgspec.json.encode(account))}

    def close(self) -> None:
        """End the run: its threads, whatever they wait for, and its connections."""
        self.run.stop.set()
        self.opened.clear()
        self.client.close()
