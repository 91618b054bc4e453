"""Takes pictures of a run in a real terminal, for the documents.

The run is that of `analytics-load`, against a sandbox that lets few requests through,
so that there is something to wait for. Each time the numbers differ a little; a test
compares the form of the lines.
"""
# ruff: noqa: INP001 - a script, no package

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

PROJECT = Path(__file__).parents[1]
sys.path.insert(0, str(PROJECT))

from tap_analytics.sandbox import Sandbox, SandboxOptions  # noqa: E402
from tests.helpers.commands import environment  # noqa: E402
from tests.helpers.terminals import PLAIN, terminal  # noqa: E402

if TYPE_CHECKING:
    from tests.helpers.terminals import Line

FOLDER = PROJECT / "docs"
COMMAND = "analytics-load --config config.json"
COLUMNS = 80
FONTS = re.compile(r"\s*@font-face \{[^}]*\}")
OPTIONS = SandboxOptions(
    projects=80, today=date(2026, 1, 31), latency=0.05, rate_limit=(20, 2)
)


def main() -> None:
    """Writes the pictures."""
    for name, svg in pictures().items():
        (FOLDER / name).write_text(svg, encoding="utf-8")


def pictures() -> dict[str, str]:
    """Returns the pictures by file name."""
    with (
        Sandbox(OPTIONS) as api,
        TemporaryDirectory() as folder,
        terminal(COLUMNS) as screen,
    ):
        config = {"api_url": api.url, "api_key": api.options.api_key}
        (Path(folder) / "config.json").write_text(json.dumps(config))
        with subprocess.Popen(  # noqa: S603 - our own
            COMMAND.split(),
            cwd=folder,
            env=environment(**PLAIN),
            stdin=subprocess.DEVNULL,
            stderr=screen.fd,
        ) as process:
            screen.wait_for_display(lambda text: "waiting" in text and "about" in text)
            under_way = screen.styled_lines
            process.wait()
        screen.at_the_end()
        return {
            "while-it-runs.svg": _picture(under_way, "while-it-runs"),
            "when-it-is-over.svg": _picture(screen.styled_lines, "when-it-is-over"),
        }


def _picture(lines: list[Line], name: str) -> str:
    console = Console(
        width=COLUMNS,
        file=io.StringIO(),
        record=True,
        force_terminal=True,
        color_system="truecolor",
        highlight=False,
    )
    console.print(f"$ {COMMAND}")
    for line in lines:
        console.print(Text.assemble(*line), soft_wrap=True)
    # No picture loads anything from elsewhere: any font of equal widths will do.
    svg = console.export_svg(title="", unique_id=name)
    return FONTS.sub("", svg)


if __name__ == "__main__":
    main()
