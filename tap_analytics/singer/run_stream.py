"""A stream that belongs to a run: what it logs and counts stays there.

The SDK's own state manager and metrics log for all of the process, and an error that is
raised is logged, too. `tests/unit/singer/test_stream.py` notices when the SDK changes
under this.
"""

from __future__ import annotations

import logging
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from singer_sdk import Stream

from tap_analytics.compat import override

if TYPE_CHECKING:
    from singer_sdk import metrics
    from singer_sdk.streams._state import StreamStateManager

MeterT = TypeVar("MeterT", bound="metrics.Meter")


class RunStream(Stream):
    """A stream that belongs to a run."""

    @cached_property
    @override
    def state_manager(self) -> StreamStateManager:
        """The SDK's, which logs for this run."""
        manager = super().state_manager
        manager._logger = self.logger  # noqa: SLF001 - else it is one of the process
        return manager

    @override
    def log(
        self, message: str, *args: Any, level: int = logging.INFO, **kwargs: Any
    ) -> None:
        """Log for the SDK, which reports an error here that it goes on to raise."""
        level = logging.DEBUG if level == logging.ERROR else level
        super().log(message, *args, level=level, **kwargs)

    @override
    def get_record_counter(self, **options: Any) -> metrics.Counter:
        """Return a counter of records that logs for this run."""
        return _of_run(super().get_record_counter(**options), self)

    @override
    def get_batch_counter(self) -> metrics.Counter:
        """Return a counter of batches that logs for this run."""
        return _of_run(super().get_batch_counter(), self)

    @override
    def get_sync_timer(self) -> metrics.Timer:
        """Return a timer that logs for this run."""
        return _of_run(super().get_sync_timer(), self)


def _of_run(meter: MeterT, stream: Stream) -> MeterT:
    """Let a meter log for a stream's run, not for all of the process."""
    meter.logger = stream.metrics_logger
    return meter
