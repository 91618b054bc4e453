"""What waits to be loaded, and the loader: packages, halves of those that failed."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from tap_analytics.fleet.children import Child
from tap_analytics.fleet.errors import FleetError
from tap_analytics.fleet.messages import (
    Broken,
    Done,
    Failed,
    Loaded,
    NoMore,
    Package,
    Ready,
    Refused,
    Table,
    from_loader,
)
from tap_analytics.fleet.packages import fill_one, first_package

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from typing import Any

    from tap_analytics.fleet.ledger import Receipt
    from tap_analytics.fleet.messages import Load
    from tap_analytics.fleet.packages import Size

LOADER = "tap_analytics.fleet.loader"

WAIT_SECONDS = 15.0
"""So long the first of them waits for others: each package costs seconds."""

DEATHS = 2
"""After so many deaths of the loader with an account alone, the account fails."""

Receipts: TypeAlias = "Callable[[Mapping[str, str]], Iterable[Receipt]]"
"""Finds the receipts of accounts, of which it is given the manifests' digests."""


FAILURES = 3
"""The same of failures; some may be the destination's, such as a restart."""


@dataclass(frozen=True)
class FromLoader:
    """A line of a loader, or how it died: whoever gets it gives it to `LoadQueue.on`.

    Attributes:
        child: The loader.
        text: The line; `None` if it has ended.
        death: How it ended, if not well.
    """

    child: Child
    text: bytes | None
    death: str = ""


class LoadQueue:
    """Gives whole accounts to a loader process, which it keeps running.

    Args:
        load: What the loader is told.
        hear: Called, from any thread, with what a loader says.
        row_of: Returns what the table of accounts is to say of one that is loaded.
        receipts: Finds what a loader has written down before it died.
        clock: Tells the time in seconds; only differences matter.
    """

    def __init__(
        self,
        load: Load,
        hear: Callable[[FromLoader], None],
        row_of: Callable[[str], Mapping[str, Any]],
        receipts: Receipts,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._load = load
        self._hear = hear
        self._row_of = row_of
        self._receipts = receipts
        self._clock = clock
        self._waiting: dict[str, Size] = {}
        self._first_at = 0.0
        self._packages: deque[list[str]] = deque()
        self._manifests: dict[str, str] = {}
        self._loading: dict[str, None] = {}
        self._table: Table | None = None
        self._table_deaths = 0
        self._is_busy = False
        self._is_ready = False
        self._early_deaths = 0
        self._deaths: Counter[str] = Counter()
        self._failures: Counter[str] = Counter()
        self._child = self._begin()

    def add(self, account: str, manifest: str, size: Size) -> None:
        """Take an account that is whole.

        Args:
            account: Its name.
            manifest: The digest of its manifest.
            size: How large it is.
        """
        if not self._waiting:
            self._first_at = self._clock()
        self._manifests[account] = manifest
        self._waiting[account] = size

    @property
    def is_idle(self) -> bool:
        """Whether there is nothing to load, and nothing being loaded."""
        return not (self._waiting or self._packages or self._is_busy)

    @property
    def is_ready(self) -> bool:
        """Whether the loader has reached the destination."""
        return self._is_ready

    @property
    def pid(self) -> int:
        """The id of the loader's process."""
        return self._child.pid

    def pump(self, *, is_last: bool) -> None:
        """Give the loader its next package, if there is one and it is free.

        Args:
            is_last: Whether nothing else comes for now, so that waiting is no use.
        """
        if self._is_busy or not self._is_ready:
            return
        if not self._packages and self._is_enough(is_last=is_last):
            self._packages.append(self._next())
        if self._packages:
            package = self._packages.popleft()
            self._is_busy = True
            self._loading = dict.fromkeys(package)
            rows = [dict(self._row_of(account)) for account in package]
            self._child.send(Package(package, rows))

    def _is_enough(self, *, is_last: bool) -> bool:
        return bool(self._waiting) and (
            is_last
            or fill_one(self._waiting.values())
            or self._clock() - self._first_at >= WAIT_SECONDS
        )

    def _next(self) -> list[str]:
        accounts = first_package(self._waiting)
        for account in accounts:
            del self._waiting[account]
        return accounts

    def tell(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Have rows of the table of accounts written; then the queue is idle."""
        self._is_busy = True
        self._table = Table([dict(row) for row in rows])
        self._child.send(self._table)

    def close(self) -> None:
        """Let the loader end, and wait for that."""
        self._child.send(NoMore())
        self._child.death()

    def on(self, heard: FromLoader) -> list[Loaded | Refused]:
        """Take note of what a loader said; return what became of accounts.

        Raises:
            FleetError: If the destination can't be reached, or no loader begins.
        """
        if heard.child is not self._child:
            return []
        if heard.text is None:
            return self._on_death(heard.death)
        match from_loader(heard.text):
            case Ready():
                self._is_ready = True
                self._early_deaths = 0
            case Loaded() as loaded:
                self._loading.pop(loaded.receipt.account, None)
                return [loaded]
            case Refused() as refused:
                self._loading.pop(refused.account, None)
                return [refused]
            case Done():
                self._is_busy = False
                self._table = None
                self._requeue()
            case Failed(error=error):
                self._is_busy = False
                return self._on_failure(error)
            case Broken(text=text):
                raise FleetError(text)
        return []

    def _on_death(self, death: str) -> list[Loaded | Refused]:
        if not self._is_ready:
            self._early_deaths += 1
            if self._early_deaths > DEATHS:
                msg = f"The loader could not begin: {death or 'it ended'}."
                raise FleetError(msg)
        self._is_ready = False
        self._is_busy = self._table is not None
        self._child = self._begin()
        if self._table is not None:
            self._require_few_deaths(death)
            self._child.send(self._table)
        loaded = list(self._loaded_before_death())
        if len(self._loading) == 1:
            [account] = self._loading
            self._deaths[account] += 1
            if self._deaths[account] < DEATHS:
                self._requeue()
                return [*loaded]
        halves = self._halve(f"The process that loaded it died ({death}).")
        return [*loaded, *halves]

    def _require_few_deaths(self, death: str) -> None:
        self._table_deaths += 1
        if self._table_deaths > DEATHS:
            msg = f"The loader died when it wrote the table of accounts: {death}."
            raise FleetError(msg)

    def _loaded_before_death(self) -> Iterator[Loaded]:
        """Yield what the loader had done, though it could not say so any more."""
        loading = {account: self._manifests[account] for account in self._loading}
        for receipt in self._receipts(loading) if loading else ():
            if receipt.account in self._loading:
                del self._loading[receipt.account]
                yield Loaded(receipt)

    def _on_failure(self, error: str) -> list[Loaded | Refused]:
        if len(self._loading) == 1:
            [account] = self._loading
            self._failures[account] += 1
            if self._failures[account] < FAILURES:
                self._loading = {}
                self._packages.append([account])  # When others have had their turn.
                return []
        return self._halve(error)

    def _halve(self, error: str) -> list[Loaded | Refused]:
        accounts = list(self._loading)
        self._loading = {}
        if len(accounts) == 1:
            [account] = accounts
            return [Refused(account, self._manifests[account], error)]
        half = (len(accounts) + 1) // 2
        for part in (accounts[half:], accounts[:half]):
            if part:
                self._packages.appendleft(part)
        return []

    def _requeue(self) -> None:
        if self._loading:
            self._packages.appendleft(list(self._loading))
        self._loading = {}

    def _begin(self) -> Child:
        child = Child(LOADER, self._load)

        def listen() -> None:
            for text in child.lines():
                self._hear(FromLoader(child, text))
            self._hear(FromLoader(child, None, child.death()))

        threading.Thread(target=listen, name="loader", daemon=True).start()
        return child
