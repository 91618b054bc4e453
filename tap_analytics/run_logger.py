"""The logger of a run: hides the run's secrets, counts its warnings, goes with it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from tap_analytics.compat import override

if TYPE_CHECKING:
    from tap_analytics.progress import Progress
    from tap_analytics.redaction import Redaction


class RunLogger(logging.Logger):
    """A logger that the `logging` module knows nothing of, nor of those below it.

    A logger that is got from that module stays until the process ends, and all that
    ask for its name share it.

    Args:
        name: Its name.
        parent: Takes what is logged on to its own handlers; `None` for nobody.
        progress: Counts the warnings of the run.
        redaction: Hides the secrets of the run.
    """

    def __init__(
        self,
        name: str,
        parent: logging.Logger | None,
        progress: Progress,
        redaction: Redaction,
    ) -> None:
        super().__init__(name)
        self.parent = parent
        self._progress = progress
        self._redaction = redaction

    @override
    def getChild(self, suffix: str) -> RunLogger:
        name = f"{self.name}.{suffix}"
        parent: logging.Logger = self
        if self.parent is not None and not isinstance(self.parent, RunLogger):
            # The process's log may be configured for the child.
            configured = self.manager.loggerDict.get(name)
            if isinstance(configured, logging.Logger):
                parent = configured
        return RunLogger(name, parent, self._progress, self._redaction)

    @override
    def isEnabledFor(self, level: int) -> bool:
        # Not remembered: nobody would tell of a level that is set anew.
        return level > self.manager.disable and level >= self.getEffectiveLevel()

    @override
    def handle(self, record: logging.LogRecord) -> None:
        self._redaction.filter(record)
        if record.levelno == logging.WARNING:
            self._progress.warned(getattr(record, "kind", "other"))
        super().handle(record)
