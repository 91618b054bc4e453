"""`make demo`, and the script that it runs."""

from __future__ import annotations

import re
import sys
from collections import Counter
from datetime import datetime, timezone
from decimal import Decimal
from typing import TYPE_CHECKING

from tests.helpers.commands import copy_project, run, succeed
from tests.helpers.running import STREAMS

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import SandboxFactory

DEMO = (sys.executable, "-m", "tap_analytics.sandbox.demo")
ROW = re.compile(r" +(\d[\d.]*)  (\S.*)")


def rows(output: str) -> list[tuple[str, str]]:
    """Return the rows of the printed tables: number and text."""
    found = map(ROW.fullmatch, output.splitlines())
    return [(row[1], row[2]) for row in found if row]


def test_it_prints_the_rows_per_stream_and_the_hours_of_this_month(
    sandbox: SandboxFactory, tmp_path: Path
) -> None:
    today = datetime.now(tz=timezone.utc).date()
    api = sandbox(today=today)
    names = {project["id"]: project["name"] for project in api.truth("projects")}
    hours: Counter[str] = Counter()
    for booked in api.truth("time_records"):
        if booked["date"] >= today.replace(day=1).isoformat():
            hours[booked["project_id"]] += booked["hours"]
    expected = sorted((-Decimal(sum_), names[id_]) for id_, sum_ in hours.items())

    output = succeed(*DEMO, cwd=tmp_path)

    printed = rows(output)
    assert printed[:6] == [
        (str(count), stream) for stream, count in sorted(api.counts().items())
    ]
    assert [(-Decimal(number), project) for number, project in printed[6:]] == (
        expected[:5]
    )
    assert "demo.duckdb" in output
    assert (tmp_path / "demo.duckdb").exists()


def test_make_demo_sets_up_once_and_prints_the_same_again(tmp_path: Path) -> None:
    project = copy_project(tmp_path)
    python = f"PYTHON={sys.executable}"
    first, second = (succeed("make", "demo", python, cwd=project) for _ in range(2))
    assert "pip install" in first
    assert "pip install" not in second
    assert len(rows(first)) > len(STREAMS)
    assert rows(second) == rows(first)


def test_settings_in_the_environment_do_not_lead_it_elsewhere(tmp_path: Path) -> None:
    elsewhere = {
        "TAP_ANALYTICS_API_KEY": "the-real-key",
        "TAP_ANALYTICS_API_URL": "http://127.0.0.1:9",
        "TARGET_DLT_DESTINATION": "dummy",
        "DESTINATION__DUCKDB__CREDENTIALS": "other.duckdb",
    }
    succeed(*DEMO, cwd=tmp_path, **elsewhere)
    assert [file.name for file in tmp_path.iterdir()] == ["demo.duckdb"]


def test_it_fails_when_a_part_of_the_pipeline_fails(tmp_path: Path) -> None:
    (tmp_path / "demo.duckdb").write_text("This is no database. " * 1000)
    result = run(*DEMO, cwd=tmp_path)
    assert result.returncode == 1
    assert rows(result.stdout) == []
    *_, cause, end = result.stderr.splitlines()
    assert "demo.duckdb" in cause
    assert end.startswith("The demo ends here")
