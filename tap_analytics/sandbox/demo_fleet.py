"""The demo of a fleet: 200 made-up agencies, each with a key, in one DuckDB file.

`make demo-fleet`, or `python -m tap_analytics.sandbox.demo_fleet` where the extras
`fleet` and `sandbox` are installed. It leaves the folder `demo-fleet` in the working
directory: the fleet file, the list of accounts, and the database.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING

from tap_analytics.sandbox import Sandbox, SandboxOptions

if TYPE_CHECKING:
    from collections.abc import Iterator

ACCOUNTS = 200
FOLDER = Path("demo-fleet")

FLEET_FILE = """\
accounts: accounts.csv
api_key: "env:DEMO_{{ACCOUNT}}"
defaults:
  api_url: {url}
target:
  destination: duckdb
  credentials: warehouse.duckdb
  dataset_name: agencies
"""

BUSIEST = """
    select account, count(*) as records,
           sum((additional_fields ->> 'hours')::decimal(9, 2)) as hours
    from agencies.time_records
    group by account
    order by hours desc, account
    limit 5
"""


def main() -> None:
    """Runs the demo and prints what came of it.

    Raises:
        SystemExit: The fleet failed; its own message is on stderr.
    """
    options = SandboxOptions(
        accounts=ACCOUNTS, projects=5, tasks=4, time_records=10, team_time=20
    )
    with Sandbox(options) as api:
        _prepare(api)
        _say(
            f"{ACCOUNTS} made-up agencies answer at {api.url}, each to a key of its "
            f"own.\n\n$ analytics-fleet run {FOLDER}/fleet.yml\n"
        )
        status = _run(api)
    if status:
        sys.exit("The demo ends here: the fleet failed, see above.")
    _say("\n".join(_report()))


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _prepare(api: Sandbox) -> None:
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir()
    (FOLDER / "fleet.yml").write_text(FLEET_FILE.format(url=api.url), encoding="utf-8")
    lines = ["account", *_names(), ""]
    (FOLDER / "accounts.csv").write_text("\n".join(lines), encoding="utf-8")


def _names() -> list[str]:
    return [f"agency-{number}" for number in range(1, ACCOUNTS + 1)]


def _run(api: Sandbox) -> int:
    keys = {
        f"DEMO_AGENCY_{number}": f"{api.options.api_key}-{number}"
        for number in range(1, ACCOUNTS + 1)
    }
    path = (sysconfig.get_path("scripts"), os.environ.get("PATH", os.defpath))
    own = {"PATH": os.pathsep.join(path), "no_proxy": "127.0.0.1"}
    return subprocess.run(  # noqa: S603 - the command is constant
        ["analytics-fleet", "run", str(FOLDER / "fleet.yml")],  # noqa: S607
        env={**os.environ, **keys, **own},
        stdout=subprocess.DEVNULL,
        check=False,
    ).returncode


def _report() -> Iterator[str]:
    # Here, so that without the extra the command can say what to install.
    import duckdb  # noqa: PLC0415

    with duckdb.connect(str(FOLDER / "warehouse.duckdb"), read_only=True) as database:
        [(loaded,)] = database.execute(
            "select count(*) from agencies._fleet_accounts where status = 'loaded'"
        ).fetchall()
        busiest = database.execute(BUSIEST).fetchall()
    yield f"\n{loaded} accounts are loaded. The five busiest:\n"
    for row in (("account", "records", "hours"), *busiest):
        yield "  ".join(f"{cell!s:>12}" for cell in row)
    yield f"\nAll of it is in {FOLDER}/warehouse.duckdb, in the dataset agencies."


if __name__ == "__main__":
    main()
