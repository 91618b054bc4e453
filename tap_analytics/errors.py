"""What can go wrong, each with the one line that a user reads.

ConfigError                 the settings, the catalog or the state
FatalAPIError               the run stops
├── RefusedError            the API will not answer this request
├── TooLargeError           an answer is larger than any may be
├── ShiftedError            a list shrank while it was read
├── StoppedError            the run was told to end
├── RetriableAPIError       the same request may succeed later
│   └── WaitError           ... once the API's own wait is over
└── LeftOutError            no rows below one parent, the run goes on
    ├── VanishedError       the parent is gone
    ├── ForbiddenError      the key may not read what is below the parent
    └── ExhaustedError      all retries failed, while others succeeded
"""

from __future__ import annotations

from tap_analytics.plugin.errors import ConfigError

__all__ = [
    "ConfigError",
    "ExhaustedError",
    "FatalAPIError",
    "ForbiddenError",
    "LeftOutError",
    "RefusedError",
    "RetriableAPIError",
    "ShiftedError",
    "StoppedError",
    "TooLargeError",
    "VanishedError",
    "WaitError",
]


class FatalAPIError(Exception):
    """The API, or what it sent, stops the run."""


class RefusedError(FatalAPIError):
    """The API will not answer this request, however often it is asked.

    Args:
        message: What happened, and what to do.
        status: The HTTP status of the answer.
    """

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class TooLargeError(FatalAPIError):
    """An answer is larger than any may be.

    Args:
        url: What was asked for.
        most_mb: So large an answer may be.
    """

    def __init__(self, url: str, most_mb: float) -> None:
        super().__init__(
            f"GET {url}: the answer has more than {most_mb:g} MB. Ask for smaller "
            "pages with page_size, or allow more with max_response_mb."
        )


class ShiftedError(FatalAPIError):
    """A list shrank while it was read, so that rows may have been passed over."""


class StoppedError(FatalAPIError):
    """The run was told to end while something still waited."""

    def __init__(self) -> None:
        super().__init__("The run was stopped.")


class RetriableAPIError(FatalAPIError):
    """A request failed that may succeed later."""


class WaitError(RetriableAPIError):
    """The API refused a request as one too many.

    The wait is everybody's: the throttle holds all requests, so the refused
    request itself has no pause of its own.

    Args:
        message: What happened.
        seconds: How long the API wants to be left alone; `None` if it did not say.
    """

    def __init__(self, message: str, seconds: float | None) -> None:
        super().__init__(message)
        self.seconds = seconds


class LeftOutError(FatalAPIError):
    """What is below one parent can't be read; the rest can."""


class VanishedError(LeftOutError):
    """A parent was gone when its children were asked for."""


class ForbiddenError(LeftOutError):
    """The key may not read what is below one parent."""


class ExhaustedError(LeftOutError):
    """All retries below one parent failed, while other requests succeeded."""
