"""Names modules and classes that are so long that they hold more than one idea.

A longer one is accepted if a reason stands here. An acceptance that is no longer needed
is named too, so that the list stays short.
"""
# ruff: noqa: INP001, T201 - a script, no package

from __future__ import annotations

import ast
import sys
from pathlib import Path

PROJECT = Path(__file__).parents[1]
PACKAGE = "tap_analytics"
LINES = 300
METHODS = 20

ACCEPTED = {
    "tap_analytics/settings.py": "a list of settings, each once",
    "tap_analytics/target_dlt/target.py": "all of the target that leans on the SDK",
    "tap_analytics/target_dlt/target.py:TargetDlt": "a hook for each step of the SDK",
}
"""Why a module, or a class as `module.py:Class`, may be longer."""


def main() -> None:
    """Ends with an error if something is too long, or accepted without need."""
    found = too_long(PROJECT)
    faults = [
        *(text for name, text in found.items() if name not in ACCEPTED),
        *(
            f"{name} is not too long: take it off the list in .ci/sizes.py."
            for name in ACCEPTED.keys() - found.keys()
        ),
    ]
    if faults:
        sys.exit("\n".join(sorted(faults)))
    print(f"ok -- no module over {LINES} lines, no class over {METHODS} methods.")


def too_long(project: Path) -> dict[str, str]:
    """Returns what is too long by its name, as a sentence.

    Args:
        project: The folder that holds the package.
    """
    found = {}
    for file in sorted((project / PACKAGE).rglob("*.py")):
        name = file.relative_to(project).as_posix()
        text = file.read_text(encoding="utf-8")
        lines = len(text.splitlines())
        if lines > LINES:
            found[name] = f"{name} has {lines} lines, {LINES} are the most."
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ClassDef) and (count := _methods(node)) > METHODS:
                found[f"{name}:{node.name}"] = (
                    f"{name}: class {node.name} has {count} methods, {METHODS} are the "
                    "most."
                )
    return found


def _methods(node: ast.ClassDef) -> int:
    # Properties and their setters are one method.
    names = {part.name for part in node.body if isinstance(part, ast.FunctionDef)}
    return len(names)


if __name__ == "__main__":
    main()
