"""Which streams the setting `streams` chooses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_analytics.errors import ConfigError
from tap_analytics.plugin.declared import hint

if TYPE_CHECKING:
    from collections.abc import Collection

LEAVES_OUT = "-"
"""Stands before the name of a stream that is left out."""


def chosen_streams(
    given: Collection[str] | None, names: Collection[str]
) -> frozenset[str]:
    """Return the names of the streams to read.

    Args:
        given: The setting: names to read, or with `-` in front, names to leave out.
        names: The names of all streams.

    Raises:
        ConfigError: If there is no such stream, or none is left.
    """
    given = given or ()
    wanted = {name for name in given if not name.startswith(LEAVES_OUT)}
    left_out = {name[1:] for name in given if name.startswith(LEAVES_OUT)}
    for name in sorted((wanted | left_out) - {*names}):
        msg = (
            f"The setting streams names {name!r}, but there is no such stream."
            f"{hint(name, names)} The streams are {', '.join(names)}."
        )
        raise ConfigError(msg)
    chosen = frozenset(wanted or names) - left_out
    if not chosen:
        msg = "The setting streams leaves out every stream, so nothing can be read."
        raise ConfigError(msg)
    return chosen
