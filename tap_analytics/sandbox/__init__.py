"""A local HTTP server that speaks this API, with made-up data.

For demonstrations, tests and benchmarks. It is written from the API's side and knows
nothing of the tap. As a command it is `analytics-sandbox`; in a test:

    with Sandbox(SandboxOptions(projects=5, faults=0.15)) as api:
        api.url, api.truth("tasks"), api.stats()

`SandboxOptions(**PRESETS["everhour"])`, or `--preset everhour`, is an API that exists.

Its parts: `data` makes records, and `everhour` those of that API; `store` keeps them,
`pages` divides lists, `api` answers requests, `faults` breaks answers, `meter` counts,
`operations` let tests look and change, `control` lets them do so over HTTP, `server`
puts it on a socket, `thread` into a test.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from tap_analytics.sandbox.options import SandboxOptions
from tap_analytics.sandbox.presets import PRESETS
from tap_analytics.sandbox.store import Edit

if TYPE_CHECKING:
    from tap_analytics.sandbox.thread import Sandbox

__all__ = ["PRESETS", "Edit", "Sandbox", "SandboxOptions"]


def __getattr__(name: str) -> Any:
    """Imports `Sandbox` when it is asked for: the command must run without aiohttp.

    Args:
        name: `Sandbox`.

    Returns:
        The class.

    Raises:
        AttributeError: There is no such name.
    """
    if name != "Sandbox":
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    return import_module("tap_analytics.sandbox.thread").Sandbox
