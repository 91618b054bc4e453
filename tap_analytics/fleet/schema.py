"""Every key of the fleet file, declared once: its schema, default and meaning."""

from __future__ import annotations

from typing import Any

from tap_analytics.fleet import names
from tap_analytics.fleet.state_place import DEFAULT as DEFAULT_STATE
from tap_analytics.plugin.validation import mended
from tap_analytics.settings import COLUMN_NAME, DECLARED
from tap_analytics.settings import SCHEMA as TAP_SCHEMA
from tap_analytics.target_dlt.settings import SETTINGS as TARGET_SCHEMA

KEY_SOURCE = r"^(env|file|command):\s*\S"
"""A key is never here itself: this says where it is."""

MEANINGS = {
    **DECLARED.meanings,
    KEY_SOURCE: "say where the key is: env:NAME, file:PATH or command:LINE",
    names.VALID: names.RULE,
}
"""What a text must do to match a pattern, in words."""

HIDDEN = frozenset(
    {"api_key", "api_key_header", "credentials", "destination_config", "user_agent"}
)
"""Keys whose values no message shows."""

NOT_FOR_ACCOUNTS = frozenset({"account", "account_column", "api_key"})
"""Settings of the tap that the fleet sets itself."""

_OF_THE_SDK: dict[str, Any] = {
    "stream_maps": {
        "type": ["object", "null"],
        "title": "Stream maps",
        "description": "Changes to records, as the Singer SDK describes them.",
    },
    "stream_map_config": {
        "type": ["object", "null"],
        "title": "Stream map config",
        "description": "Values that stream maps can use.",
    },
    "faker_config": {
        "type": ["object", "null"],
        "title": "Faker config",
        "description": "Seed and locale of the made-up values that stream maps use.",
    },
    "flattening_enabled": {
        "type": ["boolean", "null"],
        "title": "Flattening",
        "description": "Whether objects become columns of their own.",
    },
    "flattening_max_depth": {
        "type": ["integer", "null"],
        "title": "Flattening depth",
        "description": "How deep objects become columns.",
    },
}
"""Settings that the SDK adds to those of the tap."""

TAP_SETTINGS: dict[str, Any] = {
    name: setting
    for name, setting in {**TAP_SCHEMA["properties"], **_OF_THE_SDK}.items()
    if name not in NOT_FOR_ACCOUNTS
}
"""The settings that accounts may have, by name."""

_KEY_SOURCE = {
    "type": "string",
    "pattern": KEY_SOURCE,
    "title": "Where keys are",
    "description": (
        "env:NAME (an environment variable), file:PATH, or command:LINE (its output; "
        "no shell). {account} stands for the account's name, {ACCOUNT} for the name "
        "in capitals, with _ for what a variable can't have."
    ),
}

_SETTINGS_OF_ONE = {
    "type": "object",
    "properties": {"api_key": _KEY_SOURCE, **TAP_SETTINGS},
    "additionalProperties": False,
}


def _whole(title: str, description: str, default: int | None = None) -> dict[str, Any]:
    given = {} if default is None else {"default": default}
    about = {"title": title, **given, "description": description}
    return {"type": "integer", "minimum": 1, **about}


def _text(title: str, description: str, default: str, **checks: Any) -> dict[str, Any]:
    about = {"title": title, "default": default, "description": description}
    return {"type": "string", "minLength": 1, **checks, **about}


SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "A fleet for analytics-fleet",
    "type": "object",
    "properties": {
        "$schema": {
            "type": "string",
            "description": "Where this schema is, for editors.",
        },
        "accounts": {
            "title": "Accounts",
            "description": (
                "The accounts: a list, or the path of a CSV file with a column "
                "`account`. Further columns of it are settings of the tap."
            ),
            "anyOf": [
                {"type": "string", "minLength": 1},
                {
                    "type": "array",
                    "minItems": 1,
                    "items": {
                        "anyOf": [
                            {"type": ["string", "number", "boolean", "null"]},
                            {"$ref": "#/$defs/account"},
                        ]
                    },
                },
            ],
        },
        "api_key": _KEY_SOURCE,
        "defaults": {
            "type": "object",
            "title": "Defaults",
            "description": "Settings of the tap, for all accounts.",
            "properties": TAP_SETTINGS,
            "additionalProperties": False,
        },
        "overrides": {
            "type": "object",
            "title": "Overrides",
            "description": "Settings of the tap for single accounts, by their names.",
            "additionalProperties": {"$ref": "#/$defs/settings_of_one"},
        },
        "target": {
            "type": "object",
            "title": "Target",
            "description": (
                "Settings of target-dlt. {account} in `dataset_name` gives each "
                "account a dataset of its own. `credentials` may say where they are, "
                "like `api_key`."
            ),
            "properties": mended(TARGET_SCHEMA["properties"]),
            "additionalProperties": False,
        },
        "account_column": _text(
            "Account column",
            "Name of the column that tells whose a row is.",
            "account",
            pattern=COLUMN_NAME,
        ),
        "state": _text(
            "State",
            "Folder or bucket that remembers where each account is, and what each run "
            "did.",
            DEFAULT_STATE,
        ),
        "staging": _text(
            "Staging",
            "Folder or bucket for what is read and not loaded yet.",
            "staging",
        ),
        "runners": _whole(
            "Runners", "Number of processes that read. If not set, one per core."
        ),
        "accounts_at_once": _whole(
            "Accounts at once",
            "Maximum number of accounts that a process reads at the same time.",
            75,
        ),
        "host_limit": {
            "type": "object",
            "title": "Limit of the host",
            "description": (
                "Maximum number of requests in any window of so many seconds, by all "
                "keys together. If not set, there is none."
            ),
            "properties": {
                "requests": _whole("Requests", "Maximum number of requests."),
                "seconds": {
                    "type": "number",
                    "exclusiveMinimum": 0,
                    "title": "Seconds",
                    "default": 1,
                    "description": "Length of the window.",
                },
            },
            "required": ["requests"],
            "additionalProperties": False,
        },
        "max_minutes": {
            "type": "number",
            "exclusiveMinimum": 0,
            "title": "Maximum minutes",
            "default": 600,
            "description": (
                "Minutes that one account may take; then it is stopped, and goes on "
                "in the next run."
            ),
        },
        "tries": _whole(
            "Tries",
            "How often a run tries to read an account. Further tries come when all "
            "other accounts are done.",
            2,
        ),
    },
    "required": ["accounts", "api_key"],
    "additionalProperties": False,
    "$defs": {
        "settings_of_one": _SETTINGS_OF_ONE,
        "account": {
            **_SETTINGS_OF_ONE,
            "properties": {
                "account": {
                    "type": ["string", "number", "boolean", "null"],
                    "title": "Account",
                    "description": f"The account's name: it must {names.RULE}.",
                },
                **_SETTINGS_OF_ONE["properties"],  # type: ignore[dict-item]
            },
            "required": ["account"],
        },
    },
}
"""JSON schema of the fleet file."""

DEFAULTS: dict[str, Any] = {
    name: key["default"]
    for name, key in SCHEMA["properties"].items()
    if "default" in key
}
