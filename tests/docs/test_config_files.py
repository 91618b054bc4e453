"""The sample config, and the schema by which editors explain it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator

from tests.helpers.commands import PROJECT
from tests.helpers.running import STREAMS, run_tap, settings
from tests.helpers.scripts import script

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import SandboxFactory


def written(name: str) -> dict[str, Any]:
    text = (PROJECT / "docs" / name).read_text(encoding="utf-8")
    content: dict[str, Any] = json.loads(text)
    return content


@pytest.fixture
def sample() -> dict[str, Any]:
    return written("config.sample.json")


@pytest.fixture
def schema() -> Draft202012Validator:
    return Draft202012Validator(written("config.schema.json"))


def test_both_are_as_the_tap_reports_its_settings() -> None:
    for name, content in script("config_files").files().items():
        assert written(name) == content, "run make plugins"


def test_the_sample_has_every_setting(sample: dict[str, Any]) -> None:
    properties = written("config.schema.json")["properties"]
    assert list(sample) == list(properties)


def test_the_sample_is_valid(
    sample: dict[str, Any], schema: Draft202012Validator
) -> None:
    Draft202012Validator.check_schema(schema.schema)
    schema.validate(sample)


def test_the_schema_marks_what_is_wrong_or_mistyped(
    sample: dict[str, Any], schema: Draft202012Validator
) -> None:
    for mistake in ({"pagination": "pages"}, {"concurrency": 0}, {"api_kye": "key"}):
        assert not schema.is_valid({**sample, **mistake})


def test_the_tap_runs_with_the_sample(
    sandbox: SandboxFactory, sample: dict[str, Any], tmp_path: Path
) -> None:
    api = sandbox(projects=2)
    outcome = run_tap({**sample, **settings(api)}, folder=tmp_path)
    assert outcome.status == 0, outcome.err
    assert {stream: len(outcome.ids(stream)) for stream in STREAMS} == api.counts()
