"""States as users have them: from a file, and from other tools that wrap them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from tap_analytics.errors import ConfigError

if TYPE_CHECKING:
    import logging

_WRAPPERS = ("singer_state", "value")
"""What `meltano state get` and a STATE message put a state into."""

_ADVICE = (
    "Use the last STATE that the target put out, or an empty file to read everything."
)


def read_state(path: str, logger: logging.Logger) -> dict[str, Any]:
    """Read the state of a file.

    Args:
        path: The file. One that is missing or empty means a first run, as after a
            first load that failed. Of several lines the last one counts.
        logger: Told of a first run.

    Raises:
        ConfigError: If the file can't be read, or holds something else.
    """
    try:
        text = Path(path).read_bytes().strip()
    except FileNotFoundError:
        logger.info("The state file %s does not exist yet: everything is read.", path)
        return {}
    except OSError as error:
        msg = f"The state file {path} can't be read: {error.strerror}."
        raise ConfigError(msg) from error
    if not text:
        logger.info("The state file %s is empty: everything is read.", path)
        return {}
    return checked_state(_decoded(text, path), f"The state file {path}")


def _decoded(text: bytes, path: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        pass
    try:
        return msgspec.json.decode(text.splitlines()[-1])
    except msgspec.DecodeError as error:
        msg = f"The state file {path} is not valid JSON: {error}. {_ADVICE}"
        raise ConfigError(msg) from error


def checked_state(state: Any, source: str = "The state") -> dict[str, Any]:
    """Return a state, out of what other tools wrap it into.

    Args:
        state: What was given as the state.
        source: Where it comes from, as the error says it.

    Raises:
        ConfigError: If it is not a state.
    """
    while isinstance(state, dict) and "bookmarks" not in state:
        wrapped = next((state[name] for name in _WRAPPERS if name in state), None)
        if not isinstance(wrapped, dict):
            break
        state = wrapped
    if not isinstance(state, dict):
        msg = f"{source} is not a state: an object is expected. {_ADVICE}"
        raise ConfigError(msg)
    bookmarks = state.get("bookmarks")
    if bookmarks is None:
        bookmarks = {}
    if not isinstance(bookmarks, dict):
        msg = f"{source} is not a state: its bookmarks are not an object. {_ADVICE}"
        raise ConfigError(msg)
    for stream, bookmark in bookmarks.items():
        if not isinstance(bookmark, dict | None):
            msg = (
                f"{source} is not a state: the bookmark of {stream!r} is not an "
                f"object. {_ADVICE}"
            )
            raise ConfigError(msg)
    known = {name: mark for name, mark in bookmarks.items() if mark is not None}
    return {**state, "bookmarks": known} if state else {}
