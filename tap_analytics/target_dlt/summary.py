"""What a run has loaded, where to, and what it removed, as one line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def summary(
    config: Mapping[str, Any],
    file: Path | None,
    loaded: Mapping[str, int],
    removed: Mapping[str, int],
) -> str:
    """Return what a run did.

    Args:
        config: The target's settings.
        file: The database's file, if it is one that was opened.
        loaded: Rows by stream.
        removed: Rows that are no longer current, by table.
    """
    line = f"Loaded {_rows(loaded)} into {_place(config, file)}{_listed(loaded)}."
    if any(removed.values()):
        verb = "Removed" if config["hard_delete"] else "Marked as deleted"
        line += f" {verb} {_rows(removed)}{_listed(removed)}."
    return line


def _place(config: Mapping[str, Any], file: Path | None) -> str:
    place = config["destination"] if file is None else file.name
    return f"{place}, dataset {config['dataset_name']}"


def _rows(counts: Mapping[str, int]) -> str:
    rows = sum(counts.values())
    return f"{rows:,} {'row' if rows == 1 else 'rows'}"


def _listed(counts: Mapping[str, int]) -> str:
    parts = [f"{name} {count:,}" for name, count in counts.items() if count]
    return f": {', '.join(parts)}" if parts else ""
