"""A client as a run has it, with settings that need no waiting."""

from __future__ import annotations

import json
import logging
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from tap_analytics.api.answer_errors import Asker
from tap_analytics.api.client import Client
from tap_analytics.errors import FatalAPIError
from tap_analytics.run import Run
from tests.helpers.scanning import KEY

if TYPE_CHECKING:
    from tap_analytics.sandbox import Sandbox

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
CLIENTS = "/clients"
USERS = "/team/users"
NOBODY = Asker()


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


def worked(api: Sandbox, run: Run | None = None, **settings: Any) -> Client:
    """Return a client of a sandbox, whose key has got an answer."""
    client = client_of(api.url, run, **settings)
    client.get(USERS, asker=Asker("users"))
    return client


def ids(client: Client, path: str = CLIENTS) -> list[str]:
    """Get a page, and return the ids of its records."""
    return [json.loads(bytes(record))["id"] for record in client.get(path).records]


def failure(
    client: Client, path: str = CLIENTS, asker: Asker = NOBODY
) -> FatalAPIError:
    """Ask for what can't be had, and return the error."""
    with pytest.raises(FatalAPIError) as caught:
        _ = client.get(path, asker=asker).records
    return caught.value


def gaps(api: Sandbox) -> list[float]:
    """Return the seconds between each request and the next one."""
    times = [request.at for request in api.requests()]
    return [after - before for before, after in pairwise(times)]
