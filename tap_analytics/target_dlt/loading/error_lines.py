"""One line for what goes wrong in dlt and in drivers, without any password."""

from __future__ import annotations

import errno
import json
import os
import re
import traceback
import warnings
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus, unquote

import dlt
from dlt.common.configuration.exceptions import ConfigFieldMissingException
from dlt.common.exceptions import MissingDependencyException
from singer_sdk.exceptions import SingerSDKError

from tap_analytics.target_dlt.errors import (
    FullError,
    LoadError,
    SetupError,
    TargetError,
)
from tap_analytics.target_dlt.loading.destination import parse_credentials

if TYPE_CHECKING:
    import logging
    from collections.abc import Iterable, Iterator, Mapping


@contextmanager
def one_line_errors(
    config: Mapping[str, Any], logger: logging.Logger
) -> Iterator[None]:
    """Make one line of what dlt and drivers raise, and nothing of their warnings.

    Args:
        config: The target's settings, whose secrets are shown nowhere.
        logger: Told the traceback, at DEBUG.

    Raises:
        FullError: A disk is full.
        LoadError: Something else was raised than our own errors and the SDK's.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except (TargetError, SingerSDKError, BrokenPipeError):
        raise
    except Exception as error:  # noqa: BLE001, dlt and drivers raise all kinds
        logger.debug("%s", redact(traceback.format_exc(), config))
        reason = redact(explain(error), config)
        msg = f"Destination {config['destination']!r}: {reason}"
        kind = FullError if _tells_of_full_disk(error) else LoadError
        # Not from the error, whose own words may have secrets in them.
        raise kind(msg) from None


def explain(error: BaseException) -> str:
    """Say in one line what went wrong in dlt, with what to install or to set."""
    chain = _chain(error)
    for one in reversed(chain):
        match one:
            case MissingDependencyException():
                packages = " ".join(f"'{name}'" for name in one.dependencies)
                return f"packages are missing. Install them: pip install {packages}"
            case OSError(errno=errno.ENOSPC):
                return (
                    f"{one.strerror}. If that is where the load files are, set "
                    "`pipelines_dir` to another place."
                )
            case ImportError():
                return f"a package is missing: {one}"
            case ConfigFieldMissingException():
                return (
                    f"{_missing_settings(one)} not set. Set `credentials` or "
                    "`destination_config`, or configure dlt."
                )
    text = str(chain[-1]).strip() or type(chain[-1]).__name__
    # dlt's connection errors have the driver's own words at the end.
    text = text.rpartition("The actual reason given is: ")[2]
    # ADBC has the statement before what PostgreSQL says of it.
    return _table_of(chain) + text.splitlines()[0].rpartition("ERROR:  ")[2]


def _table_of(chain: Iterable[BaseException]) -> str:
    """Name the table whose load job has failed, if it was one."""
    for one in chain:
        if isinstance(job := getattr(one, "job_id", None), str):
            return f"table {job.removesuffix('.gz').rsplit('.', 2)[0]!r}: "
    return ""


def _chain(error: BaseException) -> list[BaseException]:
    chain = [error]
    while (cause := chain[-1].__cause__) is not None:
        chain.append(cause)
    return chain


def _tells_of_full_disk(error: BaseException) -> bool:
    return any(
        (isinstance(one, OSError) and one.errno in _FULL) or _NO_SPACE in str(one)
        for one in _chain(error)
    )


_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_NO_SPACE = os.strerror(errno.ENOSPC)
"""In these words databases tell of it, too."""


def _missing_settings(error: ConfigFieldMissingException) -> str:
    fields = re.findall(
        r"missing field\(s\): (.*?)(?: \(Union.*)?$", str(error), re.MULTILINE
    )
    names = fields[0].replace("`", "") if fields else ", ".join(error.fields)
    return f"{names} {'are' if ',' in names else 'is'}"


_PASSWORD_IN_URL = re.compile(r"(\w+://[^\s:/@]*):\S+@")


def redact(text: str, config: Mapping[str, Any]) -> str:
    """Take passwords out of a text: those in URLs, and those in the settings."""
    text = _PASSWORD_IN_URL.sub(r"\1:***@", text)
    for secret in sorted(_secrets(config), key=len, reverse=True):
        if len(secret) >= _LONG:
            # Hosts are often written in lower case.
            text = re.sub(re.escape(secret), "***", text, flags=re.IGNORECASE)
        else:
            # Short ones are parts of other words, too.
            text = re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", "***", text)
    return text


_LONG = 4

_PUBLIC = {
    "connect_timeout",
    "database",
    "drivername",
    "host",
    "port",
    "project_id",
    "query",
    "username",
}

_SECRET_NAME = re.compile("password|pwd|secret|token|key", re.IGNORECASE)

_SECRET_PARAMETER = re.compile(
    r"(?:password|pwd|secret|token|key)\w*\s*=\s*('(?:\\.|[^'\\])*'|[^\s&;]+)",
    re.IGNORECASE,
)

_SEPARATORS = re.compile(r"""[@:/?#&=%\\'"\s]+""")


def _secrets(config: Mapping[str, Any]) -> set[str]:
    """Find the secret texts in the credentials, from the settings or from dlt's."""
    options: Mapping[str, Any] = config.get("destination_config") or {}
    found = {*_among_options(options), *_in_variables()}
    for credentials in (
        config.get("credentials"),
        options.get("credentials"),
        *map(dlt.secrets.get, _places(config["destination"])),
    ):
        if isinstance(credentials, str) and credentials.lstrip().startswith("{"):
            with suppress(SetupError):
                found.update(_in_object(parse_credentials(credentials)))
        elif isinstance(credentials, dict):
            found.update(_in_object(credentials))
        elif isinstance(credentials, str):
            found.update(_in_connection_string(credentials))
    spelt = {one for secret in found for one in _spellings(secret)}
    return {secret for secret in spelt if len(secret) > 1}


def _places(destination: str) -> Iterator[str]:
    """Yield where dlt's configuration may have the credentials."""
    for section in (f"destination.{destination}.", "destination.", ""):
        yield f"{section}credentials"


def _among_options(options: Mapping[str, Any]) -> Iterator[str]:
    """Yield the options whose names tell that they are secret."""
    for name, value in options.items():
        if isinstance(value, dict):
            yield from _among_options(value)
        elif isinstance(value, str) and _SECRET_NAME.search(name):
            yield value


def _in_variables() -> Iterator[str]:
    """Yield the fields of credentials that are environment variables of their own."""
    for variable, value in os.environ.items():
        *sections, field = variable.lower().split("__")
        if "credentials" in sections:
            yield from _in_object({field: value})


def _spellings(secret: str) -> Iterator[str]:
    """Yield what a text makes of a secret: Python's notation, JSON's, that of URLs."""
    yield secret
    yield repr(secret)[1:-1]
    yield ascii(secret)[1:-1]
    yield json.dumps(secret)[1:-1]
    yield quote(secret, safe="")
    yield quote_plus(secret)


def _in_object(credentials: Mapping[str, Any]) -> Iterator[str]:
    for name, value in credentials.items():
        if isinstance(value, dict):
            yield from _in_object(value)
        elif isinstance(value, str) and name not in _PUBLIC:
            yield value
            yield from _in_connection_string(value)


def _in_connection_string(text: str) -> Iterator[str]:
    """Yield the password, and its parts.

    A password with an unescaped `@` is read in parts: a driver takes all behind its
    first or its last `@` for the host.
    """
    for parameter in _SECRET_PARAMETER.findall(text):
        yield from _parts(parameter.strip("'"))
    before_host, at, _ = text.partition("://")[2].rpartition("@")
    _, colon, password = before_host.partition(":")
    if at and colon:  # else there is a token only, or a user's name
        yield from _parts(password)


def _parts(password: str) -> Iterator[str]:
    for one in (password, unquote(password), re.sub(r"\\(.)", r"\1", password)):
        yield one
        yield from _SEPARATORS.split(one)
