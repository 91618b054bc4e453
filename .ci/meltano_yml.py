"""Writes into meltano.yml what this package's plugins report about themselves.

Their capabilities and settings come from `--about`, so that they are declared once. All
else in the file is left as it is, in the form that Meltano itself writes.
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

from tap_analytics.presets import SETTINGS

FILE = Path(__file__).parents[1] / "meltano.yml"
KINDS = {"date-time": "date_iso8601", "number": "decimal"}


def main() -> None:
    """Updates meltano.yml."""
    yaml = YAML()
    yaml.width = sys.maxsize
    project = yaml.load(FILE)
    for plugins in project["plugins"].values():
        for plugin in plugins:
            if plugin["pip_url"].startswith("-e ."):
                about = _about(plugin["executable"])
                plugin["capabilities"] = about["capabilities"]
                plugin["settings"] = [
                    setting(name, schema)
                    for name, schema in about["settings"]["properties"].items()
                ]
    yaml.dump(project, FILE)


def setting(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    """Translates a setting for Meltano.

    Args:
        name: Its name.
        schema: Its JSON schema, with a title and a description.

    Returns:
        It as `settings` of a plugin in meltano.yml have it, see
        https://docs.meltano.com/reference/plugin-definition-syntax#settings
    """
    definition: dict[str, Any] = {"name": name, "kind": _kind(schema)}
    # Meltano passes defaults as if they had been set: over a preset they would win.
    if (default := schema.get("default")) is not None and name not in SETTINGS:
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
