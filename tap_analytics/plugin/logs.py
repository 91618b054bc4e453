"""How a tap or a target writes its log: which level, as text or as JSON."""

from __future__ import annotations

import json
import logging
import logging.config
import sys
import uuid
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tap_analytics.plugin.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

LOG_FORMAT = "TAP_ANALYTICS_LOG_FORMAT"
"""The variable that asks for JSON, of tap and target alike."""

RUN_ID = "TAP_ANALYTICS_RUN_ID"
"""The variable that names the run in JSON logs; else there is a random name."""

ACCOUNT = "TAP_ANALYTICS_ACCOUNT"
"""The variable that names the account in JSON logs, of tap and target alike."""

LOG_CONFIG = "SINGER_SDK_LOG_CONFIG"
"""The variable of the Singer SDK that names a file of Python's logging, in YAML."""

FORMATS = ("text", "json")
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
TEXT = "{asctime:23s} | {levelname:8s} | {name:30s} | {message}"

_CHATTER = ("singer_sdk.singerlib.catalog", "urllib3.connectionpool")
"""Whose DEBUG lines say again what our own say, or nothing that helps."""

_EXTRA = {"kind": "kind", "run": "summary", "account": "account"}
"""What our log lines carry besides their text, and what JSON calls that."""


class JSONLines(logging.Formatter):
    """Writes a log record as one line of JSON.

    Args:
        run: What names the run in each line.
        account: What names the account in each line; empty if nothing does.
    """

    def __init__(self, run: str, account: str = "") -> None:
        super().__init__()
        self._run = run
        self.account = account

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, without its end."""
        moment = datetime.fromtimestamp(record.created, timezone.utc)
        fields: dict[str, Any] = {
            "time": moment.isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "run": self._run,
        }
        if self.account:
            fields["account"] = self.account
        for attribute, name in _EXTRA.items():
            if value := getattr(record, attribute, None):
                fields[name] = value
        if record.exc_info:
            fields["traceback"] = self.formatException(record.exc_info)
        return json.dumps(fields, ensure_ascii=False, default=str)


def level_of(environ: Mapping[str, str], prefix: str) -> str:
    """Return the level that the environment asks for, `INFO` by default.

    Args:
        environ: The environment.
        prefix: The beginning of a plugin's variables, such as `TAP_ANALYTICS_`.

    Raises:
        ConfigError: If there is no such level.
    """
    for name in (f"{prefix}LOGLEVEL", "LOGLEVEL"):
        if level := environ.get(name):
            return _one_of(name, level, LEVELS, level.upper())
    return "INFO"


def set_up_logs(environ: Mapping[str, str], prefix: str) -> None:
    """Let the process write its log to standard error.

    Args:
        environ: The environment.
        prefix: The beginning of a plugin's variables, such as `TAP_ANALYTICS_`.

    Raises:
        ConfigError: If the environment asks for a level or a format that does not
            exist.
    """
    root = logging.getLogger()
    root.setLevel(level_of(environ, prefix))
    asked_for = environ.get(LOG_FORMAT) or "text"
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        JSONLines(
            environ.get(RUN_ID) or uuid.uuid4().hex[:12], environ.get(ACCOUNT) or ""
        )
        if _one_of(LOG_FORMAT, asked_for, FORMATS, asked_for.lower()) == "json"
        else logging.Formatter(TEXT, style="{")
    )
    root.addHandler(handler)
    for name in _CHATTER:
        logging.getLogger(name).setLevel(logging.INFO)
    if path := environ.get(LOG_CONFIG):
        _configure_by(path)


def name_account(account: Any) -> None:
    """Let the process's JSON log name the account of a run, where a config file does.

    Args:
        account: The setting of the tap.
    """
    for handler in logging.getLogger().handlers:
        if isinstance(handler.formatter, JSONLines) and isinstance(account, str):
            handler.formatter.account = account


def _one_of(name: str, given: str, known: tuple[str, ...], value: str) -> str:
    if value in known:
        return value
    msg = (
        f"The environment variable {name} must be {', '.join(known[:-1])} or "
        f"{known[-1]}, not {given!r}."
    )
    raise ConfigError(msg)


def _configure_by(path: str) -> None:
    import yaml  # noqa: PLC0415 - few have such a file

    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        msg = f"{LOG_CONFIG}: the file {path} can't be read: {error.strerror}."
        raise ConfigError(msg) from error
    logging.config.dictConfig(yaml.safe_load(text))
