"""Writes the table of settings into docs/settings.md."""
# ruff: noqa: INP001 - a script, no package

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from tap_analytics.settings import SCHEMA

FILE = Path(__file__).parents[1] / "docs" / "settings.md"
MARKED = re.compile(r"(<!-- settings -->\n).*?(<!-- /settings -->)", re.DOTALL)


def main() -> None:
    """Updates the document."""
    text = with_settings(FILE.read_text(encoding="utf-8"))
    FILE.write_text(text, encoding="utf-8")


def with_settings(text: str) -> str:
    """Returns a text with the current settings in it."""
    return MARKED.sub(lambda found: found[1] + table() + found[2], text)


def table() -> str:
    """Returns the tap's own settings as a Markdown table."""
    rows = [
        f"| `{name}` | {_default(name, setting)} | {setting['description']} |"
        for name, setting in SCHEMA["properties"].items()
    ]
    return "\n".join(
        ["| setting | default | meaning |", "| --- | --- | --- |", *rows, ""]
    )


def _default(name: str, setting: dict[str, Any]) -> str:
    if name in SCHEMA["required"]:
        return "required"
    default = setting.get("default")
    if default is None:
        return ""
    return (
        f"`{default if isinstance(default, str) and default else json.dumps(default)}`"
    )


if __name__ == "__main__":
    main()
