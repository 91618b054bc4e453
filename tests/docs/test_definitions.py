"""What meltano.yml and hub/ say of this package's plugins, by `make plugins`."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from ruamel.yaml import YAML

from tap_analytics.presets import PRESET_SETTINGS
from tests.helpers.commands import PROJECT, succeed

DEFINITIONS = [
    ("meltano.yml", "extractors", "tap-analytics"),
    ("meltano.yml", "loaders", "target-dlt"),
    ("hub/extractors/tap-analytics.yml", "extractors", "tap-analytics"),
    ("hub/loaders/target-dlt.yml", "loaders", "target-dlt"),
]
KINDS = {
    "string": {"string", "options", "date_iso8601"},
    "integer": {"integer"},
    "number": {"string"},
    "boolean": {"boolean"},
    "object": {"object"},
    "array": {"array"},
}


@pytest.fixture(scope="module")
def abouts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the commands report of themselves, by their names."""
    folder = tmp_path_factory.mktemp("about")
    return {
        command: json.loads(succeed(command, "--about", "--format=json", cwd=folder))
        for command in ("tap-analytics", "target-dlt")
    }


@pytest.fixture(params=DEFINITIONS)
def plugin(request: pytest.FixtureRequest, abouts: dict[str, Any]) -> dict[str, Any]:
    """A plugin as a file defines it, with what its command reports as `about`."""
    file, kind, name = request.param
    content = YAML(typ="safe").load(PROJECT / file)
    plugins = content["plugins"][kind] if "plugins" in content else [content]
    (defined,) = (plugin for plugin in plugins if plugin["name"] == name)
    return {**defined, "about": abouts[defined["executable"]]}


@pytest.fixture
def settings(plugin: dict[str, Any]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Each setting: as the file has it, and its JSON schema."""
    schemas = plugin["about"]["settings"]["properties"]
    return [(setting, schemas[setting["name"]]) for setting in plugin["settings"]]


def test_it_has_every_setting(plugin: dict[str, Any]) -> None:
    names = [setting["name"] for setting in plugin["settings"]]
    assert names == list(plugin["about"]["settings"]["properties"])


def test_its_capabilities_are_those_reported(plugin: dict[str, Any]) -> None:
    assert plugin["capabilities"] == plugin["about"]["capabilities"]


def test_its_pythons_are_those_reported(plugin: dict[str, Any]) -> None:
    pythons = plugin["about"]["supported_python_versions"]
    assert plugin.get("supported_python_versions", pythons) == pythons


def test_its_groups_of_settings_hold_what_is_required(plugin: dict[str, Any]) -> None:
    settings = plugin["about"]["settings"]
    for group in plugin.get("settings_group_validation", []):
        assert {*settings.get("required", [])} <= {*group} <= {*settings["properties"]}


def test_settings_are_described_as_reported(settings: Any) -> None:
    for setting, schema in settings:
        assert setting["label"] == schema["title"]
        assert setting["description"] == schema["description"]


def test_defaults_are_those_reported_but_where_a_preset_or_a_catalog_may_differ(
    settings: Any,
) -> None:
    for setting, schema in settings:
        may_differ = setting["name"] in PRESET_SETTINGS | {"incremental"}
        default = None if may_differ else schema.get("default")
        assert setting.get("value") == default


def test_kinds_fit_the_types(settings: Any) -> None:
    for setting, schema in settings:
        types = [schema, *schema.get("anyOf", [])]
        names = {name for type_ in types for name in _names(type_)}
        kinds = set[str]().union(*(KINDS[name] for name in names - {"null"}))
        assert setting["kind"] in kinds, setting["name"]


def test_options_are_the_values_that_are_allowed(settings: Any) -> None:
    for setting, schema in settings:
        allowed = [value for value in schema.get("enum", []) if value is not None]
        options = [option["value"] for option in setting.get("options", [])]
        assert options == allowed
        assert (setting["kind"] == "options") == bool(allowed)


def test_what_is_secret_is_sensitive(settings: Any) -> None:
    for setting, schema in settings:
        assert setting.get("sensitive", False) == schema.get("secret", False)


def _names(schema: dict[str, Any]) -> list[str]:
    names = schema.get("type", [])
    return [names] if isinstance(names, str) else names


def test_the_template_of_an_environment_names_settings(abouts: dict[str, Any]) -> None:
    known = {
        f"{command}_{name}".upper().replace("-", "_")
        for command, about in abouts.items()
        for name in about["settings"]["properties"]
    }
    template = (PROJECT / ".env.template").read_text(encoding="utf-8")
    variable = re.compile(r"^(?:# )?(TAP_ANALYTICS_\w+|TARGET_DLT_\w+)=", re.MULTILINE)
    names = variable.findall(template)
    assert names
    assert {*names} <= known
