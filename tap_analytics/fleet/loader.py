"""The loader: a process that loads what is staged, package by package."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from tap_analytics.fleet.errors import FleetError
from tap_analytics.fleet.messages import (
    Broken,
    Done,
    Failed,
    Forget,
    Load,
    NoMore,
    Package,
    Ready,
    Refused,
    Table,
    to_loader,
)
from tap_analytics.fleet.parent import end
from tap_analytics.fleet.warehouse import Warehouse
from tap_analytics.target_dlt.errors import FullError, TargetError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_analytics.fleet.messages import ToLoader
    from tap_analytics.fleet.parent import Parent

PAUSES = (1.0, 3.0, 10.0)
"""Seconds to wait before a destination that answers no more is asked again."""


def main(parent: Parent) -> None:
    """Load what the parent asks for, and say what came of it."""
    lines = parent.lines()
    load = to_loader(next(lines))
    if not isinstance(load, Load):
        end(2)
        return
    loader = _Loader(load, parent)
    try:
        loader.reach(())
        parent.say(Ready())
        loader.obey(map(to_loader, lines))
    except (FleetError, TargetError) as error:
        parent.say(Broken(str(error)))
    loader.close()
    end(0)


class _Loader:
    def __init__(self, load: Load, parent: Parent) -> None:
        self._load = load
        self._parent = parent
        self._warehouse = Warehouse(load)

    def obey(self, asked: Iterator[ToLoader]) -> None:
        for one in asked:
            match one:
                case Package(accounts=accounts, rows=rows):
                    self._load_package(dict(zip(accounts, rows, strict=True)))
                case Table(rows=rows):
                    self._warehouse.tell(rows)
                    self._parent.say(Done())
                case Forget(account=account):
                    self._warehouse.forget(account)
                    self._parent.say(Done())
                case NoMore():
                    return

    def close(self) -> None:
        try:
            self._warehouse.close()
        except TargetError:
            return  # All that was to be loaded is.

    def reach(self, pauses: tuple[float, ...] = PAUSES) -> None:
        """Connect to the destination.

        Args:
            pauses: How long to wait before each further try.

        Raises:
            TargetError: If it can't be reached.
        """
        for pause in pauses:
            try:
                self._warehouse.open()
            except TargetError:  # noqa: PERF203 - that is the point
                time.sleep(pause)
            else:
                return
        self._warehouse.open()

    def _load_package(self, accounts: dict[str, dict[str, Any]]) -> None:
        ready = []
        for one in self._warehouse.rows_of(accounts):
            if isinstance(one, Refused):
                self._parent.say(one)
            else:
                ready.append(one)
        packages = [[one] for one in ready] if self._warehouse.is_divided else [ready]
        failure = ""
        for package in packages:
            try:
                rows = [accounts[manifest.account] for manifest, _ in package]
                self._parent.say(*self._warehouse.load(package, rows))
            except TargetError as error:  # noqa: PERF203 - the others are loaded
                if isinstance(error, FullError):
                    raise  # No account is to blame, and none would fit.
                failure = " ".join(str(error).split())
                # What was begun is in the pipeline still.
                self._warehouse.close()
                # If the destination does not answer, it is not the package's fault.
                self.reach()
        self._parent.say(Failed(failure) if failure else Done())
