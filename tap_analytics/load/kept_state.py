"""The state of a config: read before a run, replaced with each STATE of the target."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tap_analytics.errors import ConfigError
from tap_analytics.singer.state_file import read_state

if TYPE_CHECKING:
    import logging

PLACE = "loaded_into"
"""Says in a state which tables have the rows."""


def beside(config: str) -> Path:
    """Return the state file that goes with a config file."""
    return Path(config).with_suffix(".state.json")


class KeptState:
    """A state file.

    The file is replaced in one step, so that it is whole at every moment.

    Args:
        path: The file; it may be missing.
        place: What stands for the tables that are loaded into.

    Raises:
        ConfigError: If the file can't be written.
    """

    def __init__(self, path: Path, place: str) -> None:
        self._path = path
        self._place = place
        folder = path.parent
        if not os.access(folder, os.W_OK):
            msg = (
                f"The state can't be kept: {folder} is not a folder that can be "
                "written to. Name another file with --state."
            )
            raise ConfigError(msg)

    def read(self, logger: logging.Logger) -> dict[str, Any]:
        """Return the state, empty if it is that of other tables.

        Raises:
            ConfigError: If the file can't be read, or holds something else.
        """
        state = read_state(str(self._path), logger)
        place = state.pop(PLACE, self._place)
        if place == self._place:
            return state
        logger.warning(
            "The state file %s belongs to another destination (%s), so that everything "
            "is read. To keep a state for each destination, use --state.",
            self._path,
            place.rpartition(" ")[0],
        )
        return {}

    def keep(self, line: bytes) -> None:
        """Replace the state.

        Args:
            line: What the target has written: a state.

        Raises:
            OSError: If the file can't be written.
            ValueError: If it is not a state.
        """
        # Not decoded: numbers keep their digits.
        begin, brace, rest = line.strip().partition(b"{")
        if begin or not brace:
            msg = "target-dlt has written a STATE that is not an object"
            raise ValueError(msg)
        place = json.dumps({PLACE: self._place}).encode().removesuffix(b"}")
        text = place + (b"}" if rest == b"}" else b", " + rest)
        new = self._path.with_name(f"{self._path.name}.new")
        with new.open("wb") as file:
            file.write(text + b"\n")
            file.flush()
            os.fsync(file.fileno())
        new.replace(self._path)
