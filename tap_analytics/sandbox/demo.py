"""The demo: a made-up agency's data, through the two commands, into a DuckDB file.

`make demo`, or `python -m tap_analytics.sandbox.demo` where the extras `dlt` and
`sandbox` are installed. It leaves `demo.duckdb` in the working directory.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
from datetime import datetime, timezone
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from tap_analytics.sandbox import Sandbox, SandboxOptions

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import date

DATABASE = Path("demo.duckdb")
DATASET = "analytics"
PIPELINE = "tap-analytics --config tap.json | target-dlt --config target.json"

STREAMS = """
    select table_name from information_schema.tables
    where table_schema = ? and table_name not like '\\_dlt%' escape '\\'
    order by table_name
"""
HOURS = """
    select sum((booked.additional_fields ->> 'hours')::decimal(9, 2)) as hours,
           any_value(projects.name) as project
    from time_records as booked
    join projects on projects.id = booked.project_id
    where (booked.additional_fields ->> 'date')::date >= date_trunc('month', ?::date)
    group by projects.id
    order by hours desc, project
    limit 5
"""


def main() -> None:
    """Runs the demo and prints what came of it.

    Raises:
        SystemExit: The pipeline failed; its own message is on stderr.
    """
    today = datetime.now(tz=timezone.utc).date()
    with Sandbox(SandboxOptions(today=today)) as api:
        _say(f"A made-up agency answers at {api.url}.\n\n$ {PIPELINE}\n")
        status = _load(api)
    if status:
        sys.exit("The demo ends here: the pipeline failed, see above.")
    _say("\n".join(_report(today)))


def _load(api: Sandbox) -> int:
    tap = {"api_url": api.url, "api_key": api.options.api_key}
    # dlt names the file after the pipeline, and puts it into the working directory.
    target = {"pipeline_name": DATABASE.stem, "dataset_name": DATASET}
    with TemporaryDirectory() as folder:
        for name, settings in {"tap.json": tap, "target.json": target}.items():
            file = Path(folder, name)
            file.touch(mode=0o600)
            file.write_text(json.dumps(settings), encoding="utf-8")
        configured = PIPELINE.replace("--config ", '--config "$0"/')
        shell = ("bash", "-o", "pipefail", "-c", configured, folder)
        return subprocess.run(  # noqa: S603 - the command is the constant above
            shell, env=_environment(), stdout=subprocess.DEVNULL, check=False
        ).returncode


def _environment() -> dict[str, str]:
    """Returns the user's, less all that would lead the commands away from the demo."""
    elsewhere = ("TAP_ANALYTICS_", "TARGET_DLT_", "DESTINATION__")
    own = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(elsewhere)
    }
    level = os.environ.get("TAP_ANALYTICS_LOGLEVEL", "WARNING")
    path = (sysconfig.get_path("scripts"), own.get("PATH", os.defpath))
    return own | {
        "PATH": os.pathsep.join(path),
        "TAP_ANALYTICS_LOGLEVEL": level,
        "TARGET_DLT_LOGLEVEL": level,
        "no_proxy": "127.0.0.1",
    }


def _report(today: date) -> Iterator[str]:
    # Here, so that without the extra target-dlt can say what to install.
    import duckdb  # noqa: PLC0415

    with duckdb.connect(str(DATABASE), read_only=True) as database:
        database.execute(f"use {DATABASE.stem}.{DATASET}")
        streams = database.execute(STREAMS, [DATASET]).fetchall()
        counts = [
            (count, stream)
            for (stream,) in streams
            for (count,) in database.table(stream).count("*").fetchall()
        ]
        hours = database.execute(HOURS, [today]).fetchall()
    yield from _table(("rows", "stream"), counts)
    yield ""
    yield f"Hours per project in {today:%B %Y}, the top five:"
    yield ""
    yield from _table(("hours", "project"), hours)
    yield ""
    yield f"All of it is in {DATABASE}, in the dataset {DATASET}."


def _table(heading: tuple[str, str], rows: Iterable[tuple[Any, ...]]) -> Iterator[str]:
    for number, text in (heading, *rows):
        yield f"{number!s:>8}  {text}"


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - for people


if __name__ == "__main__":
    main()
