"""Writes what this package's plugins report about themselves where others read it.

That is meltano.yml, and the definitions for Meltano Hub in hub/. Capabilities and
settings come from `--about`, so that they are declared once. All else in the files is
left as it is, in the form that Meltano itself writes.
"""
# ruff: noqa: INP001 - a script, no package

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from tap_analytics.presets import PRESET_SETTINGS

PROJECT = Path(__file__).parents[1]
FILES = (
    PROJECT / "meltano.yml",
    PROJECT / "hub" / "extractors" / "tap-analytics.yml",
    PROJECT / "hub" / "loaders" / "target-dlt.yml",
)
# Meltano 4 can't pass on a `decimal` from an environment variable. It leaves a `string`
# as it is, and the tap reads the variable as a number.
KINDS = {"date-time": "date_iso8601", "number": "string"}


def main() -> None:
    """Updates the files."""
    yaml = YAML()
    yaml.width = sys.maxsize
    for file in FILES:
        definitions = yaml.load(file)
        for plugin in own_plugins(definitions):
            plugin.update(reported(plugin))
        yaml.dump(definitions, file)


def own_plugins(definitions: dict[str, Any]) -> list[dict[str, Any]]:
    """Returns those plugins of a file that this package holds.

    Args:
        definitions: What is in meltano.yml or in a definition for the Hub.
    """
    if "plugins" not in definitions:
        return [definitions]
    return [
        plugin
        for plugins in definitions["plugins"].values()
        for plugin in plugins
        if plugin["pip_url"].startswith("-e .")
    ]


def reported(plugin: dict[str, Any]) -> dict[str, Any]:
    """Returns those parts of a plugin's definition that it reports itself.

    Args:
        plugin: The definition.
    """
    about = _about(plugin["executable"])
    settings = about["settings"]["properties"].items()
    parts = {
        "capabilities": about["capabilities"],
        "settings": [setting(name, schema) for name, schema in settings],
        "supported_python_versions": about["supported_python_versions"],
    }
    return {name: value for name, value in parts.items() if name in plugin}


def setting(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    """Translates a setting for Meltano.

    Args:
        name: Its name.
        schema: Its JSON schema, with a title and a description.

    Returns:
        It as `settings` of a plugin's definition have it, see
        https://docs.meltano.com/reference/plugin-definition-syntax#settings
    """
    definition: dict[str, Any] = {"name": name, "kind": _kind(schema)}
    # Meltano passes defaults as if they had been set: over a preset they would win, and
    # over the replication method in a catalog.
    is_passed = name not in PRESET_SETTINGS | {"incremental"}
    if (default := schema.get("default")) is not None and is_passed:
        definition["value"] = default
    definition["label"] = schema["title"]
    definition["description"] = schema["description"]
    if schema.get("secret"):
        definition["sensitive"] = True
    if "enum" in schema:
        definition["options"] = [
            {"label": value.replace("_", " ").capitalize(), "value": value}
            for value in schema["enum"]
            if value is not None
        ]
    return definition


def _kind(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return "options"
    if "anyOf" in schema:
        return _kind(schema["anyOf"][0])
    types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    kind: str = schema.get("format", next(name for name in types if name != "null"))
    return KINDS.get(kind, kind)


def _about(executable: str) -> Any:
    command = Path(sysconfig.get_path("scripts"), executable)
    about = subprocess.run(  # noqa: S603 - this package's own commands
        [command, "--about", "--format=json"], check=True, stdout=subprocess.PIPE
    )
    return json.loads(about.stdout)


if __name__ == "__main__":
    main()
