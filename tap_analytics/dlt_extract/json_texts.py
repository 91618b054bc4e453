"""Writes JSON columns itself where dlt would turn long numbers into strings.

On its way into some kinds of files dlt reads a text for a JSON column as JSON, and
writes what comes of it as it is if that is a text. So a text of a text arrives
unchanged.
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

READS_TEXTS = frozenset({"parquet", "insert_values"})
"""The kinds of files into which dlt does so."""

_encode = msgspec.json.Encoder(enc_hook=custom_encode, decimal_format="number").encode


class JsonTexts(ItemTransform[Any, Any]):
    """The last step of a resource, after all that its user has added.

    Args:
        columns: The JSON columns.
        is_wanted: Whether the current resource's rows go nowhere but into such files.
    """

    placement_affinity: ClassVar[float] = 1.9

    def __init__(self, columns: Collection[str], is_wanted: Callable[[], bool]) -> None:
        BaseItemTransform.__init__(self)
        self._columns = columns
        self._is_wanted = is_wanted

    @override
    def __call__(self, item: Any, meta: Any = None) -> Any:
        if self._is_wanted():
            for row in item if isinstance(item, list) else [item]:
                for name in self._columns if isinstance(row, dict) else ():
                    if isinstance(row.get(name), dict | list):
                        row[name] = _encode(_encode(row[name]).decode()).decode()
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
    last = current_steps()[-1]
    pipes = last._pipes if isinstance(last, ForkPipe) else ()  # noqa: SLF001
    return all(pipe.name in names for pipe, _ in pipes)
