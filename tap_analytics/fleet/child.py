"""Begins a process of the fleet: it listens to its parent, then learns its work."""

from __future__ import annotations

import gc
import sys
from importlib import import_module

from tap_analytics.fleet.parent import Parent


def main() -> None:
    """Run the `main` of the module that the argument names."""
    parent = Parent()
    # What is imported stays: collecting garbage needs not look at it again and again.
    gc.disable()
    module = import_module(sys.argv[1])
    gc.freeze()
    gc.enable()
    module.main(parent)


if __name__ == "__main__":
    main()
