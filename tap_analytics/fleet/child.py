"""Begins a process of the fleet: it listens to its parent, then learns its work."""

from __future__ import annotations

import sys
from importlib import import_module

from tap_analytics.fleet.parent import Parent


def main() -> None:
    """Run the `main` of the module that the argument names."""
    parent = Parent()
    import_module(sys.argv[1]).main(parent)


if __name__ == "__main__":
    main()
