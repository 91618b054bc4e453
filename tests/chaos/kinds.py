"""What can go wrong while a run reads, kind by kind."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from enum import Enum
from typing import TYPE_CHECKING, Any

from tap_analytics.sandbox import Edit

if TYPE_CHECKING:
    from random import Random

    from tap_analytics.sandbox import Sandbox

RETRIED = (
    *("408", "425", "500", "502", "503", "504", "520", "530", "598"),
    *("reset", "reset-in-headers", "reset-after-headers", "reset-in-body"),
    *("cut-off", "cut-off-chunked", "length-too-large", "length-too-small"),
    *("invalid-json", "broken-gzip", "empty", "html", "206"),
    *("status-error", "status-fail", "success-0", "success-false-as-text"),
    *("ok-false", "code-500"),
)
SLOW = ("hang", "slow-drip", "slow-headers")
STYLES = ("page", "offset", "none", "link", "next_url", "cursor")
NO_IDS = (None, "", {"a": 1}, [1])
NO_ROWS = '"data":[],"result":{"items":[]}'
ERRORS = (
    '{"success":false,"error":{"message":"Something broke."}}',
    f'{{{NO_ROWS},"error":"Something broke."}}',
    f'{{{NO_ROWS},"errors":[{{"code":17}}]}}',
    f'{{{NO_ROWS},"success":false}}',
)


REFUSALS = (402, 403, 451)
PAGE_PARAMETERS = ("page", "offset", "cursor")
VOLATILE = "signedUrl"
"""A field that differs each time, where a kind says so."""


class Ending(Enum):
    """How a run is to end."""

    COMPLETE = "survived complete"
    LEFT_OUT = "said what is out"
    STOPPED = "stopped clearly"


Script = Callable[["Random", "Sandbox", int], Ending]
"""Lets something go wrong in a sandbox from now on.

Gets what to decide by, and the number of retries; returns how the next run is to end.
"""


@dataclass(frozen=True)
class Kind:
    """A kind of what can go wrong.

    Attributes:
        script: Lets it go wrong.
        styles: The styles of pagination that it is for.
        settings: What the tap is set to.
        options: What the sandbox is set to.
    """

    script: Script
    styles: tuple[str, ...] = STYLES
    settings: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)


def top_paths(api: Sandbox) -> list[str]:
    """Return the paths of the lists that have no parent."""
    return [api.path(stream) for stream in ("clients", "projects", "time", "users")]


def child_paths(api: Sandbox) -> list[str]:
    """Return the paths of the lists below projects."""
    return [
        api.path(stream, project["id"])
        for project in api.truth("projects")
        for stream in ("tasks", "time_records")
    ]


def paths(api: Sandbox) -> list[str]:
    """Return the paths of all lists."""
    return top_paths(api) + child_paths(api)


def _retried(**fault: Any) -> Script:
    """Return a script that strikes as often as retries can bear, or for ever."""

    def script(dice: Random, api: Sandbox, retries: int) -> Ending:
        if dice.random() < 0.25:
            api.fault(dice.choice(paths(api)), **fault)
            return Ending.STOPPED
        for after, path in enumerate(dice.sample(paths(api), dice.randint(1, 3))):
            api.fault(path, times=dice.randint(1, retries), after=after, **fault)
        return Ending.COMPLETE

    return script


def _says_when_it_resets(dice: Random, api: Sandbox, retries: int) -> Ending:
    reset = time.time() + 1
    headers = dice.choice(
        (
            {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": f"{reset:.0f}"},
            {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1"},
            {"RateLimit-Remaining": "0", "RateLimit-Reset": "1"},
            {"RateLimit": "limit=5, remaining=0, reset=1"},
        )
    )
    return _retried(status=429, headers=headers)(dice, api, retries)


def _refused_but_told_to_wait(dice: Random, api: Sandbox, retries: int) -> Ending:
    fault = {"status": dice.choice((402, 403)), "headers": {"Retry-After": "1"}}
    return _retried(**fault)(dice, api, retries)


def _told_to_wait(value: Callable[[], str]) -> Script:
    def script(dice: Random, api: Sandbox, retries: int) -> Ending:
        status = dice.choice((429, 429, 503))
        fault = {"status": status, "headers": {"Retry-After": value()}}
        return _retried(**fault)(dice, api, retries)

    return script


def _once(**fault: Any) -> Script:
    """Return a script that strikes one list once, which no run can bear."""

    def script(dice: Random, api: Sandbox, _: int) -> Ending:
        api.fault(dice.choice(paths(api)), times=1, **fault)
        return Ending.STOPPED

    return script


def _slow(kind: str) -> Script:
    def script(dice: Random, api: Sandbox, _: int) -> Ending:
        api.fault(dice.choice(paths(api)), kind, times=1)
        return Ending.COMPLETE

    return script


def _error_envelope(dice: Random, api: Sandbox, retries: int) -> Ending:
    return _retried(status=200, body=dice.choice(ERRORS))(dice, api, retries)


def _another_4xx(dice: Random, api: Sandbox, retries: int) -> Ending:
    return _once(status=dice.choice((400, 405, 409, 418, 422)))(dice, api, retries)


def _withdrawn(dice: Random, api: Sandbox, _: int) -> Ending:
    api.fault("*", status=401, after=dice.randrange(len(paths(api))))
    return Ending.STOPPED


def _refused(dice: Random, api: Sandbox, _: int) -> Ending:
    api.fault(dice.choice(top_paths(api)), status=dice.choice(REFUSALS))
    return Ending.STOPPED


def _refused_below(dice: Random, api: Sandbox, _: int) -> Ending:
    api.fault(dice.choice(child_paths(api)), status=dice.choice(REFUSALS))
    return Ending.LEFT_OUT


def _firewall(dice: Random, api: Sandbox, _: int) -> Ending:
    # So early that at least one of the lists at the top is still to come.
    api.fault("*", status=403, after=dice.randrange(len(top_paths(api))))
    return Ending.STOPPED


def _ignored_pages(dice: Random, api: Sandbox, _: int) -> Ending:
    stream = dice.choice(("clients", "users", "time"))
    api.fault(api.path(stream), ignores=PAGE_PARAMETERS)
    has_more = api.counts()[stream] > api.options.page_size
    return Ending.STOPPED if has_more else Ending.COMPLETE


def _early_hints(dice: Random, api: Sandbox, _: int) -> Ending:
    api.fault("*", "103", after=dice.randint(0, 3), times=dice.randint(1, 8))
    return Ending.COMPLETE


def _not_found(dice: Random, api: Sandbox, _: int) -> Ending:
    api.fault(dice.choice(top_paths(api)), status=404, times=1)
    return Ending.STOPPED


def _no_id(dice: Random, api: Sandbox, retries: int) -> Ending:
    record = json.dumps({"id": dice.choice(NO_IDS)})
    body = f'{{"data":[{record}],"result":{{"items":[{record}]}}}}'
    return _once(status=200, body=body)(dice, api, retries)


def _twice(dice: Random, api: Sandbox, _: int) -> Ending:
    for stream in dice.sample(("clients", "projects", "users"), 2):
        again = dice.choice(api.truth(stream))
        api.add(stream, {**again, "name": "Once more"})
    return Ending.COMPLETE


def _vanished(dice: Random, api: Sandbox, _: int) -> Ending:
    gone = dice.choice(api.truth("projects"))["id"]
    moment = dice.choice((api.path("projects"), child_paths(api)[0]))
    api.fault(moment, times=1, edits=[Edit("delete", "projects", gone)])
    return Ending.COMPLETE


def _one_more(dice: Random, api: Sandbox, _: int) -> Ending:
    edit = Edit("add", "clients", record={"id": "cl:new"}, position=0)
    after = dice.randint(0, 2)
    api.fault(api.path("clients"), times=1, after=after, edits=[edit])
    return Ending.COMPLETE


def _one_less(dice: Random, api: Sandbox, _: int) -> Ending:
    edit = Edit("delete", "clients", dice.choice(api.truth("clients"))["id"])
    after = dice.randint(0, 2)
    api.fault(api.path("clients"), times=1, after=after, edits=[edit])
    return Ending.COMPLETE


KINDS: dict[str, Kind] = {
    "429": Kind(_retried(kind="429")),
    "429, Retry-After in seconds": Kind(_told_to_wait(lambda: "0.05")),
    "429, Retry-After as a date": Kind(
        _told_to_wait(lambda: formatdate(time.time() + 1, usegmt=True))
    ),
    "429, Retry-After of nonsense": Kind(_told_to_wait(lambda: "soon")),
    "429, a reset in other headers": Kind(_says_when_it_resets),
    "403 or 402 with Retry-After": Kind(_refused_but_told_to_wait),
    "202 with Retry-After": Kind(
        _retried(status=202, body="{}", headers={"Retry-After": "0.05"})
    ),
    **{name: Kind(_retried(kind=name)) for name in RETRIED},
    **{
        name: Kind(_slow(name), settings={"max_retries": 3, "request_timeout": 0.7})
        for name in SLOW
    },
    "all of these, at random": Kind(
        lambda *_: Ending.COMPLETE,
        settings={"max_retries": 3},
        options={"faults": 0.2, "fault_kinds": ("429", *RETRIED)},
    ),
    "an error with status 200": Kind(_error_envelope),
    "no list with status 200": Kind(_once(status=200, body='{"message":"Busy."}')),
    "an interim answer": Kind(_early_hints),
    "key withdrawn halfway": Kind(_withdrawn),
    "403 at the top": Kind(_refused),
    "403 below a project": Kind(_refused_below),
    "403 from now on": Kind(_firewall),
    "pages that are ignored": Kind(
        _ignored_pages, styles=("page", "offset", "link", "next_url", "cursor")
    ),
    "pages ignored, fields that differ": Kind(
        _ignored_pages,
        styles=("page", "offset", "link", "next_url", "cursor"),
        options={"volatile_field": VOLATILE},
    ),
    "404 on a path of the API": Kind(_not_found),
    "another 4xx": Kind(_another_4xx),
    "a record without an id": Kind(_no_id),
    "ids that occur twice": Kind(_twice),
    "a project that disappears": Kind(_vanished, styles=("none", "page", "offset")),
    "pages that shift: one more": Kind(_one_more),
    # Only a count shows that a record has moved up a page: docs/reliability.md.
    "pages that shift: one less": Kind(_one_less, styles=("page", "offset")),
}
"""All kinds by name."""
