"""Writes what helps to write a config: JSON schemas for editors, and a sample.

They are made of what `--about` reports, and of what the fleet declares, so that
settings are declared once.
"""
# ruff: noqa: INP001 - a script, no package

from __future__ import annotations

import json
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

from tap_analytics.fleet.schema import SCHEMA as FLEET
from tap_analytics.plugin.validation import mended

FOLDER = Path(__file__).parents[1] / "docs"
SCHEMA = "config.schema.json"
SAMPLE = "config.sample.json"
FLEET_SCHEMA = "fleet.schema.json"


def main() -> None:
    """Writes the files."""
    for name, content in files().items():
        text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
        (FOLDER / name).write_text(text, encoding="utf-8")


def files() -> dict[str, Any]:
    """Returns the contents of the files by name."""
    settings = _about()["settings"]
    return {SCHEMA: schema(settings), SAMPLE: sample(settings), FLEET_SCHEMA: FLEET}


def schema(settings: dict[str, Any]) -> dict[str, Any]:
    """Returns a schema that tells an editor of every setting, and of mistyped ones.

    Args:
        settings: The settings' own JSON schema.
    """
    here = {"type": "string", "description": "Where this schema is, for editors."}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Settings of tap-analytics",
        "type": "object",
        "properties": {"$schema": here, **mended(_with_null(settings["properties"]))},
        "required": settings["required"],
        "additionalProperties": False,
    }


def _with_null(settings: dict[str, Any]) -> dict[str, Any]:
    """Returns settings of which those that may be null list it with their values."""
    return {
        name: {**setting, "enum": [*setting["enum"], None]}
        if "null" in setting.get("type", ()) and "enum" in setting
        else setting
        for name, setting in settings.items()
    }


def sample(settings: dict[str, Any]) -> dict[str, Any]:
    """Returns a config with every setting: its default, or null for not set.

    Args:
        settings: The settings' own JSON schema.
    """
    return {
        "$schema": SCHEMA,
        **{
            name: "your-key" if setting.get("secret") else setting.get("default")
            for name, setting in settings["properties"].items()
        },
    }


def _about() -> dict[str, Any]:
    command = Path(sysconfig.get_path("scripts"), "tap-analytics")
    about = subprocess.run(  # noqa: S603 - this package's own command
        [command, "--about", "--format=json"], check=True, stdout=subprocess.PIPE
    )
    settings: dict[str, Any] = json.loads(about.stdout)
    return settings


if __name__ == "__main__":
    main()
