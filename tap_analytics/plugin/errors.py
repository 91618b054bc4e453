"""The one error of this room."""

from __future__ import annotations


class ConfigError(Exception):
    """The settings are not valid, or can't be read.

    The text is one line that names the setting, the variable or the file.
    """
