"""What tests and benchmarks look at and change: each operation is written once, here.

`Sandbox` has the operations as methods. Those with a route are the control path, too:
`/_sandbox/stats` and so on. `GET /_sandbox/` lists them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial, wraps
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from tap_analytics.sandbox.rules import Rule
from tap_analytics.sandbox.store import Edit

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_analytics.sandbox.api import Api
    from tap_analytics.sandbox.meter import LoggedRequest, Stats

T = TypeVar("T")
P = ParamSpec("P")


@dataclass(frozen=True)
class Route:
    """Where the control path has an operation.

    Attributes:
        run: The operation.
        takes: What it takes: `str` is the rest of the path, any other type is the
            body; None for nothing.
    """

    run: Callable[..., Any]
    takes: type | None


ROUTES: dict[tuple[str, str], Route] = {}
"""The operations by method and name."""


def _route(
    method: str, name: str, takes: type | None = None
) -> Callable[
    [Callable[Concatenate[Operations, P], T]], Callable[Concatenate[Operations, P], T]
]:
    def register(
        operation: Callable[Concatenate[Operations, P], T],
    ) -> Callable[Concatenate[Operations, P], T]:
        @wraps(operation)
        def run(self: Operations, /, *args: P.args, **kwargs: P.kwargs) -> T:
            result: T = self._run(partial(operation, self, *args, **kwargs))
            return result

        ROUTES[method, name] = Route(run, takes)
        return run

    return register


def _at_once(operation: Callable[[], T]) -> T:
    return operation()


class Operations:
    """The operations on an API, and on the data and the faults of one of its accounts.

    Args:
        api: The API.
        number: The account's number; 0 where the host has no accounts.
        run: Runs an operation when no request is being answered.
    """

    def __init__(
        self,
        api: Api,
        number: int = 0,
        run: Callable[[Callable[[], Any]], Any] = _at_once,
    ) -> None:
        self._api = api
        self._number = number
        self._run = run

    def account(self, number: int) -> Operations:
        """Turns to another account; the counts and the log stay the host's.

        Args:
            number: Its number, from 1.

        Returns:
            The operations on it.
        """
        return Operations(self._api, number, self._run)

    @_route("GET", "stats")
    def stats(self) -> Stats:
        """Reads the counts since the start or the last reset."""
        return self._api.meter.stats()

    @_route("GET", "requests")
    def requests(self) -> list[LoggedRequest]:
        """Reads the log of requests."""
        return self._api.meter.requests()

    @_route("POST", "reset")
    def reset(self) -> None:
        """Starts counts, log and random faults from zero."""
        self._api.meter.reset()
        self._api.accounts.reset_faults()

    @_route("GET", "counts")
    def counts(self) -> dict[str, int]:
        """Counts the records of each stream."""
        return self._api.accounts.store(self._number).counts()

    @_route("GET", "truth", str)
    def truth(self, stream: str) -> list[dict[str, Any]]:
        """Reads all records of a stream, in order; children with `project_id`.

        Args:
            stream: The stream.

        Returns:
            The records, see `Store.truth`.

        Raises:
            UnknownRecordError: There is no such stream.
        """
        return self._api.accounts.store(self._number).truth(stream)

    @_route("POST", "edits", Edit)
    def edit(self, edit: Edit) -> None:
        """Adds, changes or deletes a record; with a project, its tasks and hours go.

        Args:
            edit: The change.

        Raises:
            UnknownRecordError: There is no such stream, project or record.
            ValueError: The change would give a project another id.
        """
        self._api.accounts.store_to_edit(self._number).edit(edit)

    @_route("GET", "faults")
    def faults(self) -> list[Rule]:
        """Lists the scripted faults."""
        return list(self._api.rules)

    @_route("POST", "faults", Rule)
    def script(self, rule: Rule) -> None:
        """Scripts a fault.

        Of several for a request the one added first strikes; when it is used up, the
        next.

        Args:
            rule: The fault, and the requests that it is for.
        """
        if self._number:
            rule = replace(rule, account=self._number)
        self._api.rules.append(rule)

    @_route("DELETE", "faults")
    def clear_faults(self) -> None:
        """Removes all scripted faults."""
        self._api.rules.clear()

    def add(
        self,
        stream: str,
        record: dict[str, Any],
        *,
        parent: str | None = None,
        position: int | None = None,
    ) -> None:
        """Adds a record: `edit` in short.

        Args:
            stream: The stream.
            record: Its fields.
            parent: The project's id, for a child stream.
            position: Where in the list: 0 is first, None is last.
        """
        self.edit(Edit("add", stream, parent=parent, record=record, position=position))

    def change(
        self,
        stream: str,
        identifier: str,
        fields: dict[str, Any],
        *,
        parent: str | None = None,
    ) -> None:
        """Changes fields of a record: `edit` in short.

        Args:
            stream: The stream.
            identifier: The record's id.
            fields: The fields to set.
            parent: The project's id, where the record's own is not enough.
        """
        self.edit(Edit("change", stream, identifier, parent=parent, record=fields))

    def delete(
        self, stream: str, identifier: str, *, parent: str | None = None
    ) -> None:
        """Deletes a record: `edit` in short.

        Args:
            stream: The stream.
            identifier: The record's id.
            parent: The project's id, where the record's own is not enough.
        """
        self.edit(Edit("delete", stream, identifier, parent=parent))

    def fault(self, path: str = "*", kind: str | None = None, **rule: Any) -> None:
        """Scripts a fault: `api.fault(api.path("clients"), "503", times=2)`.

        Args:
            path: The requests it is for, see `Rule`.
            kind: A kind of fault.
            rule: Further fields of a `Rule`, such as `status`, `headers`, `body`.
        """
        self.script(Rule(path, kind, **rule))
