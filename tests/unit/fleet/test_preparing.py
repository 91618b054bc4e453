"""What is made ready before a run."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tap_analytics.fleet.account_reading import OF_THE_FLEET
from tap_analytics.fleet.errors import FleetError
from tap_analytics.fleet.fleet_file import read_fleet
from tap_analytics.fleet.preparing import catalog_of
from tests.helpers.scanning import KEY

if TYPE_CHECKING:
    from pathlib import Path

    from tap_analytics.fleet.places import Place
    from tests.conftest import SandboxFactory


def test_an_answer_that_is_too_large_is_not_sampled_either(
    sandbox: SandboxFactory,
    folder: Place,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("KEY_ACME", KEY)
    monkeypatch.setitem(OF_THE_FLEET, "max_response_mb", 0.000_1)
    file = tmp_path / "fleet.yml"
    settings = {"api_url": sandbox().url, "undeclared_fields": "infer"}
    content = {"accounts": ["acme"], "api_key": "env:KEY_{ACCOUNT}"}
    file.write_text(json.dumps({**content, "defaults": settings}))
    with pytest.raises(FleetError, match=r"No account could be sampled.*max_response"):
        catalog_of(read_fleet(file), folder)
