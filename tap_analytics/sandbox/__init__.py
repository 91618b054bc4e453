"""A local HTTP server that speaks this API, with made-up data.

For demonstrations, tests and benchmarks. It is written from the API's side and knows
nothing of the tap. As a command it is `analytics-sandbox`; in a test:

    with Sandbox(SandboxOptions(projects=5, faults=0.15)) as api:
        api.url, api.truth("tasks"), api.stats()

`SandboxOptions(**PRESETS["everhour"])`, or `--preset everhour`, is an API that exists.

Options make it like other APIs that exist: in how they divide lists, announce pages,
wrap and encode records, word their limits and their errors. `accounts=1000` makes it
the host of a fleet: `api.options.key_of(17)` is a key, `api.account(17)` has the
operations on what it is for.

Its parts:

- Data: `data` makes records out of `words` by `dice`, `everhour` those of that API;
  `store` keeps them, `accounts` has a store, a limit and random faults for each key.
- Answers: `api` answers requests, `pages` divides lists, `announcements` says how long
  they are, `envelopes` wraps them, `limits` refuses, `faults` breaks answers when
  `rules` say so, `meter` counts.
- Doors: `operations` let tests look and change, `control` lets them do so over HTTP;
  `server` puts it on a socket, `thread` into a test, `cli` into a shell.
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
