"""The program of the target as the child of `analytics-load`.

Its config file is a pipe: first a line with variables for its environment, then the
settings. A parent that ends before that has found a mistake, or was stopped, and has
said so itself.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from tap_analytics.plugin.leaving import end_with
from tap_analytics.plugin.stopping import stopping_signals
from tap_analytics.target_dlt.__main__ import run_target

if TYPE_CHECKING:
    from tap_analytics.target_dlt.target import TargetDlt


def fed_target() -> type[TargetDlt]:
    """Import the target."""
    from tap_analytics.load.fed_target import FedTarget  # noqa: PLC0415

    return FedTarget


def main() -> None:
    """Be the process of the target, which ends with it."""
    end_with(_load_when_told)  # Before the imports, so that their ends come before.


def _load_when_told() -> None:
    for number in stopping_signals():
        signal.signal(number, signal.SIG_DFL)
    gc.disable()  # As the target does: what is imported stays.
    with suppress(ImportError):  # The target says which packages are missing.
        fed_target()
    with Path(sys.argv[-1]).open("rb", buffering=0) as pipe:  # The rest stays in it.
        variables = pipe.readline()
    if variables:
        os.environ.update(json.loads(variables))
        run_target(fed_target)


if __name__ == "__main__":
    main()
