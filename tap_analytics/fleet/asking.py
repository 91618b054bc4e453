"""A loader that does one thing, and ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_analytics.fleet.children import Child
from tap_analytics.fleet.errors import FleetError
from tap_analytics.fleet.load_queue import LOADER
from tap_analytics.fleet.messages import Broken, Done, NoMore, from_loader

if TYPE_CHECKING:
    import msgspec

    from tap_analytics.fleet.messages import Load


def ask_loader(load: Load, question: msgspec.Struct) -> None:
    """Have a loader do one thing, and wait for that.

    Args:
        load: What the loader is told.
        question: What it is to do.

    Raises:
        FleetError: If it can't.
    """
    child = Child(LOADER, load)
    child.send(question, NoMore())
    for text in child.lines():
        match from_loader(text):
            case Broken(text=broken):
                raise FleetError(broken)
            case Done():
                child.death()
                return
    msg = f"The loader died: {child.death()}."
    raise FleetError(msg)
