"""The settings that a plugin declares: read, checked and completed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tap_analytics.plugin.config_file import settings_in
from tap_analytics.plugin.environment import settings_from
from tap_analytics.plugin.errors import ConfigError
from tap_analytics.plugin.validation import Fault, faults_of
from tap_analytics.plugin.wording import closest

if TYPE_CHECKING:
    import logging
    from collections.abc import Collection, Iterable, Mapping

ENVIRONMENT = "ENV"
"""What Singer's users pass for the environment, in the place of a file."""

_FOR_EDITORS = "$schema"
"""Names the JSON schema of a config file."""


@dataclass(frozen=True)
class DeclaredSettings:
    """What a tap or a target declares of its settings.

    Attributes:
        schema: JSON schema of the settings.
        prefix: The beginning of each environment variable's name, such as
            `TAP_ANALYTICS_`.
        meanings: What a text must do to match a pattern of the schema, by pattern, such
            as `begin with https://`.
        hidden: Settings that no message may show, besides those that the schema calls
            secret.
    """

    schema: Mapping[str, Any]
    prefix: str
    meanings: Mapping[str, str] = field(default_factory=dict)
    hidden: Collection[str] = ()

    def read(self, paths: Iterable[str], environ: Mapping[str, str]) -> dict[str, Any]:
        """Return what is set; a setting that is null is one that is not set.

        Args:
            paths: The config files; a later one wins over an earlier one.
            environ: The environment, which wins over all files.

        Raises:
            ConfigError: If a file can't be read, or a variable is not of its
                setting's type.
        """
        settings: dict[str, Any] = {}
        for path in paths:
            if path != ENVIRONMENT:
                settings |= settings_in(path)
        settings |= settings_from(environ, self.prefix, self.schema)
        return {name: value for name, value in settings.items() if value is not None}

    def warn_of_unknown(self, names: Iterable[str], logger: logging.Logger) -> None:
        """Warn of settings that don't exist, which is most often a typing mistake."""
        known = self.schema["properties"]
        for name in sorted({*names} - {_FOR_EDITORS, *known}):
            logger.warning(
                "There is no setting %r: it is ignored.%s", name, hint(name, known)
            )

    def faults(self, settings: Mapping[str, Any]) -> list[Fault]:
        """Return what is wrong with settings; one that is null is not set."""
        given = {name: value for name, value in settings.items() if value is not None}
        secret = {
            name
            for name, setting in self.schema["properties"].items()
            if setting.get("secret")
        }
        return faults_of(
            given, self.schema, self.prefix, self.meanings, {*self.hidden, *secret}
        )

    def require_valid(self, settings: Mapping[str, Any]) -> None:
        """Return if settings are valid.

        Raises:
            ConfigError: If they are not.
        """
        if faults := self.faults(settings):
            raise ConfigError(" ".join(fault.text for fault in faults))

    def with_defaults(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Return settings together with the defaults of those that are not set."""
        return {
            **settings,
            **{
                name: setting["default"]
                for name, setting in self.schema["properties"].items()
                if "default" in setting and settings.get(name) is None
            },
        }


def hint(name: str, known: Iterable[str]) -> str:
    """Return a sentence that asks whether a similar name was meant, if there is one.

    Args:
        name: What was given.
        known: What could have been given.
    """
    return "".join(f" Did you mean {one!r}?" for one in closest(name, known))
