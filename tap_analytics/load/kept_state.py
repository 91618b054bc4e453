"""The state of a config: read before a run, replaced with each STATE of the target."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tap_analytics.errors import ConfigError
from tap_analytics.load.errors import OtherTablesError
from tap_analytics.load.state_lock import StateLock
from tap_analytics.singer.state_file import read_state

if TYPE_CHECKING:
    import logging
    from collections.abc import Mapping
    from types import TracebackType

    from tap_analytics.compat import Self
    from tap_analytics.load.greeting import Greeting

PLACE = "loaded_into"
"""Says in a state which tables have the rows."""

SOURCE = "read_from"
"""Says in a state whose rows they are."""

_OF_SOURCE = ("api_url", "path_prefix", "account")


def beside(config: str) -> Path:
    """Return the state file that goes with a config file."""
    path = Path(config)
    before = path.with_suffix(".state.json")  # As it was called before.
    if path.suffix == ".json":
        return before
    name = path.with_name(f"{path.name}.state.json")
    return before if before.exists() and not name.exists() else name


def source_of(settings: Mapping[str, Any]) -> str:
    """Return a text that is the same as long as the account is the same.

    Args:
        settings: The settings of the tap. The key is not looked at: keys change.
    """
    source = [str(settings.get(name) or "").strip("/") for name in _OF_SOURCE]
    return hashlib.sha256(json.dumps(source).encode()).hexdigest()[:16]


class KeptState:
    """A state file.

    The file is replaced in one step, so that it is whole at every moment. As a context,
    it is of one run alone.

    Args:
        path: The file; it may be missing.
        source: What stands for the account that is read.

    Raises:
        ConfigError: If the file can't be written.
    """

    def __init__(self, path: Path, source: str) -> None:
        self._path = path.resolve()  # A link stays one: what it leads to is replaced.
        self._place = ""
        self._place_before = ""
        self._source = source
        folder = self._path.parent
        if not os.access(folder, os.W_OK):
            msg = (
                f"The state can't be kept: {folder} is not a folder that can be "
                "written to. Name another file with --state."
            )
            raise ConfigError(msg)
        self._lock = StateLock(self._path)

    def __enter__(self) -> Self:
        """Keep other runs away.

        Raises:
            ConfigError: Another run uses the file.
        """
        self._lock.take()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._lock.release()

    def read(self, logger: logging.Logger) -> dict[str, Any]:
        """Return the state, empty if it is that of another account.

        Raises:
            ConfigError: If the file can't be read, or holds something else.
        """
        state = read_state(str(self._path), logger)
        self._place_before = str(state.pop(PLACE, ""))
        source = state.pop(SOURCE, self._source)
        if source != self._source:
            logger.warning(
                "The state file %s belongs to another account, or another API, so that "
                "everything is read. To keep a state for each account, use --state.",
                self._path,
            )
            return {}
        return state

    def is_for(self, place: str) -> None:
        """Take note of what stands for the tables that are loaded into."""
        self._place = place

    def require(self, greeting: Greeting) -> None:
        """Return if the state that was read belongs to the tables of the target.

        Raises:
            OtherTablesError: It does not, or there are no tables.
        """
        before, now = self._place_before, greeting.loads_into
        if not _is_same(before, now):
            msg = (
                f"The state file {self._path} belongs to another destination "
                f"({before.rpartition(' ')[0]}), so that everything is read. To keep a "
                "state for each destination, use --state."
            )
            raise OtherTablesError(msg)
        if not greeting.has_tables:
            msg = (
                f"The state file {self._path} says that rows were loaded, but the "
                "destination has no tables, so that everything is read."
            )
            raise OtherTablesError(msg)

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
        ours = {PLACE: self._place, SOURCE: self._source}
        text = json.dumps(ours).encode().removesuffix(b"}")
        text += b"}" if rest == b"}" else b", " + rest
        new = self._path.with_name(f"{self._path.name}.new")
        with new.open("wb") as file:
            file.write(text + b"\n")
            file.flush()
            os.fsync(file.fileno())
        new.replace(self._path)


def _is_same(before: str, now: str) -> bool:
    tables, _, digest = before.rpartition(" ")
    if len(digest) < len(now.rpartition(" ")[2]):
        # An older version, or the pipe, has written it, and did not know any better.
        return not before or tables == now.rpartition(" ")[0]
    return before == now
