"""What processes of `forking` have imported, once for all of them.

That is what the commands and a first load import, and what tests do. It is frozen, as
the commands freeze it, so that collecting garbage after a load is quick.
"""

from __future__ import annotations

import atexit
import gc
from importlib import import_module

NAMES = (
    "tap_analytics.command",
    "tap_analytics.target_dlt.target",
    "dlt.common.libs.sql_alchemy_compat",
    "dlt.destinations.impl.duckdb.duck",
    "dlt.destinations.impl.postgres.postgres",
    "tests.conftest",
)

gc.disable()
for name in NAMES:
    import_module(name)
gc.freeze()
gc.enable()
atexit.register(gc.unfreeze)  # DuckDB complains of what is left at the exit
