"""The target as the child of `analytics-load`: both say more to each other.

The first line that it writes says where it loads. Before the input ends, the parent
says that all is read; where that is missing, the reading has failed.
"""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Any, ClassVar

from tap_analytics.compat import override
from tap_analytics.load.greeting import END_TYPE, Greeting
from tap_analytics.target_dlt.singer_in.line_reader import LineReader
from tap_analytics.target_dlt.target import TargetDlt

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable


class _FedReader(LineReader):
    """Reads what the parent writes.

    Attributes:
        is_whole: Whether the parent has said that all is read.
    """

    is_whole = False

    @override
    def process_lines(
        self,
        file_input: IO[Any] | None,
        callbacks: dict[str, Callable[[dict[str, Any]], None]],
    ) -> Counter[str]:
        return super().process_lines(file_input, {**callbacks, END_TYPE: self._end})

    def _end(self, _: dict[str, Any]) -> None:
        self.is_whole = True


class FedTarget(TargetDlt):
    """The target that `analytics-load` writes to."""

    _reader_class: ClassVar[type[LineReader]] = _FedReader

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._loads.open()
        self._write_state(Greeting(*self._loader.place()).line())

    @override
    def process_endofpipe(self) -> None:
        """Load what waits, unless it would replace whole tables by a part."""
        reader = self.message_reader
        is_whole = isinstance(reader, _FedReader) and reader.is_whole
        if is_whole or self.config.get("write_disposition") != "replace":
            super().process_endofpipe()
            return
        replaced = ", ".join(sorted(self._loads.loaded))
        self._loads.close()
        self.logger.warning(
            "Not everything was read: %s.",
            f"of {replaced}, the tables have only a part now"
            if replaced
            else "no table is replaced",
        )
