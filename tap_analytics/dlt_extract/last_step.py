"""The last step of a resource: what becomes of its dicts on their way into files.

Where dlt would load dicts as Parquet, it gets an Arrow table of them, which saves it to
write each as JSON, to compress, read and look through that, and to write it again.

A dict that fits no such table stays one. On its way into some kinds of files dlt reads
a text for a JSON column as JSON, and writes what comes of it as it is if that is a
text. So a text of a text arrives unchanged, where dlt would turn long numbers into
strings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import dlt
import msgspec
from dlt.common.json import custom_encode
from dlt.extract.items_transform import BaseItemTransform, ItemTransform
from dlt.extract.pipe import ForkPipe

from tap_analytics.compat import override

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from tap_analytics.dlt_extract.dict_tables import DictTables

READS_TEXTS = frozenset({"parquet", "insert_values"})
"""The kinds of files into which dlt reads texts as JSON."""

encode_json = msgspec.json.Encoder(
    enc_hook=custom_encode, decimal_format="number"
).encode


class LastStep(ItemTransform[Any, Any]):
    """Comes after all that a user has added to a resource.

    Args:
        form: Returns what makes something else of the current resource's items; `None`
            if they are to stay as they are.
    """

    placement_affinity: ClassVar[float] = 1.9

    def __init__(self, form: Callable[[], DictForm | None]) -> None:
        BaseItemTransform.__init__(self)
        self._form = form

    @override
    def __call__(self, item: Any, meta: Any = None) -> Any:
        form = self._form()
        return item if form is None else form.of(item)


class DictForm:
    """Makes of dicts what dlt is to get.

    Args:
        json_columns: The columns that hold JSON.
        tables: Makes tables; `None` if there are to be none.
    """

    def __init__(
        self, json_columns: Collection[str], tables: DictTables | None
    ) -> None:
        self._json_columns = json_columns
        self._tables = tables

    def of(self, item: Any) -> Any:
        """Return a table of the dicts in an item, or else the item with JSON texts."""
        rows = item if isinstance(item, list) else [item]
        if self._tables is not None and isinstance(item, list):
            table = self._tables.table(item)
            if table is not None:
                return table
        for row in rows:
            for name in self._json_columns if isinstance(row, dict) else ():
                if isinstance(row.get(name), dict | list):
                    row[name] = encode_json(encode_json(row[name]).decode()).decode()
        return item


def current_steps() -> list[Any]:
    """Return the steps of the current resource, the reading one among them."""
    pipe: Any = dlt.current.pipe()
    return list(pipe.steps)


def goes_only_to(names: Collection[str]) -> bool:
    """Return whether the current resource's items go to no other resources than these.

    Args:
        names: Their names, that of the current one among them.
    """
    return forks_of(dlt.current.pipe()) <= set(names)


def forks_of(pipe: Any) -> set[str]:
    """Return the names of all resources to which a pipe's items go, if to several."""
    last = pipe.steps[-1] if pipe else None
    pipes = last._pipes if isinstance(last, ForkPipe) else ()  # noqa: SLF001
    return {pipe.name for pipe, _ in pipes}
