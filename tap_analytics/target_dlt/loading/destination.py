"""From the target's settings to a dlt destination, and what it can do."""

from __future__ import annotations

import errno
import os
import re
from typing import TYPE_CHECKING, Any

# dlt reads these when it is imported; what the user has set stays.
os.environ.setdefault("RUNTIME__DLTHUB_TELEMETRY", "false")
os.environ.setdefault("RUNTIME__LOG_LEVEL", "CRITICAL")
os.environ.setdefault("RUNTIME__INTERCEPT_SIGNALS", "false")

import msgspec
from dlt import destinations
from dlt.common.configuration.exceptions import ConfigFieldMissingException
from dlt.common.destination import Destination, DestinationCapabilitiesContext
from dlt.common.destination.exceptions import UnknownDestinationModule
from dlt.common.exceptions import MissingDependencyException

from tap_analytics.target_dlt.errors import SetupError
from tap_analytics.target_dlt.loading import duckdb_catalog

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dlt.common.typing import TLoaderFileFormat

AnyDestination = Destination[Any, Any]


def make_destination(config: Mapping[str, Any]) -> AnyDestination:
    """Make the dlt destination that the settings name.

    Raises:
        SetupError: There is no such destination, or it has no such option.
    """
    name = config["destination"]
    options = dict(config.get("destination_config") or {})
    if (credentials := config.get("credentials")) is not None:
        options["credentials"] = _parse_json(credentials)
    try:
        if name == "duckdb":
            destination: AnyDestination | None = duckdb_catalog.duckdb(**options)
        else:
            destination = Destination.from_reference(name, **options)
    except UnknownDestinationModule:
        known = ", ".join(sorted(destinations.__all__))
        msg = f"dlt has no destination {name!r}. It has: {known}."
        raise SetupError(msg) from None
    if destination is None:
        msg = "`destination` is empty."
        raise SetupError(msg)
    fields = destination.spec.get_resolvable_fields().keys()
    fields |= DestinationCapabilitiesContext.get_resolvable_fields().keys()
    if unknown := sorted(options.keys() - fields):
        msg = (
            f"`destination_config`: destination {name!r} has no option {unknown[0]!r}."
        )
        raise SetupError(msg)
    return destination


def _parse_json(credentials: Any) -> Any:
    """Read credentials that are an object in JSON, as from an environment variable."""
    if isinstance(credentials, str) and credentials.lstrip().startswith("{"):
        try:
            return msgspec.json.decode(credentials)
        except msgspec.DecodeError as error:
            msg = f"`credentials` begins like a JSON object but is none: {error}."
            raise SetupError(msg) from None
    return credentials


_ANY_TABLE: Any = {"name": "any"}


def file_format(
    destination: AnyDestination, config: Mapping[str, Any]
) -> TLoaderFileFormat:
    """Choose the format of load files.

    Parquet wherever it can be loaded: it keeps all types and is the fastest to write
    and, by far, to load. PostgreSQL loads it through ADBC, where that is installed;
    dlt's CSV for PostgreSQL would make null of empty strings, so the next choice is
    what dlt prefers.
    """
    if chosen := config.get("loader_file_format"):
        return chosen  # type: ignore[no-any-return]
    capabilities = destination.capabilities()
    preferred = capabilities.preferred_loader_file_format
    supported = capabilities.supported_loader_file_formats
    if (select := capabilities.loader_file_format_selector) is not None:
        preferred, supported = select(preferred, supported, table_schema=_ANY_TABLE)
    return "parquet" if "parquet" in supported else preferred


def explain(error: BaseException) -> str:
    """Say in one line what went wrong in dlt, with what to install or to set."""
    chain = [error]
    while (cause := chain[-1].__cause__) is not None:
        chain.append(cause)
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
    return text.splitlines()[0]


def _missing_settings(error: ConfigFieldMissingException) -> str:
    fields = re.findall(
        r"missing field\(s\): (.*?)(?: \(Union.*)?$", str(error), re.MULTILINE
    )
    names = fields[0].replace("`", "") if fields else ", ".join(error.fields)
    return f"{names} {'are' if ',' in names else 'is'}"


_PASSWORD_IN_URL = re.compile(r"(\w+://[^\s:/@]*):[^\s@]+@")


def redact(text: str, config: Mapping[str, Any]) -> str:
    """Take passwords out of a text: those in URLs and those in the settings."""
    for secret in _secrets(config.get("credentials")):
        text = text.replace(secret, "***")
    return _PASSWORD_IN_URL.sub(r"\1:***@", text)


_PUBLIC = {"database", "drivername", "host", "port", "username", "project_id", "query"}
_SHORTEST_SECRET = 4


def _secrets(credentials: Any) -> list[str]:
    """List the secret texts in credentials, longest first."""
    found: list[str] = []

    def search(value: Any) -> None:
        if isinstance(value, dict):
            for name, inner in value.items():
                if name not in _PUBLIC:
                    search(inner)
        elif isinstance(value, str) and len(value) >= _SHORTEST_SECRET:
            found.append(value)

    if isinstance(credentials, dict):
        search(credentials)
    elif isinstance(credentials, str) and credentials.lstrip().startswith("{"):
        search(_parse_json(credentials))
    return sorted(found, key=len, reverse=True)
