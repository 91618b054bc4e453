"""A client as a run has it, with settings that need no waiting."""

from __future__ import annotations

import logging
from typing import Any

from tap_analytics.api.client import Client
from tap_analytics.run import Run
from tests.helpers.scanning import KEY

SETTINGS = {
    "api_key": KEY,
    "api_key_header": "X-Api-Key",
    "path_prefix": "/v1",
    "data_selector": "data",
    "request_timeout": 10,
    "max_retries": 3,
    "backoff_factor": 0,
    "concurrency": 8,
    "rate_limit_seconds": 10,
}

LOGGER = "tests.client"


def new_run() -> Run:
    """Return a run that hides the key, and logs to `LOGGER`."""
    run = Run(logging.getLogger(LOGGER))
    run.redaction.hide(KEY)
    return run


def client_of(url: str, run: Run | None = None, **settings: Any) -> Client:
    """Return a client of the API at a URL.

    Args:
        url: Origin of the API.
        run: What belongs to its run; a new one if it is not given.
        settings: Settings other than `SETTINGS`.
    """
    return Client({**SETTINGS, "api_url": url, **settings}, run or new_run())
