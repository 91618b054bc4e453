"""`analytics-sandbox`, also as `python -m tap_analytics.sandbox`."""

from __future__ import annotations

import os
import signal
import sys
from importlib import import_module
from importlib.util import find_spec


def main() -> None:
    """Runs the sandbox, or says what to install.

    Raises:
        SystemExit: aiohttp is not installed, or the options make no sense.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        # There is nothing to save: leave at once, whatever clients wait for.
        signal.signal(number, lambda *_: os._exit(0))
    if find_spec("aiohttp") is None:
        sys.exit(
            "analytics-sandbox: aiohttp is not installed; "
            "run: pip install 'tap-analytics[sandbox]'"
        )
    import_module("tap_analytics.sandbox.cli").run()


if __name__ == "__main__":
    main()
