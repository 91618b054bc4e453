"""Where the state of a fleet is: all that `status` needs of a fleet file.

It is read without the rest of the file, which for ten thousand accounts takes longer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tap_analytics.fleet.places import open_place
from tap_analytics.fleet.yaml_document import Document

if TYPE_CHECKING:
    from pathlib import Path

    from tap_analytics.fleet.places import Place

DEFAULT = "state"
"""The folder, if the file does not say."""


def open_state(path: Path) -> Place:
    """Return the place where the state of a fleet is.

    Args:
        path: The fleet file.

    Raises:
        FleetFileError: If the file does not say, or can't be read.
        FleetError: If there is no such place.
    """
    document = Document(path)
    node = document.node_at("state")
    state = DEFAULT if node is None else document.value_of(node)
    if not isinstance(state, str) or not state:
        line = document.line_of(["state"])
        raise document.mistake(line, "state must be the path of a folder, or a URL")
    return open_place(state, path.absolute().parent)
