"""The records of the API: made when first asked for, and open to edits afterwards."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from tap_analytics.sandbox.data import CHILD_STREAMS, STREAMS, Agency
from tap_analytics.sandbox.everhour import Everhour
from tap_analytics.sandbox.records import Record

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tap_analytics.sandbox.options import SandboxOptions

AGENCIES = {"agency": Agency, "everhour": Everhour}

_decode = msgspec.json.Decoder(float_hook=Decimal).decode


class UnknownRecordError(LookupError):
    """There is no such stream, project or record."""


@dataclass(frozen=True)
class Edit:
    """A change of the data.

    Attributes:
        op: What to do.
        stream: With the records of which stream.
        id: Which record, to change or delete one.
        parent: The project, for tasks and time records; needed to add one, and without
            it all projects are searched.
        record: The fields of the record to add, or the fields to change.
        position: Where in the list to add it: 0 is first; None is last.
    """

    op: Literal["add", "change", "delete"]
    stream: str
    id: str = ""
    parent: str | None = None
    record: dict[str, Any] = field(default_factory=dict)
    position: int | None = None


class Store:
    """All records, by stream and project.

    Args:
        options: Sizes, seed and date of the made-up data.
    """

    def __init__(self, options: SandboxOptions) -> None:
        self._options = options
        self._agency = AGENCIES[options.data](options)
        self._sizes = {
            "projects": options.projects,
            "tasks": options.tasks,
            "time_records": options.time_records,
            "clients": options.clients,
            "time": options.team_time,
            "users": options.users,
        }
        numbers = range(1, options.projects + 1)
        self._numbers: dict[str, int | None] = {
            self._agency.project_id(number): number for number in numbers
        }
        self._lists: dict[tuple[str, str | None], list[Record]] = {}
        self._filtered: dict[tuple[Any, ...], list[Record]] = {}

    def records(self, stream: str, parent: str | None = None) -> Sequence[Record]:
        """Finds the records of a stream, or of one project in a child stream.

        Args:
            stream: The stream.
            parent: The project's id, for a child stream.

        Returns:
            The records, in the API's order.

        Raises:
            UnknownRecordError: There is no such stream or project.
        """
        return self._list(stream, parent)

    def created_between(
        self,
        stream: str,
        parent: str | None,
        since: float | None,
        until: float | None,
    ) -> Sequence[Record]:
        """Filters records by time, as a database does: one without, never.

        Args:
            stream: The stream; one that knows no filter is not filtered.
            parent: The project's id, for a child stream.
            since: Created at or after this time, in Unix seconds; None for any.
            until: Created at or before this time; None for any.

        Returns:
            The records, in the API's order; remembered until the next edit, so that
            reading a list page by page costs one filter.

        Raises:
            UnknownRecordError: There is no such stream or project.
        """
        records = self._list(stream, parent)
        is_asked_for = since is not None or until is not None
        if not is_asked_for or not self._options.is_filtered(stream):
            return records
        key = (stream, parent, since, until)
        if key not in self._filtered:
            low = float("-inf") if since is None else since
            high = float("inf") if until is None else until
            self._filtered[key] = [
                record
                for record in records
                if (created := record.created) is not None and low <= created <= high
            ]
        return self._filtered[key]

    def truth(self, stream: str) -> list[dict[str, Any]]:
        """Decodes all records of a stream.

        Args:
            stream: The stream.

        Returns:
            The records in the API's order, project by project; numbers with a fraction
            or exponent as `Decimal`; those of child streams with their `project_id`.

        Raises:
            UnknownRecordError: There is no such stream.
        """
        if stream not in CHILD_STREAMS:
            return [_decode(record.body) for record in self._list(stream, None)]
        return [
            {**_decode(record.body), "project_id": parent}
            for parent in self._parents(stream)
            for record in self._list(stream, parent)
        ]

    def counts(self) -> dict[str, int]:
        """Counts the records of each stream without making any.

        Returns:
            Stream by stream, how many records it has.
        """
        return {
            stream: sum(self._count(stream, parent) for parent in self._parents(stream))
            for stream in STREAMS
        }

    def make_all(self) -> None:
        """Makes every record now."""
        for stream in STREAMS:
            for parent in self._parents(stream):
                self._list(stream, parent)

    def edit(self, edit: Edit) -> None:
        """Adds, changes or deletes a record.

        A project that is added has no tasks and no time records yet; with a project
        that is deleted they vanish.

        Args:
            edit: What to do.

        Raises:
            UnknownRecordError: There is no such stream, project or record.
            ValueError: The change would give a project another id.
        """
        if edit.op == "add":
            self._add(edit)
        elif edit.op == "change":
            self._change(edit)
        else:
            self._delete(edit)
        self._filtered.clear()

    def _add(self, edit: Edit) -> None:
        records = self._list(edit.stream, edit.parent)
        record = Record.of(edit.record, self._options.since_field)
        position = len(records) if edit.position is None else edit.position
        records.insert(position, record)
        if edit.stream == "projects":
            self._numbers.setdefault(record.id, None)

    def _change(self, edit: Edit) -> None:
        records, index = self._find(edit)
        fields = {**_decode(records[index].body), **edit.record}
        changed = Record.of(fields, self._options.since_field)
        if edit.stream == "projects" and changed.id != edit.id:
            message = "a project keeps its id"
            raise ValueError(message)
        records[index] = changed

    def _delete(self, edit: Edit) -> None:
        records, index = self._find(edit)
        del records[index]
        if edit.stream == "projects":
            self._numbers.pop(edit.id, None)
            for stream in CHILD_STREAMS:
                self._lists.pop((stream, edit.id), None)

    def _find(self, edit: Edit) -> tuple[list[Record], int]:
        parents = [edit.parent] if edit.parent else self._parents(edit.stream)
        for parent in parents:
            records = self._list(edit.stream, parent)
            for index, record in enumerate(records):
                if record.id == edit.id:
                    return records, index
        message = f"no record {edit.id!r} in {edit.stream}"
        raise UnknownRecordError(message)

    def _parents(self, stream: str) -> Iterator[str | None]:
        if stream not in CHILD_STREAMS:
            return iter([None])
        if ("projects", None) not in self._lists:
            return iter(list(self._numbers))
        listed = [record.id for record in self._lists["projects", None]]
        return iter(dict.fromkeys(listed))  # an id listed twice is one project

    def _count(self, stream: str, parent: str | None) -> int:
        if (stream, parent) in self._lists:
            return len(self._lists[stream, parent])
        is_empty = parent is not None and self._numbers[parent] is None
        return 0 if is_empty else self._sizes[stream]

    def _list(self, stream: str, parent: str | None) -> list[Record]:
        if stream not in STREAMS or (parent is None) == (stream in CHILD_STREAMS):
            message = f"no stream {stream!r} of project {parent!r}"
            raise UnknownRecordError(message)
        if parent is not None and parent not in self._numbers:
            message = f"no project {parent!r}"
            raise UnknownRecordError(message)
        if (stream, parent) not in self._lists:
            self._lists[stream, parent] = list(self._make(stream, parent))
        return self._lists[stream, parent]

    def _make(self, stream: str, parent: str | None) -> Iterator[Record]:
        if parent is None:
            return self._agency.records(stream)
        number = self._numbers[parent]
        return iter(()) if number is None else self._agency.children(stream, number)
