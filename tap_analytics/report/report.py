"""Tells of a run: now and then while it lasts, and once when it is over."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from math import ceil
from typing import TYPE_CHECKING, Any, ClassVar

from tap_analytics.compat import override

if TYPE_CHECKING:
    import logging
    from collections.abc import Mapping

    from tap_analytics.progress import Progress

SECONDS_BETWEEN = 30.0
"""So much time is between two log lines of a run that goes well."""

_MINUTE = 60

COMPLETE, FAILED, STOPPED = "Complete", "Failed", "Stopped"
"""How a run may have ended: by itself, with an error, or because it was told to."""


class Report(ABC):
    """Tells of a run as it goes on, from a thread of its own.

    Args:
        progress: The run's numbers.
        seconds: So much time is between two looks at them.
    """

    ends_with_error: ClassVar[bool]
    """Whether the error of a run that failed comes after what sums it up."""

    def __init__(self, progress: Progress, seconds: float) -> None:
        self.progress = progress
        self._seconds = seconds
        self._is_over = threading.Event()
        self._thread: threading.Thread | None = None

    @abstractmethod
    def update(self) -> None:
        """Tell how far the run is."""

    @abstractmethod
    def close(self, outcome: str) -> None:
        """Sum the run up."""

    def begin(self) -> None:
        """Begin to tell of a run."""
        self._thread = threading.Thread(target=self._watch, name="report", daemon=True)
        self._thread.start()

    def end(self, outcome: str) -> None:
        """Tell once how the run ended, if it came as far as a request."""
        if self._thread is None:
            return
        self._is_over.set()
        self._thread.join()
        self._thread = None
        if self.progress.requests:
            self.close(outcome)

    def _watch(self) -> None:
        while not self._is_over.wait(self._seconds):
            self.update()


class LogReport(Report):
    """Tells of a run by log lines.

    Args:
        progress: The run's numbers.
        logger: Where the lines go.
        seconds: So much time is between two of them.
    """

    ends_with_error = True  # Some show the last line alone, as Meltano's tests do.

    def __init__(
        self,
        progress: Progress,
        logger: logging.Logger,
        seconds: float = SECONDS_BETWEEN,
    ) -> None:
        super().__init__(progress, seconds)
        self._logger = logger

    @override
    def update(self) -> None:
        self._logger.info("So far: %s.", "; ".join(so_far(self.progress)))

    @override
    def close(self, outcome: str) -> None:
        self._logger.info(
            "%s in %s: %s.",
            outcome,
            duration(self.progress.seconds),
            summary(self.progress),
            extra={"run": numbers(self.progress, outcome)},
        )


def so_far(progress: Progress) -> list[str]:
    """Return how far a run is, in a few parts."""
    parts = [
        counted(sum(progress.rows.values()), "row"),
        f"{counted(progress.requests, 'request')} in {duration(progress.seconds)}",
    ]
    if projects := of_projects(progress):
        parts.insert(0, projects)
    if progress.held.seconds:
        parts.append(waited(progress) + more(progress.held.left))
    if progress.seconds_left is not None:
        parts.append(time_left(progress.seconds_left))
    return parts


def summary(progress: Progress) -> str:
    """Return what a run did in one line."""
    rows, kinds = listed(progress.rows), listed_by_kind(progress.warnings)
    parts = [
        counted(sum(progress.rows.values()), "row") + in_brackets(rows),
        counted(progress.requests, "request"),
    ]
    if progress.retries:
        parts.append(counted(progress.retries, "retry", "retries"))
    if progress.held.seconds:
        parts.append(waited(progress))
    if progress.gone:
        parts.append(f"{counted(len(progress.gone), 'project')} vanished")
    if warnings := sum(progress.warnings.values()):
        parts.append(counted(warnings, "warning") + in_brackets(kinds))
    if projects := of_projects(progress):
        parts.insert(1, projects)
    if went_on := went_on_with(progress):
        parts.insert(0, went_on)
    return "; ".join(parts)


def went_on_with(progress: Progress) -> str:
    """Return which earlier read a run went on with; empty if with none."""
    if not progress.went_on_since:
        return ""
    since = progress.went_on_since
    return f"went on with the read that began {since}, skipped {skipped(progress)}"


def skipped(progress: Progress) -> str:
    """Return what an earlier run had read, so that this one did not."""
    projects = counted(progress.parents_skipped, "project")
    return ", ".join((*progress.streams_skipped, projects))


def numbers(progress: Progress, outcome: str) -> Mapping[str, Any]:
    """Return all numbers of a run, for structured logs."""
    return {
        "outcome": outcome.lower(),
        "rows": dict(progress.rows),
        "projects": progress.parents,
        "projects_skipped": progress.parents_skipped,
        "went_on_since": progress.went_on_since or None,
        "requests": progress.requests,
        "retries": progress.retries,
        "seconds_waited": round(progress.held.seconds, 3),
        "projects_vanished": len(progress.gone),
        "warnings": dict(progress.warnings),
        "seconds": round(progress.seconds, 3),
    }


def of_projects(progress: Progress) -> str:
    """Return how many projects are done, out of how many; empty if there are none."""
    if not progress.parents_known:
        return ""
    known = f"{'at least ' if progress.parents_open else ''}{progress.parents_known:,}"
    return f"{progress.parents:,} of {known} projects"


def waited(progress: Progress) -> str:
    """Return how long the API's limit held requests back."""
    return f"{duration(progress.held.seconds)} waited for the API's limit"


def listed(numbers: Mapping[str, int]) -> str:
    """Return numbers, each after its name."""
    return ", ".join(f"{name} {number:,}" for name, number in numbers.items())


def listed_by_kind(numbers: Mapping[str, int]) -> str:
    """Return numbers in the order of their names, whichever came first."""
    return listed(dict(sorted(numbers.items())))


def in_brackets(text: str) -> str:
    """Return text to go after what it explains; empty if it is."""
    return f" ({text})" if text else ""


def more(seconds: float) -> str:
    """Return how much longer something takes; empty if it is as good as over."""
    return f", {duration(seconds)} more" if seconds >= 1 else ""


def counted(number: int, one: str, many: str = "") -> str:
    """Return a number of things."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def time_left(seconds: float) -> str:
    """Return what an estimate of the time left says: no tenths, which nobody knows."""
    whole = ceil(seconds)
    return f"about {f'{whole} s' if whole < _MINUTE else duration(whole)} left"


def duration(seconds: float) -> str:
    """Return a duration as people say it, by its largest two units."""
    if seconds < 10:  # noqa: PLR2004 - from here on, tenths tell nothing
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if not minutes:
        return f"{rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"
