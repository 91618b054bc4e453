"""A tap's settings: read as `--config` asks for, completed by a preset, and checked.

The SDK reads files and environment with tracebacks where they are wrong, and tells of
invalid settings in the words of jsonschema. So `cb_config` and `_validate_config` are
replaced here. `tests/unit/singer/test_configuration.py` notices when the SDK changes
under this.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tap_analytics.compat import override
from tap_analytics.errors import ConfigError
from tap_analytics.plugin.declared import hint
from tap_analytics.plugin.logs import name_account
from tap_analytics.plugin.map_expressions import unmatched
from tap_analytics.presets import BY_STREAM, with_preset
from tap_analytics.rows.replication_keys import timestamp
from tap_analytics.settings import DECLARED
from tap_analytics.singer.tap import RunTap, run_of_command

if TYPE_CHECKING:
    import logging
    from collections.abc import Collection, Mapping

    import click

    from tap_analytics.plugin.declared import DeclaredSettings


class ConfiguredTap(RunTap):
    """A tap that says in one plain line which setting is wrong."""

    @classmethod
    def declared_settings(cls) -> DeclaredSettings:
        """Return the tap's settings, those of the SDK among them."""
        schema = cls.config_jsonschema
        cls.append_builtin_config(schema)
        return replace(DECLARED, schema=schema)

    @classmethod
    @override
    def cb_config(
        cls, ctx: click.Context, param: click.Option, value: tuple[str, ...]
    ) -> Any:
        """Read the config files, and over them what the environment sets.

        Raises:
            ConfigError: If a file can't be read, or a variable is not of its
                setting's type.
        """
        declared = cls.declared_settings()
        given = super().cb_config(ctx, param, ())
        given.config = declared.read(value, os.environ)
        # Before anything is said of it: it may not be valid.
        run = run_of_command(ctx, cls.logger)
        run.redaction.hide(*cls.secrets(given.config))
        name_account(given.config.get("account"))
        declared.warn_of_unknown(given.config, run.logger)
        warn_of_unknown_streams(given.config, cls.stream_names, run.logger)
        return given

    @override
    def _validate_config(self, *, raise_errors: bool = True) -> list[str]:
        """Add preset and defaults to what is given, and check all of it.

        The preset comes once all of files, environment and code is together, and
        before the defaults: from then on a default can't be told from the same value
        set explicitly.

        Args:
            raise_errors: Whether a setting may not be missing either; discovery can
                do without some.

        Raises:
            ConfigError: If a setting is not valid.
        """
        declared = self.declared_settings()
        self.explicit = {**self.explicit, **_set_in(self._config)}
        config = with_preset(self._config)
        faults = [
            fault
            for fault in declared.faults(config)
            if raise_errors or not fault.is_missing
        ]
        if faults:
            raise ConfigError(" ".join(fault.text for fault in faults))
        if (start_date := config.get("start_date")) is not None:
            timestamp(start_date, "start_date")
        self._config = declared.with_defaults(config)
        return []

    def require_valid_config(self) -> None:
        """Validate the settings, which for discovery the SDK does not require.

        Raises:
            ConfigError: If they are not valid.
        """
        self._validate_config()


def _set_in(config: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in config.items() if value is not None}


def warn_of_unknown_streams(
    config: Mapping[str, Any], streams: Collection[str], logger: logging.Logger
) -> None:
    """Warn of streams that settings name, and that don't exist.

    Args:
        config: The settings; they may not be valid.
        streams: The names of all streams.
        logger: Takes the warnings.
    """
    unknown: list[tuple[str, str]] = []
    for setting in BY_STREAM.values():
        if isinstance(named := config.get(setting), dict):
            unknown += [(name, setting) for name in sorted({*named} - {*streams})]
    if isinstance(maps := config.get("stream_maps"), dict):
        unknown += [(name, "stream_maps") for name in unmatched(maps, streams)]
    for name, setting in unknown:
        logger.warning(
            "There is no stream %r, which %s names: it is ignored.%s",
            name,
            setting,
            hint(name, streams),
        )
