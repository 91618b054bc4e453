"""Everything that a seed decides: the API, the settings, and what goes wrong."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any

from tap_analytics.sandbox import Sandbox, SandboxOptions
from tests.chaos.kinds import KINDS, Ending
from tests.conftest import TODAY
from tests.helpers.scanning import KEY

TOTALS = {
    "page": ("page", "per_page", "total", "total_pages"),
    "offset": ("offset", "limit", "total"),
}


@dataclass
class Schedule:
    """What a seed stands for.

    Attributes:
        kind: The kind of what goes wrong.
        options: How the API is.
        settings: The tap's settings, beyond where the API is.
    """

    kind: str
    options: SandboxOptions
    settings: dict[str, Any]
    _dice: Random

    def change(self, api: Sandbox) -> None:
        """Let happen at the source what does between two nights."""
        client, other, *_ = self._dice.sample(api.truth("clients"), 2)
        api.delete("clients", client["id"])
        api.change("clients", other["id"], {"name": "Renamed & Co."})
        api.add("users", {"id": "us:new"}, position=self._dice.randint(0, 1))
        projects = [project["id"] for project in api.truth("projects")]
        if len(projects) > 1:
            gone = projects.pop(self._dice.randrange(len(projects)))
            api.delete("projects", gone)
        api.add("time", {"id": "tc:new", "createdAt": f"{TODAY}T23:59:00Z"})
        for project in projects:
            second = self._dice.randrange(60)
            booked = {"id": f"ti:{project}", "createdAt": f"{TODAY}T23:59:{second:02}Z"}
            api.add("time_records", booked, parent=project)

    def script(self, api: Sandbox) -> Ending:
        """Let it go wrong from now on; return how the next run is to end."""
        return KINDS[self.kind].script(self._dice, api, self.settings["max_retries"])


def schedule(seed: int) -> Schedule:
    """Return the schedule of a seed; seeds in a row are of all kinds in turn."""
    dice = Random(seed)  # noqa: S311 - to be repeated
    name = list(KINDS)[seed % len(KINDS)]
    kind = KINDS[name]
    style, size = dice.choice(kind.styles), dice.randint(1, 5)
    envelope = dice.choice(("data", "result.items"))
    options = {
        "seed": seed,
        "today": TODAY,
        "api_key": KEY,
        "projects": dice.randint(1, 5),
        "tasks": dice.randint(0, 4),
        "time_records": dice.randint(0, 6),
        "clients": dice.randint(3, 12),
        "users": dice.randint(1, 4),
        "team_time": dice.randint(0, 15),
        "envelope": envelope,
        "pagination": style,
        "page_size": size,
        "totals": TOTALS.get(style, ()),
        "gzip": dice.random() < 0.5,
    }
    settings = {
        "data_selector": envelope,
        "pagination": dice.choice((style, "auto")),
        "concurrency": dice.randint(1, 8),
        "max_retries": dice.randint(1, 3),
        "incremental": dice.random() < 0.5,
        "lookback_days": dice.choice((0, 30)),
        "emit_activate_version_messages": dice.random() < 0.8,
    }
    return Schedule(
        name,
        SandboxOptions(**{**options, **kind.options}),
        {**settings, **kind.settings},
        dice,
    )
